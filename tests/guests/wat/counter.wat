;; bump: func() -> u32    adds one to a word in memory and to a global; returns the word, traps if the two differ
;; peek: func() -> u32    returns the word
;; A first call of `bump` in a fresh instance returns 1. Anything else means that state survived a call.
(component
  (core module $m
    (memory 1)
    (global $count (mut i32) (i32.const 0))
    (func $bump (export "bump") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
      (if (i32.ne (global.get $count) (i32.load (i32.const 64))) (then unreachable))
      (i32.load (i32.const 64)))
    (func $peek (export "peek") (result i32)
      (i32.load (i32.const 64))))
  (core instance $i (instantiate $m))
  (func (export "bump") (result u32) (canon lift (core func $i "bump")))
  (func (export "peek") (result u32) (canon lift (core func $i "peek"))))
