// A function that reads what it is sent and takes its time. Its answer to /stream comes in a hundred
// pieces; asked for another protocol, it answers each message with one of the same length.
//
//	function <address> <delay, e.g. 100ms>
package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	delay, err := time.ParseDuration(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			converse(w)
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		if delay > 0 {
			time.Sleep(delay)
		}
		if strings.HasSuffix(r.URL.Path, "/stream") {
			stream(w)
			return
		}
		w.Write([]byte("twenty bytes answer\n"))
	})))
}

// Each piece goes out by itself.
func stream(w http.ResponseWriter) {
	piece := bytes.Repeat([]byte("x"), 1024)
	for range 100 {
		w.Write(piece)
		w.(http.Flusher).Flush()
	}
}

// Messages of 119 bytes as frames of WebSocket (RFC 6455 §5.2): those of clients have a mask.
func converse(w http.ResponseWriter) {
	connection, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	question, answer := make([]byte, 125), append([]byte{0x82, 119}, make([]byte, 119)...)
	for {
		if _, err := io.ReadFull(buffered, question); err != nil {
			return
		}
		if _, err := connection.Write(answer); err != nil {
			return
		}
	}
}
