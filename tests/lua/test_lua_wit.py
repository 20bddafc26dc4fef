"""Lua calls guests with every type of WIT: V-1 to V-24, V-28."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.guests import built
from support.wit import BY_NAME, PAD, PRIMITIVES, echo_component

from wippy_native import Runtime

CALL = """
local funcs = require("funcs")
return function(id, ...)
  local v, e = funcs.call(id, ...)
  if e then return {kind = e:kind(), message = e:message()} end
  return {v = v, t = math.type(v) or type(v)}
end
"""
PERSON = {
    "id": 1, "full-name": "Ada", "email": None, "tags": ["x"], "tag-count": 1, "favourite": "green",
    "rights": ["read", "execute"],
}  # fmt: skip
PERSON_OUT = {
    "id": 1, "full-name": "Ada", "tags": ["x"], "tag-count": 1, "favourite": 1, "rights": 5,
}  # fmt: skip


@pytest.fixture
def call(rt: Runtime) -> Any:
    """Calls a method of the types guest through a script."""
    script = rt.add_lua("app:call", CALL, modules=["funcs"])

    def through(method: str, *args: object) -> Any:
        id = "app:" + method.replace("#", "-")
        rt.add_wasm(id, built("types"), method)
        answer = script(id, *args)
        return answer.get("v") if "kind" not in answer else answer

    return through


RANGES = {f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32)} | {
    f"s{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)
}


@pytest.mark.parametrize("name", RANGES)
def test_the_ranges_of_integers(call: Any, name: str) -> None:
    """V-2, V-3."""
    low, high = RANGES[name]
    method = f"echo#echo-{name}"
    for value in (low, high, 0, 1):
        assert call(method, value) == value
    for value in (low - 1, high + 1):
        if -(2**63) <= value < 2**63:
            assert "[encode] overflow: v: expected" in call(method, value)["message"]
    assert call(method, 5.0) == 5
    for value in (5.5, math.nan, math.inf, "5", True, None, [5]):
        answer = call(method, value)
        assert (answer["kind"], "param[0]" in answer["message"]) == ("Invalid", True), value


def test_the_range_of_u64(call: Any) -> None:
    """V-3: what is beyond Lua's integers is an error, never another number."""
    assert call("echo#echo-u64", 2**63 - 1) == 2**63 - 1
    assert call("echo#echo-u64", -1)["kind"] == "Invalid"
    assert "does not fit a Lua integer" in call("echo#echo-u64", 2.0**63)["message"]


@pytest.mark.parametrize(
    ("method", "sent", "got"),
    [
        ("echo-bool", True, True),
        ("echo-f32", 1, 1.0),
        ("echo-f64", 3, 3.0),
        ("echo-f64", 1e300, 1e300),
        ("echo-char", "ä", 0xE4),
        ("echo-char", 0x10FFFF, 0x10FFFF),
        ("echo-string", "ä\0", "ä\0"),
        ("echo-bytes", b"\xff\0", b"\xff\0"),
        ("echo-bytes", [104, 105], "hi"),
        ("echo-bytes", [], ""),
        ("echo-u32s", [1, 2], [1, 2]),
        ("echo-u32s", [], {}),
        ("echo-u32s", {}, {}),
        ("echo-bools", [True, False], [True, False]),
        ("echo-chars", ["a", 98], [97, 98]),
        ("echo-strings", ["a", ""], ["a", ""]),
        ("echo-matrix", [[1, 2.5], [3]], [[1.0, 2.5], [3.0]]),
        ("echo-tuple", [1, "x", 2], [1, "x", 2.0]),
        ("echo-pairs", [["a", 1]], [["a", 1]]),
        ("echo-point", {"x": 1, "y": 2, "z": 3}, {"x": 1.0, "y": 2.0}),
        ("echo-person", PERSON, PERSON_OUT),
        ("echo-person", {**PERSON, "full_name": "Ada"}, PERSON_OUT),
        ("echo-color", "deep-blue", 2),
        ("echo-color", 2, 2),
        ("echo-colors", ["red", 1], [0, 1]),
        ("echo-permissions", ["read", "execute"], 5),
        ("echo-permissions", {"write": True, "read": False}, 2),
        ("echo-permissions", 7, 7),
        ("echo-permissions", {}, 0),
        ("echo-wide", 2**32 - 1, 2**32 - 1),
        ("echo-option", None, None),
        ("echo-option", 5, 5),
        ("echo-result", {"ok": 5}, [{"ok": 5}]),
        ("echo-result", {"err": "e"}, [{"err": "e"}]),
        ("echo-results", [{"ok": 1}, {"err": "x"}], [{"ok": 1}, {"err": "x"}]),
        ("echo-shape", {"circle": 1.5}, {"circle": 1.5}),
        ("echo-shape", {"rectangle": [1, 2]}, {"rectangle": [1.0, 2.0]}),
        (
            "echo-shapes",
            [{"label": "l"}, {"path": [{"x": 0, "y": 1}]}],
            [{"label": "l"}, {"path": [{"x": 0.0, "y": 1.0}]}],
        ),
        ("give-result", (True, 5, ""), {"ok": 5}),
        ("give-result", (False, 5, "why"), {"err": "why"}),
        ("nothing", (), None),
        ("sum-twenty", tuple(range(20)), 190),
        ("swap", ("a", 1), [1, "a"]),
        ("permission-names", (["execute", "read"],), ["read", "execute"]),
        ("describe-shape", ({"nothing": True},), "nothing"),
    ],
)
def test_there_and_back(call: Any, method: str, sent: Any, got: object) -> None:
    """V-1 to V-23."""
    arguments = sent if isinstance(sent, tuple) else (sent,)
    result = call(f"echo#{method}", *arguments)
    assert result == got
    assert type(result) is type(got)


