"""Guest output that nobody captures, as log records: `wippy_native.guest.<entry id>`, stdout at info, stderr at
warning. The core hands over whole lines and caps their amount per call. Rules: H-35.
"""

from __future__ import annotations

import logging

_LEVELS = {1: logging.INFO, 2: logging.WARNING}


def log_output(entry: str, fd: int, lines: bytes) -> None:
    """Log whole lines a guest of `entry` wrote to `fd` (1 or 2); bytes that are no UTF-8 are replaced."""
    logger = logging.getLogger(f"wippy_native.guest.{entry}")
    level = _LEVELS.get(fd, logging.INFO)
    if logger.isEnabledFor(level):
        for line in lines.decode("utf-8", "replace").splitlines():
            logger.log(level, "%s", line)
