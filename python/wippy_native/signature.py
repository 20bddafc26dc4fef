"""From WIT parameters to an `inspect.Signature` with Python types.

Records become `TypedDict`s, enums and flags literals, so that tools which read annotations see their names. Names that
Python reserves get a trailing underscore.
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, TypedDict

from ._border import Err, Ok, Some, Variant
from .wit_types import (
    BYTES,
    Enum,
    Flags,
    List,
    Option,
    Primitive,
    Record,
    Result,
    Tuple,
    WitType,
    parse_type,
)
from .wit_types import Variant as VariantType

_PRIMITIVES = {"bool": bool, "f32": float, "f64": float, "char": str, "string": str}


def snake(name: str) -> str:
    """A WIT name as Python spells it: `tag-count` is `tag_count`. Rules: V-9."""
    found = name.replace("-", "_").lower()
    return f"{found}_" if keyword.iskeyword(found) else found


@lru_cache(maxsize=1024)
def make_signature(parameters: tuple[tuple[str, str], ...], result: str | None) -> inspect.Signature:
    """The signature of a function from its WIT parameter names and types, and its result type."""
    return inspect.Signature(
        [
            inspect.Parameter(
                snake(name), inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=python_type(parse_type(kind))
            )
            for name, kind in parameters
        ],
        return_annotation=_result(parse_type(result)) if result else None,
    )


def wit_line(name: str, parameters: Sequence[tuple[str, str]], result: str | None) -> str:
    """A function as WIT writes it: `add: func(a: s32, b: s32) -> s32`."""
    listed = ", ".join(f"{parameter}: {kind}" for parameter, kind in parameters)
    return f"{name}: func({listed})" + (f" -> {result}" if result else "")


def python_type(kind: WitType) -> Any:
    """The annotation for a value of this type. Rules: V-1 to V-18."""
    match kind:
        case Primitive(name):
            return _PRIMITIVES.get(name, int)
        case List() if kind == BYTES:
            return bytes
        case List(element):
            return list[python_type(element)]  # type: ignore[misc]
        case Option(Option() as inner):
            return Some[python_type(inner)] | None  # type: ignore[misc]
        case Option(payload):
            return python_type(payload) | None
        case Tuple(items):
            return tuple[tuple(map(python_type, items)) or ((),)]  # type: ignore[misc]
        case Result(ok, err):
            return Ok[_maybe(ok)] | Err[_maybe(err)]  # type: ignore[misc]
        case Record(fields):
            return TypedDict("Record", {snake(name): python_type(field) for name, field in fields})  # type: ignore[operator]
        case VariantType():
            return Variant[Any]
        case Enum(names):
            return Literal[names]
        case Flags(names):
            return frozenset[Literal[names]]  # type: ignore[valid-type]
    return Any


def _result(kind: WitType) -> Any:
    """A result at the top comes out as its good side, the other is raised. Rules: V-22."""
    return _maybe(kind.ok) if isinstance(kind, Result) else python_type(kind)


def _maybe(kind: WitType | None) -> Any:
    return None if kind is None else python_type(kind)
