package heat_test

import (
	"testing"

	"github.com/stoker-project/stoker"
)

// FuzzMultipartMime takes any text as a message, and wants any text in a message
// to come out of a message around it as it went in.
func FuzzMultipartMime(f *testing.F) {
	f.Add("Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nhello\n--x--\n", "setup.sh")
	f.Add("#!/bin/sh\r\n\u00fc", "a\nb")
	f.Fuzz(func(t *testing.T, text, filename string) {
		impl := newEngine().types()["OS::Heat::MultipartMime"]
		content := func(part map[string]any) string {
			req := request(t, impl, map[string]any{"parts": []any{part}})
			res, err := impl.Create(t.Context(), req)
			if err != nil {
				if !stoker.IsKind(err, stoker.Invalid) {
					t.Errorf("%v", err)
				}
				return ""
			}
			keep(req, res)
			s, _ := attribute(t, impl, req, "config").(string)
			return s
		}
		content(map[string]any{"config": text, "type": "multipart"})
		inner := content(map[string]any{"config": text, "filename": filename, "subtype": "plain"})
		outer := content(map[string]any{"config": inner, "type": "multipart"})
		if inner != outer {
			t.Errorf("a message in a message is another one:\n%s\n%s", inner, outer)
		}
	})
}
