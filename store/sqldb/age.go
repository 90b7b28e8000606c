package sqldb

// counts tells how many rows of a journal a stack has. A count that is not exact
// does no harm: what goes is chosen by the rows themselves.
type counts map[string]int

// age removes what is too old in the journals of stacks that got fresh rows,
// when there is enough of it. known holds counts of earlier transactions, now those
// of this one.
func (t *tx) age(table string, fresh, known, now counts, keep, slack int) error {
	for stack, n := range fresh {
		if before, ok := now[stack]; ok {
			n += before
		} else if before, ok := known[stack]; ok {
			n += before
		} else if _, err := t.get("SELECT count(*) FROM "+table+" WHERE stack = ?", []any{stack}, &n); err != nil {
			return err
		}
		if n > keep+slack {
			if err := t.exec("DELETE FROM "+table+" WHERE stack = ? AND seq < (SELECT seq FROM "+table+
				" WHERE stack = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)", stack, stack, keep-1); err != nil {
				return err
			}
			n = keep
		}
		now[stack] = n
	}
	return nil
}