@pytest.mark.parametrize(
    ("method", "sent", "path"),
    [
        ("echo-bool", 1, "v"),
        ("echo-char", "", "v"),
        ("echo-char", 0xD800, "v"),
        ("echo-char", -1, "v"),
        ("echo-string", b"\xff", "v"),
        ("echo-string", 5, "v"),
        ("echo-f32", 1e300, "v"),
        ("echo-bytes", [256], "v[1]"),
        ("echo-u32s", {"a": 1}, "v"),
        ("echo-u32s", [1, "x"], "v[2]"),
        ("echo-tuple", [1, "x"], "v"),
        ("echo-tuple", [1, "x", 2, 3], "v"),
        ("echo-point", {"x": 1}, "v"),
        ("echo-color", "pink", "v"),
        ("echo-color", 3, "v"),
        ("echo-permissions", ["fly"], "v"),
        ("echo-permissions", 8, "v"),
        ("echo-shape", {"cone": 1}, "v"),
        ("echo-shape", {"circle": 1, "label": "x"}, "v"),
        ("echo-result", {}, "v"),
        ("echo-result", {"ok": 1, "err": "x"}, "v"),
        ("echo-nested", {"owner": {**PERSON, "tags": [1]}}, "v.owner.tags[1]"),
    ],
)
def test_what_does_not_fit(call: Any, method: str, sent: object, path: str) -> None:
    """V-28: Invalid, with the place; lists are counted from 1 as in Lua."""
    answer = call(f"echo#{method}", sent)
    assert answer["kind"] == "Invalid"
    assert answer["message"].startswith(f"failed to call wasm method: echo#{method}: encode params: [encode] ")
    assert f" {path}" in answer["message"]


def test_the_number_of_arguments(call: Any) -> None:
    """F-43."""
    for arguments in ((), (1,), (1, 2, 3)):
        answer = call("try-divide", *arguments)
        assert answer["kind"] == "Invalid"
        assert f"parameter count mismatch: expected 2, got {len(arguments)}" in answer["message"]
    assert call("try-divide", 7, 2) == {"ok": 3}


@pytest.mark.parametrize("kind", [kind.wit for kind in PRIMITIVES])
def test_primitives_echo(rt: Runtime, kind: str) -> None:
    """V-1 to V-6: whatever value, over memory."""
    wit = BY_NAME[kind]
    rt.add_wasm("app:echo", echo_component(wit.types, wit.text), "f")
    script = rt.add_lua("app:call", CALL, modules=["funcs"])
    values = st.integers(0, 2**63 - 1) if kind == "u64" else wit.values

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
    @given(value=values)
    def check(value: Any) -> None:
        answer = script("app:echo", [value, *PAD])
        assert answer["v"][0] == (ord(value) if kind == "char" else value), answer

    check()
