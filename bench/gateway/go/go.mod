module plonk/bench/gateway

go 1.25

require (
	github.com/gorilla/mux v1.8.0
	github.com/openfaas/faas-provider v0.25.4
)
