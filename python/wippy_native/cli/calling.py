"""`call`: one call of a function of the project."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import GuestError, WippyError
from ..function import Function
from ..runtime import Runtime
from ..wit_types import Result, WitType, parse_type
from .printing import data
from .values import read_argument, to_json


def call_function(
    directory: Path, identity: str, arguments: Sequence[str], *, as_json: bool, timeout: float | None
) -> None:
    """Call a function and print its result. Raises `WippyError`, `OSError`."""
    with Runtime.load(directory) as runtime:
        function = runtime.function(identity)
        if not isinstance(function, Function):
            raise WippyError(f"{identity} is not a WebAssembly function", entry=identity)
        configured = function.with_options(timeout=timeout, stdout=_to_stderr, stderr=_to_stderr)
        try:
            result = configured(*_values(function, arguments))
        except GuestError as error:
            raise WippyError(f"{identity} returned an error: {_error_text(function, error)}") from None
        _print(result, _good_side(function.result), as_json=as_json)


def _values(function: Function, arguments: Sequence[str]) -> list[object]:
    """The arguments by their parameters' types; those beyond stay words, for the call to refuse."""
    parameters = function.parameters or []
    read = [
        read_argument(text, name, parse_type(kind)) for text, (name, kind) in zip(arguments, parameters, strict=False)
    ]
    return [*read, *arguments[len(read) :]]


def _to_stderr(output: bytes) -> None:
    sys.stderr.buffer.write(output)
    sys.stderr.buffer.flush()


def _good_side(result: str | None) -> WitType | None:
    kind = parse_type(result) if result else None
    return kind.ok if isinstance(kind, Result) else kind


def _error_text(function: Function, error: GuestError) -> str:
    kind = parse_type(function.result) if function.result else None
    if isinstance(error.value, str) or not isinstance(kind, Result):
        return str(error.value)
    return json.dumps(to_json(error.value, kind.err), ensure_ascii=False)


def _print(result: object, kind: WitType | None, *, as_json: bool) -> None:
    """A string raw, else JSON; nothing for a function without a result, unless JSON is asked for."""
    if isinstance(result, str) and not as_json:
        data(result)
    elif kind is not None or as_json:
        data(json.dumps(to_json(result, kind), ensure_ascii=False))
