"""Batches: order, streaming, bounds, errors, timeouts, and their end (B-1 to B-15; F-38: fresh instances)."""

from __future__ import annotations

import contextvars
import gc
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.engine import free_instances
from support.guests import add_hostuse, add_wat
from support.threads import eventually, in_thread

from wippy_native import (
    ArgumentError,
    Function,
    GuestError,
    GuestTrap,
    LimitExceeded,
    PoolClosed,
    Runtime,
    WippyError,
)

SLEEP = ("wasi:clocks", "wasi:io")

# Counts to its argument.
SPIN = b"""
(component
  (core module $m
    (func (export "spin") (param $n i32) (result i32)
      (local $i i32)
      (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
      (local.get $i)))
  (core instance $i (instantiate $m))
  (func (export "spin") (param "n" u32) (result u32) (canon lift (core func $i "spin"))))
"""


@pytest.fixture
def add(rt: Runtime) -> Function:
    return add_wat(rt, "add", "add", id="app:add")


@pytest.fixture
def echo(rt: Runtime) -> Function:
    return add_wat(rt, "echo", "echo", id="app:echo")


@pytest.fixture
def sleep(rt: Runtime) -> Function:
    return add_wat(rt, "sleep", "sleep", id="app:sleep", imports=SLEEP)


@pytest.mark.parametrize("options", [{}, {"workers": 1}, {"chunk_size": 1}, {"chunk_size": 7, "workers": 3}])
def test_results_come_in_order(echo: Function, options: dict[str, Any]) -> None:
    texts = [f"text {number}" for number in range(3000)]
    assert list(echo.map(texts, **options)) == texts


def test_starmap_unpacks(add: Function) -> None:
    assert list(add.starmap((number, 1) for number in range(2000))) == list(range(1, 2001))
    assert list(add.starmap([[1, 2], iter((3, 4))])) == [3, 7]


def test_unordered_results_carry_their_index(echo: Function, sleep: Function) -> None:
    texts = [str(number) for number in range(1000)]
    assert sorted(echo.imap_unordered(texts)) == list(enumerate(texts))
    order = [index for index, _ in sleep.imap_unordered([120, 1, 60], workers=3)]
    assert order == [1, 2, 0]


def test_nothing_to_do(echo: Function) -> None:
    assert list(echo.map([])) == []
    assert list(echo.map(iter(()))) == []


def test_every_item_gets_a_fresh_instance(rt: Runtime) -> None:
    """F-38."""
    counter = add_wat(rt, "counter", "bump")
    assert set(counter.starmap(itertools.repeat((), 500))) == {counter()}


def test_guests_that_wait_wait_together(sleep: Function) -> None:
    start = time.monotonic()
    assert list(sleep.map([200] * 100)) == [None] * 100
    assert time.monotonic() - start < 10, "one after another they would take 20 s"


def test_an_endless_source_is_read_only_as_far_as_needed(echo: Function) -> None:
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield "x" * 100

    with echo.map(endless(), workers=2) as results:
        taken = list(itertools.islice(results, 1000))
        after = pulled
        time.sleep(0.05)
        assert pulled == after, "nobody asked for more"
    assert taken == ["x" * 100] * 1000
    assert pulled < 20_000


def test_large_items_are_bounded_by_their_bytes(echo: Function) -> None:
    """A 10 GB source must not be read into memory: items in flight are bounded in bytes too."""
    pulled = 0

    def large() -> Iterator[str]:
        nonlocal pulled
        for _ in range(10_000):
            pulled += 1
            yield "x" * 1_000_000

    with echo.map(large(), chunk_size=5000) as results:
        next(results)
    assert pulled < 100


def test_a_slow_source_does_not_hold_results_back(echo: Function) -> None:
    order: list[str] = []

    def slow() -> Iterator[str]:
        for number in range(6):
            order.append(f"pulled {number}")
            yield str(number)
            time.sleep(0.03)

    order.extend(f"got {result}" for result in echo.map(slow()))
    assert order.index("got 0") < order.index("pulled 3")


