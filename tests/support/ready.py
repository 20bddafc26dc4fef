"""A guest that knows when it was started, to tell ready instances from those made for their call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from wippy_native import Function, Runtime

from .guests import add_wat
from .threads import PATIENCE

WIT = "born: func() -> u64; early-env: func() -> u32; read-now: func() -> u32;"
READY = {"type": "lazy", "max_size": 4, "warm_start": True}


def add_born(rt: Runtime, method: str = "born", **fields: Any) -> Function:
    """Add `born.wat` with instances made ready, unless the test says otherwise."""
    fields = {"imports": ["wasi:cli", "wasi:clocks"], "pool": READY, "wit": WIT, **fields}
    return add_wat(rt, "born", method, **fields)


def is_ready(born: Callable[[], int]) -> bool:
    """Whether a call made now uses an instance that was there before."""
    before = time.time_ns()
    return born() < before


def wait_until_ready(born: Callable[[], int]) -> None:
    """Call until a ready instance serves."""
    end = time.monotonic() + PATIENCE
    while not is_ready(born):
        assert time.monotonic() < end, "no instance was made ready"
        time.sleep(0.01)
