// Prometheus. The build works on a copy of the module, with its own go.mod and go.sum; this file and its go.sum say
// which copy.
module plonk/toolchain/prometheus

go 1.25.0

require github.com/prometheus/prometheus v0.305.0
