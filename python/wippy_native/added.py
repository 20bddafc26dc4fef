"""Entries for functions whose module Python holds: `Runtime.add_wasm`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .config.fields import dotted, invalid
from .config.function import WASM, unknown_fields
from .errors import RegistryError
from .problems import Problem
from .registry import Entry, entry_from_mapping

Source = str | os.PathLike[str] | bytes | bytearray | memoryview


def entry_for_wasm(
    identity: str, source: Source, fields: Mapping[str, Any], meta: Mapping[str, Any] | None, max_bytes: int
) -> tuple[Entry, bytes]:
    """The entry and the module's bytes. Fields that are None are left out.

    Raises `RegistryError` for a bad id or a file that cannot be read, `TypeError` for another kind of source.
    """
    data = {name: value for name, value in fields.items() if value is not None}
    entry = entry_from_mapping({"id": identity, "kind": WASM, "meta": meta, "data": data})
    if isinstance(source, (bytes, bytearray, memoryview)):
        return entry, bytes(source)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"add_wasm({identity!r}): expected a path or bytes as source, got {type(source).__name__}")
    return entry, _read(entry.id, Path(source), max_bytes)


def list_of_imports(identity: str, imports: Iterable[str]) -> list[str]:
    """The items of `imports`. Raises `TypeError` for a single string, whose items would be its letters."""
    if isinstance(imports, str):
        raise TypeError(f"add_wasm({identity!r}): imports: expected a list of groups; write imports=[{imports!r}]")
    if not isinstance(imports, Iterable) or isinstance(imports, (bytes, Mapping)):
        found = type(imports).__name__
        raise TypeError(f"add_wasm({identity!r}): imports: expected a list of groups, got {found}")
    return list(imports)


def refuse_unknown_fields(entry: Entry) -> None:
    """A field nothing reads is a mistake here: unlike a file, a call was not written for another version.

    Raises `ConfigError` with the first. Rules: R-21.
    """
    for path, hint in unknown_fields(entry):
        raise invalid(entry, path, f"unknown field {dotted(path)}", hint)


def _read(identity: str, path: Path, max_bytes: int) -> bytes:
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise _failure(identity, path, "not a regular file")
        if info.st_size > max_bytes:
            raise _failure(identity, path, f"{info.st_size} bytes, {max_bytes} are allowed")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a path with a NUL character is a ValueError
        raise _failure(identity, path, getattr(error, "strerror", None) or str(error)) from None


def _failure(identity: str, path: Path, why: str) -> RegistryError:
    message = f"operation failed for entry {identity}: failed to open file: {path}: {why}"
    return RegistryError.of(Problem("error", message, identity), kind="NotFound")
