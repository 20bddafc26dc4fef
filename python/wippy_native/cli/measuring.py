"""Timing calls: how many a second, and how long one takes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

MOST = 2_000_000
"""Timed calls of a row at most: the time of each is kept."""

_WARM_UP = 0.1
"""Part of the time that is run before the clock starts, for caches and the processor's frequency."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measurement: `seconds` of wall time for `calls`; p50 and p99 in seconds, None where calls overlap."""

    name: str
    workers: int = 1
    calls: int
    seconds: float
    p50: float | None = None
    p99: float | None = None

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds


def time_calls(
    name: str, function: Callable[..., object], arguments: Sequence[Any], seconds: float, clock: Clock = perf_counter
) -> Row:
    """Call one after the other for `seconds`. Raises what a call raises."""
    _repeat(function, arguments, seconds * _WARM_UP, clock)
    times = sorted(_repeat(function, arguments, seconds, clock))
    return Row(name=name, calls=len(times), seconds=sum(times), p50=percentile(times, 50), p99=percentile(times, 99))


def _repeat(function: Callable[..., object], arguments: Sequence[Any], seconds: float, clock: Clock) -> array[float]:
    """The time of each call, taken from the end of the one before; at least one is made."""
    times: array[float] = array("d")
    add = times.append
    before = clock()
    end = before + seconds
    while True:
        function(*arguments)
        after = clock()
        add(after - before)
        before = after
        if after >= end or len(times) == MOST:
            return times


def count_results(
    name: str, workers: int, results: Iterable[object], seconds: float, clock: Clock = perf_counter
) -> Row:
    """Take results for `seconds`. Raises what the batch raises."""
    taken = iter(results)
    _take(taken, seconds * _WARM_UP, clock)
    started = clock()
    calls = _take(taken, seconds, clock)
    return Row(name=name, workers=workers, calls=calls, seconds=clock() - started)


def _take(results: Iterable[object], seconds: float, clock: Clock) -> int:
    calls, end = 0, clock() + seconds
    for calls, _ in enumerate(results, 1):  # noqa: B007 - the last number is the result
        if clock() >= end:
            break
    return calls


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that at least `percent` of the ordered ones do not exceed (nearest rank)."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]
