"""Threads whose failures a test sees, and waiting for a condition."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds after which a test gives up on something that must happen: only a failing test waits that long."""


def in_thread(work: Callable[[], T], *, stack_size: int | None = None) -> Future[T]:
    """Run `work` on a thread of its own; the future has its result or exception."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            future.set_exception(error)

    before = threading.stack_size(stack_size) if stack_size else None
    try:
        threading.Thread(target=run, daemon=True).start()
    finally:
        if before is not None:
            threading.stack_size(before)
    return future


def eventually(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come about within {PATIENCE} seconds"
        time.sleep(0.002)
