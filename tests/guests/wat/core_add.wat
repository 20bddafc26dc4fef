;; A core module; its WIT text:
;;   add: func(a: s32, b: s32) -> s32;
;;   sub-wide: func(a: s64, b: s64) -> s64;
;;   scale: func(x: f64, by: f32) -> f64;
;;   is-even: func(n: u32) -> bool;
;;   next-char: func(c: char) -> char;
;;   low-byte: func(n: u32) -> u8;
;;   nothing: func();
;; `secret` is exported and in no WIT text.
(module
  (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $sub_wide (export "sub-wide") (param i64 i64) (result i64) (i64.sub (local.get 0) (local.get 1)))
  (func $scale (export "scale") (param f64 f32) (result f64) (f64.mul (local.get 0) (f64.promote_f32 (local.get 1))))
  (func $is_even (export "is-even") (param i32) (result i32) (i32.eqz (i32.and (local.get 0) (i32.const 1))))
  (func $next_char (export "next-char") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $low_byte (export "low-byte") (param i32) (result i32) (i32.and (local.get 0) (i32.const 255)))
  (func $nothing (export "nothing"))
  (func $secret (export "secret") (result i32) (i32.const 7)))
