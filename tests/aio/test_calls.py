"""Calls from event loops: results, errors, limits, options, several loops (B-20, B-26, B-40, F-41 to F-51)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from pathlib import Path
from typing import Any

import pytest
from support.engine import free_instances
from support.guests import add_hostuse, add_wat
from support.threads import eventually, in_thread

from wippy_native import (
    ArgumentError,
    FunctionNotFound,
    GuestError,
    GuestTrap,
    LimitExceeded,
    Ok,
    PoolClosed,
    Runtime,
)


def test_many_calls_at_once(rt: Runtime) -> None:
    """F-38: each in an instance of its own, whatever order they end in."""
    add = add_wat(rt, "add", "add")

    async def main() -> list[int]:
        return await asyncio.gather(*(add.call_async(number, 1) for number in range(5000)))

    assert asyncio.run(main()) == list(range(1, 5001))


def test_by_id_and_by_name(rt: Runtime) -> None:
    """F-41, F-48."""
    add_wat(rt, "add", "add", id="app:add")

    async def main() -> None:
        assert await rt.call_async("app:add", 1, b=2) == 3
        with pytest.raises(FunctionNotFound, match="no handler registered for target: app:ad"):
            await rt.call_async("app:ad", 1, 2)

    asyncio.run(main())


def test_errors_are_those_of_plain_calls(rt: Runtime) -> None:
    """F-42 to F-51, V-22."""
    add = add_wat(rt, "add", "add", id="app:add")
    trap = add_wat(rt, "traps", "unreachable", id="app:trap")
    spin = add_wat(rt, "traps", "spin", id="app:spin", limits={"max_execution_ms": 20})

    async def main() -> None:
        with pytest.raises(ArgumentError, match="expected 2, got 1"):
            await add.call_async(1)
        with pytest.raises(GuestTrap) as trapped:
            await trap.call_async()
        assert trapped.value.trap == "unreachable"
        with pytest.raises(LimitExceeded) as over:
            await spin.call_async()
        assert (over.value.limit, over.value.allowed, over.value.kind) == ("max_execution_ms", 20, "Timeout")
        sleeping = add_wat(rt, "sleep", "sleep", id="app:sleep", imports=["wasi:clocks", "wasi:io"])
        with pytest.raises(LimitExceeded) as over:
            await sleeping.with_options(timeout=0.02).call_async(60_000)
        assert over.value.limit == "timeout"

    asyncio.run(main())


def test_the_error_side_of_a_result(rt: Runtime) -> None:
    """V-22."""
    call = add_hostuse(rt, "call-string", imports=("funcs",))

    async def main() -> None:
        with pytest.raises(GuestError, match="no handler registered"):
            await call.call_async("app:none", "")
        rt.register("app:py")(str.upper)
        assert await call.with_options(raise_err=False).call_async("app:py", "a") == Ok("A")

    asyncio.run(main())


def test_input_and_output(rt: Runtime) -> None:
    """H-31, H-35: a call's own streams."""
    copy = add_hostuse(rt, "copy-stdin", imports=("wasi:cli", "wasi:io"))
    written: list[bytes] = []

    async def main() -> int:
        return await copy.with_options(stdin=b"x" * 300_000, stdout=written.append).call_async()  # type: ignore[no-any-return]

    assert asyncio.run(main()) == 300_000
    assert b"".join(written) == b"x" * 300_000


def test_what_a_receiver_of_output_raises_ends_the_call(rt: Runtime) -> None:
    """H-35."""
    write = add_hostuse(rt, "write-stdout", imports=("wasi:cli", "wasi:io"))

    def refuse(_: bytes) -> None:
        raise KeyError("no more")

    async def main() -> None:
        with pytest.raises(KeyError, match="no more"):
            await write.with_options(stdout=refuse).call_async("text")

    asyncio.run(main())


def test_loops_in_several_threads(rt: Runtime) -> None:
    """One runtime serves any number of loops."""
    add = add_wat(rt, "add", "add")

    async def main(first: int) -> int:
        return sum(await asyncio.gather(*(add.call_async(first, number) for number in range(300))))

    threads = [in_thread(lambda first=first: asyncio.run(main(first))) for first in range(4)]
    assert [thread.result() for thread in threads] == [300 * first + 44850 for first in range(4)]


def test_one_loop_after_another(rt: Runtime) -> None:
    add = add_wat(rt, "add", "add")

    async def main() -> int:
        return await add.call_async(1, 2)  # type: ignore[no-any-return]

    assert [asyncio.run(main()) for _ in range(20)] == [3] * 20


class _LoopWithoutReaders(asyncio.SelectorEventLoop):
    """As the proactor loop of Windows, which watches no sockets for others."""

    def add_reader(self, *_: object) -> None:
        raise NotImplementedError


