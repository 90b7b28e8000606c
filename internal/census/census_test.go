package census_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/internal/census"
)

func TestFindsServers(t *testing.T) {
	d := &drivertest.Fake{}
	made, err := d.Create(t.Context(), stoker.ServerSpec{Token: "a", Image: "x"})
	if err != nil {
		t.Fatal(err)
	}
	c := census.New(d)
	if s, found, err := c.Server(t.Context(), "a"); s.ID != made.ID || !found || err != nil {
		t.Errorf("by token: %+v, %v, %v", s, found, err)
	}
	if s, found, err := c.ByID(t.Context(), made.ID); s.Token != "a" || !found || err != nil {
		t.Errorf("by ID: %+v, %v, %v", s, found, err)
	}
	d.Vanish("a")
	if _, found, err := c.Server(t.Context(), "a"); found || err != nil {
		t.Errorf("a server that has gone since is %v, %v", found, err)
	}
	d.FailNext("list", stoker.Errorf(stoker.Unavailable, "no answer"))
	if _, _, err := c.Server(t.Context(), "a"); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}

// TestManyShareOneListing: those who ask while a listing runs share the next one.
func TestManyShareOneListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drivertest.Fake{}
		d.Slow("list", time.Second)
		c := census.New(d)
		done := make(chan error)
		ask := func() {
			_, _, err := c.Server(t.Context(), "a")
			done <- err
		}
		go ask()
		<-time.After(time.Millisecond)
		for range 99 {
			go ask()
		}
		for range 100 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := len(d.CallsOf("list")); n != 2 {
			t.Errorf("%d listings, want 2", n)
		}
	})
}

// TestNobodyWaitsForAStranger: a caller that gives up does not fail the others.
func TestNobodyWaitsForAStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drivertest.Fake{}
		d.Slow("list", time.Second)
		c := census.New(d)
		hasty, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		failed, done := make(chan error, 1), make(chan error, 1)
		go func() {
			_, _, err := c.Server(hasty, "a")
			failed <- err
		}()
		<-time.After(time.Millisecond)
		go func() {
			_, _, err := c.Server(t.Context(), "a")
			done <- err
		}()
		if err := <-failed; err == nil {
			t.Error("the hasty one was served")
		}
		if err := <-done; err != nil {
			t.Errorf("the patient one: %v", err)
		}
	})
}