class TestErrors:
    def test_the_first_one_is_raised_after_the_results_before_it(self, rt: Runtime) -> None:
        call = add_hostuse(rt, "call-string", imports=("funcs",))

        @rt.register("app:py")
        def callee(text: str) -> str:
            if text == "3":
                raise ValueError("three")
            return text

        got: list[Any] = []
        free = free_instances()
        with pytest.raises(GuestError, match="three"):
            got.extend(call.starmap(("app:py", str(number)) for number in itertools.count()))
        assert got == ["0", "1", "2"]
        assert free_instances() == free

    def test_results_before_an_error_are_delivered(self, add: Function) -> None:
        got: list[Any] = []
        with pytest.raises(ArgumentError, match="expected s32"):
            got.extend(add.starmap([(1, 1), (2, 2), ("x", 1), (4, 4)]))
        assert got == [2, 4]

    def test_returned_errors_stand_in_their_places(self, rt: Runtime) -> None:
        touch = add_wat(rt, "traps", "bad-enum", id="app:bad")
        assert [type(result) for result in touch.starmap([(), ()], on_error="return")] == [GuestTrap, GuestTrap]
        add = add_wat(rt, "add", "add", id="app:add")
        results = list(add.starmap([(1, 2), (1,), ("x", 2), (3, 4)], on_error="return"))
        assert (results[0], results[3]) == (3, 7)
        assert [type(error) for error in results[1:3]] == [ArgumentError, ArgumentError]

    def test_a_trap_spoils_nothing_else(self, rt: Runtime, echo: Function) -> None:
        trap = add_wat(rt, "traps", "unreachable", id="app:trap")
        errors = list(trap.starmap(itertools.repeat((), 200), on_error="return"))
        assert {type(error) for error in errors} == {GuestTrap}
        assert list(echo.map(["fine"])) == ["fine"]

    def test_what_the_source_raises_comes_after_the_results(self, echo: Function) -> None:
        def broken() -> Iterator[str]:
            yield "a"
            yield "b"
            raise LookupError("no more lines")

        for unordered in (False, True):
            got: list[Any] = []
            with pytest.raises(LookupError, match="no more lines"):
                got.extend(echo.imap_unordered(broken()) if unordered else echo.map(broken()))
            assert len(got) == 2

    def test_an_interrupt_in_the_source_comes_at_once(self, sleep: Function) -> None:
        def interrupted() -> Iterator[int]:
            yield 60_000
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(sleep.map(interrupted()))

    @pytest.mark.parametrize(
        ("options", "error", "text"),
        [
            ({"workers": 0}, ValueError, r"workers=0: expected a positive integer, or None"),
            ({"workers": 1.5}, TypeError, r"workers: expected a positive integer or None, got float"),
            ({"chunk_size": -1}, ValueError, r"chunk_size=-1"),
            ({"timeout": 0}, ValueError, r"timeout=0: expected seconds greater than 0"),
            ({"total_timeout": "1"}, TypeError, r"total_timeout: expected seconds greater than 0 or None, got str"),
            ({"on_error": "skip"}, ValueError, r"on_error='skip': use \"raise\" or \"return\""),
        ],
    )
    def test_options_that_cannot_be(
        self, echo: Function, options: dict[str, Any], error: type[Exception], text: str
    ) -> None:
        with pytest.raises(error, match=text):
            echo.map([], **options)

    def test_a_source_that_is_none(self, echo: Function) -> None:
        with pytest.raises(TypeError, match="expected an iterable of items, got int"):
            echo.map(5)  # type: ignore[arg-type]

    def test_a_source_that_asks_its_own_batch(self, echo: Function) -> None:
        def nested() -> Iterator[str]:
            yield "a"
            yield next(results)

        results = echo.map(nested())
        with pytest.raises(ValueError, match="already executing"):
            list(results)


class TestTimeouts:
    def test_of_an_item(self, rt: Runtime, sleep: Function) -> None:
        results = list(sleep.map([1, 60_000, 1], timeout=0.1, on_error="return"))
        assert (results[0], results[2]) == (None, None)
        assert isinstance(results[1], LimitExceeded)
        spin = add_wat(rt, "traps", "spin", id="app:spin")
        assert [error.limit for error in spin.starmap([(), ()], timeout=0.03, on_error="return")] == ["timeout"] * 2

    @pytest.mark.parametrize("method", ["spin", "sleep"])
    def test_of_the_whole(self, rt: Runtime, sleep: Function, method: str) -> None:
        function = sleep if method == "sleep" else add_wat(rt, "traps", "spin", id="app:spin")
        items = itertools.repeat((60_000,) if method == "sleep" else ())
        free = free_instances()
        with pytest.raises(LimitExceeded, match=r"batch timeout exceeded: 100ms; 0 results") as over:
            list(function.starmap(items, total_timeout=0.1, on_error="return"))
        assert (over.value.limit, over.value.allowed, over.value.kind) == ("total_timeout", 100, "Timeout")
        assert free_instances() == free

    def test_an_entrys_limit_holds_for_each_item(self, rt: Runtime) -> None:
        """F-50."""
        spin = add_wat(rt, "traps", "spin", limits={"max_execution_ms": 15})
        assert [error.limit for error in spin.starmap([()] * 4, on_error="return")] == ["max_execution_ms"] * 4


