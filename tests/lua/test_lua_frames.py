"""Errors of Lua functions show the program, and nothing of what runs it: L-14, L-23."""

from __future__ import annotations

import pytest
from support.scripts import failing

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
    assert "[wippy]" not in str(failing(rt, body))


@pytest.mark.parametrize(
    ("call", "line"), [("table.concat({1, {}, 3})", 3), ("table.insert({}, 1, 2, 3)", 3), ("string.rep()", 3)]
)
def test_the_line_of_a_library_call(rt: Runtime, call: str, line: int) -> None:
    """L-14: the program's, as in Lua, not one of ours."""
    with pytest.raises(LuaError) as caught:
        rt.add_lua("app:f", f"return function()\n\n  local x = {call}\n  return x\nend")()
    assert (caught.value.file, caught.value.line) == ("app:f", line)
    assert str(caught.value.value).startswith("app:f:3: ")
