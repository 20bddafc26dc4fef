"""Entries for functions whose module Python holds: `Runtime.add_wasm`."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .config.function import WASM
from .errors import RegistryError
from .problems import Problem
from .registry import Entry, entry_from_mapping

Source = str | os.PathLike[str] | bytes


def entry_for_wasm(
    identity: str, source: Source, fields: Mapping[str, Any], meta: Mapping[str, Any] | None, max_bytes: int
) -> tuple[Entry, bytes]:
    """The entry and the module's bytes. Fields that are None are left out.

    Raises `RegistryError` for a bad id or a file that cannot be read, `TypeError` for another kind of source.
    """
    data = {name: value for name, value in fields.items() if value is not None}
    entry = entry_from_mapping({"id": identity, "kind": WASM, "meta": dict(meta or {}), "data": data})
    if isinstance(source, (bytes, bytearray, memoryview)):
        return entry, bytes(source)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"add_wasm({identity!r}): expected a path or bytes as source, got {type(source).__name__}")
    return entry, _read(entry.id, Path(source), max_bytes)


def _read(identity: str, path: Path, max_bytes: int) -> bytes:
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise _failure(identity, path, "not a regular file")
        if info.st_size > max_bytes:
            raise _failure(identity, path, f"{info.st_size} bytes, {max_bytes} are allowed")
        return path.read_bytes()
    except OSError as error:
        raise _failure(identity, path, error.strerror or str(error)) from None


def _failure(identity: str, path: Path, why: str) -> RegistryError:
    message = f"operation failed for entry {identity}: failed to open file: {path}: {why}"
    return RegistryError.of(Problem("error", message, identity), kind="NotFound")
