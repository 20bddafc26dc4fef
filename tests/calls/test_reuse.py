"""Instances that serve several calls by choice (`pool.reuse`): F-38a."""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.guests import add_hostuse
from support.ready import add_born
from support.relay import add_relay

from wippy_native import Function, GuestError, GuestTrap, LimitExceeded, Runtime

COUNTER = b"""(module (global $n (mut i32) (i32.const 0))
  (func (export "f") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then unreachable))
    (if (i32.lt_s (local.get 0) (i32.const 0)) (then (loop $again (br $again))))
    (global.set $n (i32.add (global.get $n) (local.get 0)))
    (global.get $n)))"""


def add_counter(rt: Runtime, reuse: int, **fields: Any) -> Function:
    """Sums up what it is given; 0 traps, a negative number never ends."""
    pool = {"type": "lazy", "max_size": 2, "reuse": reuse}
    return rt.add_wasm("app:f", COUNTER, "f", **{"wit": "f: func(n: s32) -> s32;", "pool": pool, **fields})


def test_so_many_calls_and_no_more(rt: Runtime) -> None:
    """F-38a; 1 is a fresh instance each call."""
    count = add_counter(rt, 3)
    assert [count(1) for _ in range(8)] == [1, 2, 3, 1, 2, 3, 1, 2]
    count = add_counter(rt, 1)
    assert [count(1) for _ in range(3)] == [1, 1, 1]


def test_from_an_event_loop_too(rt: Runtime) -> None:
    """F-38a."""
    count = add_counter(rt, 3)

    async def main() -> list[int]:
        return [await count.call_async(1) for _ in range(4)]

    assert asyncio.run(main()) == [1, 2, 3, 1]


def test_a_call_that_fails_ends_the_instance(rt: Runtime) -> None:
    """F-38a, F-45, F-51."""
    count = add_counter(rt, 100)
    assert [count(1), count(1)] == [1, 2]
    with pytest.raises(GuestTrap):
        count(0)
    assert [count(1), count(1)] == [1, 2]
    with pytest.raises(LimitExceeded):
        count.with_options(timeout=0.05)(-1)
    assert count(1) == 1


def test_one_instance_serves_one_call_at_a_time(rt: Runtime) -> None:
    """F-38a: the sums of all instances together are what was added."""
    count = add_counter(rt, 10)
    with ThreadPoolExecutor(4) as threads:
        sums = list(threads.map(lambda _: count(1), range(400)))
    assert max(sums) <= 10
    assert sums.count(1) >= 40


def test_guests_that_others_call_are_used_again(rt: Runtime) -> None:
    """F-38a, H-20: a relay never frees memory, and has 256 KiB: the third call finds too little."""
    rt.register("app:end")(lambda text: "done")
    add_relay(rt, "app:middle", "app:end", pool={"reuse": 100})
    relay = add_relay(rt, "app:f", "app:middle")

    def outcome() -> str:
        try:
            return str(relay("x" * 100_000))
        except GuestError:
            return "full"

    assert [outcome() for _ in range(5)] == ["done", "done", "full", "done", "done"]


def test_streams_are_the_calls(rt: Runtime) -> None:
    """F-38a, H-34, H-35: the start's output is that of the first call."""
    read = add_born(rt, "read-now", pool={"type": "lazy", "reuse": 3})
    for size, start in ((3, b"started\n"), (0, b""), (5, b""), (1, b"started\n")):
        heard = io.BytesIO()
        assert read.with_options(stdin=b"x" * size, stdout=heard)() == size
        assert heard.getvalue() == start
    say = add_hostuse(rt, "write-stdout", id="app:say", pool={"reuse": 100})
    for word in ("one", "two"):
        heard = io.BytesIO()
        say.with_options(stdout=heard)(word)
        say.with_options(stdout="discard")("lost")
        assert heard.getvalue() == word.encode()


def test_another_environment_or_directory_takes_a_fresh_one(rt: Runtime, tmp_path: Path) -> None:
    """F-38a, H-40, H-50."""
    rt.add_entry({"id": "app:store", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:v", "kind": "env.variable", "variable": "V", "storage": "app:store", "default": "1"})
    (tmp_path / "data").mkdir()
    rt.add_entry({"id": "app:data", "kind": "fs.directory", "directory": str(tmp_path / "data")})
    wasi = {"env": [{"id": "app:v", "name": "V"}], "mounts": [{"fs": "app:data", "guest": "/d"}]}
    born = add_born(rt, wasi=wasi, imports=["wasi:cli", "wasi:clocks", "wasi:filesystem"], pool={"reuse": 100})
    first = born()
    assert born() == first
    rt.env.set("V", "2")
    second = born()
    assert second != first
    assert born() == second
    (tmp_path / "data").rename(tmp_path / "other")
    (tmp_path / "data").mkdir()
    assert born() != second


def test_together_with_ready_ones(rt: Runtime) -> None:
    """F-35, F-38a."""
    count = add_counter(rt, 2, pool={"type": "lazy", "warm_start": True, "reuse": 2})
    assert [count(1) for _ in range(100)] == [1, 2] * 50


def test_idle_instances_give_way(rt: Runtime) -> None:
    """F-38a: more entries than a quarter of the engine's room has place for."""
    pool = {"type": "lazy", "max_size": 400, "reuse": 1000}
    for index in range(300):
        assert add_counter(rt, 0, pool=pool)(index + 1) == index + 1