def test_a_loop_that_watches_no_sockets(rt: Runtime) -> None:
    add = add_wat(rt, "add", "add", id="app:add")
    call = add_hostuse(rt, "call-string", id="app:call", imports=("funcs",))

    @rt.register("app:py")
    async def callee(text: str) -> str:
        await asyncio.sleep(0)
        return text

    async def main() -> None:
        assert sum(await asyncio.gather(*(add.call_async(number, 0) for number in range(1000)))) == 499_500
        assert await call.call_async("app:py", "abc") == "abc"

    with asyncio.Runner(loop_factory=_LoopWithoutReaders) as runner:
        runner.run(main())


def test_loops_leave_nothing_open(rt: Runtime) -> None:
    """Each loop has a bridge of its own, which goes with it."""
    add = add_wat(rt, "add", "add")
    descriptors = Path("/proc/self/fd")

    async def main() -> int:
        return await add.call_async(1, 2)  # type: ignore[no-any-return]

    asyncio.run(main())
    gc.collect()
    before = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    for _ in range(20):
        asyncio.run(main())
    gc.collect()
    after = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    assert after <= before


def test_computing_guests_let_others_have_their_turn(rt: Runtime) -> None:
    """B-41: more endless guests than the engine has threads, and a short call among them still ends."""
    spin = add_wat(rt, "traps", "spin", id="app:spin")
    add = add_wat(rt, "add", "add", id="app:add")

    async def main() -> int:
        busy = [asyncio.create_task(spin.call_async()) for _ in range(8)]
        await asyncio.sleep(0.02)
        try:
            return await asyncio.wait_for(add.call_async(1, 2), 30)  # type: ignore[no-any-return]
        finally:
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)

    assert asyncio.run(main()) == 3


def test_threads_stay_few_while_many_wait(rt: Runtime) -> None:
    """H-60, H-62: a guest that sleeps holds no thread."""
    sleep = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks", "wasi:io"], pool={"max_size": 2000})

    async def main() -> tuple[int, int]:
        calls = [asyncio.create_task(sleep.call_async(100)) for _ in range(2000)]
        await asyncio.sleep(0.05)
        most = threading.active_count(), _native_threads()
        await asyncio.gather(*calls)
        return most

    asyncio.run(sleep.call_async(1))  # the engine's own threads are there from now on
    before, native = threading.active_count(), _native_threads()
    most = asyncio.run(main())
    assert most[0] <= before
    assert most[1] <= native


def _native_threads() -> int:
    """Of this process, Python's among them; 0 where the system does not tell."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 0


def test_a_loop_closed_with_calls_in_flight(rt: Runtime) -> None:
    """Calls nobody can wait for any more end."""
    sleep = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks", "wasi:io"])
    free = free_instances()
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(sleep.call_async(60_000)) for _ in range(5)]
    loop.run_until_complete(asyncio.sleep(0.05))
    assert free_instances() < free
    loop.set_exception_handler(lambda *_: None)  # "Task was destroyed but it is pending"
    loop.close()
    for task in tasks:
        task.get_coro().close()  # type: ignore[union-attr]
    del tasks, task, loop
    gc.collect()
    eventually(lambda: free_instances() == free, "the end of the calls")


def test_closing_the_runtime_ends_calls(rt: Runtime) -> None:
    """F-36."""
    sleep = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks", "wasi:io"])

    async def main() -> list[Any]:
        calls = asyncio.gather(*(sleep.call_async(60_000) for _ in range(3)), return_exceptions=True)
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(rt.close, 0) == ["app:f"]
        with pytest.raises(PoolClosed):
            await sleep.call_async(1)
        return await calls

    assert {error.kind for error in asyncio.run(main())} == {"Canceled"}


@pytest.mark.parametrize("capacity", [1, 3])
def test_the_pool_bounds_calls(rt: Runtime, capacity: int) -> None:
    """F-20 to F-26: calls over the number wait."""
    running, most = 0, 0
    lock = threading.Lock()

    def callee(text: str) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
        return text

    rt.register("app:py")(callee)
    call = add_hostuse(rt, "call-string", imports=("funcs",), pool={"type": "lazy", "max_size": capacity})

    async def main() -> None:
        await asyncio.gather(*(call.call_async("app:py", "x") for _ in range(12)))

    asyncio.run(main())
    assert most == capacity


def test_a_waiting_call_has_a_deadline(rt: Runtime) -> None:
    """F-50: the wait for a turn counts."""
    sleep = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks", "wasi:io"], pool={"type": "lazy", "max_size": 1})

    async def main() -> None:
        first = asyncio.create_task(sleep.call_async(60_000))
        await asyncio.sleep(0.02)
        with pytest.raises(LimitExceeded):
            await sleep.with_options(timeout=0.05).call_async(1)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        assert await sleep.call_async(1) is None

    asyncio.run(main())


def test_registered_functions(rt: Runtime) -> None:
    """H-20: `call_async` is there for Python functions as well."""
    rt.register("app:plain")(lambda text: text + "!")

    @rt.register("app:async")
    async def later(text: str) -> str:
        await asyncio.sleep(0)
        return text + "?"

    async def main() -> list[str]:
        return [await rt.call_async("app:plain", "a"), await rt.call_async("app:async", "b")]

    assert asyncio.run(main()) == ["a!", "b?"]
