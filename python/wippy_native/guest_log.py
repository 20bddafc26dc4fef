"""Guest output that nobody captures, as log records: `wippy_native.guest.<entry id>`, stdout at info, stderr at
warning. The core hands over whole lines and caps their amount per call. Rules: H-35.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

_LEVELS = {1: logging.INFO, 2: logging.WARNING}


def log_output(entry: str, fd: int, lines: bytes) -> None:
    """Log whole lines a guest of `entry` wrote to `fd` (1 or 2); bytes that are no UTF-8 are replaced."""
    logger = logging.getLogger(f"wippy_native.guest.{entry}")
    level = _LEVELS.get(fd, logging.INFO)
    if logger.isEnabledFor(level):
        for line in lines.decode("utf-8", "replace").splitlines():
            logger.log(level, "%s", line)


def log_message(entry: str, level: str, name: str | None, text: str, fields: Mapping[str, Any] | None) -> None:
    """Log what the Lua function `entry` gave to `print` or a logger, as `wippy_native.lua.<entry id>`.

    The logger's own name comes after that; `fields` follow the text, and are the record's `fields`. Rules: L-8, L-38.
    """
    logger = logging.getLogger(f"wippy_native.lua.{entry}" + (f".{name}" if name else ""))
    number = getattr(logging, level)
    if logger.isEnabledFor(number):
        shown = "".join(f" {key}={value!r}" for key, value in (fields or {}).items())
        logger.log(number, "%s%s", text, shown, extra={"fields": dict(fields or {})})
