"""`Runtime.executor()`: the interface of `concurrent.futures` (B-30 to B-32)."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError, as_completed, wait

import pytest
from support.engine import free_instances
from support.guests import add_wat
from support.threads import eventually

from wippy_native import ArgumentError, Function, FunctionNotFound, GuestTrap, Runtime

SLEEP = ("wasi:clocks", "wasi:io")


@pytest.fixture
def add(rt: Runtime) -> Function:
    return add_wat(rt, "add", "add", id="app:add")


def test_by_id_by_function_and_plain_callables(rt: Runtime, add: Function) -> None:
    with rt.executor() as pool:
        futures = [pool.submit("app:add", number, 1) for number in range(500)]
        assert sum(future.result() for future in as_completed(futures)) == sum(range(1, 501))
        assert pool.submit(add, 1, b=2).result() == 3
        assert pool.submit(len, "abc").result() == 3
        assert list(pool.map(add, [1, 2], [10, 20])) == [11, 22]
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(add, 1, 2)


def test_errors(rt: Runtime, add: Function) -> None:
    trap = add_wat(rt, "traps", "unreachable", id="app:trap")
    with rt.executor() as pool:
        assert isinstance(pool.submit(trap).exception(), GuestTrap)
        with pytest.raises(ArgumentError):
            pool.submit(add, 1)
        with pytest.raises(FunctionNotFound):
            pool.submit("app:none")


def test_cancelling_a_running_call(rt: Runtime) -> None:
    """Unlike a thread, a guest can be ended."""
    spin = add_wat(rt, "traps", "spin", id="app:spin")
    free = free_instances()
    with rt.executor() as pool:
        future = pool.submit(spin)
        eventually(lambda: free_instances() < free)
        assert future.cancel()
        assert future.cancelled()
        assert future.cancel()
        assert wait([future], 30).done == {future}
        with pytest.raises(CancelledError):
            future.result()
        done = pool.submit(len, "")
        done.result()
        assert not done.cancel()
    eventually(lambda: free_instances() == free)


def test_shutdown_waits_or_cancels(rt: Runtime) -> None:
    sleep = add_wat(rt, "sleep", "sleep", id="app:sleep", imports=SLEEP)
    pool = rt.executor()
    future = pool.submit(sleep, 50)
    pool.shutdown()
    assert future.done()
    assert future.result() is None
    pool = rt.executor()
    futures = [pool.submit(sleep, 60_000) for _ in range(3)]
    pool.shutdown(cancel_futures=True)
    assert all(future.cancelled() for future in futures)


def test_in_run_in_executor(rt: Runtime, add: Function) -> None:
    spin = add_wat(rt, "traps", "spin", id="app:spin")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        free = free_instances()
        with rt.executor() as pool:
            assert await asyncio.gather(*(loop.run_in_executor(pool, add, 1, n) for n in range(50))) == list(
                range(1, 51)
            )
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(loop.run_in_executor(pool, spin), 0.05)
            while free_instances() != free:
                await asyncio.sleep(0.002)

    asyncio.run(asyncio.wait_for(main(), 30))
