"""Every call gets a fresh instance, whatever the pool: F-38, F-44."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.guests import add_hostuse, add_wat, built

from wippy_native import GuestTrap, Runtime

POOLS: dict[str, dict[str, Any]] = {
    "implicit lazy": {},
    "implicit inline": {"size": 1},
    "implicit static": {"size": 2, "workers": 2},
    "inline": {"type": "inline"},
    "lazy": {"type": "lazy", "max_size": 2},
    "static": {"type": "static", "size": 2, "workers": 2, "buffer": 1},
    "adaptive": {"type": "adaptive", "max_size": 3},
    "warm": {"type": "static", "size": 2, "warm_start": True},
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_memory_and_globals_never_survive(rt: Runtime, pool: dict[str, Any]) -> None:
    """F-38."""
    bump = add_wat(rt, "counter", "bump", pool=pool)
    peek = add_wat(rt, "counter", "peek", id="app:peek", pool=pool)
    assert [bump() for _ in range(50)] == [1] * 50
    assert peek() == 0


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_nor_between_threads(rt: Runtime, pool: dict[str, Any]) -> None:
    """F-38."""
    bump = add_wat(rt, "counter", "bump", pool=pool)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: bump(), range(400))) == {1}


CORE_COUNTER = b"""(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
  (table $t 2 funcref) (elem $e func $bump) (elem (table $t) (i32.const 0) func $bump)
  (func $bump (export "bump") (result i32)
    (if (ref.is_null (table.get $t (i32.const 0))) (then unreachable))
    (table.set $t (i32.const 0) (ref.null func))
    (table.init $t $e (i32.const 1) (i32.const 0) (i32.const 1))
    (elem.drop $e)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (i32.add (i32.mul (i32.const 100) (memory.grow (i32.const 1)))
             (i32.add (global.get $n) (i32.load (i32.const 0))))))"""


def test_nor_of_a_core_module_with_tables_and_grown_memory(rt: Runtime) -> None:
    """F-38: memory size, tables and passive segments too."""
    bump = rt.add_wasm("app:f", CORE_COUNTER, "bump", wit="bump: func() -> s32;")
    assert {bump() for _ in range(20)} == {102}


def test_a_trapped_call_leaves_nothing(rt: Runtime) -> None:
    """F-38, F-45."""
    trap = add_wat(rt, "traps", "grow-forever", limits={"max_memory_bytes": 4 << 20})
    grow = add_wat(rt, "traps", "grow", id="app:grow", limits={"max_memory_bytes": 4 << 20})
    for _ in range(3):
        with pytest.raises(GuestTrap):
            trap()
        assert grow(0) == 32


def test_memory_of_former_calls_cannot_be_read(rt: Runtime) -> None:
    """F-38: what one call wrote into grown memory, no other call finds there."""
    source = b"""(module (memory (export "memory") 1)
      (func (export "leave") (param i32) (result i32)
        (drop (memory.grow (i32.const 15)))
        (memory.fill (i32.const 4096) (local.get 0) (i32.const 1000000)) (i32.const 0))
      (func (export "look") (param i32) (result i32) (local $sum i32)
        (drop (memory.grow (i32.const 15)))
        (loop $next
          (local.set $sum (i32.or (local.get $sum) (i32.load8_u (local.get 0))))
          (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get 0) (i32.const 1048576))))
        (local.get $sum)))"""
    wit = "leave: func(n: s32) -> s32; look: func(n: s32) -> s32;"
    leave = rt.add_wasm("app:leave", source, "leave", wit=wit)
    look = rt.add_wasm("app:look", source, "look", wit=wit)

    def work(index: int) -> int:
        return int(leave(255) if index % 2 else look(0))

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(work, range(60))) == {0}


def test_no_result_is_none(rt: Runtime) -> None:
    """F-44: on the direct path and where the guest may suspend."""
    assert add_wat(rt, "core_add", "nothing", wit="nothing: func();")() is None
    assert rt.add_wasm("app:g", built("types"), "echo#nothing")() is None
    assert add_hostuse(rt, "write-stdout", id="app:h")("") is None
