// A function that takes its time: answers each call after a delay, e.g. 100ms.
package main

import (
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
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(delay)
		w.Write([]byte("twenty bytes answer\n"))
	})))
}
