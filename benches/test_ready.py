"""Large guests whose instances are made ready ahead of calls, used again, or kept.

Calls come with pauses, more slowly than instances are made, so that a round is one call and its percentiles count. What
a ready instance saves is its start; what its first call does for the first time, it still does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from wippy_native import Function

from .contenders import ALL_GROUPS, GUESTS, Ours

GUESTS_AND_CALLS: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "componentize-py": ("pyguest", "version", ()),
    "componentize-js": ("jsguest", "shout", ("hey",)),
}
POOLS: dict[str, dict[str, Any]] = {
    "fresh": {"type": "lazy"},
    "ready": {"type": "lazy", "warm_start": True},
    "used again": {"type": "lazy", "reuse": 1_000_000},
}
CALLS = 300
PAUSE = 0.01
SETTLE = 1.0
MADE = 100


@pytest.mark.parametrize("how", [*POOLS, "kept"])
@pytest.mark.parametrize("guest", GUESTS_AND_CALLS)
def test_calls_with_pauses(ours: Ours, guest: str, how: str) -> None:
    function, arguments = _function(ours, guest, POOLS.get(how, {}))
    time.sleep(SETTLE)
    if how == "kept":
        with function.instance() as instance:
            instance(*arguments)
            _report(guest, how, lambda: instance(*arguments))
    else:
        function(*arguments)
        _report(guest, how, lambda: function(*arguments))


@pytest.mark.parametrize("guest", GUESTS_AND_CALLS)
def test_how_fast_they_are_made(ours: Ours, guest: str) -> None:
    """By the processor time that making a hundred takes, on the one thread that does."""
    before = time.process_time()
    _function(ours, guest, {"type": "lazy", "max_size": MADE, "warm_start": True})
    added = time.process_time()
    time.sleep(SETTLE)
    took = time.process_time() - added
    rate = MADE / took
    _say(f"{guest}: {rate:.0f} ready instances a second; {1000 * (added - before):.1f} ms to add the function")


@pytest.mark.parametrize("how", ["fresh", "ready"])
@pytest.mark.parametrize("guest", GUESTS_AND_CALLS)
def test_calls_without_pauses(ours: Ours, guest: str, how: str) -> None:
    """Faster than instances are made: making them competes with the calls."""
    function, arguments = _function(ours, guest, POOLS[how])
    time.sleep(SETTLE)
    calls, end = 0, time.perf_counter() + 1
    while time.perf_counter() < end:
        function(*arguments)
        calls += 1
    _say(f"{guest}, {how}: {calls} calls a second without pauses")


def _function(ours: Ours, guest: str, pool: dict[str, Any]) -> tuple[Function, tuple[Any, ...]]:
    name, method, arguments = GUESTS_AND_CALLS[guest]
    function = ours.function(GUESTS / "built" / f"{name}.wasm", method, imports=ALL_GROUPS, pool=pool)
    if not isinstance(function, Function):
        raise TypeError(name)
    return function, arguments


def _report(guest: str, how: str, call: Callable[[], object]) -> None:
    times = []
    for _ in range(CALLS):
        time.sleep(PAUSE)
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    times.sort()
    p50, p99 = times[CALLS // 2], times[CALLS * 99 // 100]
    _say(f"{guest}, {how}: p50 {p50:.0f} us, p99 {p99:.0f} us, least {times[0]:.0f} us")


def _say(figures: str) -> None:
    print(f"\n{figures}")  # noqa: T201 - what the bench is for
