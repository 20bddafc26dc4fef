"""Values on the command line: arguments from words and JSON, results to JSON, both led by the WIT type.

JSON keeps WIT's own names (kebab case). A variant is `{"case": payload}` or `"case"`, a result `{"ok": ...}` or
`{"err": ...}`, flags a list of names, bytes a list of numbers, and a float that JSON cannot write is a string.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from .. import wit_types as wit
from .._border import Err, Ok, Some, Variant
from ..errors import ArgumentError
from ..signature import snake

_WORDS = (wit.Primitive("char"), wit.STRING)


def read_argument(text: str, name: str, kind: wit.WitType) -> Any:
    """The value of one argument. Raises `ArgumentError`, or `OSError` for a file. Rules: design, `call`."""
    if kind == wit.STRING:
        return text
    if kind == wit.BYTES and text.startswith("@"):
        return sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if _takes_words(kind):
            return text
        hint = "; write @FILE for the bytes of a file" if kind == wit.BYTES else ""
        raise ArgumentError(f"{name}: expected JSON, got {text!r}{hint}", path=name) from None
    if _takes_words(kind) and not isinstance(value, str) and not (value is None and isinstance(kind, wit.Option)):
        return text
    return from_json(value, kind)


def read_word(text: str) -> Any:
    """The value of one argument of a Lua function: bytes of `@FILE`, JSON where it is that, else the word.

    Raises `OSError` for a file.
    """
    if text.startswith("@"):
        return sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def plain(value: Any) -> Any:
    """What a Lua function returned as what `json.dumps` takes."""
    match value:
        case bytes():
            return list(value)
        case float() if not math.isfinite(value):
            return str(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {key if isinstance(key, str) else str(plain(key)): plain(item) for key, item in value.items()}
    return value


def _takes_words(kind: wit.WitType) -> bool:
    """Types whose values are words, so that quoting them as JSON would only be in the way."""
    inner = kind.payload if isinstance(kind, wit.Option) else kind
    return isinstance(inner, wit.Enum) or inner in _WORDS


def from_json(value: Any, kind: wit.WitType) -> Any:
    """A JSON value as the Python value a call takes; what does not fit is left for the call to refuse."""
    match kind:
        case wit.List(element) if isinstance(value, list):
            return [from_json(item, element) for item in value] if kind != wit.BYTES else value
        case wit.Option(payload):
            inner = None if value is None else from_json(value, payload)
            return Some(inner) if isinstance(payload, wit.Option) and value is not None else inner
        case wit.Tuple(items) if isinstance(value, list) and len(value) == len(items):
            return tuple(from_json(item, part) for item, part in zip(value, items, strict=True))
        case wit.Record(fields) if isinstance(value, dict):
            kinds = dict(fields)
            return {key: from_json(item, kinds[key]) if key in kinds else item for key, item in value.items()}
        case wit.Result(ok, err) if isinstance(value, dict) and len(value) == 1:
            ((side, payload),) = value.items()
            if side in ("ok", "err"):
                inner_kind, make = (ok, Ok) if side == "ok" else (err, Err)
                return make(None if inner_kind is None else from_json(payload, inner_kind))
        case wit.Variant(cases):
            return _variant(value, dict(cases))
        case wit.Primitive("f32" | "f64") if isinstance(value, str):
            return _float(value)
    return value


def _variant(value: Any, cases: dict[str, wit.WitType | None]) -> Any:
    if isinstance(value, str) and value in cases:
        return Variant(value)
    if isinstance(value, dict) and len(value) == 1:
        ((tag, payload),) = value.items()
        kind = cases.get(tag)
        return Variant(tag, payload if kind is None else from_json(payload, kind))
    return value


def _float(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def to_json(value: Any, kind: wit.WitType | None) -> Any:
    """A call's value as what `json.dumps` takes."""
    match kind:
        case None:
            return None
        case wit.List(element):
            return list(value) if kind == wit.BYTES else [to_json(item, element) for item in value]
        case wit.Option(payload):
            return None if value is None else to_json(value.value if isinstance(value, Some) else value, payload)
        case wit.Tuple(items):
            return [to_json(item, part) for item, part in zip(value, items, strict=True)]
        case wit.Record(fields):
            return {name: to_json(_field(value, name), part) for name, part in fields}
        case wit.Result(ok, err):
            side, part = ("ok", ok) if isinstance(value, Ok) else ("err", err)
            return {side: to_json(value.value, part)}
        case wit.Variant(cases):
            part = dict(cases).get(value.tag)
            return {value.tag: to_json(value.payload, part)} if part is not None else value.tag
        case wit.Flags(names):
            return [name for name in names if name in value]
        case wit.Primitive("f32" | "f64") if not math.isfinite(value):
            return str(value)
    return value


def _field(record: Any, name: str) -> Any:
    for spelling in (snake(name), name.replace("-", "_"), name):
        if spelling in record:
            return record[spelling]
    return None
