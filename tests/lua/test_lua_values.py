"""What crosses between Python and Lua, and how it comes back: L-10, L-11, L-15, L-16, V-24, V-25."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.scripts import add_script, evaluate, failing

from wippy_native import (
    ArgumentError,
    Err,
    LimitExceeded,
    LuaError,
    LuaFunction,
    Ok,
    Runtime,
    Some,
    Variant,
    WippyError,
)

SHOW = """
local function show(v)
  if type(v) ~= "table" then return (math.type(v) or type(v)) .. ":" .. tostring(v) end
  local names = {}
  for k in pairs(v) do names[#names + 1] = k end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(names) do names[i] = (math.type(k) or type(k)) .. " " .. tostring(k) .. "=" .. show(v[k]) end
  return "{" .. table.concat(names, ", ") .. "}"
end
return function(...) return show((...)) end
"""


class Number(int):
    pass


class Text(str):
    __slots__ = ()


class Colour(enum.IntEnum):
    RED = 3


class Index:
    def __index__(self) -> int:
        return 5


class Map(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        return {"a": 1}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


class Pair(Sequence[int]):
    def __getitem__(self, index: Any) -> Any:
        return [1, 2][index]

    def __len__(self) -> int:
        return 2


@dataclasses.dataclass
class Record:
    a: int = 1


Point = collections.namedtuple("Point", "x y")


@pytest.fixture
def same(rt: Runtime) -> LuaFunction:
    return rt.add_lua("app:same", "return function(...) return ... end")


@pytest.fixture
def show(rt: Runtime) -> LuaFunction:
    return rt.add_lua("app:show", SHOW)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, "nil:nil"),
        (True, "boolean:true"),
        (0, "integer:0"),
        (2**63 - 1, "integer:9223372036854775807"),
        (-(2**63), "integer:-9223372036854775808"),
        (1.0, "float:1.0"),
        (-0.0, "float:-0.0"),
        (math.inf, "float:inf"),
        ("", "string:"),
        ("ä\0😀", "string:ä\0😀"),
        (b"abc", "string:abc"),
        (bytearray(b"abc"), "string:abc"),
        (memoryview(b"abcd")[::2], "string:ac"),
        (Number(7), "integer:7"),
        (Text("t"), "string:t"),
        (Colour.RED, "integer:3"),
        (Index(), "integer:5"),
        ([], "{}"),
        ((), "{}"),
        ({}, "{}"),
        ([1, "x"], "{integer 1=integer:1, integer 2=string:x}"),
        ((1.5, [True]), "{integer 1=float:1.5, integer 2={integer 1=boolean:true}}"),
        ([None, 2], "{integer 2=integer:2}"),
        (range(2), "{integer 1=integer:0, integer 2=integer:1}"),
        (collections.deque([4]), "{integer 1=integer:4}"),
        (Point(1, 2), "{integer 1=integer:1, integer 2=integer:2}"),
        (Pair(), "{integer 1=integer:1, integer 2=integer:2}"),
        ({"a": 1, "b": None}, "{string a=integer:1}"),
        ({1: 2}, "{string 1=integer:2}"),
        (Map(), "{string a=integer:1}"),
        (Record(), "{string a=integer:1}"),
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "integer:1577836800"),
        (Ok(1), "{string ok=integer:1}"),
        (Err("e"), "{string err=string:e}"),
        (Some(1), "{string some=integer:1}"),
        (Variant("a", 1), "{string a=integer:1}"),
        (Variant("a"), "{string a=boolean:true}"),
    ],
)
def test_values_from_python(show: LuaFunction, value: object, seen: str) -> None:
    """L-11, V-25."""
    assert show(value) == seen


def test_not_a_number(same: LuaFunction) -> None:
    """V-25, V-26."""
    assert math.isnan(same(math.nan))


@pytest.mark.parametrize(
    "value",
    [
        2**63, -(2**63) - 1,
        "\ud800", {1.5: 1}, {True: 1}, {None: 1}, {(1,): 1}, {1}, frozenset(), iter([]), object(), 1j,
        print, int, datetime.date(2020, 1, 1), datetime.timedelta(1), [object()], {"a": {"b": [2**64]}},
    ],
)  # fmt: skip
def test_values_that_lua_cannot_hold(same: LuaFunction, value: object) -> None:
    """L-11, V-28: refused before anything runs, and the next call is fine."""
    with pytest.raises(ArgumentError, match=r"encode params: \[encode\] invalid_data at param\[1\]") as caught:
        same(1, value)
    assert caught.value.kind == "Invalid"
    assert same(1) == 1


def test_the_place_of_what_does_not_fit(same: LuaFunction) -> None:
    """V-28."""
    with pytest.raises(ArgumentError) as caught:
        same({"a": [1, {"b": object()}]})
    assert "args[0]" in caught.value.path
    assert "b" in caught.value.path


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_of_arguments(same: LuaFunction) -> None:
    """L-15: 128 levels, in either direction; what contains itself is an error too."""
    assert same(nested(100)) is not None
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    for value in (nested(130), nested(100_000), cyclic, {"a": cyclic}):
        with pytest.raises(ArgumentError, match="128"):
            same(value)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("", None),
        ("nil", None),
        ("true", True),
        ("math.maxinteger", 2**63 - 1),
        ("math.mininteger", -(2**63)),
        ("2^53", 2.0**53),
        ("1/0", math.inf),
        ("'ä'", "ä"),
        ("'a\\0b'", "a\0b"),
        ("'\\xff'", b"\xff"),
        ("{}", {}),
        ("{1, 2, nil, 4}", [1, 2, None, 4]),
        ("{[3] = 'c'}", [None, None, "c"]),
        ("{1, a = 2}", [1]),
        ("{[0] = 'z'}", {"0": "z"}),
        ("{[-1] = 'z'}", {"-1": "z"}),
        ("{[1.5] = 2}", {"1.5": 2}),
        ("{[true] = 1}", {"true": 1}),
        ("{a = {b = {c = {}}}}", {"a": {"b": {"c": {}}}}),
        ("{['a\\xffb'] = 1}", {b"a\xffb": 1}),
        ("print", None),
        ("coroutine.create(print)", None),
        ("{print, 1}", [None, 1]),
        ("{a = print}", {"a": None}),
        ("time.now()", None),
        ("setmetatable({1, 2}, {__index = function() return 9 end, __len = function() return 10 end})", [1, 2]),
        ("setmetatable({}, {__index = {a = 1}})", {}),
        ("1, 5", 1),
        ("1, {}", 1),
        ("1, true", 1),
        ("1, print", 1),
        ("1, nil, 'third'", 1),
    ],
)
def test_values_to_python(rt: Runtime, source: str, value: object) -> None:
    """L-12, L-13, L-15, L-16, V-24."""
    result = evaluate(rt, f"return {source}")
    assert (result, type(result)) == (value, type(value))


def test_minus_zero_and_nan_to_python(rt: Runtime) -> None:
    """V-24, V-26."""
    assert math.copysign(1.0, evaluate(rt, "return -0.0")) == -1.0
    assert math.isnan(evaluate(rt, "return 0/0"))


def test_errors_as_values(rt: Runtime) -> None:
    """L-15: an error in first place, or inside a value, is no failure."""
    error = evaluate(rt, "return errors.new{message = 'm', kind = errors.CONFLICT, details = {a = 1}}")
    assert (type(error), error.kind, error.message, error.details) == (LuaError, "Conflict", "m", {"a": 1})
    assert isinstance(evaluate(rt, "return {e = errors.new('x')}")["e"], LuaError)
    kinds = "local e = ... return {type(e), e:kind(), e:message(), e:retryable()}"
    assert evaluate(rt, kinds, WippyError("gone", kind="NotFound", retryable=True)) == [
        "userdata", "NotFound", "gone", True,
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["2^53", "1e15", "1000000000", "math.maxinteger"])
def test_a_list_of_holes(rt: Runtime, key: str) -> None:
    """V-24: never as long as its last index says."""
    assert failing(rt, f"return {{[{key} // 1 | 0] = 1}}").kind == "Invalid"


def test_results_that_are_too_deep_or_cyclic(rt: Runtime) -> None:
    """L-15."""
    assert evaluate(rt, "local t = {} for i = 1, 120 do t = {t} end return t") == [
        *evaluate(rt, "local t = {} for i = 1, 120 do t = {t} end return t")
    ]
    for body in ("local t = {} for i = 1, 200 do t = {t} end return t", "local t = {} t.t = t return t"):
        error = failing(rt, body)
        assert error.kind == "Invalid"
        assert "128" in error.message
    assert evaluate(rt, "return 1") == 1


def test_a_result_over_its_limit(rt: Runtime) -> None:
    """F-52, L-15: shared parts count as often as they are copied."""
    f = add_script(rt, "return ('x'):rep(...)", limits={"max_result_bytes": 4096})
    assert len(f(3000)) == 3000
    with pytest.raises((LimitExceeded, LuaError)) as caught:
        f(5000)
    assert "4096" in str(caught.value)
    assert len(f(10)) == 10
    doubled = "local t = {1} for i = 1, 60 do t = {t, t} end return t"
    with pytest.raises((LimitExceeded, LuaError), match="larger than"):
        evaluate(rt, doubled)


def test_arguments_are_positional(rt: Runtime, same: LuaFunction) -> None:
    """L-10: fewer are nil, more are dropped, keywords are refused."""
    count = rt.add_lua("app:count", "return function(a, b, ...) return {select('#', ...), a == nil, b == nil} end")
    assert count() == [0, True, True]
    assert count(1) == [0, False, True]
    assert count(1, 2, 3, None) == [2, False, False]
    two = rt.add_lua("app:two", "return function(a, b) return {a, b} end")
    assert two(1, 2, 3, 4) == [1, 2]
    with pytest.raises(ArgumentError):
        same(x=1)
    assert rt.add_lua("app:n", "return function(...) return select('#', ...) end")(*range(240)) == 240


def test_what_is_passed_is_a_copy(rt: Runtime) -> None:
    """L-15."""
    change = rt.add_lua("app:change", "return function(t) t.a = 2 t.b[1] = 'x' return t end")
    value = {"a": 1, "b": [1]}
    assert change(value) == {"a": 2, "b": ["x"]}
    assert value == {"a": 1, "b": [1]}


PLAIN = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(value=PLAIN)
def test_plain_values_come_back_as_they_went(same: LuaFunction, value: object) -> None:
    """V-24, V-25."""
    result = same(value)
    assert result == value
    assert repr(result) == repr(value) or not isinstance(value, (int, float, str))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(value=st.binary(max_size=50))
def test_bytes_come_back_with_the_same_bytes(same: LuaFunction, value: bytes) -> None:
    """L-11: as text where they are UTF-8."""
    result = same(value)
    assert (result.encode() if isinstance(result, str) else result) == value
