// k3s itself. The build works on a copy of the module, with its own go.mod and go.sum, whose many replacements count in
// the main module only; this file and its go.sum say which copy.
module plonk/toolchain/k3s

go 1.25.5

require github.com/k3s-io/k3s v1.35.1-0.20260131041455-e69d18614fbf
