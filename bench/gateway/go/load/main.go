// A constant rate of calls, whatever becomes of the earlier ones: each latency counts from the
// time at which the call was due, so that a stall of the server is not left out.
//
//	load <url> <calls a second> <seconds>
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

type result struct {
	Calls  int     `json:"calls"`
	Errors int     `json:"errors"`
	P50    float64 `json:"p50Ms"`
	P95    float64 `json:"p95Ms"`
	P99    float64 `json:"p99Ms"`
	Max    float64 `json:"maxMs"`
}

var client = &http.Client{
	Transport: &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true},
	Timeout:   30 * time.Second,
}

// Whether the call was answered as it should be.
func call(url string) bool {
	answer, err := client.Get(url)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err == nil && answer.StatusCode == http.StatusOK
}

func main() {
	url := os.Args[1]
	rate, err := strconv.Atoi(os.Args[2])
	if err != nil || rate < 1 {
		log.Fatal("rate: must be a positive number")
	}
	seconds, err := strconv.Atoi(os.Args[3])
	if err != nil || seconds < 1 {
		log.Fatal("seconds: must be a positive number")
	}
	milliseconds := make([]float64, rate*seconds)
	isGood := make([]bool, len(milliseconds))
	var group sync.WaitGroup
	begin := time.Now()
	for index := range milliseconds {
		due := begin.Add(time.Duration(index) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		group.Go(func() {
			isGood[index] = call(url)
			milliseconds[index] = float64(time.Since(due).Microseconds()) / 1000
		})
	}
	group.Wait()
	errors := 0
	for _, good := range isGood {
		if !good {
			errors++
		}
	}
	slices.Sort(milliseconds)
	at := func(share float64) float64 { return milliseconds[int(share*float64(len(milliseconds)-1))] }
	json.NewEncoder(os.Stdout).Encode(result{len(milliseconds), errors, at(0.5), at(0.95), at(0.99), at(1)})
}
