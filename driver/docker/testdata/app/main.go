// Command app is what runs in the containers of tests.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "script" {
		script(os.Args[2])
	}
	switch strings.Join(os.Args[1:], " ") {
	case "serve":
		serve()
	case "ends":
		fmt.Println("hello")
		fmt.Println("goodbye")
		os.Exit(3)
	case "burns":
		for {
		}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		serve()
	case "noise":
		for i := range 200_000 {
			fmt.Println("line", i, strings.Repeat("x", 100))
		}
		serve()
	default:
		fmt.Println("what?")
		os.Exit(2)
	}
}

// script makes this program the interpreter of user data, where there is no shell: it
// ends as the last word of the file says.
func script(file string) {
	text, err := os.ReadFile(file)
	words := strings.Fields(string(text))
	if err != nil || words[len(words)-1] == "fail" {
		fmt.Println("failing", err)
		os.Exit(3)
	}
	os.Exit(0)
}

// serve shows what the server sees: its files and its environment.
func serve() {
	http.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir("/etc/stoker"))))
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, strings.Join(os.Environ(), "\n"))
	})
	http.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, r.URL.Query().Get("path"))
	})
	http.HandleFunc("PUT /file", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(r.URL.Query().Get("path"), text, 0o644)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	})
	var held []*os.File
	http.HandleFunc("/hold", func(_ http.ResponseWriter, r *http.Request) {
		f, err := os.Open(r.URL.Query().Get("path"))
		fmt.Println("holding", f, err)
		held = append(held, f)
	})
	http.HandleFunc("/fetch", func(w http.ResponseWriter, r *http.Request) {
		got, err := http.Get(r.URL.Query().Get("url"))
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		defer got.Body.Close()
		io.Copy(w, got.Body)
	})
	var hoard [][]byte
	http.HandleFunc("/eat", func(w http.ResponseWriter, _ *http.Request) {
		for range 64 {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			hoard = append(hoard, b)
		}
	})
	stop := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGTERM) {
		signal.Notify(stop, syscall.SIGTERM)
	}
	go func() {
		<-stop
		fmt.Println("stopped")
		os.Exit(0)
	}()
	at := net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT"))
	serveTalk(at)
	fmt.Println("serving")
	fmt.Println(http.ListenAndServe(at, nil))
	os.Exit(1)
}
