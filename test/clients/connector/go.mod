module plonk/test/connector

go 1.26.0

require (
	github.com/openfaas-incubator/connector-sdk v0.0.0-20200902074656-7f648543d4aa
	github.com/openfaas/faas-provider v0.0.0-20191014125556-8699aa7d3999
)

require github.com/pkg/errors v0.8.1 // indirect
