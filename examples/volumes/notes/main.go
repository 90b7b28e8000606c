// Command notes keeps what is posted to it in the file that NOTES names, and shows it.
package main

import (
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("GET /", show)
	http.HandleFunc("POST /", add)
	log.Fatal(http.ListenAndServe(net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), nil))
}

// show gives nothing while there is no note, or no volume yet.
func show(w http.ResponseWriter, _ *http.Request) {
	text, err := os.ReadFile(os.Getenv("NOTES"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(text)
}

func add(w http.ResponseWriter, r *http.Request) {
	f, err := os.OpenFile(os.Getenv("NOTES"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = io.Copy(f, io.LimitReader(r.Body, 1<<20))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
