"""What the commands that call a function share: finding it, reading its arguments, telling what went wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import FunctionNotFound, GuestError, ImportDenied, LuaError, WippyError
from ..function import Function
from ..lua.function import LuaFunction
from ..runtime import Runtime
from ..wit_types import Result, WitType, parse_type
from .values import plain, read_argument, read_word, to_json

Parameters = Sequence[tuple[str, WitType]]


def find_function(runtime: Runtime, identity: str) -> Function:
    """The function with this id, of WebAssembly or Lua. Raises `FunctionNotFound`, or `WippyError` for any other."""
    function = runtime.function(identity)
    if not isinstance(function, Function):
        raise WippyError(f"{identity} is neither a WebAssembly nor a Lua function", entry=identity)
    return function


def parameters_of(function: Function) -> Parameters | None:
    """The WIT names and types, None for Lua. Raises `FunctionNotFound` when the method does not resolve."""
    if isinstance(function, LuaFunction):
        return None
    parameters = function.parameters
    if parameters is None:
        raise FunctionNotFound(function.resolve_error() or f"{function.id}: method not found", entry=function.id)
    return [(name, parse_type(kind)) for name, kind in parameters]


def read_words(function: Function, words: Sequence[str]) -> list[object]:
    """The arguments by their parameters' types; those beyond stay words, for the call to refuse. Lua has no types.

    Raises `ArgumentError`, or `OSError` for a file.
    """
    if isinstance(function, LuaFunction):
        return [read_word(text) for text in words]
    parameters = [(name, parse_type(kind)) for name, kind in function.parameters or []]
    read = [read_argument(text, name, kind) for text, (name, kind) in zip(words, parameters, strict=False)]
    return [*read, *words[len(read) :]]


def good_side(result: str | None) -> WitType | None:
    """The type of what a call returns: an error side is raised instead."""
    kind = parse_type(result) if result else None
    return kind.ok if isinstance(kind, Result) else kind


def json_of(function: Function) -> Callable[[Any], Any]:
    """Makes what the function returned into what `json.dumps` takes."""
    if isinstance(function, LuaFunction):
        return plain
    kind = good_side(function.result)
    return lambda value: to_json(value, kind)


def explain(function: Function, error: Exception, *, frames: bool = True) -> str:
    """An error of a call in words; `frames` adds the guest's stack, a line each, where it helps."""
    if isinstance(error, LuaError):
        return str(error) if frames else error.message
    if isinstance(error, GuestError):
        return f"{function.id} returned an error: {_returned(function, error)}"
    if isinstance(error, WippyError):
        # Where the guest called a denied import from does not matter: the message names the line to add.
        return str(error) if frames and not isinstance(error, ImportDenied) else error.message
    return f"{type(error).__name__}: {error}"


def _returned(function: Function, error: GuestError) -> str:
    kind = parse_type(function.result) if function.result else None
    if isinstance(error.value, str) or not isinstance(kind, Result):
        return str(error.value)
    return json.dumps(to_json(error.value, kind.err), ensure_ascii=False)


def to_stderr(output: bytes) -> None:
    """Where a guest's own output goes: stdout is for data."""
    sys.stderr.buffer.write(output)
    sys.stderr.buffer.flush()
