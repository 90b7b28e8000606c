// Package swift reads the files in a container of Swift, OpenStack's object store. It
// writes nothing, and does not log in: it is handed what has.
package swift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/fetch"
)

// What one container is worth: so many files, and so long for all of them.
const (
	maxFiles = 1000
	timeout  = time.Minute
	pageSize = 1000
	maxPage  = 4 << 20 // bytes of a list
)

// Account is where somebody's containers are.
type Account struct {
	URL  string       // https://host:8080/v1/AUTH_1234
	HTTP *http.Client // sends requests with what shows who asks
}

// Files gives the texts in a container by their names, without those to skip. Errors, as
// Heat's: NotFound for what cannot be got, Invalid with the type DownloadLimitExceeded for
// more than limit bytes, Invalid for what is no text.
func (a Account) Files(ctx context.Context, container string, skip func(name string) bool, limit int64) (map[string]string, error) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	if container == "." || container == ".." || strings.Contains(container, "/") || len(container) > 256 {
		return nil, unfetched(container, errors.New("it is no name of a container"))
	}
	objects, err := a.list(ctx, container)
	if err != nil {
		return nil, unfetched(container, err)
	}
	var size int64
	for _, o := range objects {
		if !skip(o.Name) {
			size += o.Bytes
		}
	}
	if size > limit {
		return nil, tooMuch(size, limit)
	}
	out, left := map[string]string{}, limit
	for _, o := range objects {
		if skip(o.Name) {
			continue
		}
		text, err := a.get(ctx, container+"/"+o.Name, nil, left)
		if err != nil {
			return nil, unfetched(container, err)
		}
		if left -= int64(len(text)); left < 0 {
			return nil, tooMuch(limit-left, limit) // it has grown meanwhile
		}
		if !utf8.Valid(text) {
			return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("file %q in container %s is not UTF-8", o.Name, container)}
		}
		out[o.Name] = string(text)
	}
	return out, nil
}

type object struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

func (a Account) list(ctx context.Context, container string) ([]object, error) {
	var out []object
	marker := ""
	for {
		q := url.Values{"format": {"json"}, "limit": {fmt.Sprint(pageSize)}}
		if marker != "" {
			q.Set("marker", marker)
		}
		text, err := a.get(ctx, container, q, maxPage)
		if err != nil {
			return nil, err
		}
		var page []object
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, fmt.Errorf("read the list of files: %w", err)
		}
		for _, o := range page {
			if o.Name == "" || o.Bytes < 0 {
				return nil, errors.New("read the list of files: it is none")
			}
		}
		out = append(out, page...)
		if len(out) > maxFiles {
			return nil, fmt.Errorf("it has more than %d files", maxFiles)
		}
		if len(page) < pageSize {
			return out, nil
		}
		marker = page[len(page)-1].Name
	}
}

// get reads at most one byte more than limit.
func (a Account) get(ctx context.Context, path string, q url.Values, limit int64) ([]byte, error) {
	words := strings.Split(path, "/")
	for i, w := range words {
		words[i] = url.PathEscape(w)
	}
	address := strings.TrimSuffix(a.URL, "/") + "/" + strings.Join(words, "/")
	if q != nil {
		address += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := a.HTTP.Do(req)
	if err != nil {
		return nil, fetch.Cause(err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return io.ReadAll(io.LimitReader(res.Body, limit+1))
	case http.StatusNoContent: // an empty container
		return []byte("[]"), nil
	}
	return nil, fmt.Errorf("the answer is %s", res.Status)
}

func unfetched(container string, err error) error {
	return &stoker.Error{Kind: stoker.NotFound, Type: "NotFound", Message: fmt.Sprintf("Could not fetch files from container %s, reason: %v.", container, err)}
}

func tooMuch(size, limit int64) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "DownloadLimitExceeded",
		Message: fmt.Sprintf("Total size of files to download (%d bytes) exceeds maximum allowed (%d bytes).", size, limit)}
}
