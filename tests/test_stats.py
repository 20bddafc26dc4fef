"""What a runtime counts of its calls: F-61."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from conftest import MakeRuntime
from support.guests import add_hostuse, add_wat
from support.relay import add_relay
from support.threads import PATIENCE, eventually, in_thread

from wippy_native import Cancelled, Function, FunctionStats, PoolClosed, Runtime
from wippy_native.stats import Latency

PAGE = 65536
HOUR = 3_600_000


def of(rt: Runtime, id: str = "app:f") -> FunctionStats:
    return rt.stats()[id]


def failing(call: Callable[..., object], *args: Any) -> BaseException:
    """The exception of a call that must fail."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - compared by the caller
        call(*args)
    return caught.value


def test_a_function_that_was_not_called(rt: Runtime) -> None:
    add_wat(rt, "add", "add")
    assert of(rt) == FunctionStats(
        started=0, finished=0, in_flight=0, queued=0, errors={}, latency=None, instances=0, max_memory_bytes=0
    )


def check_three_calls(stats: FunctionStats) -> None:
    assert (stats.started, stats.finished, stats.in_flight, stats.queued) == (3, 3, 0, 0)
    assert (stats.errors, stats.instances) == ({}, 3)
    assert stats.latency is not None
    assert 0 < stats.latency.p50 <= stats.latency.p90 <= stats.latency.p99 <= stats.latency.max
    assert 0 < stats.latency.mean <= stats.latency.max


def test_calls_on_the_callers_stack(rt: Runtime) -> None:
    function = add_wat(rt, "add", "add")
    assert [function(n, n) for n in range(3)] == [0, 2, 4]
    check_three_calls(of(rt))


def test_calls_on_a_fiber(rt: Runtime) -> None:
    function = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"])
    for _ in range(3):
        function(1)
    check_three_calls(of(rt))


def test_calls_on_a_thread_with_little_stack(rt: Runtime) -> None:
    function = add_wat(rt, "add", "add")
    for _ in range(3):
        assert in_thread(lambda: function(1, 2), stack_size=128 << 10).result() == 3
    check_three_calls(of(rt))


def test_calls_from_asyncio(rt: Runtime) -> None:
    function = add_wat(rt, "add", "add")

    async def main() -> list[int]:
        return await asyncio.gather(*(function.call_async(n, n) for n in range(3)))

    assert asyncio.run(main()) == [0, 2, 4]
    check_three_calls(of(rt))


def test_calls_of_guests(rt: Runtime) -> None:
    add_wat(rt, "echo", "echo", id="app:echo")
    relay = add_relay(rt, "app:relay", "app:echo")
    for _ in range(3):
        assert relay("hello") == "hello"
    check_three_calls(of(rt, "app:echo"))
    check_three_calls(of(rt, "app:relay"))


def test_no_call_of_many_threads_is_lost(rt: Runtime) -> None:
    function = add_wat(rt, "add", "add")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda n: function(n, 1), range(2_000))) == 2_001_000
    stats = of(rt)
    assert (stats.started, stats.finished, stats.instances) == (2_000, 2_000, 2_000)


def test_options_share_the_counts_of_their_function(rt: Runtime) -> None:
    function = add_wat(rt, "add", "add")
    function.with_options(timeout=60)(1, 2)
    function(1, 2)
    assert of(rt).finished == 2


ERRORS: dict[str, tuple[str, str, tuple[object, ...], dict[str, Any], int]] = {
    "GuestTrap": ("traps", "unreachable", (), {}, 1),
    "GuestTrap, in the result": ("traps", "bad-utf8", (), {}, 1),
    "LimitExceeded": ("traps", "spin", (), {"limits": {"max_execution_ms": 10}}, 1),
    "ImportDenied": ("sleep", "sleep", (0,), {}, 1),
    "ArgumentError": ("add", "add", ("one", 2), {}, 0),
    "ArgumentError, too few": ("add", "add", (1,), {}, 0),
    "FunctionNotFound": ("add", "subtract", (1, 2), {}, 0),
    "GuestExit": ("core_p1", "exit", (3,), {"imports": ["wasi:cli"], "wit": "exit: func(code: u32);"}, 1),
}


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("from_asyncio", [False, True])
def test_errors_count_by_the_name_of_their_class(rt: Runtime, kind: str, from_asyncio: bool) -> None:
    """Refusals are errors and no calls."""
    guest, method, arguments, fields, calls = ERRORS[kind]
    function = add_wat(rt, guest, method, **fields)
    for _ in range(2):
        if from_asyncio:
            error = failing(lambda: asyncio.run(function.call_async(*arguments)))
        else:
            error = failing(function, *arguments)
        assert type(error).__name__ == kind.split(",")[0]
    stats = of(rt)
    assert stats.errors == {type(error).__name__: 2}
    assert (stats.started, stats.finished) == (2 * calls, 2 * calls)


