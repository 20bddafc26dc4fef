"""Instances that Python keeps (`Function.instance`): F-38b."""

from __future__ import annotations

import asyncio
import gc
import io
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.guests import add_hostuse, add_wat, built
from support.processes import run
from support.ready import READY, add_born
from support.threads import PATIENCE, in_thread

from wippy_native import (
    ArgumentError,
    Function,
    FunctionNotFound,
    GuestError,
    GuestExit,
    GuestTrap,
    Instance,
    LimitExceeded,
    PoolClosed,
    Runtime,
    WippyError,
)


@pytest.fixture
def bump(rt: Runtime) -> Function:
    return add_wat(rt, "counter", "bump")


def assert_ended(instance: Instance, why: str) -> None:
    with pytest.raises(WippyError, match=f"the instance has ended: .*{why}") as raised:
        instance()
    assert raised.value.kind == "Unavailable"


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_state_lives_from_call_to_call(bump: Function) -> None:
    """F-38b; and two instances have nothing to do with each other, nor with plain calls."""
    with bump.instance() as one, bump.instance() as two:
        assert [one(), one(), two(), one()] == [1, 2, 1, 3]
        assert bump() == 1
        assert one() == 4
    assert repr(one) == "<Instance of app:f>"


def test_any_export_of_the_module(rt: Runtime, bump: Function) -> None:
    """F-38b, F-13: found as `method` is, with values of its own."""
    with bump.instance() as instance:
        instance()
        assert [instance.call("peek"), instance.call("bump"), instance.call("peek")] == [1, 2, 2]
        with pytest.raises(FunctionNotFound, match='export "poke" not found in component; it exports bump, peek'):
            instance.call("poke")
        assert instance.call("peek") == 2
    with rt.add_wasm("app:g", built("types"), "greet").instance() as types:
        assert types.call("plain#double", 21) == 42
        assert types.call("try-divide", a=7, b=2) == 3
        assert types("you") == "Hello, you!"


def test_from_an_event_loop(bump: Function) -> None:
    """F-38b: in any order with plain calls."""

    async def main() -> list[int]:
        async with bump.instance() as instance:
            return [
                await instance.call_async(),
                instance(),
                await instance.call_export_async("peek"),
                await instance.call_export_async("bump"),
            ]

    assert asyncio.run(main()) == [1, 2, 2, 3]


def test_without_a_block_the_first_call_starts_it(bump: Function) -> None:
    """F-38b."""
    instance = bump.instance()
    assert [instance(), instance()] == [1, 2]
    instance.close()
    instance.close()
    assert_ended(instance, "it was closed")


def test_mistakes_of_the_caller_and_errors_of_the_guest_end_nothing(rt: Runtime) -> None:
    """F-38b, F-43, V-22."""
    with rt.add_wasm("app:f", built("types"), "try-divide").instance() as divide:
        with pytest.raises(ArgumentError):
            divide("x", 1)
        with pytest.raises(GuestError, match="division by zero"):
            divide(1, 0)
        assert divide(6, 3) == 2


def test_a_trap_ends_it(rt: Runtime) -> None:
    """F-38b, F-45."""
    with add_wat(rt, "traps", "unreachable").instance() as instance:
        assert instance.call("grow", 1) == 32
        assert instance.call("grow", 0) == 33
        with pytest.raises(GuestTrap, match="failed to call wasm method: deep-trap"):
            instance.call("deep-trap")
        assert_ended(instance, "deep-trap")


def test_an_exit_ends_it(rt: Runtime) -> None:
    """F-38b, H-33."""
    with add_hostuse(rt, "exit").instance() as instance:
        with pytest.raises(GuestExit):
            instance(3)
        with pytest.raises(WippyError, match="the instance has ended"):
            instance(0)


def test_a_limit_ends_it(rt: Runtime) -> None:
    """F-38b, F-51: the timeout is that of each call."""
    with add_wat(rt, "traps", "spin").with_options(timeout=0.05).instance() as instance:
        for _ in range(3):
            instance.call("grow", 0)
            time.sleep(0.03)
        with pytest.raises(LimitExceeded):
            instance()
        assert_ended(instance, "timeout exceeded: 50ms")


def test_cancelling_ends_it(rt: Runtime) -> None:
    """F-38b, F-49."""

    async def main() -> None:
        async with add_wat(rt, "traps", "spin").instance() as instance:
            call = asyncio.create_task(instance.call_async())
            await asyncio.sleep(0.02)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert_ended(instance, "its last call was cancelled")

    asyncio.run(main())


def test_one_call_at_a_time(rt: Runtime) -> None:
    """F-38b: from another thread, and from a function that its guest calls."""
    with add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"]).instance() as sleep:
        other = in_thread(lambda: sleep(300))
        errors = []

        def is_refused() -> bool:
            try:
                sleep(0)
            except WippyError as error:
                errors.append((error.kind, str(error)))
            return bool(errors)

        until(is_refused)
        assert other.result(PATIENCE) is None
        assert errors == [("Conflict", "app:f: the instance is in the middle of a call: one call at a time")]
        sleep(0)

    call = add_hostuse(rt, "call-string")
    with call.instance() as instance:
        rt.register("app:again")(lambda text: instance("app:again", text))
        with pytest.raises(GuestError, match="one call at a time"):
            instance("app:again", "")
        rt.register("app:fine")(lambda text: text + "!")
        assert instance("app:fine", "so") == "so!"


