"""The runtimes of this process: made unusable in a forked child, and told when Python ends."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import TYPE_CHECKING

from ._border import exiting

if TYPE_CHECKING:
    from .runtime import Runtime

_living: weakref.WeakSet[Runtime] = weakref.WeakSet()

# Daemon threads may be inside a call; Python would end them there, and the process with an abort.
atexit.register(exiting)


def add(runtime: Runtime) -> None:
    """Have `_become_forked` called on a runtime in every child of this process."""
    _living.add(runtime)


def _after_fork() -> None:
    for runtime in list(_living):
        runtime._become_forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
