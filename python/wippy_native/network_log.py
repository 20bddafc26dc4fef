"""Refusals of the network policy as log records: logger `wippy_native.network`, each text once a function.

Rules: N-16.
"""

from __future__ import annotations

import logging

log = logging.getLogger("wippy_native.network")


def log_failure(error: BaseException) -> None:
    """Log an exception of `Runtime(http=...)`, of which the guest gets the words alone."""
    log.error("Runtime(http=...) raised an exception", exc_info=error)


def log_refusal(entry: str, text: str) -> None:
    """Log what a guest of `entry` was refused, and how to allow it."""
    log.warning("%s", text, extra={"entry": entry})
