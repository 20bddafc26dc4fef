"""Errors of Lua functions show the program, and nothing of what runs it: L-14, L-23."""

from __future__ import annotations

import pytest
from support.scripts import evaluate, failing

from wippy_native import LuaError, Runtime


@pytest.mark.parametrize(
    "body",
    [
        "error(errors.new('x'))",
        "return nil, errors.new('x')",
        "error(errors.wrap(errors.new('x'), 'y'))",
        "assert(false, errors.new('x'))",
        "assert(funcs.call('none'))",
        "channel.new():receive()",
        "error('x', 2)",
        "table.insert({}, 1, 2, 3)",
        "local x = table.concat({1, {}, 3}) return x",
        "return string.find('a', '[')",
        "return funcs.call('app:x', table.unpack({}, 1, 900000))",
        "string.rep()",
        "setmetatable('', {})",
        "return coroutine.wrap(function() error('x') end)()",
        "return nil, errors.new('x'):stack()",
        "require('nothing')",
        "local t = {} for i = 1, 200 do t = {t} end return nil, errors.new{message = 'm', details = t}",
    ],
)
def test_nothing_of_ours_shows_in_errors(rt: Runtime, body: str) -> None:
    """L-14, L-23: neither in messages nor in tracebacks."""
    assert "?:" not in str(failing(rt, body))


@pytest.mark.parametrize(
    "call", ["table.sort, {1, 'a'}, function(a, b) return a < b end", "table.sort, {1, {}}", "math.pow, {}, 2"]
)
def test_nothing_of_ours_shows_in_errors_that_are_caught(rt: Runtime, call: str) -> None:
    """L-14."""
    assert "?" not in evaluate(rt, f"return select(2, pcall({call}))")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("table.concat({1, {}, 3})", "invalid value (table) at index 2 in table for 'concat'"),
        ("table.insert({}, 1, 2, 3)", "wrong number of arguments to 'insert'"),
        ("table.sort({1, 'a', {}})", "attempt to compare"),
        ("table.sort({1, 'a'}, function(a, b) return b < a end)", "attempt to compare"),
        ("string.rep()", "bad argument #1 to 'rep'"),
        ("math.log10('x')", "bad argument #1 to 'log'"),
        ("math.pow({}, 2)", "attempt to perform arithmetic"),
        ("string.format('%d', 'x')", "bad argument #2 to 'format'"),
        ("string.find('a', '[')", "malformed pattern"),
        ("setmetatable(1, {})", "bad argument #1 to 'setmetatable'"),
        ("pcall()", "bad argument #1 to 'pcall'"),
        ("coroutine.resume(1)", "bad argument #1 to 'resume'"),
        ("coroutine.wrap(1)", "bad argument #1 to 'create'"),
        ("coroutine.close(1)", "bad argument #1 to 'close'"),
        ("coroutine.spawn(1)", "bad argument #1 to 'spawn'"),
    ],
)
def test_the_line_of_a_library_call(rt: Runtime, call: str, text: str) -> None:
    """L-14: the program's, as in Lua, not one of ours."""
    with pytest.raises(LuaError) as caught:
        rt.add_lua("app:f", f"return function()\n\n  local x = {call}\n  return x\nend")()
    assert (caught.value.file, caught.value.line) == ("app:f", 3)
    message = str(caught.value.value)
    assert message.startswith("app:f:3: ")
    assert message.count("app:f:") == 1
    assert text in message
