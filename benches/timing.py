"""What benches that time rounds by hand share: a clock around some work, and this process's memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path


def timed(work: Callable[[], object], calls: int) -> float:
    """Seconds a call of `work`, which makes so many."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / calls


def consume(results: Iterable[object]) -> None:
    """Take all there are."""
    for _ in results:
        pass


def resident() -> float:
    """KiB of this process in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4
