package sqldb

import (
	"context"
	"database/sql"
	"maps"
	"strings"
)

// tx is a transaction on the writer's connection. Events are gathered and
// written last, so that the row that numbers them is locked shortly, and after
// all others.
type tx struct {
	ctx        context.Context
	w          *writer
	committing bool // from here on the outcome may be unknown
	events     []eventRow
	// What settle does once the transaction is durable.
	stacks        bool // a stack has changed
	keptEvents    counts
	keptDecisions counts
	gone          []string // stacks that were purged
}

// mark and rewind undo what a job has gathered.
func (t *tx) mark() int       { return len(t.events) }
func (t *tx) rewind(mark int) { t.events = t.events[:mark] }

func (t *tx) settle() {
	maps.Copy(t.w.events, t.keptEvents)
	maps.Copy(t.w.decisions, t.keptDecisions)
	for _, id := range t.gone {
		delete(t.w.events, id)
	}
	if t.stacks {
		t.w.s.lists.forget()
	}
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.change(query, args...)
	return err
}

// change gives the number of rows changed.
func (t *tx) change(query string, args ...any) (int64, error) {
	st, err := t.w.stmts.stmt(t.ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// get reads one row; false if there is none.
func (t *tx) get(query string, args []any, into ...any) (bool, error) {
	st, err := t.w.stmts.stmt(t.ctx, query)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(t.ctx, args...).Scan(into...)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, err
}

// texts reads a column.
func (t *tx) texts(query string, args ...any) (out []string, err error) {
	st, err := t.w.stmts.stmt(t.ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(t.ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}

// insert writes rows of so many columns, several with one statement; sizes are
// powers of two, to keep the statements few. verb is all before VALUES, end all
// after the rows.
func (t *tx) insert(verb string, columns int, end string, args []any) error {
	row := "(" + strings.Repeat("?, ", columns-1) + "?)"
	for size := t.w.s.d.maxRows; size > 0; size /= 2 {
		n := size * columns
		if len(args) < n {
			continue
		}
		query := verb + " VALUES " + strings.Repeat(row+", ", size-1) + row + " " + end
		for ; len(args) >= n; args = args[n:] {
			if err := t.exec(query, args[:n]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// number takes n numbers from a counter and gives the first.
func (t *tx) number(counter string, n int) (int64, error) {
	var last int64
	_, err := t.get("UPDATE counter SET value = value + ? WHERE name = ? RETURNING value", []any{n, counter}, &last)
	return last - int64(n) + 1, err
}

// now is the time that leases expire by, in nanoseconds.
func (t *tx) now() (int64, error) {
	if t.w.s.d.now == "" {
		return nowNanos(), nil
	}
	var now int64
	_, err := t.get(t.w.s.d.now, nil, &now)
	return now, err
}
