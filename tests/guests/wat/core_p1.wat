;; A core module with preview 1 imports; its WIT text:
;;   args-count: func() -> s32;          -errno if refused
;;   arg: func(index: u32) -> string;    "" if there is no such argument
;;   env-count: func() -> s32;
;;   env: func(index: u32) -> string;    NAME=value
;;   preopens: func() -> s32;            file descriptors from 3 on that are preopened directories
;;   preopen-name: func(fd: u32) -> string;
;;   print: func(s: string) -> s32;      bytes written to stdout
;;   random: func() -> u64;
;;   wall-ns: func() -> u64;
;;   mono-ns: func() -> u64;
;;   exit: func(code: u32);
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 1024))
  ;; Does not grow: a test that passes more than 200 KiB has the wrong guest.
  (func $realloc (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
               (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $len)))
    (local.get $at))
  (func $new (param $len i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $len)))
  (func $pair (param i32 i32) (result i32)
    (i32.store (i32.const 16) (local.get 0))
    (i32.store (i32.const 20) (local.get 1))
    (i32.const 16))
  ;; A C string at $at, as (pointer, length).
  (func $c_string (param $at i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $at))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (call $pair (local.get $at) (i32.sub (local.get $end) (local.get $at))))
  ;; Count at 32, bytes at 36.
  (func $args_count (export "args-count") (result i32)
    (local $errno i32)
    (local.set $errno (call $args_sizes_get (i32.const 32) (i32.const 36)))
    (if (local.get $errno) (then (return (i32.sub (i32.const 0) (local.get $errno)))))
    (i32.load (i32.const 32)))
  (func $arg (export "arg") (param $index i32) (result i32)
    (local $count i32) (local $table i32)
    (local.set $count (call $args_count))
    (if (i32.ge_s (local.get $index) (local.get $count)) (then (return (call $pair (i32.const 1024) (i32.const 0)))))
    (local.set $table (call $new (i32.mul (local.get $count) (i32.const 4))))
    (drop (call $args_get (local.get $table) (call $new (i32.load (i32.const 36)))))
    (call $c_string (i32.load (i32.add (local.get $table) (i32.mul (local.get $index) (i32.const 4))))))
  (func $env_count (export "env-count") (result i32)
    (local $errno i32)
    (local.set $errno (call $environ_sizes_get (i32.const 32) (i32.const 36)))
    (if (local.get $errno) (then (return (i32.sub (i32.const 0) (local.get $errno)))))
    (i32.load (i32.const 32)))
  (func $env (export "env") (param $index i32) (result i32)
    (local $count i32) (local $table i32)
    (local.set $count (call $env_count))
    (if (i32.ge_s (local.get $index) (local.get $count)) (then (return (call $pair (i32.const 1024) (i32.const 0)))))
    (local.set $table (call $new (i32.mul (local.get $count) (i32.const 4))))
    (drop (call $environ_get (local.get $table) (call $new (i32.load (i32.const 36)))))
    (call $c_string (i32.load (i32.add (local.get $table) (i32.mul (local.get $index) (i32.const 4))))))
  (func $preopens (export "preopens") (result i32)
    (local $fd i32)
    (local.set $fd (i32.const 3))
    (block $done
      (loop $next
        (br_if $done (call $fd_prestat_get (local.get $fd) (i32.const 32)))
        (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $fd) (i32.const 3)))
  (func $preopen_name (export "preopen-name") (param $fd i32) (result i32)
    (local $len i32) (local $at i32)
    (if (call $fd_prestat_get (local.get $fd) (i32.const 32)) (then (return (call $pair (i32.const 1024) (i32.const 0)))))
    (local.set $len (i32.load (i32.const 36)))
    (local.set $at (call $new (local.get $len)))
    (drop (call $fd_prestat_dir_name (local.get $fd) (local.get $at) (local.get $len)))
    (call $pair (local.get $at) (local.get $len)))
  (func $print (export "print") (param $s i32) (param $len i32) (result i32)
    (local $errno i32)
    (i32.store (i32.const 32) (local.get $s))
    (i32.store (i32.const 36) (local.get $len))
    (local.set $errno (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))
    (if (local.get $errno) (then (return (i32.sub (i32.const 0) (local.get $errno)))))
    (i32.load (i32.const 40)))
  (func $random (export "random") (result i64)
    (if (call $random_get (i32.const 32) (i32.const 8)) (then unreachable))
    (i64.load (i32.const 32)))
  (func $clock (param $id i32) (result i64)
    (if (call $clock_time_get (local.get $id) (i64.const 1) (i32.const 32)) (then unreachable))
    (i64.load (i32.const 32)))
  (func $wall_ns (export "wall-ns") (result i64) (call $clock (i32.const 0)))
  (func $mono_ns (export "mono-ns") (result i64) (call $clock (i32.const 1)))
  (func $exit (export "exit") (param i32) (call $proc_exit (local.get 0))))
