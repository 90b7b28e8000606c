package sqldb_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/sqldb"
)

const envVictim = "STOKER_TEST_VICTIM"

// TestMain lets this test program be the process that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(envVictim); path != "" {
		if err := victim(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// victim commits numbered stacks from several goroutines for ever, and prints
// each number once Commit has returned.
func victim(path string) error {
	s, err := sqldb.Open(context.Background(), sqldb.Config{DSN: path, Key: key(new(testing.T))})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for w := range cap(errs) {
		wg.Go(func() {
			for n := w; ; n += cap(errs) {
				id := stoker.StackID(strconv.Itoa(n))
				b := stoker.Batch{Stack: &stoker.Stack{ID: id, Name: string(id)}}
				for r := range 5 {
					b.Resources = append(b.Resources, &stoker.Resource{Stack: id, ID: stoker.ResourceID(fmt.Sprint(n, "-", r))})
				}
				if err := s.Commit(context.Background(), b); err != nil {
					errs <- err
					return
				}
				fmt.Println(n)
			}
		})
	}
	wg.Wait()
	return <-errs
}

func TestKilled(t *testing.T) {
	path := file(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	told := map[int]bool{}
	for round := range 3 {
		if round > 0 { // the next one starts with another's numbers
			path = file(t)
			clear(told)
		}
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), envVictim+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			told[n] = true
			if len(told) == 200+round*150 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the victim ended by itself")
		}
		survivors(t, path, told)
	}
}

// survivors finds all that was told, and nothing half.
func survivors(t *testing.T, path string, told map[int]bool) {
	t.Helper()
	if len(told) < 200 {
		t.Fatalf("the victim told of %d commits only", len(told))
	}
	s := open(t, path)
	list, err := s.Stacks(t.Context(), stoker.StackFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range list {
		n, err := strconv.Atoi(st.Name)
		if err != nil {
			t.Fatal(err)
		}
		delete(told, n)
		if _, rs, err := s.Stack(t.Context(), st.ID); err != nil || len(rs) != 5 {
			t.Errorf("stack %s has %d resources, %v; want 5", st.Name, len(rs), err)
		}
	}
	if len(told) > 0 {
		t.Errorf("told of, but gone: %v", told)
	}
	closeStore(t, s)
}
