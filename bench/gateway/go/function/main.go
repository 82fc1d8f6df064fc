// A function that reads what it is sent and takes its time.
//
//	function <address> <delay, e.g. 100ms>
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	delay, err := time.ParseDuration(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		if delay > 0 {
			time.Sleep(delay)
		}
		w.Write([]byte("twenty bytes answer\n"))
	})))
}
