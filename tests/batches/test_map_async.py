"""Batches whose results an event loop waits for (B-1, B-4, B-8, B-10 to B-13, B-23)."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from support.engine import free_instances
from support.guests import add_hostuse, add_wat

from wippy_native import ArgumentError, Function, GuestError, LimitExceeded, Runtime

SLEEP = ("wasi:clocks", "wasi:io")


@pytest.fixture
def echo(rt: Runtime) -> Function:
    return add_wat(rt, "echo", "echo", id="app:echo")


@pytest.fixture
def sleep(rt: Runtime) -> Function:
    return add_wat(rt, "sleep", "sleep", id="app:sleep", imports=SLEEP)


async def _later(items: Any, pause: float = 0) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(pause)
        yield item


async def _collect(results: Any, into: list[Any] | None = None) -> list[Any]:
    into = [] if into is None else into
    async for result in results:
        into.append(result)
    return into


@pytest.mark.parametrize("is_async", [False, True])
def test_results_come_in_order(echo: Function, is_async: bool) -> None:
    texts = [f"text {number}" for number in range(3000)]

    async def main() -> list[str]:
        source = _later(texts) if is_async else texts
        return [text async for text in echo.map_async(source)]

    assert asyncio.run(main()) == texts


def test_an_endless_source_is_read_only_as_far_as_needed(echo: Function) -> None:
    pulled = 0

    async def endless() -> AsyncIterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield "x"

    async def main() -> int:
        taken = 0
        async with echo.map_async(endless()) as results:
            async for _ in results:
                taken += 1
                if taken == 500:
                    break
        return taken

    assert asyncio.run(main()) == 500
    assert pulled < 20_000


def test_a_slow_source(echo: Function) -> None:
    order: list[str] = []

    async def slow() -> AsyncIterator[str]:
        for number in range(5):
            order.append(f"pulled {number}")
            yield str(number)
            await asyncio.sleep(0.03)

    async def main() -> None:
        async for result in echo.map_async(slow()):
            order.append(f"got {result}")  # noqa: PERF401 - the order counts

    asyncio.run(main())
    assert order.index("got 0") < order.index("pulled 2")


def test_the_loop_goes_on_meanwhile(sleep: Function) -> None:
    async def main() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        async for _ in sleep.map_async([50] * 20):
            pass
        counting.cancel()
        return turns

    assert asyncio.run(main()) > 10


def test_errors(rt: Runtime, echo: Function) -> None:
    call = add_hostuse(rt, "call-string", id="app:call", imports=("funcs",))

    async def source() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("no more lines")

    async def main() -> None:
        got: list[Any] = []
        with pytest.raises(LookupError, match="no more lines"):
            await _collect(echo.map_async(source()), got)
        assert got == ["a"]
        with pytest.raises(LimitExceeded, match="batch timeout exceeded"):
            await _collect(echo.map_async(_later(itertools.repeat("x"), 0.02), total_timeout=0.1))
        (error,) = await _collect(echo.map_async([1], on_error="return"))
        assert isinstance(error, ArgumentError)
        with pytest.raises(GuestError, match="no handler"):
            await call.call_async("app:none", "")

    asyncio.run(main())


@pytest.mark.parametrize("how", ["aclose", "with", "break", "cancel"])
def test_leaving_early_ends_the_guests(sleep: Function, how: str) -> None:
    items = [1, *[60_000] * 50]

    async def take(results: Any) -> None:
        async for _ in results:
            if how != "cancel":
                break

    async def main() -> None:
        free = free_instances()
        results = sleep.map_async(items)
        if how == "cancel":
            task = asyncio.create_task(take(results))
            await asyncio.sleep(0.05)
            assert free_instances() < free
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await results.aclose()
        elif how == "with":
            async with results:
                await take(results)
        else:
            await take(results)
            if how == "aclose":
                await results.aclose()
        del results
        gc.collect()
        while free_instances() != free:
            await asyncio.sleep(0.002)

    async def in_time() -> None:
        await asyncio.wait_for(main(), 30)

    asyncio.run(in_time())


def test_async_callees_of_a_batch_run_on_its_loop(rt: Runtime) -> None:
    """H-20."""
    call = add_hostuse(rt, "call-string", imports=("funcs",))
    relay = rt.function(call.id)
    loops: set[Any] = set()

    @rt.register("app:py")
    async def callee(text: str) -> str:
        loops.add(asyncio.get_running_loop())
        return text

    async def main() -> Any:
        results = await asyncio.gather(*(relay.call_async("app:py", str(number)) for number in range(10)))
        assert results == [str(number) for number in range(10)]
        return asyncio.get_running_loop()

    assert {asyncio.run(main())} == loops


def test_registered_functions(rt: Runtime) -> None:
    """H-20: batches work on Python functions as well."""

    @rt.register("app:async")
    async def later(text: str) -> str:
        if text == "bad":
            raise ValueError(text)
        await asyncio.sleep(0.001)
        return text.upper()

    function = rt.function("app:async")

    async def main() -> None:
        assert [text async for text in function.map_async("abc" * 100)] == list("ABC" * 100)
        assert [text async for text in function.map_async(_later("abc"))] == list("ABC")
        with pytest.raises(ValueError, match="bad"):
            await _collect(function.map_async(["a", "bad"]))
        mixed = [one async for one in function.map_async(["a", "bad", "b"], on_error="return")]
        assert (mixed[0], type(mixed[1]), mixed[2]) == ("A", ValueError, "B")

    asyncio.run(main())


def test_registered_functions_on_threads(rt: Runtime) -> None:
    rt.register("app:plain")(str.upper)
    function = rt.function("app:plain")
    assert list(function.map("abc" * 50, workers=3)) == list("ABC" * 50)
    assert sorted(function.imap_unordered("abc")) == [(0, "A"), (1, "B"), (2, "C")]
    assert list(function.starmap([("a",), ("b",)])) == ["A", "B"]
    assert [type(one) for one in function.map(["a", 1], on_error="return")] == [str, TypeError]
    with pytest.raises(TypeError):
        list(function.map(itertools.repeat(1)))

    def endless() -> Iterator[str]:
        yield from itertools.repeat("a")

    with function.map(endless()) as results:
        assert list(itertools.islice(results, 10)) == ["A"] * 10


def test_the_time_of_the_whole_is_kept_while_nothing_happens(sleep: Function) -> None:
    """B-8: by guests that sleep, and by a source that stalls."""

    async def stalled() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def main() -> None:
        for source in ([600_000], stalled()):
            with pytest.raises(LimitExceeded, match="batch timeout exceeded"):
                await _collect(sleep.map_async(source, total_timeout=0.1))

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_source_that_is_cancelled_has_not_ended(echo: Function) -> None:
    async def source() -> AsyncIterator[str]:
        yield "a"
        cancelled = asyncio.get_running_loop().create_future()
        cancelled.cancel()
        await cancelled

    async def main() -> None:
        got: list[str] = []
        with pytest.raises(asyncio.CancelledError):
            await _collect(echo.map_async(source()), got)
        assert got == ["a"]

    asyncio.run(main())


def test_cancelled_again_while_it_ends(sleep: Function) -> None:
    """B-21: the guests are gone when the cancellation returns."""

    async def main() -> None:
        free = free_instances()
        task = asyncio.create_task(_collect(sleep.map_async([600_000] * 40)))
        await asyncio.sleep(0.05)
        assert free_instances() < free
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert free_instances() == free

    asyncio.run(main())
