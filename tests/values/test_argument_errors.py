"""What does not fit is refused with the place, what was expected and what was found. Rules: F-43, V-28."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.wit import (
    BY_NAME,
    Wit,
    component,
    enum_of,
    flags_of,
    list_of,
    option_of,
    record_of,
    result_of,
    tuple_of,
    variant_of,
)

import wippy_native as wippy
from wippy_native import Err, Some, Variant

Refuse = Callable[[Wit, Any], wippy.ArgumentError]

U8, U32, F32, F64 = (BY_NAME[name] for name in ("u8", "u32", "f32", "f64"))
STRING, BOOL, CHAR = (BY_NAME[name] for name in ("string", "bool", "char"))
USER = record_of("user", {"user-id": U32, "tags": list_of(STRING), "mail": option_of(STRING)})
SHAPE = variant_of("shape", {"none": None, "circle": F64})
COLOR = enum_of("color", ["red", "blue"])
RIGHTS = flags_of("rights", ["read", "write"])
USER_WIT = "record { user-id: u32, tags: list<string>, mail: option<string> }"
SHAPE_WIT = "variant { none, circle(f64) }"

HEAD = "t:echo: failed to call wasm method: f: encode params: [encode] invalid_data at param[0]: "
HEAD += "failed to encode parameter 0: [encode] "

# Type, value, kind of error, path below the parameter, text.
CASES: list[tuple[Wit, Any, str, str, str]] = [
    (BOOL, 1, "type_mismatch", "", "expected bool, got int (1)"),
    (BOOL, None, "type_mismatch", "", "expected bool, got None"),
    (U8, 256, "overflow", "", "expected u8, got int (256)"),
    (U8, -1, "overflow", "", "expected u8, got int (-1)"),
    (U8, True, "type_mismatch", "", "expected u8, got bool (True)"),
    (U8, 1.0, "type_mismatch", "", "expected u8, got float (1.0)"),
    (U8, "1", "type_mismatch", "", "expected u8, got str ('1')"),
    (BY_NAME["s8"], -129, "overflow", "", "expected s8, got int (-129)"),
    (BY_NAME["u64"], 2**64, "overflow", "", "expected u64, got int (18446744073709551616)"),
    (BY_NAME["u64"], -1, "overflow", "", "expected u64, got int (-1)"),
    (BY_NAME["s64"], 2**63, "overflow", "", "expected s64, got int (9223372036854775808)"),
    (BY_NAME["s64"], -(10**50), "overflow", "", "expected s64, got int"),
    (F64, "1.0", "type_mismatch", "", "expected f64, got str ('1.0')"),
    (F64, True, "type_mismatch", "", "expected f64, got bool (True)"),
    (F64, 10**400, "overflow", "", "expected f64, got int"),
    (F32, 1e39, "overflow", "", "expected f32, got float (1e+39)"),
    (CHAR, "", "type_mismatch", "", "expected char, got str ('')"),
    (CHAR, "ab", "type_mismatch", "", "expected char, got str ('ab')"),
    (CHAR, 97, "type_mismatch", "", "expected char, got int (97)"),
    (STRING, b"x", "type_mismatch", "", "expected string, got bytes"),
    (STRING, "\ud800", "invalid_utf8", "", "the str has a lone surrogate, which no UTF-8 text can hold"),
    (CHAR, "\udfff", "invalid_utf8", "", "the str has a lone surrogate, which no UTF-8 text can hold"),
    (list_of(U32), "12", "type_mismatch", "", "expected list<u32>, got str ('12')"),
    (list_of(U32), b"12", "type_mismatch", "", "expected list<u32>, got bytes"),
    (list_of(U32), bytearray(b"12"), "type_mismatch", "", "expected list<u32>, got bytearray"),
    (list_of(U32), {1, 2}, "type_mismatch", "", "expected list<u32>, got set"),
    (list_of(U32), {1: 2}, "type_mismatch", "", "expected list<u32>, got dict"),
    (list_of(U32), iter([1]), "type_mismatch", "", "expected list<u32>, got list_iterator"),
    (list_of(U32), [1, 2, "x"], "type_mismatch", "[2]", "expected u32, got str ('x')"),
    (list_of(list_of(STRING)), [[], ["a", 1]], "type_mismatch", "[1][1]", "expected string, got int (1)"),
    (list_of(STRING), "abc", "type_mismatch", "", "expected list<string>, got str ('abc')"),
    (list_of(U8), "abc", "type_mismatch", "", "expected list<u8>, got str ('abc')"),
    (list_of(U8), [1, 256], "overflow", "[1]", "expected u8, got int (256)"),
    (list_of(U8), 5, "type_mismatch", "", "expected list<u8>, got int (5)"),
    (USER, 5, "type_mismatch", "", f"expected {USER_WIT}, got int (5)"),
    (USER, (1, []), "type_mismatch", "", f"expected {USER_WIT}, got tuple"),
    (USER, None, "type_mismatch", "", f"expected {USER_WIT}, got None"),
    (USER, {"tags": []}, "field_missing", "", 'required field "user-id" not found'),
    (USER, object(), "field_missing", "", 'required field "user-id" not found'),
    (list_of(USER), [{"user_id": 1, "tags": 5}], "type_mismatch", "[0].tags", "expected list<string>, got int (5)"),
    (USER, {"user_id": 1, "tags": [], "mail": 5}, "type_mismatch", ".mail", "expected string, got int (5)"),
    (USER, {"user_id": -1, "tags": []}, "overflow", ".user_id", "expected u32, got int (-1)"),
    (tuple_of([U8, U8]), (1,), "invalid_data", "", "expected tuple<u8, u8> (2 items), got 1"),
    (tuple_of([U8, U8]), b"ab", "type_mismatch", "", "expected tuple<u8, u8>, got bytes"),
    (tuple_of([U8, STRING]), (1, 2), "type_mismatch", "[1]", "expected string, got int (2)"),
    (option_of(U8), "x", "type_mismatch", "", "expected u8, got str ('x')"),
    (option_of(option_of(U8)), Some("x"), "type_mismatch", "", "expected u8, got str ('x')"),
    (result_of(U8, STRING), "x", "type_mismatch", ".ok", "expected u8, got str ('x')"),
    (result_of(U8, STRING), Err(5), "type_mismatch", ".err", "expected string, got int (5)"),
    (result_of(None, None), 5, "type_mismatch", ".ok", "expected no payload, got int (5)"),
    (SHAPE, "square", "invalid_data", "", f"expected {SHAPE_WIT}, got 'square'"),
    (SHAPE, 5, "type_mismatch", "", f"expected {SHAPE_WIT}, got int (5)"),
    (SHAPE, {"none": None, "circle": 1.0}, "type_mismatch", "", f"expected {SHAPE_WIT}, got dict"),
    (SHAPE, {5: None}, "type_mismatch", "", f"expected {SHAPE_WIT}, got dict"),
    (SHAPE, {"circle": "x"}, "type_mismatch", ".circle", "expected f64, got str ('x')"),
    (SHAPE, "circle", "type_mismatch", ".circle", "expected f64, got None"),
    (SHAPE, Variant("none", 1), "type_mismatch", ".none", "expected no payload, got int (1)"),
    (COLOR, "green", "invalid_data", "", "expected enum { red, blue }, got 'green'"),
    (COLOR, 0, "type_mismatch", "", "expected enum { red, blue }, got int (0)"),
    (RIGHTS, "read", "type_mismatch", "", "expected flags { read, write }, got str ('read')"),
    (RIGHTS, {"run"}, "invalid_data", "", "expected flags { read, write }, got 'run'"),
    (RIGHTS, {1}, "type_mismatch", "", "expected flags { read, write }, got set"),
    (RIGHTS, 3, "type_mismatch", "", "expected flags { read, write }, got int (3)"),
]


@pytest.mark.parametrize(("kind", "value", "error", "path", "text"), CASES)
def test_refused(refuse: Refuse, kind: Wit, value: Any, error: str, path: str, text: str) -> None:
    found = refuse(kind, value)
    assert found.path == f"x[0]{path}"
    assert str(found) == f"{HEAD}{error}: x[0]{path}: {text}"
    assert (found.kind, found.entry, found.retryable) == ("Invalid", "t:echo", False)
    assert isinstance(found, TypeError)


@pytest.fixture(scope="module")
def two(runtime: wippy.Runtime) -> wippy.Function:
    """`f(some-number: u32, list: string) -> u32`: gives the number."""
    body = '(func (export "f") (param i32 i32 i32) (result i32) (local.get 0))'
    source = component("", [("some-number", "u32"), ("list", "string")], "u32", body)
    return runtime.add_wasm("t:two", source=source, method="f")


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, "parameter count mismatch: expected 2, got 0; the parameters are: some_number, list"),
        ((1,), {}, "parameter count mismatch: expected 2, got 1; the parameters are: some_number, list"),
        ((1, "a", 3), {}, "parameter count mismatch: expected 2, got 3; the parameters are: some_number, list"),
        ((1, "a"), {"list": "b"}, 'parameter "list" is given twice'),
        ((1,), {"other": "b"}, 'no parameter "other"; the parameters are: some_number, list'),
        ((1, "a", 3), {"other": "b"}, 'no parameter "other"; the parameters are: some_number, list'),
        ((), {"list": "b"}, "parameter count mismatch: expected 2, got 1; the parameters are: some_number, list"),
    ],
)
def test_counts_and_names(two: wippy.Function, args: tuple[Any, ...], kwargs: dict[str, Any], text: str) -> None:
    with pytest.raises(wippy.ArgumentError) as caught:
        two(*args, **kwargs)
    assert str(caught.value) == f"t:two: failed to call wasm method: f: encode params: [encode] invalid_data: {text}"


def test_keywords(two: wippy.Function) -> None:
    assert two(some_number=5, list="x") == 5
    assert two(5, list="x") == 5
    assert two(**{"some-number": 6, "list": "x"}) == 6
    with pytest.raises(wippy.ArgumentError) as caught:
        two(5, list=5)
    assert caught.value.path == "list"
    assert "at param[1]: failed to encode parameter 1:" in str(caught.value)