class TestEnding:
    """However a batch ends, its guests end with it."""

    @pytest.mark.parametrize("guest", ["spin", "sleep"])
    @pytest.mark.parametrize("how", ["close", "break", "with", "collect"])
    def test_early(self, rt: Runtime, sleep: Function, guest: str, how: str) -> None:
        function = sleep if guest == "sleep" else rt.add_wasm("app:spin", SPIN, "spin")
        free = free_instances()
        results = function.map([1, *[4_000_000_000] * 50], chunk_size=1)
        if how == "break":
            for _ in results:
                break
        elif how == "with":
            with results:
                next(results)
        else:
            next(results)
            eventually(lambda: free_instances() < free, "the start of the next call")
        if how == "close":
            results.close()
        del results
        gc.collect()
        assert free_instances() == free

    def test_a_chunk_that_runs(self, rt: Runtime) -> None:
        """The items after the one that runs are not begun."""
        spin = rt.add_wasm("app:spin", SPIN, "spin")
        results = spin.map([1, 4_000_000_000, *[1] * 100], chunk_size=102, workers=1)
        assert next(results) == 1
        results.close()

    def test_by_ctrl_c(self, sleep: Function) -> None:
        free = free_instances()
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            list(sleep.map([60_000] * 10))
        assert free_instances() == free

    def test_by_closing_the_runtime(self, rt: Runtime, sleep: Function) -> None:
        """F-36."""
        free = free_instances()
        batch = in_thread(lambda: list(sleep.map([60_000] * 300, on_error="return")))
        eventually(lambda: free_instances() < free)
        rt.close(wait=0)
        with pytest.raises(WippyError) as ended:
            batch.result(30)
        assert ended.value.kind in ("Canceled", "Unavailable")

    def test_closed_before(self, rt: Runtime, echo: Function) -> None:
        """F-36."""
        rt.close()
        with pytest.raises(PoolClosed, match="pool is closed"):
            list(echo.map(["a"], on_error="return"))

    def test_closing_twice_and_after_the_end(self, echo: Function) -> None:
        results = echo.map(["a"])
        assert list(results) == ["a"]
        results.close()
        results.close()
        assert list(results) == []


class TestPools:
    @pytest.mark.parametrize("capacity", [1, 2])
    def test_bound_what_runs_at_once(self, rt: Runtime, capacity: int) -> None:
        """F-20 to F-26."""
        running, most, lock = 0, 0, threading.Lock()

        @rt.register("app:py")
        def callee(text: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.005)
            with lock:
                running -= 1
            return text

        call = add_hostuse(rt, "call-string", imports=("funcs",), pool={"type": "lazy", "max_size": capacity})
        assert len(list(call.starmap([("app:py", "x")] * 12, workers=8))) == 12
        assert most == capacity

    def test_an_inline_function_in_a_batch(self, rt: Runtime) -> None:
        """F-20: one after another."""
        add = add_wat(rt, "add", "add", pool={"type": "inline"})
        assert list(add.starmap([(1, 1)] * 100, workers=4)) == [2] * 100

    def test_a_batch_within_a_callee(self, rt: Runtime, echo: Function) -> None:
        """H-26: it is part of the guest's call."""
        rt.register("app:py")(lambda text: "".join(echo.map(text)))
        call = add_hostuse(rt, "call-string", imports=("funcs",))
        assert list(call.starmap([("app:py", "abc"), ("app:py", "xyz")])) == ["abc", "xyz"]


def test_several_batches_of_one_function_at_once(echo: Function) -> None:
    texts = [[f"{batch}-{number}" for number in range(2000)] for batch in range(4)]
    threads = [in_thread(lambda items=items: list(echo.map(items))) for items in texts]
    assert [thread.result(60) for thread in threads] == texts


def test_a_dynamic_environment_is_asked_for_the_batch(rt: Runtime) -> None:
    """H-40: what a variable is when the items are taken."""
    rt.add_entry({"id": "app:memory", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:v", "kind": "env.variable", "variable": "V", "storage": "app:memory", "default": "one"})
    env = add_hostuse(rt, "get-env", imports=("wasi:cli",), wasi={"env": [{"id": "app:v", "name": "V"}]})
    assert list(env.starmap([(), ()])) == [[("V", "one")]] * 2
    rt.env.set("V", "two")
    assert list(env.starmap([()])) == [[("V", "two")]]


def test_output_of_batches(rt: Runtime) -> None:
    """H-35."""
    written: list[bytes] = []
    write = add_hostuse(rt, "write-stdout", imports=("wasi:cli", "wasi:io"))
    list(write.with_options(stdout=written.append).map([f"{number}\n" for number in range(50)]))
    assert sorted(b"".join(written).split()) == sorted(str(number).encode() for number in range(50))


@pytest.mark.parametrize("is_async", [False, True])
def test_functions_that_guests_call_see_the_context_of_the_batch(rt: Runtime, is_async: bool) -> None:
    """B-27, H-20."""
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")

    def plain(_: str) -> str:
        return user.get()

    async def later(_: str) -> str:
        return user.get()

    rt.register("app:py")(later if is_async else plain)
    call = add_hostuse(rt, "call-string", imports=("funcs",))
    user.set("ann")
    assert list(call.starmap([("app:py", "")] * 5)) == ["ann"] * 5


def test_an_error_says_which_item_it_is_about(add: Function) -> None:
    with pytest.raises(ArgumentError) as failed:
        list(add.starmap([(1, 2), (3, 4), ("x", 5)]))
    assert failed.value.details["item"] == 2
    assert failed.value.__notes__ == ["item 2 of the batch, counted from 0"]


@pytest.mark.parametrize("item", [1, "ab", b"ab", None])
def test_items_that_are_no_arguments(add: Function, item: Any) -> None:
    with pytest.raises(TypeError, match="expected each item to be the positional arguments"):
        list(add.starmap([item]))
