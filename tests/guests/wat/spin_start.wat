;; f: func()
;; Never reached: the core module's start function loops for ever, so instantiation itself has to be interrupted.
(component
  (core module $m
    (func $start (loop $again (br $again)))
    (func $f (export "f"))
    (start $start))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
