"""What the commands that call a function share: finding it, reading its arguments, telling what went wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from ..errors import FunctionNotFound, GuestError, ImportDenied, WippyError
from ..function import Function
from ..runtime import Runtime
from ..wit_types import Result, WitType, parse_type
from .values import read_argument, to_json

Parameters = Sequence[tuple[str, WitType]]


def find_function(runtime: Runtime, identity: str) -> Function:
    """The WebAssembly function with this id. Raises `FunctionNotFound`, or `WippyError` for one of another kind."""
    function = runtime.function(identity)
    if not isinstance(function, Function):
        raise WippyError(f"{identity} is not a WebAssembly function", entry=identity)
    return function


def parameters_of(function: Function) -> Parameters:
    """The WIT names and types. Raises `FunctionNotFound` when the method does not resolve."""
    parameters = function.parameters
    if parameters is None:
        raise FunctionNotFound(function.resolve_error() or f"{function.id}: method not found", entry=function.id)
    return [(name, parse_type(kind)) for name, kind in parameters]


def read_words(function: Function, words: Sequence[str]) -> list[object]:
    """The arguments by their parameters' types; those beyond stay words, for the call to refuse.

    Raises `ArgumentError`, or `OSError` for a file.
    """
    parameters = [(name, parse_type(kind)) for name, kind in function.parameters or []]
    read = [read_argument(text, name, kind) for text, (name, kind) in zip(words, parameters, strict=False)]
    return [*read, *words[len(read) :]]


def good_side(result: str | None) -> WitType | None:
    """The type of what a call returns: an error side is raised instead."""
    kind = parse_type(result) if result else None
    return kind.ok if isinstance(kind, Result) else kind


def explain(function: Function, error: Exception, *, frames: bool = True) -> str:
    """An error of a call in words; `frames` adds the guest's stack, a line each, where it helps."""
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
