"""Short Lua programs for tests."""

from __future__ import annotations

from typing import Any

import pytest

from wippy_native import LuaError, LuaFunction, Runtime

MODULES = (
    "funcs", "json", "time", "base64", "hash", "uuid", "yaml", "text", "env", "fs", "logger", "ctx", "http_client",
)  # fmt: skip
MEMORY = 16 * 1024 * 1024

_HEAD = " ".join(f'local {name} = require("{name}")' for name in MODULES)


def add_script(rt: Runtime, body: str, id: str = "app:f", **fields: Any) -> LuaFunction:
    """Add a function with this body, in which every module has its name."""
    return rt.add_lua(id, f"{_HEAD} return function(...) {body}\nend", modules=MODULES, **fields)


def evaluate(rt: Runtime, body: str, *args: Any, timeout: float = 30.0, **fields: Any) -> Any:
    """What a body returns."""
    fields = {"limits": {"max_memory_bytes": MEMORY}, **fields}
    return add_script(rt, body, id="app:evaluated", **fields).with_options(timeout=timeout)(*args)


def failing(rt: Runtime, body: str, *args: Any, **fields: Any) -> LuaError:
    """The error that a body raises or returns."""
    with pytest.raises(LuaError) as caught:
        evaluate(rt, body, *args, **fields)
    return caught.value
