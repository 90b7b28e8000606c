package docker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/serverid"
)

// mountPoint is where a server finds its files. It is below /etc because /run and
// /tmp are often hidden by other file systems.
const mountPoint = "/etc/stoker"

const (
	metaFile     = "metadata.json"
	userDataFile = "user_data"
	instanceFile = "instance.json"
)

// instanceJSON is what the container's labels do not say of a server.
type instanceJSON struct {
	UUID     string              `json:"uuid"`
	Name     string              `json:"name"`
	Hostname string              `json:"hostname"`
	Image    string              `json:"image"`
	Flavor   string              `json:"flavor"`
	Keys     map[string]string   `json:"keys"`
	Ports    []stoker.ServerPort `json:"ports,omitempty"`
	Service  bool                `json:"metadata_service"` // there is one
}

// openDir reads or makes the directory; hasServers tells whether there were any.
func (d *Driver) openDir() (hasServers bool, err error) {
	for _, dir := range []string{d.serversDir(), d.portsDir(), d.networksDir(), d.copiesDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return false, cannotUse(d.cfg.Dir, err)
		}
	}
	if d.installation, err = installationID(filepath.Join(d.cfg.Dir, "installation")); err != nil {
		return false, cannotUse(d.cfg.Dir, err)
	}
	kept, err := d.kept()
	if err != nil {
		return false, cannotUse(d.cfg.Dir, err)
	}
	return len(kept) > 0, nil
}

// installationID reads the directory's name for itself, or chooses one.
func installationID(file string) (string, error) {
	data, err := os.ReadFile(file)
	if id := strings.TrimSpace(string(data)); err == nil && id != "" && id == escape(id) {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	id := strings.ToLower(rand.Text()[:12])
	return id, replaceFile(file, []byte(id+"\n"), 0o600)
}

func (d *Driver) copiesDir() string { return filepath.Join(d.cfg.Dir, "copies") }

func (d *Driver) serversDir() string { return filepath.Join(d.cfg.Dir, "servers") }

func (d *Driver) serverDir(token stoker.ServerToken) string {
	return filepath.Join(d.serversDir(), escape(string(token)))
}

// escape turns any text into one that Docker takes in names, and no two into the
// same: letters, digits, dots and hyphens stand for themselves, others for _XX.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}

// writeFiles makes the folder that is mounted into the server. Whoever runs in
// the server may read it; on this machine its parents keep others out.
func (d *Driver) writeFiles(spec stoker.ServerSpec) error {
	dir := d.serverDir(spec.Token)
	err := os.MkdirAll(dir, 0o755)
	if err == nil && d.cfg.Guest != "" {
		err = d.makeRoom(spec.Token)
	}
	if err == nil {
		err = writeMetadata(dir, spec.Metadata)
	}
	if err == nil {
		err = writeJSON(filepath.Join(dir, instanceFile), instanceJSON{
			UUID: serverid.UUID(spec.Token), Name: spec.Name, Hostname: serverid.Hostname(spec.Name),
			Image: spec.Image, Flavor: spec.Flavor.Name, Keys: spec.Keys, Ports: spec.Ports,
			Service: d.cfg.tellsMetadata(),
		})
	}
	if err == nil && spec.UserData != "" {
		err = replaceFile(filepath.Join(dir, userDataFile), []byte(spec.UserData), 0o755)
	}
	if err != nil {
		return cannotUse(dir, err)
	}
	return d.writePorts(spec.Token, spec.Ports)
}

// makeRoom makes what the guest's program and its report are mounted on. The report
// is written by root of the server, who may be somebody else here.
func (d *Driver) makeRoom(token stoker.ServerToken) error {
	dir := d.serverDir(token)
	err := os.Mkdir(filepath.Join(dir, reportDir), 0o777)
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = os.Chmod(filepath.Join(dir, reportDir), 0o777)
	}
	if err == nil {
		err = replaceFile(filepath.Join(dir, guestFile), nil, 0o755)
	}
	if err == nil {
		err = d.awaitReport(token)
	}
	return err
}

func writeMetadata(dir string, metadata map[string]string) error {
	if metadata == nil {
		metadata = map[string]string{}
	}
	return writeJSON(filepath.Join(dir, metaFile), metadata)
}

