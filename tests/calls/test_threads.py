"""Calls from many Python threads: right, and without the GIL while a guest runs (F-38, F-41)."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.guests import add_hostuse, add_wat, built
from support.relay import add_relay
from support.threads import PATIENCE, in_thread

from wippy_native import GuestError, GuestTrap, LimitExceeded, Runtime


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Let Python change threads as often as it can, so that races come out."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_switching")
def test_eight_threads_get_their_own_answers(rt: Runtime) -> None:
    """F-38: thousands of echoes of distinct values, of every size, on one function."""
    echo = add_wat(rt, "echo", "echo")
    echo_bytes = add_wat(rt, "echo", "echo-bytes", id="app:b")
    records = add_wat(rt, "echo", "echo-recs", id="app:r")

    def work(thread: int) -> int:
        chance = random.Random(thread)  # noqa: S311 - test data
        for index in range(500):
            text = f"{thread}/{index}/" + "é" * chance.choice([0, 1, 15, 1000, 40_000])
            assert echo(text) == text
            data = chance.randbytes(chance.choice([0, 1, 16, 5000]))
            assert echo_bytes(data) == data
            row = {"id": index, "name": text[:20], "score": thread / 7}
            assert records([row, row]) == [row, row]
        return 500

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == 4000


@pytest.mark.usefixtures("eager_switching")
def test_eight_threads_on_functions_that_suspend(rt: Runtime) -> None:
    """H-60: fibers and timers of many threads do not mix."""
    rt.register("app:py")(lambda text: text[::-1])
    relay = add_relay(rt, "app:f", "app:py")
    poll = add_hostuse(rt, "poll-two", id="app:poll")

    def work(thread: int) -> None:
        for index in range(150):
            text = f"{thread}:{index}"
            assert relay(text) == text[::-1]
            if index % 10 == 0:
                assert poll(0, 3_600_000) == [0]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))


@pytest.mark.parametrize("kind", ["direct", "fiber"])
def test_python_goes_on_while_a_guest_spins(rt: Runtime, kind: str) -> None:
    """The GIL is released: without that, this thread would stand still until the guest's time is over."""
    if kind == "direct":
        spin = add_wat(rt, "traps", "spin").with_options(timeout=20)
    else:
        spin = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"]).with_options(timeout=20)
    stop = threading.Event()
    begin = time.monotonic()
    call = in_thread((lambda: spin()) if kind == "direct" else (lambda: spin(3_600_000)))
    steps = 0
    while time.monotonic() - begin < 0.2:
        steps += 1
        stop.wait(0.001)
    assert steps > 10
    assert not call.done()
    rt.close(wait=0)
    assert call.exception(PATIENCE) is not None
    assert time.monotonic() - begin < 15


def test_guests_run_while_python_holds_the_gil(rt: Runtime) -> None:
    """And the other way round: a busy Python thread slows no guest's clock down; its limit still holds."""
    spin = add_wat(rt, "traps", "spin", limits={"max_execution_ms": 50})
    call = in_thread(spin)
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        sum(range(1000))
    assert isinstance(call.exception(PATIENCE), LimitExceeded)


def test_all_kinds_of_endings_at_once(rt: Runtime) -> None:
    """F-45, V-22: results, errors, traps and limits on eight threads, each its own."""
    divide = rt.add_wasm("app:divide", built("types"), "try-divide")
    trap = add_wat(rt, "traps", "div-zero", id="app:trap")
    spin = add_wat(rt, "traps", "spin", id="app:spin", limits={"max_execution_ms": 2})

    def work(index: int) -> bool:
        kind = index % 16
        if kind == 0:
            with pytest.raises(LimitExceeded):
                spin()
        elif kind % 3 == 0:
            with pytest.raises(GuestTrap, match="divide by zero"):
                trap()
        elif kind % 3 == 1:
            with pytest.raises(GuestError) as caught:
                divide(index, 0)
            assert caught.value.value == "division by zero"
        else:
            assert divide(index * 7, 7) == index
        return True

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(1600)))


def test_a_thousand_sleepers_on_few_threads_of_python(rt: Runtime) -> None:
    """H-60: sixteen threads, each call 10 ms: they sleep side by side."""
    sleeper = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"])
    begin = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda _: sleeper(20), range(320))) == [None] * 320
    # One after the other they would take 6.4 seconds.
    assert time.monotonic() - begin < 5
