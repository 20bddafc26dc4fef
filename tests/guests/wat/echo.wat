;; echo:       func(s: string) -> string
;; echo-bytes: func(b: list<u8>) -> list<u8>
;; len-bytes:  func(b: list<u8>) -> u32
;; sum-f64:    func(xs: list<f64>) -> f64
;; echo-recs:  func(rs: list<rec>) -> list<rec>     record rec { id: u32, name: string, score: f64 }
;;
;; An echo returns the pointer and length it was given, so what a call costs is the host's lowering and lifting and
;; nothing else. Memory is one bump allocator over one page that grows on demand; post-return empties it, so that
;; an instance that serves many calls does not run out.
(component
  (core module $m
    (memory (export "memory") 1)
    (global $heap (mut i32) (i32.const 1024))
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
    ;; The result area (pointer, length) lives at address 16, below the heap.
    (func $same (export "same") (param $ptr i32) (param $len i32) (result i32)
      (i32.store (i32.const 16) (local.get $ptr))
      (i32.store (i32.const 20) (local.get $len))
      (i32.const 16))
    (func $len_bytes (export "len-bytes") (param $ptr i32) (param $len i32) (result i32)
      (global.set $heap (i32.const 1024))
      (local.get $len))
    (func $sum_f64 (export "sum-f64") (param $ptr i32) (param $len i32) (result f64)
      (local $sum f64)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $len)))
          (local.set $sum (f64.add (local.get $sum) (f64.load (local.get $ptr))))
          (local.set $ptr (i32.add (local.get $ptr) (i32.const 8)))
          (local.set $len (i32.sub (local.get $len) (i32.const 1)))
          (br $next)))
      (global.set $heap (i32.const 1024))
      (local.get $sum))
    (func $reset (export "reset") (param i32)
      (global.set $heap (i32.const 1024))))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "cabi_realloc" (core func $realloc))
  (alias core export $i "same" (core func $same))
  (alias core export $i "reset" (core func $reset))

  (type $rec_shape (record (field "id" u32) (field "name" string) (field "score" f64)))
  (export $rec "rec" (type $rec_shape))

  (func (export "echo") (param "s" string) (result string)
    (canon lift (core func $same) (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "echo-bytes") (param "b" (list u8)) (result (list u8))
    (canon lift (core func $same) (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "len-bytes") (param "b" (list u8)) (result u32)
    (canon lift (core func $i "len-bytes") (memory $memory) (realloc $realloc)))
  (func (export "sum-f64") (param "xs" (list f64)) (result f64)
    (canon lift (core func $i "sum-f64") (memory $memory) (realloc $realloc)))
  (func (export "echo-recs") (param "rs" (list $rec)) (result (list $rec))
    (canon lift (core func $same) (memory $memory) (realloc $realloc) (post-return $reset))))
