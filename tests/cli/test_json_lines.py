"""The lines of `batch`: what is read of each, and what is wrong with the others."""

from __future__ import annotations

import io
from typing import Any

import pytest

from wippy_native import ArgumentError, Variant
from wippy_native.cli.json_lines import read_arguments
from wippy_native.wit_types import parse_type

PAIR = [("left-hand", parse_type("s32")), ("b", parse_type("list<f64>"))]
ONE = [("v", parse_type("record { id: u32, tag-count: u32 }"))]


def read(text: str | bytes, parameters: list[Any], longest: int = 100) -> list[tuple[int, Any]]:
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return [
        (number, str(found) if isinstance(found, ArgumentError) else found)
        for number, found in read_arguments(source, parameters, longest=longest)
    ]


@pytest.mark.parametrize(
    "line",
    [
        '[1, [0.5, "inf"]]',
        '{"b": [0.5, "inf"], "left-hand": 1}',
        '{"left_hand": 1, "b": [0.5, "inf"]}',
        ' [1,[0.5,"inf"]]\r',
    ],
)
def test_several_parameters(line: str) -> None:
    """By position or by name, WIT's or Python's, each value by its type."""
    assert read(line, PAIR) == [(1, (1, [0.5, float("inf")]))]


@pytest.mark.parametrize(
    ("kind", "line", "value"),
    [
        ("s32", "-5", -5),
        ("string", '"a b"', "a b"),
        ("list<u8>", "[1, 2]", [1, 2]),
        ("list<s32>", "[]", []),
        ("option<s32>", "null", None),
        ("tuple<u8, string>", '[1, "x"]', (1, "x")),
        ("record { id: u32 }", '{"id": 7}', {"id": 7}),
        ("variant { none, circle(f64) }", '{"circle": "nan"}', Variant("circle", float("nan"))),
    ],
)
def test_one_parameter_is_the_line(kind: str, line: str, value: Any) -> None:
    ((_, (found,)),) = read(line, [("v", parse_type(kind))])
    assert repr(found) == repr(value)


@pytest.mark.parametrize("line", ["[]", "{}"])
def test_no_parameters(line: str) -> None:
    assert read(line, []) == [(1, ())]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1, 2", "not JSON: Expecting ',' delimiter at column 6"),
        (b"\xff", "not UTF-8: byte 0xff at column 1"),
        ("[" * 100_000, "not JSON that can be read: nested too deeply"),
        ("1" * 10_000, "not JSON that can be read: Exceeds the limit"),
        ("[1]", "parameter count mismatch: expected 2, got 1"),
        ('"x"', 'expected an array of 2 values or an object with "left-hand", "b", got a string'),
        ("1.5", "got a number"),
        ("true", "got a boolean"),
        ("null", "got null"),
        ('{"b": 1}', 'missing "left-hand"; expected an array of 2 values'),
        ('{"b": 1, "c": 2}', 'no parameter "c"; expected an array of 2 values'),
        ('{"left-hand": 1, "left_hand": 2, "b": []}', 'the parameter "left-hand" is given twice, as its two spellings'),
    ],
)
def test_bad_lines_keep_their_place(line: str | bytes, problem: str) -> None:
    content = line.encode() if isinstance(line, str) else line
    before, (number, found), after = read(b"[1, []]\n" + content + b"\n[2, []]\n", PAIR, longest=1_000_000)
    assert (before, after) == ((1, (1, [])), (3, (2, [])))
    assert number == 2
    assert problem in found


def test_no_parameters_refuse_values() -> None:
    (_, found), (_, named) = read('null\n{"a": 1}', [])
    assert found == "expected [] or {}, as the function has no parameters, got null"
    assert named == 'no parameter "a"; expected [] or {}, as the function has no parameters'


def test_blank_lines_count_as_lines_only() -> None:
    assert read("\n1\n \t\r\n2", [("v", parse_type("s32"))]) == [(2, (1,)), (4, (2,))]


def test_nothing() -> None:
    assert read("", PAIR) == []


def test_a_byte_order_mark() -> None:
    assert read(b"\xef\xbb\xbf[1, []]\n", PAIR) == [(1, (1, []))]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_line_that_is_just_short_enough(end: str) -> None:
    assert read(f'"12345678"{end}', [("v", parse_type("string"))], longest=10) == [(1, ("12345678",))]


@pytest.mark.parametrize("line", ['"123456789"', '"' + "x" * 3_000_000 + '"', " " * 11 + "1"])
def test_lines_that_are_too_long(line: str) -> None:
    """The rest of the line is passed over, whatever it is."""
    (number, found), after = read(f"{line}\n2", [("v", parse_type("s32"))], longest=10)
    assert (number, found) == (1, "longer than 10 bytes; split the line, or call the function from Python")
    assert after == (2, (2,))


def test_lines_are_read_as_they_are_asked_for() -> None:
    source = io.BytesIO(b"1\n2\n3\n")
    lines = read_arguments(source, [("v", parse_type("s32"))])
    assert next(lines) == (1, (1,))
    assert source.tell() == 2


def test_record_fields_keep_their_names() -> None:
    assert read('{"id": 1, "tag-count": 2}', ONE) == [(1, ({"id": 1, "tag-count": 2},))]
