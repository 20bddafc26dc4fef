"""What scripts cannot reach or break: L-2, L-3, L-6, L-7, L-17."""

from __future__ import annotations

from typing import Any

import pytest
from support.scripts import add_script, evaluate

from wippy_native import LuaError, Runtime

ABSENT = [
    "load",
    "loadstring",
    "loadfile",
    "dofile",
    "collectgarbage",
    "rawlen",
    "io",
    "debug",
    "utf8",
    "package",
    "string.dump",
    "os.execute",
    "os.exit",
    "os.remove",
    "os.rename",
    "os.tmpname",
    "os.getenv",
    "os.setlocale",
]


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_not_there(rt: Runtime, name: str) -> None:
    """L-7."""
    assert evaluate(rt, f"return {name} == nil") is True


def test_what_is_there(rt: Runtime) -> None:
    """L-6, L-7."""
    names = "unpack math.pow math.log10 math.atan2 string.format table.unpack os.time os.date os.clock coroutine.spawn"
    for name in names.split():
        assert evaluate(rt, f"return type({name})") == "function"
    for name in ("channel", "payload", "errors", "process", "coroutine", "_G"):
        assert evaluate(rt, f"return type({name})") == "table"


ESCAPES = {
    "metatable of strings": "return getmetatable('').__index == string",
    "metatables of ours": """
      local objects = {channel.new(), channel.new():case_receive(), payload.new(1), funcs.new(), errors.new("x"),
        time.now(), funcs.async("app:none"), text.regexp.compile("a"), process}
      for _, object in ipairs(objects) do
        if getmetatable(object) ~= false then return tostring(object) end
        if pcall(setmetatable, object, {}) then return "set" end
      end
      return true
    """,
    "rawset on ours": """
      local ch = channel.new(1)
      rawset(ch, "send", function() error("mine") end)
      return pcall(ch.send, ch, 1) == false
    """,
    "globals of a library": "return _G ~= require('lib').globals and require('lib').globals.mine == nil",
    "finalizers": """
      local ran = false
      for i = 1, 1000 do setmetatable({}, {__gc = function() ran = true end}) end
      for i = 1, 100000 do local t = {i} end
      return not ran
    """,
    "the main coroutine": """
      local co, main = coroutine.running()
      local a, b = coroutine.resume(co), coroutine.close(co)
      return not a and not b and not main and coroutine.status(co) == "running"
    """,
    "a coroutine that waits": """
      local co = coroutine.spawn(function() time.sleep("5ms") end)
      coroutine.yield()
      return not coroutine.resume(co) and not coroutine.close(co) and not pcall(coroutine.wrap, co)
    """,
    "a coroutine that waits below another": """
      local main, seen = coroutine.running()
      local co = coroutine.create(function() time.sleep("5ms") return "slept" end)
      coroutine.spawn(function() seen = {coroutine.resume(main), coroutine.resume(co), coroutine.close(co)} end)
      local ok, what = coroutine.resume(co)
      return what == "slept" and not seen[1] and not seen[2] and not seen[3]
    """,
    "values yielded at the top": """
      local got = {coroutine.yield({}, nil, print)}
      coroutine.yield(nil)
      coroutine.yield(coroutine.running())
      return #got == 0
    """,
    "methods on others' objects": """
      return not pcall(channel.new().send, {}) and not pcall(payload.new(1).data, channel.new())
        and not pcall(funcs.async("app:none").cancel, payload.new(1)) and not pcall(funcs.new().call, {}, "app:x")
    """,
    "selecting junk": """
      local ch = channel.new(1)
      for _, junk in ipairs{5, "x", {1}, {{}}, {ch}, {print}, {ch:case_receive(), 5}} do
        if pcall(channel.select, junk) then return tostring(junk) end
      end
      return channel.select{default = true}.default
    """,
    "sizes of channels": """
      for _, size in ipairs{-1, 1.5, "1", {}, 0/0, math.huge} do
        if pcall(channel.new, size) then return tostring(size) end
      end
      return true
    """,
    "closed channels": """
      local ch = channel.new(2)
      ch:send(1)
      ch:close()
      ch:close()
      local v, ok = ch:receive()
      local w, open = ch:receive()
      return v == 1 and ok and w == nil and open == false and not pcall(ch.send, ch, 1)
        and not pcall(channel.select, {ch:case_send(1)})
    """,
    "one case three times": """
      local ch = channel.new()
      for i = 5, 6 do coroutine.spawn(function() ch:send(i) end) end
      local case = ch:case_receive()
      return channel.select{case, case, case}.value + ch:receive() == 11
    """,
    "futures again and again": """
      local f = funcs.async("app:none")
      for i = 1, 100 do f:cancel() f:response():close() end
      return f:is_canceled() and select(2, f:result()):kind() == "Canceled"
    """,
    "too many arguments": """
      local a, b = funcs.call("app:none", table.unpack({}, 1, 1000))
      local c, d = funcs.async("app:none", table.unpack({}, 1, 1000))
      return b:kind() == "Invalid" and d:kind() == "Invalid"
    """,
    "times that overflow": """
      local max = math.maxinteger
      time.sleep(math.mininteger)
      for _, make in ipairs{
        function() return time.unix(max, max) end,
        function() return time.unix(math.mininteger, 0) end,
        function() return time.date(max, max, max, max, max, max, max) end,
        function() return time.now():add(max):add(max) end,
        function() return time.now():sub(time.unix(0, 0)) end,
        function() return time.parse_duration("9999999999999h") end,
        function() return time.after(max) end,
        function() return time.parse("2006-01-02", ("9"):rep(100) .. "-01-01") end,
        function() return os.time{year = max, month = max, day = max} end, function() return os.date("*t", max) end,
      } do pcall(make) end
      return true
    """,
}


