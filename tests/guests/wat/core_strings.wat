;; A core module with memory; its WIT text:
;;   greet: func(name: string) -> string;          "Hello, NAME!"
;;   join: func(xs: list<string>) -> string;       with ", " between
;;   sum: func(xs: list<u32>) -> u64;
;;   upto: func(n: u32) -> list<u32>;              0, 1, ... n-1
;;   length: func(s: string) -> u32;               in bytes
(module
  (memory (export "memory") 1)
  (global $heap (mut i32) (i32.const 1024))
  (data (i32.const 0) "Hello, ")
  (data (i32.const 8) ", ")
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
    (if (local.get $old_len)
      (then (memory.copy (local.get $at) (local.get $old)
              (select (local.get $old_len) (local.get $len) (i32.lt_u (local.get $old_len) (local.get $len))))))
    (local.get $at))
  (func $new (param $len i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (local.get $len)))
  (func $pair (param i32 i32) (result i32)
    (i32.store (i32.const 16) (local.get 0))
    (i32.store (i32.const 20) (local.get 1))
    (i32.const 16))
  (func $greet (export "greet") (param $name i32) (param $len i32) (result i32)
    (local $out i32)
    (local.set $out (call $new (i32.add (local.get $len) (i32.const 8))))
    (memory.copy (local.get $out) (i32.const 0) (i32.const 7))
    (memory.copy (i32.add (local.get $out) (i32.const 7)) (local.get $name) (local.get $len))
    (i32.store8 (i32.add (i32.add (local.get $out) (i32.const 7)) (local.get $len)) (i32.const 33))
    (call $pair (local.get $out) (i32.add (local.get $len) (i32.const 8))))
  (func $join (export "join") (param $xs i32) (param $n i32) (result i32)
    (local $i i32) (local $total i32) (local $out i32) (local $at i32) (local $item i32)
    (if (i32.eqz (local.get $n)) (then (return (call $pair (i32.const 1024) (i32.const 0)))))
    (local.set $total (i32.mul (i32.sub (local.get $n) (i32.const 1)) (i32.const 2)))
    (loop $measure
      (local.set $total
        (i32.add (local.get $total) (i32.load offset=4 (i32.add (local.get $xs) (i32.mul (local.get $i) (i32.const 8))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $measure (i32.lt_u (local.get $i) (local.get $n))))
    (local.set $out (call $new (local.get $total)))
    (local.set $at (local.get $out))
    (local.set $i (i32.const 0))
    (loop $copy
      (local.set $item (i32.add (local.get $xs) (i32.mul (local.get $i) (i32.const 8))))
      (if (local.get $i)
        (then
          (memory.copy (local.get $at) (i32.const 8) (i32.const 2))
          (local.set $at (i32.add (local.get $at) (i32.const 2)))))
      (memory.copy (local.get $at) (i32.load (local.get $item)) (i32.load offset=4 (local.get $item)))
      (local.set $at (i32.add (local.get $at) (i32.load offset=4 (local.get $item))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $copy (i32.lt_u (local.get $i) (local.get $n))))
    (call $pair (local.get $out) (local.get $total)))
  (func $sum (export "sum") (param $xs i32) (param $n i32) (result i64)
    (local $sum i64)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $sum (i64.add (local.get $sum) (i64.load32_u (local.get $xs))))
        (local.set $xs (i32.add (local.get $xs) (i32.const 4)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $sum))
  (func $upto (export "upto") (param $n i32) (result i32)
    (local $out i32) (local $i i32)
    (local.set $out (call $new (i32.mul (local.get $n) (i32.const 4))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (i32.store (i32.add (local.get $out) (i32.mul (local.get $i) (i32.const 4))) (local.get $i))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (call $pair (local.get $out) (local.get $n)))
  (func $length (export "length") (param i32 i32) (result i32) (local.get 1)))
