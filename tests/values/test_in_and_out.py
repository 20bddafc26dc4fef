"""What each WIT type takes and gives, rule by rule. Rules: V-1 to V-18, V-26."""

from __future__ import annotations

import collections
import enum
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from support.wit import (
    BY_NAME,
    Wit,
    enum_of,
    flags_of,
    list_of,
    option_of,
    record_of,
    result_of,
    tuple_of,
    variant_of,
)

from wippy_native import Err, Ok, Some, Variant

Echo = Callable[[Wit, Any], Any]

U8, U32, F32, F64 = (BY_NAME[name] for name in ("u8", "u32", "f32", "f64"))
STRING, BOOL, CHAR = (BY_NAME[name] for name in ("string", "bool", "char"))


class Index:
    def __index__(self) -> int:
        return 7


class Small(enum.IntEnum):
    TWO = 2


class Color(enum.StrEnum):
    DARK_BLUE = "dark-blue"


@dataclass
class Point:
    x_pos: int
    class_: str


class PointTuple(NamedTuple):
    x_pos: int
    class_: str


POINT = record_of("point", {"x-pos": U32, "class": STRING})
TAGGED = record_of("tagged", {"tag-count": U32, "note": option_of(STRING)})
SHAPE = variant_of("shape", {"none": None, "circle": F64, "named-one": STRING, "maybe": option_of(U8)})
COLOR = enum_of("color", ["red", "dark-blue"])
RIGHTS = flags_of("rights", ["read", "write-all", "run"])
TWICE = option_of(option_of(U32))
OUTCOME = result_of(U32, STRING)
EMPTY = result_of(None, None)