def test_the_error_side_of_a_result(rt: Runtime) -> None:
    """It is no error where it is returned."""
    forward = add_wat(rt, "forward", "forward", imports=["funcs"])
    failing(forward, "app:nobody", "x")
    forward.with_options(raise_err=False)("app:nobody", "x")
    assert (of(rt).errors, of(rt).finished) == ({"GuestError": 1}, 2)


def test_errors_that_a_calling_guest_gets(rt: Runtime) -> None:
    add_wat(rt, "traps", "unreachable", id="app:trap")
    add_wat(rt, "traps", "realloc-trap", id="app:realloc")
    add_relay(rt, "app:err", "app:nobody")
    add_wat(rt, "echo", "missing", id="app:missing")
    expected = {
        "app:trap": "ArgumentError",  # it takes none
        "app:realloc": "GuestTrap",
        "app:err": "GuestError",
        "app:missing": "FunctionNotFound",
    }
    for number, target in enumerate(expected):
        failing(add_relay(rt, f"app:relay{number}", target), "x")
    assert {id: stats.errors for id, stats in rt.stats().items() if id in expected} == {
        id: {kind: 1} for id, kind in expected.items()
    }


def test_exceptions_of_python_code(rt: Runtime) -> None:
    def full(_: bytes) -> None:
        raise OSError("no space left")

    say = add_hostuse(rt, "write-stdout").with_options(stdout=full)
    assert isinstance(failing(say, "hello"), OSError)
    assert of(rt).errors == {"other": 1}


def test_a_reentered_inline_function(rt: Runtime) -> None:
    """F-39: the inner call is refused."""
    relay = add_relay(rt, "app:f", "app:f", pool={"type": "inline"})
    assert "re-entered" in str(failing(relay, "x"))
    stats = of(rt)
    assert (stats.started, stats.finished) == (1, 1)
    assert stats.errors == {"WippyError": 1, "GuestError": 1}


def test_a_sleeping_guest_is_in_flight(make_runtime: MakeRuntime) -> None:
    rt = make_runtime()
    function = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"])
    sleeping = in_thread(lambda: function(HOUR))
    eventually(lambda: of(rt).instances == 1, "an instance")
    stats = of(rt)
    assert (stats.started, stats.finished, stats.in_flight, stats.queued) == (1, 0, 1, 0)
    assert stats.latency is None
    assert rt.close(wait=0) == ["app:f"]
    with pytest.raises(Cancelled):
        sleeping.result()


def occupy(rt: Runtime) -> tuple[Function, Future[str], threading.Event]:
    """A function with one permit, a call of it that holds that, and what lets the call end."""
    gate, inside = threading.Event(), threading.Event()

    def wait(text: str) -> str:
        inside.set()
        gate.wait(PATIENCE)
        return text

    rt.register("app:gate")(wait)
    relay = add_relay(rt, "app:f", "app:gate", pool={"type": "lazy", "max_size": 1})
    first = in_thread(lambda: str(relay("a")))
    assert inside.wait(PATIENCE)
    return relay, first, gate


def test_calls_that_wait_for_a_permit_are_queued(rt: Runtime) -> None:
    """F-21: with one permit the second call waits."""
    relay, first, gate = occupy(rt)
    others = [in_thread(lambda: relay("b")) for _ in range(2)]
    eventually(lambda: of(rt).queued == 2, "two waiting calls")
    assert (of(rt).in_flight, of(rt).instances) == (3, 1)
    gate.set()
    assert [call.result() for call in (first, *others)] == ["a", "b", "b"]
    assert (of(rt).in_flight, of(rt).queued, of(rt).instances) == (0, 0, 3)


def test_a_wait_that_is_given_up_leaves_the_queue(rt: Runtime) -> None:
    """F-50: the time-out covers the wait."""
    relay, first, gate = occupy(rt)
    failing(relay.with_options(timeout=0.01), "b")
    stats = of(rt)
    assert (stats.queued, stats.started, stats.instances) == (0, 2, 1)
    assert stats.errors == {"LimitExceeded": 1}
    gate.set()
    assert first.result() == "a"


def test_a_cancelled_task(rt: Runtime) -> None:
    """F-49."""
    function = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"])

    async def main() -> None:
        task = asyncio.create_task(function.call_async(HOUR))
        while of(rt).instances == 0:
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    stats = of(rt)
    assert (stats.started, stats.finished, stats.errors) == (1, 1, {"Cancelled": 1})


