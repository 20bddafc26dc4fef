"""What a guest's Python functions have started ends with the guest (B-21, H-26)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.engine import free_instances
from support.guests import add_hostuse, add_wat

from wippy_native import Function, GuestError, Runtime

SLEEP = ["wasi:clocks", "wasi:io"]


@pytest.fixture
def outer(rt: Runtime) -> Function:
    return add_hostuse(rt, "call-string", id="app:outer", imports=("funcs",))


@pytest.mark.parametrize("what", ["spin", "sleep", "map of spins", "map of sleeps", "asyncio.run"])
def test_calls_of_a_plain_callee(rt: Runtime, outer: Function, what: str) -> None:
    spin = add_wat(rt, "traps", "spin", id="app:spin")
    sleep = add_wat(rt, "sleep", "sleep", id="app:sleep", imports=SLEEP)
    work: dict[str, Callable[[], Any]] = {
        "spin": spin,
        "sleep": lambda: sleep(600_000),
        "map of spins": lambda: list(spin.starmap([()] * 10)),
        "map of sleeps": lambda: list(sleep.map([600_000] * 10)),
        "asyncio.run": lambda: asyncio.run(spin.call_async()),
    }
    ended = threading.Event()

    def callee(_: str) -> str:
        try:
            work[what]()
        finally:
            ended.set()
        return ""

    rt.register("app:py")(callee)

    async def main() -> None:
        free = free_instances()
        task = asyncio.create_task(outer.call_async("app:py", ""))
        while free_instances() > free - 2:
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not ended.is_set() or free_instances() != free:
            await asyncio.sleep(0.002)

    asyncio.run(asyncio.wait_for(main(), 30))


def test_callees_that_wait_for_callees_have_threads(rt: Runtime) -> None:
    """B-40: more functions at once than one pool of threads has, each waiting for another one's guest and function."""
    met = threading.Semaphore(0)
    pool = {"type": "lazy", "max_size": 2000}
    first = add_hostuse(rt, "call-string", id="app:first", imports=("funcs",), pool=pool)
    second = add_hostuse(rt, "call-string", id="app:second", imports=("funcs",), pool=pool)
    rt.register("app:leaf")(str.upper)
    waiting = 0
    lock = threading.Lock()

    @rt.register("app:middle")
    def middle(text: str) -> str:
        nonlocal waiting
        with lock:
            waiting += 1
            if waiting == 512:
                met.release(512)
        met.acquire(timeout=30)
        return str(next(second.starmap([("app:leaf", text)])))

    async def main() -> list[str]:
        return await asyncio.gather(*(first.call_async("app:middle", "a") for _ in range(512)))

    assert asyncio.run(asyncio.wait_for(main(), 120)) == ["A"] * 512


def test_a_plain_call_on_the_loop_does_not_wait_for_its_own_callers(rt: Runtime) -> None:
    """B-26: every permit is held by a guest whose function waits for this call to let the loop go."""
    call = add_hostuse(rt, "call-string", id="app:f", imports=("funcs",), pool={"type": "lazy", "max_size": 2})
    started = 0

    @rt.register("app:py")
    async def callee(text: str) -> str:
        nonlocal started
        started += 1
        while started < 2:
            await asyncio.sleep(0.001)
        return call("app:other", text)  # type: ignore[no-any-return]

    rt.register("app:other")(str.upper)

    async def main() -> None:
        with pytest.raises(GuestError, match=r"use `await call_async`, or raise pool\.max_size"):
            await asyncio.gather(call.call_async("app:py", ""), call.call_async("app:py", ""))

    asyncio.run(asyncio.wait_for(main(), 30))
