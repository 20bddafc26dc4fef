"""`wasi:clocks`, `wasi:io/poll` and `wasi:random`: H-60 to H-64, H-70."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from support.guests import add_hostuse
from support.threads import PATIENCE, in_thread

from wippy_native import GuestTrap, LimitExceeded, Runtime

Method = Callable[..., Any]


@pytest.fixture
def guest(rt: Runtime) -> Callable[[str], Method]:
    return lambda method: add_hostuse(rt, method, id=f"app:{method}")


def test_the_wall_clock_is_that_of_the_host(guest: Callable[[str], Method]) -> None:
    """H-61."""
    now = guest("now-wall")
    before = time.time()
    seconds, nanoseconds = now()
    after = time.time()
    assert 0 <= nanoseconds < 10**9
    # The clock the library reads may be a coarse one.
    assert before - 0.1 <= seconds + nanoseconds / 1e9 <= after + 0.1


def test_resolutions_are_real(guest: Callable[[str], Method]) -> None:
    """H-61."""
    assert (0, 0) < guest("wall-resolution")() <= (1, 0)
    assert 0 < guest("mono-resolution")() <= 10**9


def test_the_monotonic_clock_goes_on_between_calls(guest: Callable[[str], Method]) -> None:
    """H-61: calls are fresh instances, but time is one. A guest may compare what two calls were given."""
    now = guest("now-mono")
    first = now()
    time.sleep(0.005)
    assert now() > first


@pytest.mark.parametrize("method", ["sleep-ms", "sleep-until-ms"])
def test_sleeping_takes_its_time(guest: Callable[[str], Method], method: str) -> None:
    """H-62: never less than asked."""
    assert guest(method)(30) >= 30_000_000


def test_poll_answers_when_one_is_ready(guest: Callable[[str], Method]) -> None:
    """H-63."""
    poll = guest("poll-two")
    assert poll(3_600_000, 5) == [1]
    assert poll(5, 3_600_000) == [0]
    assert poll(0, 0) == [0, 1]


def test_poll_of_nothing_traps(guest: Callable[[str], Method]) -> None:
    """H-63."""
    with pytest.raises(GuestTrap):
        guest("poll-none")()


def test_readiness_is_real(guest: Callable[[str], Method]) -> None:
    """H-64. (Of a timer of no time at all the library says so only when asked a second time, or by `poll`.)"""
    assert guest("ready-now")(3_600_000) is False
    assert 0 in guest("poll-two")(0, 3_600_000)


@pytest.mark.parametrize("ms", [0, 2**32 - 1])
def test_the_ends_of_the_range(rt: Runtime, ms: int) -> None:
    """H-62: no overflow on the way to the host's timers."""
    sleeper = add_hostuse(rt, "sleep-ms", limits={"max_execution_ms": 50})
    if ms:
        with pytest.raises(LimitExceeded):
            sleeper(ms)
    else:
        assert sleeper(ms) >= 0


def test_a_timer_beyond_the_end_of_time(rt: Runtime) -> None:
    """H-62: u64::MAX nanoseconds, five centuries, is a long wait and no panic."""
    source = b"""(component
      (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type $p (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $p))))))
      (alias export $poll "pollable" (type $pollable))
      (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (alias outer 1 $pollable (type $p))
        (export "pollable" (type $q (eq $p)))
        (export "subscribe-duration" (func (param "when" u64) (result (own $q))))
        (export "subscribe-instant" (func (param "when" u64) (result (own $q))))))
      (core func $duration (canon lower (func $clock "subscribe-duration")))
      (core func $instant (canon lower (func $clock "subscribe-instant")))
      (core func $block (canon lower (func $poll "[method]pollable.block")))
      (core module $m
        (import "w" "duration" (func $duration (param i64) (result i32)))
        (import "w" "instant" (func $instant (param i64) (result i32)))
        (import "w" "block" (func $block (param i32)))
        (func (export "duration") (param i64) (call $block (call $duration (local.get 0))))
        (func (export "instant") (param i64) (call $block (call $instant (local.get 0)))))
      (core instance $i (instantiate $m (with "w" (instance (export "duration" (func $duration))
        (export "instant" (func $instant)) (export "block" (func $block))))))
      (func (export "duration") (param "n" u64) (canon lift (core func $i "duration")))
      (func (export "instant") (param "n" u64) (canon lift (core func $i "instant"))))"""
    for method in ("duration", "instant"):
        wait = rt.add_wasm("app:f", source, method, imports=["wasi:clocks"], limits={"max_execution_ms": 60})
        for nanoseconds in (2**64 - 1, 2**63, 2**63 - 1):
            with pytest.raises(LimitExceeded):
                wait(nanoseconds)
        assert wait(0) is None


def test_sleepers_do_not_wait_for_each_other(guest: Callable[[str], Method]) -> None:
    """H-60."""
    sleeper = guest("sleep-ms")
    sleepers = [in_thread(lambda: sleeper(300)) for _ in range(20)]
    begin = time.monotonic()
    assert all(call.result(PATIENCE) >= 300_000_000 for call in sleepers)
    assert time.monotonic() - begin < 4


@pytest.mark.parametrize("method", ["random-bytes", "insecure-bytes"])
@pytest.mark.parametrize("count", [0, 1, 32, 70_000, 3 << 20])
def test_random_bytes(guest: Callable[[str], Method], method: str, count: int) -> None:
    """H-70: as many as asked, above the reference's cap too."""
    data = guest(method)(count)
    assert len(data) == count
    if count >= 32:
        assert len(set(data)) > 8


@pytest.mark.parametrize("method", ["random-u64", "insecure-u64", "insecure-seed"])
def test_random_numbers_differ_between_calls(guest: Callable[[str], Method], method: str) -> None:
    """H-70: a fresh instance must not begin the same sequence again."""
    draw = guest(method)
    assert len({draw() for _ in range(20)}) == 20


def test_random_bytes_differ_between_calls_and_threads(guest: Callable[[str], Method]) -> None:
    """H-70."""
    draw = guest("random-bytes")
    calls = [in_thread(lambda: [draw(16) for _ in range(50)]) for _ in range(4)]
    assert len({data for call in calls for data in call.result(PATIENCE)}) == 200


HOARD = b"""(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $timer (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $timer))))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "clock" "subscribe" (func $subscribe (param i64) (result i32)))
    (func (export "f") (loop $more (drop (call $subscribe (i64.const 1))) (br $more))))
  (core instance $i (instantiate $m (with "clock" (instance (export "subscribe" (func $subscribe))))))
  (func (export "f") (canon lift (core func $i "f"))))"""


def test_a_guest_that_keeps_every_timer(rt: Runtime) -> None:
    """H-62; what a call may hold is bounded, and the error says what to do."""
    hoard = rt.add_wasm("app:f", HOARD, "f", imports=["wasi:clocks"])
    with pytest.raises(GuestTrap, match=r"no free keys: the guest holds \d+ files, .* drop those it has done with"):
        hoard()
