"""Entries for functions whose module or source Python holds: `Runtime.add_wasm`, `Runtime.add_lua`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .config.fields import dotted, invalid
from .config.function import WASM
from .config.kinds import unknown_fields
from .config.lua import FUNCTION as LUA
from .config.lua import LuaFunctionConfig, parse_lua_function
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


def entry_for_lua(
    identity: str,
    source: str | os.PathLike[str],
    fields: Mapping[str, Any],
    meta: Mapping[str, Any] | None,
    max_bytes: int,
) -> LuaFunctionConfig:
    """The configuration of a Lua function; a text is its source, a path the file that holds it.

    Raises `RegistryError` for a bad id or field or a file that cannot be read, `TypeError` for another kind of source.
    """
    is_path = isinstance(source, os.PathLike)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"add_lua({identity!r}): expected a text or a path as source, got {type(source).__name__}")
    if isinstance(source, str) and source.endswith(".lua") and "\n" not in source:
        raise TypeError(f"add_lua({identity!r}): source is a text; for the file write Path({source!r})")
    data = {name: value for name, value in fields.items() if value is not None}
    entry = entry_from_mapping({"id": identity, "kind": LUA, "meta": meta, "data": data})
    data["source"] = _text(entry.id, Path(source), max_bytes) if is_path else source
    config = parse_lua_function(entry)
    refuse_unknown_fields(entry)
    return replace(config, file=os.fspath(source)) if is_path else config


def list_of_names(method: str, identity: str, field: str, names: Iterable[str]) -> list[str]:
    """The items of `imports` or `modules`. Raises `TypeError` for a single string, whose items would be its letters."""
    wanted = f"{method}({identity!r}): {field}: expected a list of {'groups' if field == 'imports' else 'names'}"
    if isinstance(names, str):
        raise TypeError(f"{wanted}; write {field}=[{names!r}]")
    if not isinstance(names, Iterable) or isinstance(names, (bytes, Mapping)):
        raise TypeError(f"{wanted}, got {type(names).__name__}")
    return list(names)


def refuse_unknown_fields(entry: Entry) -> None:
    """A field nothing reads is a mistake here: unlike a file, a call was not written for another version.

    Raises `ConfigError` with the first. Rules: R-21.
    """
    for path, hint in unknown_fields(entry):
        raise invalid(entry, path, f"unknown field {dotted(path)}", hint)


def _text(identity: str, path: Path, max_bytes: int) -> str:
    try:
        return _read(identity, path, max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _failure(identity, path, "not UTF-8") from None


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
