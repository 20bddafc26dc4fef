;; A preview 1 reactor whose start code uses the host, for instances made before their call.
;; born:      func() -> u64    the wall clock at the start, in nanoseconds
;; early-env: func() -> u32    the bytes of the environment at the start
;; read-now:  func() -> u32    the bytes read from standard input now, 100 at most
;; Writes "started\n" to standard output at its start.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "started\n")
  (data (i32.const 80) "\40\00\00\00\08\00\00\00")
  (data (i32.const 88) "\00\01\00\00\64\00\00\00")
  (func (export "_initialize")
    (if (call $clock (i32.const 0) (i64.const 1) (i32.const 0)) (then unreachable))
    (if (call $environ (i32.const 12) (i32.const 8)) (then unreachable))
    (if (call $write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 96)) (then unreachable)))
  (func (export "born") (result i64) (i64.load (i32.const 0)))
  (func (export "early_env") (result i32) (i32.load (i32.const 8)))
  (func (export "read_now") (result i32)
    (if (call $read (i32.const 0) (i32.const 88) (i32.const 1) (i32.const 96)) (then unreachable))
    (i32.load (i32.const 96))))
