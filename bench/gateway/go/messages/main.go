// Messages on upgraded connections, the next one as soon as the one before is answered.
//
//	messages <url> <connections> <seconds>
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// As the report of wrk, whose calls are messages here.
type result struct {
	Calls          int     `json:"calls"`
	CallsPerSecond float64 `json:"callsPerSecond"`
	P50            float64 `json:"p50Ms"`
	P99            float64 `json:"p99Ms"`
	Errors         int     `json:"errors"`
}

func connect(target *url.URL) (net.Conn, *bufio.Reader, error) {
	connection, err := net.Dial("tcp", target.Host)
	if err != nil {
		return nil, nil, err
	}
	head := "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	fmt.Fprintf(connection, head, target.Path, target.Host)
	reader := bufio.NewReader(connection)
	answer, err := http.ReadResponse(reader, nil)
	if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("handshake: expected 101, got %d", answer.StatusCode)
	}
	return connection, reader, err
}

// Milliseconds of each message until the deadline.
func converse(target *url.URL, deadline time.Time) ([]float64, error) {
	connection, reader, err := connect(target)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	// 119 bytes with a mask, and the same without (RFC 6455 §5.2).
	question, answer := append([]byte{0x82, 0x80 | 119}, make([]byte, 123)...), make([]byte, 121)
	var times []float64
	for begin := time.Now(); begin.Before(deadline); begin = time.Now() {
		if _, err := connection.Write(question); err != nil {
			return times, err
		}
		if _, err := io.ReadFull(reader, answer); err != nil {
			return times, err
		}
		times = append(times, float64(time.Since(begin).Microseconds())/1000)
	}
	return times, nil
}

func main() {
	target, err := url.Parse(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	connections, err := strconv.Atoi(os.Args[2])
	if err != nil || connections < 1 {
		log.Fatal("connections: must be a positive number")
	}
	seconds, err := strconv.Atoi(os.Args[3])
	if err != nil || seconds < 1 {
		log.Fatal("seconds: must be a positive number")
	}
	var group sync.WaitGroup
	var lock sync.Mutex
	all, errors := []float64{}, 0
	deadline := time.Now().Add(time.Duration(seconds) * time.Second)
	for range connections {
		group.Go(func() {
			times, err := converse(target, deadline)
			lock.Lock()
			defer lock.Unlock()
			all = append(all, times...)
			if err != nil {
				errors++
			}
		})
	}
	group.Wait()
	if len(all) == 0 {
		log.Fatal("expected answers, got none")
	}
	slices.Sort(all)
	at := func(share float64) float64 { return all[int(share*float64(len(all)-1))] }
	rate := float64(len(all)) / float64(seconds)
	json.NewEncoder(os.Stdout).Encode(result{len(all), rate, at(0.5), at(0.99), errors})
}
