"""Compiled modules by the digest of their bytes.

Functions with the same bytes share one module. Compiling a large one takes seconds, so nobody else's lock is held
meanwhile; whoever wants bytes that are being compiled waits for them instead of compiling them again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ._border import Module


class Modules:
    """The modules of one runtime. It may be used from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._modules: dict[str, Module] = {}
        self._turns: dict[str, threading.Lock] = {}

    def get(self, digest: str, compile: Callable[[], Module]) -> Module:  # noqa: A002 - it is what the callable does
        """The module with this digest, compiled if it is not there yet. Raises what `compile` raises."""
        with self._lock:
            if found := self._modules.get(digest):
                return found
            turn = self._turns.setdefault(digest, threading.Lock())
        with turn:
            try:
                module = self._modules.get(digest) or compile()
                self._modules[digest] = module
            finally:
                self._turns.pop(digest, None)
        return module

    def forget(self, digest: str) -> None:
        """Let go of a module; functions that have it keep it."""
        self._modules.pop(digest, None)