@pytest.mark.parametrize("what", ESCAPES)
def test_nothing_gets_out(rt: Runtime, what: str) -> None:
    """L-6, L-7, L-17."""
    library = {"id": "app:lib", "kind": "library.lua", "source": "local lib = {globals = _G} return lib"}
    rt.add_entry(library)
    assert evaluate(rt, f"mine = 1 {ESCAPES[what]}", imports={"lib": "app:lib"}, timeout=10.0) is True
    assert evaluate(rt, "return 1") == 1


BREAKS = [
    "pcall, error, type, setmetatable, next, pairs, select, tostring = nil",
    "coroutine.resume, coroutine.yield, table.unpack, table.concat, string.find, string.rep = nil",
    "getmetatable('').__index = nil",
    "getmetatable('').__index = function() error('mine') end",
    "getmetatable('').__add = function() while true do end end",
    "setmetatable(_G, {__index = function() error('mine') end, __newindex = function() error('mine') end})",
    "local g = _G for k in g.pairs(g) do g[k] = nil end",
    "for k in pairs(string) do string[k] = nil end for k in pairs(table) do table[k] = nil end",
    "require = nil package = nil",
    "coroutine.wrap = function() while true do end end",
]


@pytest.mark.parametrize("breaks", BREAKS)
def test_what_a_script_breaks_is_its_own(rt: Runtime, breaks: str) -> None:
    """L-2: the runtime's own parts go on, in this worker and in others."""
    body = """
      local ch, spawn = channel.new(), coroutine.spawn
      local step = ...
      if step == 1 then BREAK return "broken" end
      spawn(function() ch:send(time.unix(5, 0):unix()) end)
      time.sleep("1ms")
      local r = channel.select{ch:case_receive()}
      local p = funcs.async("app:same", r.value):response():receive()
      return {funcs.call("app:same", p:data())}
    """
    rt.register("app:same")(lambda value: value)
    head = "local channel, coroutine = channel, coroutine "
    f = add_script(rt, head + body.replace("BREAK", breaks), pool={"size": 1})
    other = add_script(rt, "return ('x'):rep(3)", id="app:other")
    assert f(2) == [5]
    assert f(1) == "broken"
    later: Any = None
    try:
        later = f(2)
    except LuaError as error:
        # The globals it looks up itself may be gone.
        assert "nil" in error.message or "mine" in error.message  # noqa: PT017
    assert later in (None, [5])
    assert other() == "xxx"


def test_workers_share_nothing(rt: Runtime) -> None:
    """L-2: globals and modules of one function are not those of another."""
    add_script(rt, "json.encode = nil mine = 1 string.rep = nil return 1", id="app:a")()
    assert evaluate(rt, "return {mine == nil, json.encode({1}), ('x'):rep(2)}") == [True, "[1]", "xx"]
