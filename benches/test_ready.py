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
    """Calls without a pause for a second, which use up what is ready, against the same without `warm_start`."""
    rates = {}
    for how in ("fresh", "ready"):
        function, arguments = _function(ours, guest, POOLS[how])
        time.sleep(SETTLE)
        calls, end = 0, time.perf_counter() + 1
        while time.perf_counter() < end:
            function(*arguments)
            calls += 1
        rates[how] = calls
    print(f"\n{guest}: {rates['fresh']} fresh calls a second without a pause, {rates['ready']} with ready instances")


def _function(ours: Ours, guest: str, pool: dict[str, Any]) -> tuple[Function, tuple[Any, ...]]:
    name, method, arguments = GUESTS_AND_CALLS[guest]
    function = ours.function(GUESTS / "built" / f"{name}.wasm", method, imports=ALL_GROUPS, pool=pool)
    assert isinstance(function, Function)
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
    print(f"\n{guest}, {how}: p50 {p50:.0f} us, p99 {p99:.0f} us, least {times[0]:.0f} us")