def test_it_takes_the_room_of_a_call(rt: Runtime) -> None:
    """F-38b, F-20: until it is closed, has ended or is dropped."""
    bump = add_wat(rt, "counter", "bump", pool={"type": "lazy", "max_size": 1}).with_options(timeout=0.05)
    instance = bump.instance()
    for how in ("close", "drop"):
        assert instance() == 1
        with pytest.raises(LimitExceeded), bump.instance():
            raise AssertionError("past the capacity")
        if how == "close":
            instance.close()
            assert bump() == 1
            instance = bump.instance()
    del instance
    gc.collect()
    assert bump() == 1


def test_one_that_waits_gets_its_turn(rt: Runtime) -> None:
    """F-38b."""
    bump = add_wat(rt, "counter", "bump", pool={"type": "lazy", "max_size": 1})

    async def main() -> int:
        async with bump.instance() as first:
            await first.call_async()
            second = asyncio.create_task(bump.instance().call_async())
            await asyncio.sleep(0.02)
            assert not second.done()
        return int(await second)

    assert asyncio.run(main()) == 1


def test_a_call_that_found_no_room_ends_nothing(rt: Runtime) -> None:
    """F-38b: there was no instance yet."""
    bump = add_wat(rt, "counter", "bump", pool={"type": "lazy", "max_size": 1}).with_options(timeout=0.03)
    waiting = bump.instance()
    with bump.instance(), pytest.raises(LimitExceeded):
        waiting()
    assert waiting() == 1


def test_options_and_streams_are_each_calls(rt: Runtime) -> None:
    """F-38b, H-34, H-35."""
    heard = io.BytesIO()
    read = add_born(rt, "read-now", pool={}).with_options(stdin=b"abc", stdout=heard)
    with read.instance() as instance:
        assert heard.getvalue() == b"started\n"
        assert [instance(), instance()] == [3, 3]
        born = instance.call("born")
        assert instance.call("born") == born
    assert heard.getvalue() == b"started\n"


def test_the_environment_is_that_of_the_start(rt: Runtime) -> None:
    """F-38b, H-40."""
    rt.add_entry({"id": "app:store", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:v", "kind": "env.variable", "variable": "V", "storage": "app:store", "default": "1"})
    read = add_hostuse(rt, "get-env", wasi={"env": [{"id": "app:v", "name": "V"}]})
    with read.instance() as instance:
        rt.env.set("V", "2")
        assert instance() == [("V", "1")]
        assert read() == [("V", "2")]


def test_it_may_start_from_a_ready_one(rt: Runtime) -> None:
    """F-35, F-38b: which no call gets then."""
    bump = add_wat(rt, "counter", "bump", pool=READY)
    time.sleep(0.05)
    with bump.instance() as one, bump.instance() as two:
        assert [one(), one(), two(), bump(), one()] == [1, 2, 1, 1, 3]


def test_closing_the_runtime_ends_it(rt: Runtime, bump: Function) -> None:
    """F-36, F-38b: without waiting for one that rests."""
    instance = bump.instance()
    assert instance() == 1
    started = time.monotonic()
    assert rt.close(wait=60) == []
    assert time.monotonic() - started < 30
    with pytest.raises(PoolClosed, match="pool is closed"):
        instance()
    instance.close()


def test_removing_the_entry_ends_it(rt: Runtime, bump: Function) -> None:
    """F-36, F-38b, F-40: replacing it does not."""
    with bump.instance() as instance:
        instance()
        add_wat(rt, "counter", "peek")
        assert instance() == 2
        rt.remove("app:f")
        with pytest.raises(PoolClosed, match="the entry was removed"):
            instance()


def test_start_code_that_fails(rt: Runtime) -> None:
    """F-38b, F-45: said where the instance starts."""
    trap = rt.add_wasm("app:f", b'(module (func $s unreachable) (func (export "f")) (start $s))', "f", wit="f: func();")
    instance = trap.instance()
    with pytest.raises(GuestTrap, match="failed to instantiate"), instance:
        raise AssertionError("started")
    assert_ended(instance, "failed to instantiate")


def test_it_belongs_to_its_process(bump: Function) -> None:
    """F-38b."""
    with bump.instance() as instance, pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(instance)


def test_a_forked_child_uses_nothing_of_the_parents(tmp_path: Any) -> None:
    """F-35, F-38b: neither ready instances nor kept ones; and dropping them there is fine."""
    done = run(f"""
        import os, wippy_native as wippy
        rt = wippy.Runtime(cache_dir={str(tmp_path)!r})
        pool = {{"type": "lazy", "max_size": 50, "warm_start": True}}
        bump = rt.add_wasm("app:f", {str(built("types"))!r}, "greet", pool=pool)
        instance = bump.instance()
        instance("a")
        child = os.fork()
        if child == 0:
            for call in (instance, bump):
                try:
                    call("a")
                except wippy.WippyError as error:
                    assert error.kind == "Unavailable", error
                else:
                    os._exit(1)
            del rt, bump, instance, call
            import gc
            gc.collect()
            mine = wippy.Runtime(cache_dir={str(tmp_path)!r})
            again = mine.add_wasm("app:f", {str(built("types"))!r}, "greet", pool=pool)
            os._exit(0 if again("b") == "Hello, b!" else 2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), instance("c"))
    """)
    assert done.check().out.split() == ["0", "Hello,", "c!"]
