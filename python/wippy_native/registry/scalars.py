"""From the text of a plain YAML scalar to its value, by the YAML 1.2 core schema.

`yes`, `no`, `on`, `off` and dates stay strings (YAML 1.1 turns a country code into a bool); `0755` is octal, as the
platform reads it. Numbers have a bounded length, because parsing an endless one is quadratic.
"""

from __future__ import annotations

import re
from typing import Any

_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|0[0-7_]+|[1-9][0-9_]*|0)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOATS = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_MAX_NUMBER_LENGTH = 64
_TYPES = {"int": int, "float": float, "bool": bool, "null": type(None)}


def resolve(text: str) -> Any:
    """The value of a plain scalar: None, bool, int, float or str. Raises `ValueError` for an endless number."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in "+-.0123456789":
        return text
    for read in (_integer, _float):
        value = read(text)
        if value is not None:
            return value
    return text


def resolve_as(kind: str, text: str) -> Any:
    """The value of a scalar with a core tag (`str`, `int`, `float`, `bool`, `null`). Raises `ValueError`."""
    if kind == "str":
        return text
    value = resolve(text)
    if kind == "float" and type(value) is int:
        return float(value)
    if type(value) is not _TYPES[kind]:
        raise ValueError(f"{text[:40]!r} is not a value of !!{kind}")
    return value


def _integer(text: str) -> int | None:
    if not _INTEGER.fullmatch(text):
        return None
    _check_length(text)
    digits = text.replace("_", "")
    sign, digits = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _float(text: str) -> float | None:
    special = _SPECIAL_FLOATS.get(text.lower())
    if special:
        return float(special)
    if not _FLOAT.fullmatch(text):
        return None
    _check_length(text)
    return float(text.replace("_", ""))


def _check_length(text: str) -> None:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise ValueError(f"a number of {len(text)} characters")
