// The two hops of OpenFaaS: a gateway, which is Go's reverse proxy here as in `proxy`, and the
// provider's proxy behind it, which is OpenFaaS' own package. Both in one process, which spares
// them the change from one to the other.
//
//	openfaas <address> <address of the provider> <upstream>
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"github.com/gorilla/mux"
	"github.com/openfaas/faas-provider/proxy"
	"github.com/openfaas/faas-provider/types"
)

// Every function is at one place.
type resolver struct{ url.URL }

func (r resolver) Resolve(string) (url.URL, error) { return r.URL, nil }

func main() {
	upstream, err := url.Parse(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	config := types.FaaSConfig{ReadTimeout: time.Minute, MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024}
	function := proxy.NewHandlerFunc(config, resolver{*upstream}, false)
	routes := mux.NewRouter()
	routes.HandleFunc("/function/{name}", function)
	routes.HandleFunc("/function/{name}/", function)
	routes.HandleFunc("/function/{name}/{params:.*}", function)
	go func() { log.Fatal(http.ListenAndServe(os.Args[2], routes)) }()

	provider := &url.URL{Scheme: "http", Host: os.Args[2]}
	gateway := &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(provider)
			r.SetXForwarded()
		},
	}
	log.Fatal(http.ListenAndServe(os.Args[1], gateway))
}
