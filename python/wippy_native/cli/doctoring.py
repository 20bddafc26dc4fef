"""`doctor`: what this installation is, for a bug report."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from .._border import BUILD, Engine, core_version
from .printing import data, data_json


def print_report(*, as_json: bool) -> None:
    """Print versions, pool limits and the state of the compile cache."""
    versions, engine = _versions(), Engine().info()
    if as_json:
        data_json({**versions, **engine, "cache_used": _why_unused(engine) == ""})
        return
    shown = {**versions, **_engine(engine), "compile cache": _cache(engine)}
    width = max(map(len, shown))
    for name, value in shown.items():
        data(f"{name:{width}}  {value}")


def _versions() -> dict[str, Any]:
    build = {f"core {name}" if name in ("profile", "target") else name: value for name, value in BUILD.items()}
    return {
        "wippy-native": core_version,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **build,
    }


def _engine(info: dict[str, Any]) -> dict[str, Any]:
    """How instances are allocated, and what decided how many there is room for."""
    room = str(info["max_instances"])
    if reason := info["max_instances_reason"]:
        room = f"{room} ({reason})"
    memory, table = (info[f"{kind}keep_resident_bytes"] // 1024 for kind in ("", "table_"))
    bound = info["keep_resident_bound_bytes"] / 1_000_000
    return {
        "allocator": info["allocator"],
        "max instances": room,
        "free instances": info["free_instances"],
        "io threads": info["io_threads"],
        "pagemap scan": info["pagemap_scan"],
        "keep resident": f"{memory} KiB a memory, {table} KiB a table, {bound:,.0f} MB after all instances at once",
    }


def _cache(info: dict[str, Any]) -> str:
    if why := _why_unused(info):
        return f"not used, {why}"
    size = info["cache_bytes"] / 1_000_000
    return f"{info['cache_dir']}, {info['cache_files']} files, {size:.1f} MB"


def _why_unused(info: dict[str, Any]) -> str:
    """Compiled code is native code, so a directory that others can write to is neither read nor written."""
    directory = info.get("cache_dir")
    if directory is None:
        return "this user has no cache directory (set HOME or XDG_CACHE_HOME)"
    if Path(directory).exists() and not info["cache_private"]:
        return f"{directory} must belong to you with mode 0700"
    return ""
