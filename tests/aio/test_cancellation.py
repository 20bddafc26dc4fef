"""Cancelling a task ends its guest, whatever that does, and frees the instance before that returns (B-21, B-22)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from support.engine import free_instances
from support.guests import add_hostuse, add_wat
from support.relay import add_relay
from support.threads import eventually

from wippy_native import Function, GuestTrap, Runtime


def test_a_busy_guest(rt: Runtime) -> None:
    spin = add_wat(rt, "traps", "spin")
    _cancelled_frees(lambda: spin.call_async())


def test_a_sleeping_guest(rt: Runtime) -> None:
    sleep = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks", "wasi:io"])
    _cancelled_frees(lambda: sleep.call_async(60_000))


def test_a_guest_in_a_plain_callee(rt: Runtime) -> None:
    """The callee itself cannot be interrupted; the guest does not wait for it."""
    let_go = threading.Event()
    rt.register("app:py")(lambda _: str(let_go.wait(30)))
    call = add_hostuse(rt, "call-string", imports=("funcs",))
    _cancelled_frees(lambda: call.call_async("app:py", ""))
    let_go.set()


def test_a_guest_in_an_async_callee(rt: Runtime) -> None:
    """H-20: the callee is cancelled as well."""
    cancelled = threading.Event()

    @rt.register("app:py")
    async def callee(_: str) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    call = add_hostuse(rt, "call-string", imports=("funcs",))
    _cancelled_frees(lambda: call.call_async("app:py", ""), then=lambda: asyncio.sleep(0.05))
    eventually(cancelled.is_set, "the callee's cancellation")


def test_a_guest_within_a_guest(rt: Runtime) -> None:
    """H-26: both instances are gone."""
    add_relay(rt, "app:inner", "app:py")
    outer = add_relay(rt, "app:outer", "app:inner")
    let_go = threading.Event()
    rt.register("app:py")(lambda _: str(let_go.wait(30)))
    _cancelled_frees(lambda: outer.call_async(""), instances=2)
    let_go.set()


def test_a_call_that_waits_for_its_turn(rt: Runtime) -> None:
    """F-20."""
    sleep = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks", "wasi:io"], pool={"size": 1})

    async def main() -> None:
        first = asyncio.create_task(sleep.call_async(60_000))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(sleep.call_async(60_000))
        await asyncio.sleep(0.02)
        for task in (second, first):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await sleep.call_async(1) is None

    asyncio.run(main())


def test_cancelled_again_while_it_ends(rt: Runtime) -> None:
    spin = add_wat(rt, "traps", "spin")

    async def main() -> None:
        free = free_instances()
        task = asyncio.create_task(spin.call_async())
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert free_instances() == free

    asyncio.run(main())


def test_asyncio_timeout(rt: Runtime) -> None:
    spin = add_wat(rt, "traps", "spin")

    async def main() -> None:
        free = free_instances()
        with pytest.raises(TimeoutError):
            await _timed(spin)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(spin.call_async(), 0.03)
        assert free_instances() == free

    asyncio.run(main())


def test_a_task_group_ends_the_others(rt: Runtime) -> None:
    spin = add_wat(rt, "traps", "spin", id="app:spin")
    trap = add_wat(rt, "traps", "unreachable", id="app:trap")

    async def main() -> None:
        free = free_instances()
        with pytest.raises(ExceptionGroup) as raised:
            await _together(spin, trap)
        assert [type(error) for error in raised.value.exceptions] == [GuestTrap]
        assert free_instances() == free

    asyncio.run(main())


def test_the_loop_goes_on_meanwhile(rt: Runtime) -> None:
    """Ending a busy guest takes until its next tick; the loop's thread does not wait for it."""
    spin = add_wat(rt, "traps", "spin")
    turns = 0

    async def main() -> None:
        nonlocal turns
        tasks = [asyncio.create_task(spin.call_async()) for _ in range(4)]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        while not all(task.done() for task in tasks):
            turns += 1
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert turns > 1


async def _together(*functions: Function) -> None:
    async with asyncio.TaskGroup() as group:
        for function in functions:
            group.create_task(function.call_async())


async def _timed(function: Function) -> None:
    async with asyncio.timeout(0.03):
        await function.call_async()


def _cancelled_frees(
    call: Callable[..., object], then: Callable[..., object] | None = None, instances: int = 1
) -> None:
    async def main() -> None:
        free = free_instances()
        task = asyncio.ensure_future(call())  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        assert free_instances() <= free - instances, "it runs"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert free_instances() == free
        if then is not None:
            await then()  # type: ignore[misc]

    asyncio.run(main())
