package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Places that cloud-init has, which scripts look at.
const (
	cloudDir   = "/var/lib/cloud"
	outputFile = "/var/log/cloud-init-output.log"
	resultFile = "/run/cloud-init/result.json"
)

// Work runs the user data, tells ready when the machine is set up, and writes the
// report. Once per server it does all; at later starts only what belongs to every start.
// It returns when nothing writes to its output any more.
func Work(o Options, services bool, ready func()) int {
	r := newRunner(o.Dir)
	defer r.out.wait()
	instance, service, userData, err := load(o.Dir)
	if err != nil {
		r.failed("read what the server is", err)
		ready()
		r.finish()
		return 1
	}
	if service {
		awaitMetadata()
	}
	r.instance = instance
	first, err := r.prepare(userData)
	if err != nil {
		r.failed("prepare", err)
	}
	plan := Decode(userData, instance, fetch)
	if first {
		for _, w := range plan.Warnings {
			r.say("warning: %s", w)
		}
		for _, e := range plan.Errors {
			r.failed("read the user data", errors.New(e))
		}
	}
	r.steps(plan, Boot)
	if first {
		r.steps(plan, Setup)
	}
	ready()
	if services {
		r.startServices()
	}
	if first {
		r.steps(plan, Final)
	}
	return r.finishOf(first)
}

// finishOf reports, unless an earlier start has.
func (r *runner) finishOf(first bool) int {
	switch {
	case first:
		return r.finish()
	case !reported(r.dir):
		r.failed("user data", errors.New("the server was restarted before it had ended"))
		return r.finish()
	}
	return 0
}

// prepare makes the folders, and tells whether the user data runs for the first time.
func (r *runner) prepare(userData []byte) (first bool, err error) {
	dir := filepath.Join(cloudDir, "instances", r.instance.ID)
	for _, d := range []string{filepath.Join(dir, "scripts"), filepath.Join(dir, "sem"), filepath.Join(cloudDir, "data"), filepath.Dir(resultFile)} {
		err = errors.Join(err, os.MkdirAll(d, 0o755))
	}
	link := filepath.Join(cloudDir, "instance")
	if now, linkErr := os.Readlink(link); linkErr != nil || now != dir {
		_ = os.Remove(link)
		err = errors.Join(err, os.Symlink(dir, link))
	}
	if err != nil {
		return true, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "sem", "user_data"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	_ = os.Remove(filepath.Join(dir, "boot-finished"))
	return true, errors.Join(f.Close(),
		os.WriteFile(filepath.Join(dir, "user-data.txt"), userData, 0o600),
		os.WriteFile(filepath.Join(cloudDir, "data", "instance-id"), []byte(r.instance.ID+"\n"), 0o644))
}

// awaitMetadata waits for the service that Stoker opens in a moment, but not for ever.
func awaitMetadata() {
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		c, err := net.DialTimeout("tcp", "169.254.169.254:80", time.Second)
		if err == nil {
			c.Close()
			return
		}
		pause := time.NewTimer(20 * time.Millisecond)
		<-pause.C
	}
}

// fetchTries is how often what user data includes is asked for.
const fetchTries = 3

// fetch gets what user data includes.
func fetch(url string) (body []byte, err error) {
	client := &http.Client{Timeout: time.Minute}
	for range fetchTries {
		if body, err = fetchOnce(client, url); err == nil {
			return body, nil
		}
	}
	return nil, err
}

func fetchOnce(client *http.Client, url string) ([]byte, error) {
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSize+1))
	if err == nil && len(body) > maxSize {
		err = errLarge
	}
	return body, err
}
