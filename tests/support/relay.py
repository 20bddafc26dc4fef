"""A guest that hands its one argument to a fixed target: what `funcs` can reach, so that calls can be chained.

relay: func(input: string) -> result<string, string>
relay-bytes: func(input: list<u8>) -> result<list<u8>, string>
"""

from __future__ import annotations

from typing import Any

from wippy_native import Function, Runtime

_TEMPLATE = """
(component
  (import "wippy:runtime/funcs@0.1.0" (instance $funcs
    (export "call-string" (func (param "target" string) (param "input" string)
      (result (result string (error string)))))
    (export "call-bytes" (func (param "target" string) (param "input" (list u8))
      (result (result (list u8) (error string)))))))
  (core module $libc
    (memory (export "memory") 4)
    (global $heap (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
      (global.set $heap (i32.add (local.get $at) (local.get 3)))
      (if (i32.gt_u (global.get $heap) (i32.const 262144)) (then unreachable))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $string (canon lower (func $funcs "call-string") (memory $memory) (realloc $realloc)))
  (core func $bytes (canon lower (func $funcs "call-bytes") (memory $memory) (realloc $realloc)))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "funcs" "string" (func $string (param i32 i32 i32 i32 i32)))
    (import "funcs" "bytes" (func $bytes (param i32 i32 i32 i32 i32)))
    (data (i32.const 64) "TARGET")
    (func (export "relay") (param i32 i32) (result i32)
      (call $string (i32.const 64) (i32.const LENGTH) (local.get 0) (local.get 1) (i32.const 16))
      (i32.const 16))
    (func (export "relay-bytes") (param i32 i32) (result i32)
      (call $bytes (i32.const 64) (i32.const LENGTH) (local.get 0) (local.get 1) (i32.const 16))
      (i32.const 16)))
  (core instance $i (instantiate $m (with "libc" (instance $libc))
    (with "funcs" (instance (export "string" (func $string)) (export "bytes" (func $bytes))))))
  (func (export "relay") (param "input" string) (result (result string (error string)))
    (canon lift (core func $i "relay") (memory $memory) (realloc $realloc)))
  (func (export "relay-bytes") (param "input" (list u8)) (result (result (list u8) (error string)))
    (canon lift (core func $i "relay-bytes") (memory $memory) (realloc $realloc))))
"""


def add_relay(rt: Runtime, id: str, target: str, method: str = "relay", **fields: Any) -> Function:
    """Add a function that calls `target` with what it gets."""
    source = _TEMPLATE.replace("TARGET", target).replace("LENGTH", str(len(target.encode())))
    return rt.add_wasm(id, source.encode(), method, imports=["funcs"], **fields)
