package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"
)

const (
	// maxGroup bounds how many jobs share a transaction.
	maxGroup = 128
	// answerLimit bounds one transaction: a PostgreSQL server that does not
	// answer must not stop everything for ever.
	answerLimit = 30 * time.Second
	// retries of a transaction that lost against another.
	retries = 5
)

// job is one caller's change. apply may run more than once, each time in a
// transaction that undid what it did before.
type job struct {
	apply func(t *tx) error
	done  chan error // holds one
}

// writer owns the connection that writes. All but do and stop belong to the
// goroutine of run.
type writer struct {
	s  *Store
	db *sql.DB

	queue    chan *job
	quit     chan struct{}
	quitOnce sync.Once
	gone     chan struct{} // closed when run has returned

	conn  *sql.Conn // nil: to be opened
	stmts *prepared
	// How many events a stack, and decisions a group, has; as far as known.
	events    counts
	decisions counts
}

func newWriter(s *Store, db *sql.DB) *writer {
	db.SetMaxOpenConns(1)
	return &writer{s: s, db: db,
		queue: make(chan *job), quit: make(chan struct{}), gone: make(chan struct{}),
		events: counts{}, decisions: counts{}}
}

// do has the job done and returns when it is durable. ctx counts until the job is
// taken up: from then on only the outcome is a true answer, and it comes within
// answerLimit.
func (w *writer) do(ctx context.Context, doing string, apply func(t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{apply: apply, done: make(chan error, 1)}
	select {
	case w.queue <- j:
		return w.s.trouble(doing, <-j.done)
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return errClosed
	}
}

// stop ends run and waits for it; false when that was done before.
func (w *writer) stop() (first bool) {
	w.quitOnce.Do(func() { close(w.quit); first = true })
	<-w.gone
	return first
}

func (w *writer) run() {
	defer close(w.gone)
	defer w.disconnect()
	for {
		select {
		case <-w.quit:
			return
		case j := <-w.queue:
			w.group(w.waiting([]*job{j}))
		}
	}
}

// waiting adds those who ask at this moment: while one transaction was being
// made durable, the next one's jobs have gathered.
func (w *writer) waiting(jobs []*job) []*job {
	for len(jobs) < maxGroup {
		select {
		case j := <-w.queue:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// group does the jobs in one transaction and answers each. A connection that
// turns out to be dead is replaced once. When the transaction fails because another
// process was faster, each job is tried by itself.
func (w *writer) group(jobs []*job) {
	errs, dead := w.transact(jobs)
	if dead {
		errs, _ = w.transact(jobs)
	}
	for i, j := range jobs {
		for n := 0; n < retries && errs[i] != nil && w.s.d.class(errs[i]) == retry; n++ {
			one, _ := w.transact(jobs[i : i+1])
			errs[i] = one[0]
		}
		j.done <- errs[i]
	}
}

// transact gives each job's error; what has none is durable. dead tells that the
// server went away while it was certain that nothing was stored.
func (w *writer) transact(jobs []*job) (errs []error, dead bool) {
	ctx := context.Background()
	if w.s.d.interruptible {
		limited, cancel := context.WithTimeout(ctx, answerLimit)
		defer cancel()
		ctx = limited
	}
	t := &tx{ctx: ctx, w: w, keptEvents: counts{}, keptDecisions: counts{}}
	errs, err := w.attempt(t, jobs)
	if err == nil {
		t.settle()
		return errs, false
	}
	w.abandon(err)
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
	return errs, w.s.d.interruptible && !t.committing && w.s.d.class(err) == away
}

// attempt gives the jobs' own errors, and the one that spoils them all.
func (w *writer) attempt(t *tx, jobs []*job) ([]error, error) {
	errs := make([]error, len(jobs))
	if err := w.connect(t.ctx); err != nil {
		return errs, err
	}
	if err := t.exec(w.s.d.begin); err != nil {
		return errs, err
	}
	if len(jobs) == 1 {
		if errs[0] = jobs[0].apply(t); errs[0] != nil {
			return errs, errs[0]
		}
	} else if err := w.each(t, jobs, errs); err != nil {
		return errs, err
	}
	if err := t.writeEvents(); err != nil {
		return errs, err
	}
	t.committing = true
	return errs, t.exec("COMMIT")
}

// each does many jobs so that one's error leaves the others alone.
func (w *writer) each(t *tx, jobs []*job, errs []error) error {
	for i, j := range jobs {
		if err := t.exec("SAVEPOINT job"); err != nil {
			return err
		}
		mark := t.mark()
		if errs[i] = j.apply(t); errs[i] != nil {
			t.rewind(mark)
			if err := t.exec("ROLLBACK TO SAVEPOINT job"); err != nil {
				return errors.Join(errs[i], err)
			}
		}
		if err := t.exec("RELEASE SAVEPOINT job"); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	w.stmts = &prepared{on: conn, d: &w.s.d, by: map[string]*sql.Stmt{}}
	return nil
}

// abandon undoes the transaction. A connection that cannot even do that, or that
// has lost its server, is thrown away: closing it undoes everything.
func (w *writer) abandon(cause error) {
	clear(w.events)
	clear(w.decisions)
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	if err == nil && w.s.d.class(cause) != away {
		return
	}
	w.s.log.Warn("store opens a new connection", "err", cause)
	stmts, conn := w.stmts, w.conn
	w.conn, w.stmts = nil, nil
	stmts.close()                                          // before the connection: they are its own
	conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it
	conn.Close()
}

func (w *writer) disconnect() {
	if w.conn == nil {
		return
	}
	if err := errors.Join(w.stmts.close(), w.conn.Close()); err != nil {
		w.s.log.Warn("close the store's connection", "err", err)
	}
	w.conn, w.stmts = nil, nil
}
