"""WIT types as text to a small tree: `list<record { id: u32 }>` becomes `List(Record(...))`.

The core describes parameters and results in WIT's own notation; signatures and the command line need their structure.
The parser takes what the core prints (named types already written out) and raises `ValueError` for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_NAME = re.compile(r"\s*%?([A-Za-z][A-Za-z0-9-]*)")
_TOKEN = re.compile(r"\s*(->|[<>{}(),:;_]|%?[A-Za-z0-9][\w.:/@#-]*)")
PRIMITIVES = frozenset({"bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"})


@dataclass(frozen=True, slots=True)
class Primitive:
    name: str


@dataclass(frozen=True, slots=True)
class List:
    element: WitType
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Option:
    payload: WitType


@dataclass(frozen=True, slots=True)
class Result:
    ok: WitType | None
    err: WitType | None


@dataclass(frozen=True, slots=True)
class Tuple:
    items: tuple[WitType, ...]


@dataclass(frozen=True, slots=True)
class Record:
    fields: tuple[tuple[str, WitType], ...]


@dataclass(frozen=True, slots=True)
class Variant:
    cases: tuple[tuple[str, WitType | None], ...]


@dataclass(frozen=True, slots=True)
class Enum:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flags:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """A resource, stream, future or named type: opaque here."""

    text: str


WitType = Primitive | List | Option | Result | Tuple | Record | Variant | Enum | Flags | Other

BYTES = List(Primitive("u8"))
STRING = Primitive("string")


def parse_type(text: str) -> WitType:
    """The type `text` names. Raises `ValueError`."""
    parser = _Parser(text)
    found = parser.type()
    parser.end()
    return found


class _Parser:
    """Recursive descent over the tokens; component types nest at most a hundred deep."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def type(self) -> WitType:
        word = self._take()
        build = _BUILDERS.get(word)
        if build is not None:
            return build(self)
        if word in PRIMITIVES:
            return Primitive(word)
        if self._peek() == "<":
            start = self._at
            self._arguments()
            return Other(word + self._text[start : self._at].strip())
        return Other(word)

    def read_list(self) -> WitType:
        self._expect("<")
        element = self.type()
        length = int(self._take()) if self._skip(",") else None
        self._expect(">")
        return List(element, length)

    def read_option(self) -> WitType:
        (payload,) = self._arguments()
        return Option(payload or Other("_"))

    def read_result(self) -> WitType:
        ok, err = [*self._arguments(), None, None][:2] if self._peek() == "<" else (None, None)
        return Result(ok, err)

    def read_tuple(self) -> WitType:
        items = self._arguments() if self._peek() == "<" else []
        return Tuple(tuple(item or Other("_") for item in items))

    def read_record(self) -> WitType:
        return Record(tuple(self._braced(self._field)))

    def read_variant(self) -> WitType:
        return Variant(tuple(self._braced(self._case)))

    def read_enum(self) -> WitType:
        return Enum(tuple(self._braced(self._name)))

    def read_flags(self) -> WitType:
        return Flags(tuple(self._braced(self._name)))

    def end(self) -> None:
        if self._peek():
            raise self._error("the end")

    def _arguments(self) -> list[WitType | None]:
        self._expect("<")
        items: list[WitType | None] = []
        while not self._skip(">"):
            items.append(None if self._skip("_") else self.type())
            self._skip(",")
        return items

    def _braced(self, read: Callable[[], T]) -> list[T]:
        self._expect("{")
        items: list[T] = []
        while not self._skip("}"):
            items.append(read())
            self._skip(",")
        return items

    def _field(self) -> tuple[str, WitType]:
        name = self._name()
        self._expect(":")
        return name, self.type()

    def _case(self) -> tuple[str, WitType | None]:
        name = self._name()
        payload = None
        if self._skip("("):
            payload = self.type()
            self._expect(")")
        return name, payload

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise self._error("a name")
        self._at = found.end()
        return found[1]

    def _peek(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        return found[1] if found else self._text[self._at :].strip()[:1]

    def _take(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._error("a type")
        self._at = found.end()
        return found[1]

    def _skip(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._take()
        return True

    def _expect(self, token: str) -> None:
        if not self._skip(token):
            raise self._error(repr(token))

    def _error(self, wanted: str) -> ValueError:
        return ValueError(f"not a WIT type: expected {wanted} at column {self._at + 1} of {self._text[:200]!r}")


_BUILDERS: dict[str, Callable[[_Parser], WitType]] = {
    "list": _Parser.read_list,
    "option": _Parser.read_option,
    "result": _Parser.read_result,
    "tuple": _Parser.read_tuple,
    "record": _Parser.read_record,
    "variant": _Parser.read_variant,
    "enum": _Parser.read_enum,
    "flags": _Parser.read_flags,
}
