;; dirty: func(pages: u32)
;; grow:  func(pages: u32)
;; touch: func()
;; Writes to so many pages of 4 KiB, or grows by so many of 64 KiB and writes to the last, or writes to the
;; four pages that any small function writes to: top of the stack, data, two of the heap. Shaped like a guest of an
;; ordinary toolchain: 17 pages of memory with initialised data after 1 MiB of stack, and a table of functions.
(component
  (core module $m
    (memory 17)
    (table 8 funcref)
    (elem (i32.const 1) func $dirty $grow)
    (data (i32.const 0x100000) "initialised data")
    (func $dirty (export "dirty") (param $pages i32)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $pages)))
          (local.set $pages (i32.sub (local.get $pages) (i32.const 1)))
          (i32.store (i32.shl (local.get $pages) (i32.const 12)) (i32.const 1))
          (br $next))))
    (func $grow (export "grow") (param $pages i32)
      (local $old i32)
      (local.set $old (memory.grow (local.get $pages)))
      (i32.store
        (i32.sub (i32.shl (i32.add (local.get $old) (local.get $pages)) (i32.const 16)) (i32.const 4))
        (i32.const 1)))
    (func (export "touch")
      (i32.store (i32.const 0x0fff00) (i32.const 1))
      (i32.store (i32.const 0x100000) (i32.const 1))
      (i32.store (i32.const 0x101000) (i32.const 1))
      (i32.store (i32.const 0x102000) (i32.const 1))))
  (core instance $i (instantiate $m))
  (func (export "dirty") (param "pages" u32) (canon lift (core func $i "dirty")))
  (func (export "grow") (param "pages" u32) (canon lift (core func $i "grow")))
  (func (export "touch") (canon lift (core func $i "touch"))))
