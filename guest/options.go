package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options is how the guest is started, in all of its processes.
type Options struct {
	// Dir is what the driver has mounted: user_data, instance.json, and report/ to write
	// to.
	Dir string
	// Self starts this program again as the guest.
	Self []string
	// User is whom the image's command runs as: USER or USER:GROUP, by name or number;
	// empty: root.
	User string
	// Command is the image's; empty: it has none.
	Command []string
}

// DefaultDir is where drivers mount.
const DefaultDir = "/etc/stoker"

// instanceFile is what the driver tells of the server.
type instanceFile struct {
	UUID     string            `json:"uuid"`
	Hostname string            `json:"hostname"`
	Keys     map[string]string `json:"keys"`
	Metadata bool              `json:"metadata_service"` // there is one, or will be at once
}

// load reads what the driver has mounted.
func load(dir string) (i Instance, service bool, userData []byte, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "instance.json"))
	if err != nil {
		return i, false, nil, err
	}
	var f instanceFile
	if err := json.Unmarshal(text, &f); err != nil {
		return i, false, nil, fmt.Errorf("instance.json: %w", err)
	}
	i = Instance{ID: f.UUID, Hostname: f.Hostname}
	for _, name := range slices.Sorted(maps.Keys(f.Keys)) {
		i.Keys = append(i.Keys, strings.TrimSpace(f.Keys[name]))
	}
	userData, err = os.ReadFile(filepath.Join(dir, "user_data"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return i, f.Metadata, userData, err
}

// Report is how the user data has gone. The driver reads it from report/user_data.json.
type Report struct {
	Status string `json:"status"` // StatusDone or StatusError
	Step   string `json:"step,omitempty"`
	Reason string `json:"reason,omitempty"`
	Lines  string `json:"lines,omitempty"` // the last of its output
}

// What a report says.
const (
	StatusDone  = "done"
	StatusError = "error"
)

// reportFile is below Options.Dir.
const reportFile = "report/user_data.json"

// write replaces the report in one step, so that nobody reads half of it.
func (r Report) write(dir string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, reportFile)
	if err := os.WriteFile(file+".tmp", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".tmp", file)
}

func reported(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, reportFile))
	return err == nil
}
