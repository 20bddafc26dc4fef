"""Errors that Lua functions raise and return: L-1, L-3, L-12 to L-14, L-20 to L-23."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from support.scripts import evaluate, failing

from wippy_native import LuaError, Runtime, WippyError

KINDS = {
    "UNKNOWN": "Unknown", "NOT_FOUND": "NotFound", "ALREADY_EXISTS": "AlreadyExists", "INVALID": "Invalid",
    "PERMISSION_DENIED": "PermissionDenied", "UNAVAILABLE": "Unavailable", "INTERNAL": "Internal",
    "CANCELED": "Canceled", "CONFLICT": "Conflict", "TIMEOUT": "Timeout", "RATE_LIMITED": "RateLimited",
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("how", ["return nil, e", "error(e)", "return 'dropped', e", "pcall(error) error(e, 0)"])
def test_an_error_object_keeps_its_kind(rt: Runtime, name: str, how: str) -> None:
    """L-12 to L-14, L-21."""
    made = f"errors.new{{message = 'm', kind = errors.{name}, retryable = true, details = {{a = {{1, 2}}}}}}"
    error = failing(rt, f"local e = {made} {how}")
    assert (error.kind, error.value, error.retryable, error.details) == (KINDS[name], "m", True, {"a": [1, 2]})
    assert error.entry == "app:evaluated"
    assert evaluate(rt, f"return errors.{name}") == KINDS[name]


def test_a_string_in_second_place(rt: Runtime) -> None:
    """L-13: even an empty one."""
    for text in ("no luck", ""):
        error = failing(rt, f"return 1, '{text}'")
        assert (error.kind, error.value, error.retryable) == ("Internal", text, False)


@pytest.mark.parametrize("raised", ["'x'", "5", "{message = 'x'}", "nil", "true", "print", "setmetatable({}, {})"])
def test_what_else_is_raised_is_internal(rt: Runtime, raised: str) -> None:
    """L-14."""
    error = failing(rt, f"error({raised}, 0)")
    assert error.kind == "Internal"
    assert error.message


SOURCE = """\
local function inner(x)
  error("bad " .. x)
end

local function middle(x)
  local y = inner(x)
  return y
end

return { main = function(x)
  local y = middle(x)
  return y
end }
"""


def test_a_raised_error_names_its_place(rt: Runtime) -> None:
    """L-14: file, line, and the frames of the program alone, innermost first."""
    f = rt.add_lua("app:f", SOURCE)
    with pytest.raises(LuaError) as caught:
        f("luck")
    error = caught.value
    assert (error.entry, error.kind, error.file, error.line) == ("app:f", "Internal", "app:f", 2)
    assert error.value == "app:f:2: bad luck"
    frames = error.traceback.splitlines()
    assert [frame.split(":")[2] for frame in frames] == ["2", "6", "11"]
    assert "?:" not in str(error)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(again), again.file, again.line, again.kind) == (str(error), error.file, error.line, error.kind)


def test_the_line_of_an_error_object(rt: Runtime) -> None:
    """L-14: where it was made."""
    source = (
        "local function f()\n  return nil, errors.new('x')\nend\nreturn function()\n  return nil, (select(2, f()))\nend"
    )
    with pytest.raises(LuaError) as caught:
        rt.add_lua("app:f", source)()
    assert (caught.value.file, caught.value.line) == ("app:f", 2)


def test_wrapping(rt: Runtime) -> None:
    """L-22, L-23."""
    body = """
      local inner = errors.new{message = "in", kind = errors.TIMEOUT, retryable = true, details = {a = 1}}
      local e = errors.wrap(inner, "out")
      local is = errors.is
      return {e:kind(), e:retryable(), e:details(), tostring(e), is(e, errors.TIMEOUT), is("x", "Timeout")}
    """
    assert evaluate(rt, body) == ["Timeout", True, {"a": 1}, "out: in", True, False]
    assert evaluate(rt, "local e = errors.new('NOT_FOUND', 'm') return e:kind() .. e:message()") == "NotFoundm"
    assert evaluate(rt, "return errors.new('only'):kind()") == "Unknown"


def test_the_shape_of_the_chunk(rt: Runtime) -> None:
    """L-1."""
    assert rt.add_lua("app:f", "return function(x) return x end", "anything")(1) == 1
    assert rt.add_lua("app:f", "return { other = function(x) return x end }", "other")(2) == 2
    for source in ("return", "return nil", "return 5", "return 'main'", "return {}", "return { main = 5 }"):
        f = rt.add_lua("app:f", source)
        for _ in range(2):
            with pytest.raises(WippyError, match='method "main" not found in module') as caught:
                f()
            assert caught.value.kind == "NotFound"


def test_an_undeclared_module(rt: Runtime) -> None:
    """L-3: also one that is a global, or that another entry declares."""
    rt.add_entry(
        {"id": "app:lib", "kind": "library.lua", "source": "return {json = require('json')}", "modules": ["json"]}
    )
    f = rt.add_lua(
        "app:f", "local lib = require('lib') return function(n) return require(n) end", imports={"lib": "app:lib"}
    )
    for name in ("json", "os", "string", "_G", "io", "package", "debug", "", "lib ", "app:lib"):
        with pytest.raises(LuaError, match="not found"):
            f(name)
    assert f("lib")["json"] is not None


def test_the_state_of_a_worker(rt: Runtime) -> None:
    """L-2: one worker serves calls in turn, and keeps what its chunk keeps."""
    f = rt.add_lua("app:f", "local n = 0 return function() n = n + 1 return n end", pool={"size": 1})
    assert [f() for _ in range(3)] == [1, 2, 3]
    assert rt.stats()["app:f"].instances == 1


@pytest.mark.parametrize("ending", ["error('x')", "return nil, 'x'", "return {}, errors.new('x')"])
def test_a_worker_serves_on_after_errors(rt: Runtime, ending: str) -> None:
    """L-2."""
    f = rt.add_lua("app:f", f"return function(x) if x then {ending} end return 'fine' end", pool={"size": 1})
    outcomes: list[Any] = []
    for _ in range(3):
        with pytest.raises(LuaError):
            f(True)
        outcomes.append(f())
    assert outcomes == ["fine"] * 3
