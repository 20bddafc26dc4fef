"""Python functions that guests call from an event loop: async ones run on that loop (B-23 to B-25, H-20, H-27)."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from support.guests import add_hostuse
from support.relay import add_relay

from wippy_native import Function, GuestError, Runtime

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


@pytest.fixture
def call(rt: Runtime) -> Function:
    return add_hostuse(rt, "call-string", id="test:call", imports=("funcs",))


def test_async_callees_run_on_the_callers_loop(rt: Runtime, call: Function) -> None:
    """H-20."""
    loops: list[Any] = []

    @rt.register("app:py")
    async def callee(text: str) -> str:
        loops.append((asyncio.get_running_loop(), threading.get_ident()))
        await asyncio.sleep(0.001)
        return text.upper()

    async def main() -> Any:
        assert await call.call_async("app:py", "abc") == "ABC"
        return asyncio.get_running_loop(), threading.get_ident()

    assert asyncio.run(main()) == loops[0]


def test_the_callers_context(rt: Runtime, call: Function) -> None:
    """Context variables are those of the code that made the call; what a function changes stays its own."""

    @rt.register("app:async")
    async def later(_: str) -> str:
        seen = user.get()
        user.set("changed")
        return seen

    @rt.register("app:plain")
    def plain(_: str) -> str:
        seen = user.get()
        user.set("changed")
        return seen

    async def one(name: str) -> list[str]:
        user.set(name)
        found = [await call.call_async("app:async", ""), await call.call_async("app:plain", "")]
        return [*found, user.get()]

    async def main() -> Any:
        return await asyncio.gather(one("ann"), one("bob"))

    assert asyncio.run(main()) == [["ann"] * 3, ["bob"] * 3]


def test_a_callee_calls_back_into_the_runtime(rt: Runtime, call: Function) -> None:
    """No deadlock: a guest called from the loop calls a function on the loop, which calls a guest, and so on."""

    @rt.register("app:down")
    async def down(text: str) -> str:
        depth = int(text)
        return "0" if depth == 0 else str(int(await rt.call_async("test:call", "app:down", str(depth - 1))) + 1)

    async def main() -> list[str]:
        return await asyncio.gather(*(call.call_async("app:down", "5") for _ in range(10)))

    assert asyncio.run(main()) == ["5"] * 10


def test_depth_is_counted_through_async_callees(rt: Runtime, call: Function) -> None:
    """H-26."""

    @rt.register("app:py")
    async def callee(text: str) -> str:
        return await rt.call_async("test:call", "app:py", text)  # type: ignore[no-any-return]

    async def main() -> None:
        with pytest.raises(GuestError, match="call depth limit exceeded"):
            await call.call_async("app:py", "")

    asyncio.run(main())


def test_a_plain_callee_blocks_neither_the_loop_nor_other_guests(rt: Runtime, call: Function) -> None:
    met = threading.Barrier(8)
    rt.register("app:meet")(lambda text: met.wait(30) is not None and text)

    async def main() -> list[str]:
        return await asyncio.gather(*(call.call_async("app:meet", str(number)) for number in range(8)))

    assert asyncio.run(main()) == [str(number) for number in range(8)]


def test_a_plain_callee_that_returns_an_awaitable(rt: Runtime, call: Function) -> None:
    """H-27: it is awaited on the caller's loop."""
    where: list[Any] = []

    async def work(text: str) -> str:
        where.append(asyncio.get_running_loop())
        return text * 2

    rt.register("app:py")(lambda text: work(text))

    async def main() -> Any:
        assert await call.call_async("app:py", "ab") == "abab"
        return asyncio.get_running_loop()

    assert asyncio.run(main()) is where[0]


def test_a_plain_callee_makes_a_plain_call_whose_guest_needs_the_loop(rt: Runtime, call: Function) -> None:
    """The plain function runs on another thread, so the loop is free for the async one."""

    @rt.register("app:async")
    async def later(text: str) -> str:
        await asyncio.sleep(0)
        return f"{text} on {threading.get_ident()}"

    rt.register("app:plain")(lambda text: rt.call("test:call", "app:async", text))

    async def main() -> str:
        return await call.call_async("app:plain", "ran")  # type: ignore[no-any-return]

    assert asyncio.run(main()) == f"ran on {threading.get_ident()}"


def test_a_plain_call_on_the_loop_that_needs_the_loop_is_refused(rt: Runtime, call: Function) -> None:
    """H-27: at once, also where it is made by an async function that a guest called."""

    @rt.register("app:async")
    async def later(text: str) -> str:
        return text

    @rt.register("app:outer")
    async def outer(text: str) -> str:
        return call("app:async", text)  # type: ignore[no-any-return]

    async def main() -> None:
        with pytest.raises(GuestError, match="thread of a running event loop"):
            await call.call_async("app:outer", "x")

    asyncio.run(main())


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError])
def test_what_an_async_callee_raises(rt: Runtime, call: Function, kind: type[BaseException]) -> None:
    """H-23."""

    @rt.register("app:py")
    async def callee(_: str) -> None:
        raise kind("no such luck")

    async def main() -> None:
        with pytest.raises(GuestError, match=r"no such luck|was cancelled"):
            await call.call_async("app:py", "")

    asyncio.run(main())


def test_guests_between(rt: Runtime) -> None:
    """H-21: the loop is found through a chain of guests."""

    @rt.register("app:py")
    async def callee(text: str) -> str:
        return f"{text} {user.get()}"

    add_relay(rt, "app:second", "app:py")
    first = add_relay(rt, "app:first", "app:second")

    async def main() -> str:
        user.set("carol")
        return await first.call_async("hello")  # type: ignore[no-any-return]

    assert asyncio.run(main()) == "hello carol"


def test_the_guests_deadline_ends_an_async_callee(rt: Runtime) -> None:
    """H-26: nobody waits for it any more."""
    ended = threading.Event()

    @rt.register("app:py")
    async def callee(_: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    call = add_hostuse(rt, "call-string", imports=("funcs",), limits={"max_execution_ms": 50})
    with pytest.raises(Exception, match="execution limit exceeded"):
        call("app:py", "")
    assert ended.wait(30)
