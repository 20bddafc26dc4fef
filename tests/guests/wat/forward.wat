;; forward:       func(target: string, input: string) -> result<string, string>
;; forward-bytes: func(target: string, input: list<u8>) -> result<list<u8>, string>
;; repeat:        func(target: string, input: string, times: u32) -> u32     calls that returned ok
;; Hands its arguments to wippy:runtime/funcs and the answer back, untouched: what `funcs` costs, and two of them
;; that name each other are the smallest endless recursion between guests.
(component
  (import "wippy:runtime/funcs@0.1.0" (instance $funcs
    (export "call-string" (func (param "target" string) (param "input" string) (result (result string (error string)))))
    (export "call-bytes" (func (param "target" string) (param "input" (list u8)) (result (result (list u8) (error string)))))))
  (core module $libc
    (memory (export "memory") 1)
    (global $heap (export "heap") (mut i32) (i32.const 1024))
    (func $realloc (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      (local $at i32) (local $missing i32)
      (local.set $at
        (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
                 (i32.sub (i32.const 0) (local.get $align))))
      (global.set $heap (i32.add (local.get $at) (local.get $len)))
      (if (i32.lt_u (global.get $heap) (local.get $at)) (then unreachable))
      (local.set $missing
        (i32.sub (i32.add (i32.shr_u (i32.sub (global.get $heap) (i32.const 1)) (i32.const 16)) (i32.const 1)) (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
      (local.get $at))
    (func $reset (export "reset") (param i32) (global.set $heap (i32.const 1024))))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "cabi_realloc" (core func $realloc))
  (alias core export $libc "reset" (core func $reset))
  (core func $call_string (canon lower (func $funcs "call-string") (memory $memory) (realloc $realloc)))
  (core func $call_bytes (canon lower (func $funcs "call-bytes") (memory $memory) (realloc $realloc)))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "libc" "heap" (global $heap (mut i32)))
    (import "funcs" "call-string" (func $call_string (param i32 i32 i32 i32 i32)))
    (import "funcs" "call-bytes" (func $call_bytes (param i32 i32 i32 i32 i32)))
    ;; The result area (discriminant, pointer, length) is at address 16; in and out have the same layout.
    (func $forward (export "forward") (param i32 i32 i32 i32) (result i32)
      (call $call_string (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 16))
      (i32.const 16))
    (func $forward_bytes (export "forward-bytes") (param i32 i32 i32 i32) (result i32)
      (call $call_bytes (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 16))
      (i32.const 16))
    (func $repeat (export "repeat") (param i32 i32 i32 i32) (param $times i32) (result i32)
      (local $ok i32) (local $mark i32)
      (local.set $mark (global.get $heap))
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $times)))
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (call $call_string (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 16))
          (local.set $ok (i32.add (local.get $ok) (i32.eqz (i32.load8_u (i32.const 16)))))
          (global.set $heap (local.get $mark))
          (br $next)))
      (global.set $heap (i32.const 1024))
      (local.get $ok)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "funcs" (instance
      (export "call-string" (func $call_string))
      (export "call-bytes" (func $call_bytes))))))
  (func (export "forward") (param "target" string) (param "input" string) (result (result string (error string)))
    (canon lift (core func $i "forward") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "forward-bytes") (param "target" string) (param "input" (list u8)) (result (result (list u8) (error string)))
    (canon lift (core func $i "forward-bytes") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "repeat") (param "target" string) (param "input" string) (param "times" u32) (result u32)
    (canon lift (core func $i "repeat") (memory $memory) (realloc $realloc))))
