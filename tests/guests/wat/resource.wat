;; make:  func(n: u32) -> own<thing>
;; value: func(t: borrow<thing>) -> u32
;; plain: func() -> u32        5
;; Exports a resource, which values do not carry across the border yet.
(component
  (type $thing_shape (resource (rep i32)))
  (core func $new (canon resource.new $thing_shape))
  (core module $m
    (import "thing" "new" (func $new (param i32) (result i32)))
    (func $make (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func $value (export "value") (param i32) (result i32) (local.get 0))
    (func $plain (export "plain") (result i32) (i32.const 5)))
  (core instance $i (instantiate $m (with "thing" (instance (export "new" (func $new))))))
  (export $thing "thing" (type $thing_shape))
  (func (export "make") (param "n" u32) (result (own $thing)) (canon lift (core func $i "make")))
  (func (export "value") (param "t" (borrow $thing)) (result u32) (canon lift (core func $i "value")))
  (func (export "plain") (result u32) (canon lift (core func $i "plain"))))
