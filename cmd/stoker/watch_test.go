package main

import (
	"testing"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

// A group that goes between two questions, as in every deletion, is no fault.
func TestWatchedGroupGoes(t *testing.T) {
	cfg := app.Default()
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	local, err := startLocal(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer local.stop()
	gone := client.Group{ID: "220e65a4-6d62-4c9d-9e76-a2dc83798825", Name: "hello/web", Last: &client.Decision{}}
	var out sight
	if err := newWatcher(local.client, "hello").decisions(t.Context(), gone, &out); err != nil || len(out.news) > 0 {
		t.Errorf("got %v and the news %v, want neither", err, out.news)
	}
}
