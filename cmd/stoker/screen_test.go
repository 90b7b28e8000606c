package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/client"
)

func aSight() *sight {
	return &sight{
		stack: &client.Stack{Name: "shop", Status: "UPDATE_IN_PROGRESS", Outputs: []client.Output{{Key: "url", Value: "http://h"}, {Key: "n", Error: "not yet"}}},
		groups: []client.Group{{Name: "shop/web", Serving: 2, Size: 4, Min: 1, Max: 6,
			Last: &client.Decision{Why: "busy 9 wants 4", Signals: map[string]float64{"busy": 9.25}}}},
		unsettled: []client.Resource{{Name: "x", Status: "CREATE_FAILED", StatusReason: "it broke"}},
	}
}

func TestPicture(t *testing.T) {
	got := strings.Join(picture(aSight(), []string{"something happened"}, 65*time.Second), "\n")
	for _, want := range []string{"shop", "UPDATE_IN_PROGRESS", "1m5s", "url: http://h", "n: (not yet)", "2 serving of 4 (1 to 6)",
		"busy 9.25 | busy 9 wants 4", "CREATE_FAILED", "it broke", "something happened"} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture lacks %q:\n%s", want, got)
		}
	}
}

func TestPictureOfManyFailures(t *testing.T) {
	s := aSight()
	s.unsettled = make([]client.Resource, 100)
	got := picture(s, nil, 0)
	if len(got) > 25 {
		t.Errorf("got %d lines", len(got))
	}
	if all := strings.Join(got, "\n"); !strings.Contains(all, "and 92 more") {
		t.Errorf("the picture does not say how many are left out:\n%s", all)
	}
}

func TestBar(t *testing.T) {
	for _, tt := range []struct{ serving, size, limit, want int }{
		{0, 0, 0, 0}, {2, 4, 6, 6}, {6, 4, 6, 6}, {9, 9, 6, 6}, {1, 1, 41, 0},
	} {
		got := bar(tt.serving, tt.size, tt.limit)
		if n := strings.Count(got, "#") + strings.Count(got, "+") + strings.Count(got, "."); n != tt.want {
			t.Errorf("bar(%d, %d, %d) = %q has %d signs, want %d", tt.serving, tt.size, tt.limit, got, n, tt.want)
		}
	}
}

// TestPlainScreen wants each thing told once, and the outputs when they are there.
func TestPlainScreen(t *testing.T) {
	var out bytes.Buffer
	p := newScreen(&out, "a hint for terminals")
	s := aSight()
	s.news = []news{{line: "it begins"}}
	p.show(s)
	s = aSight()
	s.stack.Status = "UPDATE_COMPLETE"
	p.show(s)
	p.show(s)
	p.end()
	if got, want := out.String(), "it begins\nurl: http://h\nn: (not yet)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUsable(t *testing.T) {
	for _, tt := range []struct {
		width, height int
		err           error
		wantW, wantH  int
	}{
		{120, 40, nil, 120, 40},
		{0, 0, nil, 80, 24}, // a pseudo terminal without a window
		{80, 0, nil, 80, 24},
		{1, 1, nil, 10, 2},
		{0, 0, errors.New("not a terminal"), 80, 24},
	} {
		if w, h := usable(tt.width, tt.height, tt.err); w != tt.wantW || h != tt.wantH {
			t.Errorf("usable(%d, %d, %v) = %d, %d, want %d, %d", tt.width, tt.height, tt.err, w, h, tt.wantW, tt.wantH)
		}
	}
}
