"""Benchmarks: this package beside wasmtime-py, extism and bare wasmtime. README.md says how to run them."""
