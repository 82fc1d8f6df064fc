// The reference: Go's own reverse proxy, with the gateway's work on headers.
//
//	proxy <address> <upstream> [pooled]
package main

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

// Spares the proxy 32 KiB of garbage a call.
type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte  { return b.Pool.Get().([]byte) }
func (b *buffers) Put(x []byte) { b.Pool.Put(x) }

func main() {
	upstream, err := url.Parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.SetXForwarded()
		},
	}
	if len(os.Args) > 3 && os.Args[3] == "pooled" {
		proxy.BufferPool = &buffers{sync.Pool{New: func() any { return make([]byte, 32*1024) }}}
	}
	// Go reads 4 KiB more than it is told; without a number, 1 MiB.
	maxHeadBytes, _ := strconv.Atoi(os.Getenv("MAX_HEAD_BYTES"))
	server := &http.Server{Addr: os.Args[1], MaxHeaderBytes: max(0, maxHeadBytes-4096)}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := make([]byte, 16)
		rand.Read(id)
		callID, start := fmt.Sprintf("%x", id), strconv.FormatInt(time.Now().UnixNano(), 10)
		for _, header := range []http.Header{r.Header, w.Header()} {
			header.Set("X-Call-Id", callID)
			header.Set("X-Start-Time", start)
		}
		proxy.ServeHTTP(w, r)
	})
	log.Fatal(server.ListenAndServe())
}
