;; run:  func() -> u32     calls wasi:cli/environment@0.2.3#get-arguments and returns how many there are
;; fine: func() -> u32     returns 42 without touching the import
;; For the rule that an undeclared import loads and traps only when it is called.
(component
  (import "wasi:cli/environment@0.2.3" (instance $environment
    (export "get-arguments" (func (result (list string))))))
  (core module $libc
    (memory (export "memory") 1)
    (global $heap (mut i32) (i32.const 1024))
    (func $realloc (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
                 (i32.sub (i32.const 0) (local.get $align))))
      (global.set $heap (i32.add (local.get $at) (local.get $len)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "cabi_realloc" (core func $realloc))
  (core func $get_arguments
    (canon lower (func $environment "get-arguments") (memory $memory) (realloc $realloc)))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "environment" "get-arguments" (func $get_arguments (param i32)))
    (func $run (export "run") (result i32)
      (call $get_arguments (i32.const 16))
      (i32.load (i32.const 20)))
    (func $fine (export "fine") (result i32) (i32.const 42)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "environment" (instance (export "get-arguments" (func $get_arguments))))))
  (func (export "run") (result u32) (canon lift (core func $i "run")))
  (func (export "fine") (result u32) (canon lift (core func $i "fine"))))