func writeJSON(file string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(file, append(data, '\n'), 0o644)
}

// readFiles reads what writeFiles has written. What is not there is left out: an
// earlier Stoker wrote less.
func (d *Driver) readFiles(token stoker.ServerToken) (i stoker.Instance, err error) {
	dir := d.serverDir(token)
	read := func(name string) []byte {
		data, readErr := os.ReadFile(filepath.Join(dir, name))
		if !errors.Is(readErr, fs.ErrNotExist) {
			err = errors.Join(err, readErr)
		}
		return data
	}
	i.UserData = string(read(userDataFile))
	var more instanceJSON
	for file, v := range map[string]any{metaFile: &i.Metadata, instanceFile: &more} {
		if data := read(file); data != nil {
			err = errors.Join(err, json.Unmarshal(data, v))
		}
	}
	if err != nil {
		return i, cannotUse(dir, err)
	}
	i.Image, i.Flavor, i.Keys, i.Ports = more.Image, more.Flavor, more.Keys, more.Ports
	return i, nil
}

// UpdateMetadata implements stoker.MetadataUpdater: it replaces metadata.json,
// which the server sees at once. Its environment stays as it was at the start.
func (d *Driver) UpdateMetadata(ctx context.Context, token stoker.ServerToken, metadata map[string]string) error {
	err := d.persist(ctx, func(c *conn) error {
		_, err := d.container(ctx, c, token)
		return err
	})
	if err != nil {
		return fmt.Errorf("update the metadata of server %q: %w", token, err)
	}
	if err := writeMetadata(d.serverDir(token), metadata); err != nil {
		return cannotUse(d.serverDir(token), err)
	}
	return nil
}

// replaceFile replaces a file in one step. There is one writer per file.
func replaceFile(file string, data []byte, mode fs.FileMode) error {
	tmp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".tmp")
	err := os.WriteFile(tmp, data, mode)
	if err == nil {
		err = os.Chmod(tmp, mode) // whatever the umask says
	}
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// takeUp learns which addresses are taken, removes what a crash has left of servers
// and networks that are gone, and makes again what others have lost: ports, rules, and
// mounts of volumes.
func (d *Driver) takeUp(ctx context.Context, c *conn) error {
	kept, err := d.kept() // before it is known what is used: nothing new is in it
	if err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	used := map[string]stoker.ServerToken{}
	d.mu.Lock()
	for token := range d.busy {
		used[escape(string(token))] = token
	}
	d.mu.Unlock()
	found, err := d.containers(ctx, c)
	if err != nil {
		return err
	}
	for _, f := range found {
		used[escape(string(f.token()))] = f.token()
		if ip := f.labels[labelAddress]; ip != "" {
			d.reserve(ip, f.token())
		}
		if f.labels[labelGuest] != "" {
			if err := d.awaitReport(f.token()); err != nil { // somebody has removed the folder
				d.log.Warn("the report of a server will not be heard of", "server", f.token(), "err", err)
			}
		}
	}
	for _, path := range kept {
		if _, ok := used[strings.TrimSuffix(filepath.Base(path), portsSuffix)]; ok {
			continue
		}
		if _, ok := used[filepath.Base(path)]; !ok {
			if err := removeServerDir(path); err != nil {
				return err
			}
		}
	}
	d.putBack(ctx, c, slices.Collect(maps.Values(used)))
	if err := d.takeUpNetworks(ctx, c); err != nil {
		return err
	}
	return d.dressAll(ctx, c, found, true)
}

// kept is what there is on disk of servers.
func (d *Driver) kept() (paths []string, err error) {
	for _, dir := range []string{d.serversDir(), d.portsDir()} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// removeServerDir removes the folder of a server that is gone, and nothing that is
// mounted in it: that would be somebody's data.
func removeServerDir(dir string) error {
	switch mounted, err := anyMount(dir); {
	case err != nil:
		return cannotUse(dir, err)
	case mounted:
		return stoker.Errorf(stoker.Conflict, "something is mounted in %s: unmount it", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return cannotUse(dir, err)
	}
	return nil
}
