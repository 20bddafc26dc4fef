;; f: func(ms: u32)
;; Waits in a function of the host. Shaped like a guest of an ordinary toolchain (`dirty.wat`), with a stack in memory
;; and data that it wrote to before it waits.
(component
  (import "wait" (func $wait (param "ms" u32)))
  (core func $wait (canon lower (func $wait)))
  (core module $m
    (import "host" "wait" (func $wait (param i32)))
    (memory 17)
    (table 8 funcref)
    (elem (i32.const 1) func $f)
    (data (i32.const 0x100000) "initialised data")
    (func $f (export "f") (param $ms i32)
      (i32.store (i32.const 0xffff0) (i32.const 1))
      (i32.store (i32.const 0x100000) (i32.const 1))
      (call $wait (local.get $ms))))
  (core instance $i (instantiate $m (with "host" (instance (export "wait" (func $wait))))))
  (func (export "f") (param "ms" u32) (canon lift (core func $i "f"))))
