"""Instances made ready ahead of the calls (`pool.warm_start`): F-35, F-38."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.guests import add_hostuse, add_wat
from support.ready import READY, add_born, is_ready, wait_until_ready
from support.threads import PATIENCE

from wippy_native import GuestTrap, ImportDenied, LimitExceeded, PoolClosed, Runtime
from wippy_native._border import Engine


def test_a_ready_instance_is_older_than_its_call(rt: Runtime) -> None:
    """F-35; without `warm_start` it never is."""
    wait_until_ready(add_born(rt))
    fresh = add_born(rt, id="app:fresh", pool={})
    assert not any(is_ready(fresh) for _ in range(20))


def test_no_instance_serves_twice(rt: Runtime) -> None:
    """F-38: the same for functions that wait, whose moments of birth all differ, and for those that do not."""
    born = add_born(rt)
    wait_until_ready(born)
    bump = add_wat(rt, "counter", "bump", id="app:bump", pool=READY)
    with ThreadPoolExecutor(4) as threads:
        births = list(threads.map(lambda _: born(), range(200)))
        assert set(threads.map(lambda _: bump(), range(400))) == {1}
    assert len(set(births)) == 200


def test_more_are_made_when_they_are_used_up(rt: Runtime) -> None:
    """F-35."""
    born = add_born(rt)
    for _ in range(3):
        wait_until_ready(born)
        for _ in range(10):
            born()


def test_output_of_the_start_goes_to_the_call(rt: Runtime) -> None:
    """F-35, H-35: once to each, to whoever captures it, and nowhere if it is discarded."""
    born = add_born(rt)
    wait_until_ready(born)
    for _ in range(6):
        heard = io.BytesIO()
        born.with_options(stdout=heard)()
        assert heard.getvalue() == b"started\n"
        born.with_options(stdout="discard")()


def test_input_is_the_calls(rt: Runtime) -> None:
    """F-35, H-34."""
    wait_until_ready(add_born(rt))
    read = add_born(rt, "read-now", id="app:read")
    time.sleep(0.02)
    assert [read.with_options(stdin=b"x" * size)() for size in (3, 0, 7)] == [3, 0, 7]
    component = add_hostuse(rt, "read-stdin", id="app:component", pool=READY)
    time.sleep(0.02)
    assert [component.with_options(stdin=word)() for word in (b"one", b"", b"two")] == [b"one", b"", b"two"]


def test_a_changed_environment_is_seen(rt: Runtime) -> None:
    """F-35, H-40: instances made with another environment are thrown away."""
    rt.add_entry({"id": "app:store", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:v", "kind": "env.variable", "variable": "V", "storage": "app:store", "default": "1"})
    wasi = {"env": [{"id": "app:v", "name": "V"}]}
    born = add_born(rt, wasi=wasi)
    size = add_born(rt, "early-env", id="app:size", wasi=wasi)
    for value in ("22", "333", "4444"):
        wait_until_ready(born)
        rt.env.set("V", value)
        assert size() == len("V=\0") + len(value)
        # What `size` has ready, it has had time for.
        time.sleep(0.02)


def test_a_directory_that_was_replaced_is_not_served(rt: Runtime, tmp_path: Path) -> None:
    """F-35, H-50: what is at the path when the call starts."""
    data = tmp_path / "data"

    def put(content: str) -> None:
        data.mkdir()
        (data / "f").write_text(content)

    put("old")
    rt.add_entry({"id": "app:data", "kind": "fs.directory", "directory": str(data)})
    read = add_hostuse(rt, "read-file", pool=READY, wasi={"mounts": [{"fs": "app:data", "guest": "/d"}]})
    assert read("/d/f") == b"old"
    for turn in range(3):
        time.sleep(0.02)
        data.rename(tmp_path / f"gone{turn}")
        put(f"new{turn}")
        assert read("/d/f") == f"new{turn}".encode()


def test_start_code_that_fails_is_said_by_the_call(rt: Runtime) -> None:
    """F-35, F-45: a trap, a refused import, a limit."""
    trap = rt.add_wasm("app:trap", b'(module (func $s unreachable) (func (export "f")) (start $s))', "f",
                       wit="f: func();", pool=READY)  # fmt: skip
    denied = rt.add_wasm("app:denied", b'(module (import "other" "f" (func $f)) (func (export "f")) (start $f))', "f",
                         wit="f: func();", pool=READY)  # fmt: skip
    slow = add_wat(rt, "spin_start", "f", pool=READY, limits={"max_execution_ms": 30})
    for _ in range(3):
        with pytest.raises(GuestTrap, match=r"failed to instantiate wasm module: .*unreachable"):
            trap()
        with pytest.raises(ImportDenied, match="other#f"):
            denied()
        with pytest.raises(LimitExceeded):
            slow()


def test_start_code_that_reads_its_input_gets_the_calls(rt: Runtime) -> None:
    """F-35, H-34: such an instance cannot be ready before its call."""
    source = b"""(module
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "\\20\\00\\00\\00\\64\\00\\00\\00")
      (func (export "_initialize") (drop (call $read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0))))
      (func (export "f") (result i32) (i32.load (i32.const 0))))"""
    early = rt.add_wasm("app:f", source, "f", wit="f: func() -> u32;", imports=["wasi:cli"], pool=READY)
    for size in (1, 2, 3):
        assert early.with_options(stdin=b"x" * size)() == size
        time.sleep(0.02)


def test_removed_and_replaced_entries_give_their_room_back(rt: Runtime) -> None:
    """F-35, F-36, F-40: each of these takes most of what ready instances may have together."""
    pool = {"type": "lazy", "max_size": 200, "warm_start": True}
    for _ in range(4):
        for _ in range(2):
            wait_until_ready(add_born(rt, pool=pool))
            time.sleep(0.2)
        rt.remove("app:f")


def test_spare_instances_give_way(rt: Runtime) -> None:
    """F-35, F-38a: the engine's whole room is there for calls and kept instances."""
    wait_until_ready(add_born(rt, pool={"type": "lazy", "max_size": 100, "warm_start": True}))
    used = add_wat(rt, "counter", "bump", id="app:used", pool={"reuse": 1000})
    assert [used(), used()] == [1, 2]
    room = Engine().info()["max_instances"]
    kept = add_wat(rt, "counter", "bump", id="app:kept", pool={"max_size": 20_000}).with_options(timeout=PATIENCE)
    with ExitStack() as stack:
        instances = [stack.enter_context(kept.instance()) for _ in range(room)]
        assert instances[-1]() == 1
        with pytest.raises(LimitExceeded), kept.with_options(timeout=0.05).instance():
            raise AssertionError("there was room left")
    assert used() == 1


def test_what_is_never_ready_holds_up_neither_close_nor_removal(rt: Runtime) -> None:
    """F-35, F-36: start code without an end and without a limit."""
    f = add_wat(rt, "spin_start", "f", pool=READY)
    rt.remove("app:f")
    add_wat(rt, "spin_start", "f", id="app:g", pool=READY)
    started = time.monotonic()
    assert rt.close(wait=60) == []
    assert time.monotonic() - started < 30
    with pytest.raises(PoolClosed):
        f()
    end = time.monotonic() + PATIENCE
    while Engine().info()["free_instances"] < Engine().info()["max_instances"]:
        assert time.monotonic() < end, "what was being made was not given up"
        time.sleep(0.01)
