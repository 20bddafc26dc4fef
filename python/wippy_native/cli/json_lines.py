"""JSON lines: reading them one at a time within a limit, and making a call's arguments of each."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..errors import ArgumentError
from ..signature import snake
from .functions import Parameters
from .values import from_json

LONGEST = 64 * 1024 * 1024
"""Bytes of a line; a longer one is an error, and is never held in memory as a whole."""

_PIECE = 1024 * 1024
Arguments = tuple[Any, ...]


def read_arguments(
    source: BinaryIO, parameters: Parameters | None, *, longest: int = LONGEST
) -> Iterator[tuple[int, Arguments | ArgumentError]]:
    """(line number, the arguments it holds) of each line, or the error in their place. Blank lines are left out.

    Numbers count every line, from 1. `parameters` is None for Lua: an array is all of the arguments then.
    Raises `OSError` when the source cannot be read.
    """
    for number, line in _lines(source, longest):
        try:
            if line is None:
                raise ArgumentError(f"longer than {longest} bytes; split the line, or call the function from Python")
            yield number, _arguments(line, parameters)
        except ArgumentError as error:
            yield number, error


def _lines(source: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """The lines that are not blank; None in the place of one that is too long."""
    number = 0
    while line := source.readline(longest + 2):  # the line's end may be two bytes
        number += 1
        _skip_rest(source, line)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        line = line.rstrip(b"\r\n")
        if len(line) > longest:
            yield number, None
        elif line.strip():
            yield number, line


def _skip_rest(source: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = source.readline(_PIECE)


def _arguments(line: bytes, parameters: Parameters | None) -> Arguments:
    value = _parsed(line)
    if parameters is None:
        return tuple(value) if isinstance(value, list) else (value,)
    if len(parameters) == 1:
        ((_, kind),) = parameters
        return (from_json(value, kind),)
    if isinstance(value, dict):
        value = _by_name(value, parameters)
    if not isinstance(value, list):
        raise ArgumentError(f"expected {_wanted(parameters)}, got {_name(value)}")
    if len(value) != len(parameters):
        raise ArgumentError(f"parameter count mismatch: expected {len(parameters)}, got {len(value)}")
    return tuple(from_json(item, kind) for item, (_, kind) in zip(value, parameters, strict=True))


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise ArgumentError(f"not UTF-8: byte {error.object[error.start]:#04x} at column {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ArgumentError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ArgumentError("not JSON that can be read: nested too deeply") from None
    except ValueError as error:  # an integer of more digits than Python takes
        raise ArgumentError(f"not JSON that can be read: {error}") from None


def _by_name(value: dict[str, Any], parameters: Parameters) -> list[Any]:
    """The values in the parameters' order; a name may be WIT's own or its snake_case form."""
    positions = {spelling: name for name, _ in parameters for spelling in (snake(name), name)}
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = positions.get(key)
        if name is None:
            raise ArgumentError(f"no parameter {json.dumps(key)}; expected {_wanted(parameters)}", path=key)
        if name in found:
            raise ArgumentError(f'the parameter "{name}" is given twice, as its two spellings', path=name)
        found[name] = item
    missing = [f'"{name}"' for name, _ in parameters if name not in found]
    if missing:
        raise ArgumentError(f"missing {', '.join(missing)}; expected {_wanted(parameters)}")
    return [found[name] for name, _ in parameters]


def _wanted(parameters: Parameters) -> str:
    if not parameters:
        return "[] or {}, as the function has no parameters"
    names = ", ".join(f'"{name}"' for name, _ in parameters)
    return f"an array of {len(parameters)} values or an object with {names}"


def _name(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
    return "a number"
