;; echo: func(s: string) -> string
;; Returns its text without touching any of the imports it has from every group: what it costs to have them.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/error@0.2.0" (instance $error
    (export "error" (type (sub resource)))))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type (sub resource)))))
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-arguments" (func (result (list string))))
    (export "get-environment" (func (result (list (tuple string string)))))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "now" (func (result u64)))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-u64" (func (result u64)))))
  (import "wasi:filesystem/types@0.2.0" (instance $files
    (export "descriptor" (type $descriptor (sub resource)))))
  (alias export $files "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $d))
    (export "descriptor" (type $descriptor (eq $d)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
  (import "wippy:runtime/funcs@0.1.0" (instance $funcs
    (export "call-string" (func (param "target" string) (param "input" string) (result (result string (error string)))))))

  (core module $libc
    (memory (export "memory") 1)
    (global $heap (mut i32) (i32.const 1024))
    (func $realloc (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
                 (i32.sub (i32.const 0) (local.get $align))))
      (global.set $heap (i32.add (local.get $at) (local.get $len)))
      (if (i32.gt_u (global.get $heap) (i32.const 65536)) (then unreachable))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "cabi_realloc" (core func $realloc))

  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $get_arguments (canon lower (func $environment "get-arguments") (memory $memory) (realloc $realloc)))
  (core func $get_environment (canon lower (func $environment "get-environment") (memory $memory) (realloc $realloc)))
  (core func $now (canon lower (func $clock "now")))
  (core func $get_random (canon lower (func $random "get-random-u64")))
  (core func $get_directories (canon lower (func $preopens "get-directories") (memory $memory) (realloc $realloc)))
  (core func $call_string (canon lower (func $funcs "call-string") (memory $memory) (realloc $realloc)))

  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "block" (func (param i32)))
    (import "host" "get-arguments" (func (param i32)))
    (import "host" "get-environment" (func (param i32)))
    (import "host" "now" (func (result i64)))
    (import "host" "get-random" (func (result i64)))
    (import "host" "get-directories" (func (param i32)))
    (import "host" "call-string" (func (param i32 i32 i32 i32 i32)))
    (func (export "echo") (param $ptr i32) (param $len i32) (result i32)
      (i32.store (i32.const 16) (local.get $ptr))
      (i32.store (i32.const 20) (local.get $len))
      (i32.const 16)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "block" (func $block))
      (export "get-arguments" (func $get_arguments))
      (export "get-environment" (func $get_environment))
      (export "now" (func $now))
      (export "get-random" (func $get_random))
      (export "get-directories" (func $get_directories))
      (export "call-string" (func $call_string))))))
  (func (export "echo") (param "s" string) (result string)
    (canon lift (core func $i "echo") (memory $memory) (realloc $realloc))))
