"""What a runtime counts of its functions' calls: `Runtime.stats()`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ._core import _RawStats

_SWITCH = "WIPPY_NATIVE_STATS"


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the calls of a function took, in seconds, from the arguments' end to the guest's.

    Waiting for a permit, for other functions and for the clock is included; the conversion of arguments and result is
    not. Calls that failed are included. Half of the calls took no longer than `p50`. `max` is exact; the others are
    computed from the middles of a histogram's buckets, within 3.2 %, and never more than `max`. Rules: F-61.
    """

    mean: float
    p50: float
    p90: float
    p99: float
    max: float

    @classmethod
    def of(cls, buckets: Sequence[tuple[float, int]], longest: float) -> Self | None:
        """From a histogram: (middle, calls) of its buckets, ascending, and the longest of all times, in seconds.

        None without calls.
        """
        calls = sum(count for _, count in buckets)
        if not calls:
            return None
        p50, p90, p99 = (min(percentile(buckets, calls, part), longest) for part in (50, 90, 99))
        mean = sum(middle * count for middle, count in buckets) / calls
        return cls(mean=min(mean, longest), p50=p50, p90=p90, p99=p99, max=longest)


@dataclass(frozen=True, slots=True)
class FunctionStats:
    """The counts of one function since it was loaded, or last replaced.

    started: calls that started. One that is refused before (wrong arguments, a closed runtime, an inline function
        called by itself) is an error and no call.
    finished: calls that ended, in whatever way.
    in_flight: calls that have started and not ended.
    queued: those among them that wait for a permit, of the entry's pool or of the process.
    errors: how often which error occurred, by the name of its class ("GuestTrap", "LimitExceeded", ...); "other" for
        exceptions that are not this package's, such as those of a callable for stdout. Where a guest called the
        function, the error it got as its `err` counts here. An `Err` that `raise_err=False` returns does not.
    latency: how long the calls took; None before the first has ended.
    instances: instances made for calls.
    max_memory_bytes: the most linear memory one instance had when its call ended. A guest that was dropped half-way
        (its task was cancelled, or the guest that called it ended) is left out.

    Rules: F-61.
    """

    started: int
    finished: int
    in_flight: int
    queued: int
    errors: Mapping[str, int]
    latency: Latency | None
    instances: int
    max_memory_bytes: int

    @classmethod
    def of(cls, raw: _RawStats) -> Self:
        """From what the core counts."""
        return cls(
            started=raw["started"],
            finished=raw["finished"],
            in_flight=raw["started"] - raw["finished"],
            queued=raw["queued"],
            errors=raw["errors"],
            latency=Latency.of(raw["buckets"], raw["slowest"]),
            instances=raw["instances"],
            max_memory_bytes=raw["memory"],
        )


def percentile(buckets: Sequence[tuple[float, int]], calls: int, part: int) -> float:
    """The middle of the bucket that holds the shortest time which `part` percent of all `calls` did not exceed."""
    wanted = -(-calls * part // 100)
    for middle, count in buckets:
        wanted -= count
        if wanted <= 0:
            return middle
    return buckets[-1][0]


def timing_is_on() -> bool:
    """Whether new runtimes take the times of calls. Off for benches: everything else is counted all the same."""
    return os.environ.get(_SWITCH) != "off"