CASES: list[tuple[str, Wit, Any, Any]] = [
    ("V-1", BOOL, True, True),
    ("V-2", U8, Index(), 7),
    ("V-2", BY_NAME["s16"], Small.TWO, 2),
    ("V-3", BY_NAME["u64"], 2**64 - 1, 2**64 - 1),
    ("V-3", BY_NAME["s64"], -(2**63), -(2**63)),
    ("V-4", F64, 3, 3.0),
    ("V-4", F64, Decimal("1.5"), 1.5),
    ("V-4", F64, Fraction(1, 4), 0.25),
    ("V-4", F32, 0.1, struct.unpack("f", struct.pack("f", 0.1))[0]),
    ("V-4", F32, math.inf, math.inf),
    ("V-5", CHAR, "é", "é"),
    ("V-5", CHAR, "🦀", "🦀"),
    ("V-6", STRING, Color.DARK_BLUE, "dark-blue"),
    ("V-6", STRING, "a\0b", "a\0b"),
    ("V-7", list_of(U32), (1, 2), [1, 2]),
    ("V-7", list_of(U32), range(3), [0, 1, 2]),
    ("V-7", list_of(U32), collections.deque([4]), [4]),
    ("V-7", list_of(STRING), [], []),
    ("V-7", list_of(CHAR), ["a", "b"], ["a", "b"]),
    ("V-8", list_of(U8), b"\x00\xff", b"\x00\xff"),
    ("V-8", list_of(U8), bytearray(b"ab"), b"ab"),
    ("V-8", list_of(U8), memoryview(b"abcd")[::2], b"ac"),
    ("V-8", list_of(U8), memoryview(b"ab").cast("c"), b"ab"),
    ("V-8", list_of(U8), [1, 2], b"\x01\x02"),
    ("V-8", list_of(U8), (), b""),
    ("V-9", POINT, {"x-pos": 1, "class": "c"}, {"x_pos": 1, "class": "c"}),
    ("V-9", POINT, {"x_pos": 1, "class": "c", "unknown": 0}, {"x_pos": 1, "class": "c"}),
    ("V-9", POINT, {"x_pos": 1, "x-pos": 2, "class": "c"}, {"x_pos": 2, "class": "c"}),
    ("V-9", POINT, MappingProxyType({"x_pos": 1, "class": "c"}), {"x_pos": 1, "class": "c"}),
    ("V-9", POINT, collections.ChainMap({"x-pos": 1}, {"class": "c"}), {"x_pos": 1, "class": "c"}),
    ("V-9", POINT, collections.OrderedDict(x_pos=1, **{"class": "c"}), {"x_pos": 1, "class": "c"}),
    ("V-9", POINT, Point(1, "c"), {"x_pos": 1, "class": "c"}),
    ("V-9", POINT, PointTuple(1, "c"), {"x_pos": 1, "class": "c"}),
    ("V-9", POINT, SimpleNamespace(x_pos=1, class_="c"), {"x_pos": 1, "class": "c"}),
    ("V-9", TAGGED, {"tag_count": 1}, {"tag_count": 1, "note": None}),
    ("V-9", TAGGED, SimpleNamespace(tag_count=1), {"tag_count": 1, "note": None}),
    ("V-10", tuple_of([U32, STRING]), [1, "a"], (1, "a")),
    ("V-11", option_of(U32), None, None),
    ("V-11", option_of(U32), 0, 0),
    ("V-11", option_of(U32), Some(5), 5),
    ("V-12", TWICE, None, None),
    ("V-12", TWICE, Some(None), Some(None)),
    ("V-12", TWICE, Some(1), Some(1)),
    ("V-12", TWICE, 1, Some(1)),
    ("V-13", OUTCOME, 5, Ok(5)),
    ("V-13", OUTCOME, Err("bad"), Err("bad")),
    ("V-14", list_of(OUTCOME), [Ok(1), Err("x")], [Ok(1), Err("x")]),
    ("V-14", EMPTY, None, Ok()),
    ("V-14", EMPTY, Err(), Err(None)),
    ("V-16", SHAPE, Variant("circle", 2), Variant("circle", 2.0)),
    ("V-16", SHAPE, {"circle": 2.5}, Variant("circle", 2.5)),
    ("V-16", SHAPE, "none", Variant("none")),
    ("V-16", SHAPE, {"none": None}, Variant("none")),
    ("V-16", SHAPE, {"named_one": "x"}, Variant("named-one", "x")),
    ("V-16", SHAPE, "maybe", Variant("maybe")),
    ("V-16", SHAPE, {"maybe": 3}, Variant("maybe", 3)),
    ("V-17", COLOR, "dark-blue", "dark-blue"),
    ("V-17", COLOR, "dark_blue", "dark-blue"),
    ("V-17", COLOR, Color.DARK_BLUE, "dark-blue"),
    ("V-18", RIGHTS, {"read", "run"}, frozenset({"read", "run"})),
    ("V-18", RIGHTS, ["write_all", "write-all"], frozenset({"write-all"})),
    ("V-18", RIGHTS, frozenset(), frozenset()),
]


@pytest.mark.parametrize(("rule", "kind", "given", "expected"), CASES)
def test_values(echo: Echo, rule: str, kind: Wit, given: Any, expected: Any) -> None:
    back = echo(kind, given)
    assert back == expected, rule
    assert type(back) is type(expected), rule


def test_nan_is_canonical(echo: Echo) -> None:
    odd = struct.unpack("<d", struct.pack("<Q", 0xFFF4_0000_0000_1234))[0]
    for kind in (F64, F32):
        assert struct.pack("<d", echo(kind, odd)) == struct.pack("<d", math.nan)


def test_enum_of_many_cases(echo: Echo) -> None:
    labels = [f"case-n{number}" for number in range(300)]
    assert echo(list_of(enum_of("many", labels)), labels) == labels
    assert echo(list_of(flags_of("wide", labels[:32])), [labels[:32]]) == [frozenset(labels[:32])]


def test_match(echo: Echo) -> None:
    match echo(SHAPE, {"circle": 1.5}):
        case Variant("circle", radius):
            assert radius == 1.5
        case other:
            pytest.fail(f"{other}")
    match echo(OUTCOME, Err("bad")):
        case Err(text):
            assert text == "bad"
        case other:
            pytest.fail(f"{other}")
