module plonk/toolchain/pause

go 1.25.0
