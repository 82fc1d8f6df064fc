module plonk/bench/gateway

go 1.25