def test_a_call_that_ends_with_its_caller(rt: Runtime) -> None:
    """F-49: a guest that another one waits for, when that one is cancelled."""
    add_relay(rt, "app:inner", "app:slow")

    @rt.register("app:slow")
    async def slow(text: str) -> str:
        await asyncio.sleep(HOUR)
        return text

    outer = add_relay(rt, "app:outer", "app:inner")

    async def main() -> None:
        task = asyncio.create_task(outer.call_async("x"))
        while of(rt, "app:inner").instances == 0:
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    for id in ("app:outer", "app:inner"):
        stats = of(rt, id)
        assert (stats.started, stats.finished, stats.errors) == (1, 1, {"Cancelled": 1})


@pytest.mark.parametrize("limits", [{}, {"max_execution_ms": 60_000}])
def test_memory_is_the_most_of_one_instance(rt: Runtime, limits: dict[str, int]) -> None:
    grow = add_wat(rt, "traps", "grow", limits=limits)
    for pages in (0, 8, 3):
        assert grow(pages) == 32
    assert of(rt).max_memory_bytes == 40 * PAGE


def test_memory_of_calls_that_fail(rt: Runtime) -> None:
    forever = add_wat(rt, "traps", "grow-forever", limits={"max_memory_bytes": 64 * PAGE})
    failing(forever)
    assert of(rt).max_memory_bytes == 64 * PAGE


def test_a_replaced_function_starts_anew(rt: Runtime) -> None:
    """F-40."""
    old = add_wat(rt, "add", "add")
    old(1, 2)
    new = add_wat(rt, "add", "add")
    old(1, 2)
    assert of(rt).started == 0
    new(1, 2)
    assert of(rt).started == 1


def test_what_is_listed(rt: Runtime) -> None:
    """The functions that can be called, in load order; Python's own are not counted."""
    rt.register("app:python")(lambda text: text)
    for id in ("app:z", "app:a", "app:m"):
        add_wat(rt, "add", "add", id=id)
    rt.remove("app:a")
    assert list(rt.stats()) == ["app:z", "app:m"]


def test_a_closed_runtime_has_no_stats() -> None:
    """F-36."""
    rt = Runtime()
    rt.close()
    with pytest.raises(PoolClosed):
        rt.stats()


def test_percentiles_are_those_of_the_histogram() -> None:
    """The middle of the bucket in which the wanted call is."""
    buckets = [(0.001, 50), (0.002, 40), (0.004, 9), (1.0, 1)]
    latency = Latency.of(buckets, 1.02)
    assert latency is not None
    assert latency.mean == pytest.approx(0.01166)
    assert latency == Latency(mean=latency.mean, p50=0.001, p90=0.002, p99=0.004, max=1.02)
    assert Latency.of([(0.001, 1), (0.5, 1)], 0.49) == Latency(mean=0.2505, p50=0.001, p90=0.49, p99=0.49, max=0.49)
    assert Latency.of([], 0.0) is None


def test_percentiles_agree_with_sorting() -> None:
    times = sorted(random.Random(7).choices(range(1, 500), k=999))  # noqa: S311 - no secret
    buckets = [(float(time), times.count(time)) for time in sorted(set(times))]
    latency = Latency.of(buckets, float(times[-1]))
    assert latency is not None
    assert (latency.p50, latency.p90, latency.p99) == (times[499], times[899], times[989])


def test_times_are_about_right(rt: Runtime) -> None:
    """A guest that sleeps 50 ms takes no less; the 3.2 % are the histogram's."""
    function = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"])
    for _ in range(3):
        function(50)
    latency = of(rt).latency
    assert latency is not None
    assert 0.049 <= latency.max < 30
    assert latency.mean >= 0.049 / 1.032
    assert latency.p50 >= 0.049 / 1.032


def test_timing_can_be_switched_off(make_runtime: MakeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    """For benches; everything else is still counted."""
    monkeypatch.setenv("WIPPY_NATIVE_STATS", "off")
    rt = make_runtime()
    monkeypatch.delenv("WIPPY_NATIVE_STATS")
    function = add_wat(rt, "add", "add")
    assert function(1, 2) == 3
    failing(function, 1)
    stats = of(rt)
    assert (stats.started, stats.finished, stats.in_flight, stats.instances) == (1, 1, 0, 1)
    assert (stats.errors, stats.latency) == ({"ArgumentError": 1}, None)


def test_counts_belong_to_a_runtime(make_runtime: MakeRuntime) -> None:
    """Another runtime's function of the same module is counted apart."""
    first, second = make_runtime(), make_runtime()
    add_wat(first, "add", "add")(1, 2)
    add_wat(second, "add", "add")
    assert [of(rt).started for rt in (first, second)] == [1, 0]
