;; echo: () -> i32     the input, returned as the output
;; An extism plugin by hand, as small as its kernel allows: the input is copied word by word into a new kernel block.
(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u64" (func $load_word (param i64) (result i64)))
  (import "extism:host/env" "input_load_u8" (func $load_byte (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store_word (param i64 i64)))
  (import "extism:host/env" "store_u8" (func $store_byte (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (memory (export "memory") 1)
  (func (export "echo") (result i32)
    (local $len i64) (local $out i64) (local $at i64)
    (local.set $len (call $input_length))
    (local.set $out (call $alloc (local.get $len)))
    (block $words_done
      (loop $next
        (br_if $words_done (i64.gt_u (i64.add (local.get $at) (i64.const 8)) (local.get $len)))
        (call $store_word (i64.add (local.get $out) (local.get $at)) (call $load_word (local.get $at)))
        (local.set $at (i64.add (local.get $at) (i64.const 8)))
        (br $next)))
    (block $bytes_done
      (loop $next
        (br_if $bytes_done (i64.ge_u (local.get $at) (local.get $len)))
        (call $store_byte (i64.add (local.get $out) (local.get $at)) (call $load_byte (local.get $at)))
        (local.set $at (i64.add (local.get $at) (i64.const 1)))
        (br $next)))
    (call $output_set (local.get $out) (local.get $len))
    (i32.const 0)))
