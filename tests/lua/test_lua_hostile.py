"""Scripts that mean no good get an error in time, and the next call is fine: F-51, F-52, L-6, L-7, L-15."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from support.processes import run
from support.scripts import add_script, evaluate

from wippy_native import LimitExceeded, LuaError, Runtime, WippyError

SLACK = 5.0

LOOPS = [
    "while true do end",
    "repeat pcall(function() while true do end end) until false",
    "local function f() return f() end f()",
    "while true do pcall(error) end",
    "xpcall(function() while true do end end, function() while true do end end)",
    "string.gsub('x', 'x', function() while true do end end)",
    "table.sort({3, 2, 1}, function() while true do pcall(function() while true do end end) end end)",
    "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
    "return setmetatable({}, {__eq = function() while true do end end}) == setmetatable({}, {})",
    "return #setmetatable({}, {__len = function() while true do end end})",
    "return tostring(setmetatable({}, {__tostring = function() while true do end end}))",
    "do local c <close> = setmetatable({}, {__close = function() while true do end end}) end",
    "coroutine.wrap(function() while true do end end)()",
    "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
    "coroutine.spawn(function() while true do end end) time.sleep('1h')",
    "for _ in function() return 1 end do end",
    "for i = 1, math.huge do end",
    "for i = 1.0, math.huge, 0.0000001 do end",
    "local t = {} for i = 1, 300000 do t[i] = i end while true do table.insert(t, 1, 1) table.remove(t, 1) end",
    "local t = {} for i = 1, 100000 do t[i] = -i end while true do table.sort(t) end",
    "local s = ('x'):rep(1000000) while true do s:reverse():upper() end",
    "while true do json.decode('[1,{}]') end",
    "while true do hash.sha256('') end",
    "local t = {} for i = 1, 40 do t = {t, t} end while true do json.encode(t) end",
    "local s = '[' .. ('[1],'):rep(100000) .. '1]' while true do json.decode(s) end",
    "local s = ('x'):rep(3000000) while true do hash.sha512(s) end",
    "while true do funcs.call('app:none') end",
    "while true do time.sleep(0) end",
    "while true do channel.select{default = true} end",
    "setmetatable(_G, {__index = function(t, k) return t[k .. 1] end}) return undefined",
    "return string.find(('a'):rep(100000), ('.-'):rep(10) .. 'b')",
    "return string.match(('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30) .. 'b')",
    "return string.find(('('):rep(1000000), '%b()')",
    "return string.gsub(('a'):rep(1000000), 'a-b', '')",
    "return string.gsub(('a'):rep(1000000), 'a-b', function() end)",
    "for _ in string.gmatch(('a'):rep(3000000), 'a-.-b') do end",
    "while true do pcall(string.find, ('a'):rep(100000), ('.-'):rep(10) .. 'b') end",
]


@pytest.mark.parametrize("body", LOOPS)
def test_loops(rt: Runtime, body: str) -> None:
    """F-51."""
    f = add_script(rt, f"if ... then return 'fine' end {body}", limits={"max_memory_bytes": 1 << 24}, pool={"size": 1})
    begin = time.monotonic()
    with pytest.raises((LimitExceeded, LuaError)):
        f.with_options(timeout=0.1)()
    assert time.monotonic() - begin < SLACK
    assert f(1) == "fine"


BOMBS = [
    "return ('x'):rep(100000000)",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} for i = 1, math.huge do t[i] = i end",
    "local t = {} for i = 1, math.huge do t[i] = {} end",
    "local t = {} for i = 1, math.huge do t[i] = function() return i end end",
    "local t = {} for i = 1, math.huge do t[i] = coroutine.create(print) end",
    "local function f() return 1 + f() end return f()",
    "while true do pcall(string.rep, 'x', 100000000) end",
    "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1000000) .. #t end) end",
    "for i = 1, math.huge do coroutine.spawn(function() channel.new():receive() end) end",
    "local ch = channel.new() for i = 1, 100000 do coroutine.spawn(function() ch:receive() end) end time.sleep('1h')",
    "local ch = channel.new(math.maxinteger) for i = 1, math.huge do ch:send(i) end",
    "for i = 1, math.huge do time.after('1h') end",
    "return string.pack('c1000000000', '')",
    "return (('x'):rep(1000000):gsub('.', ('y'):rep(100000)))",
    "local s, t = ('x'):rep(1000000), {} for i = 1, 100000 do t[i] = s end return table.concat(t)",
    "return string.format(('%99999d'):rep(1000), 1)",
    "return json.decode('[' .. ('{},'):rep(1000000) .. '1]')",
    "local all = {} for i = 1, math.huge do all[i] = text.regexp.compile('[a-z]{1,100}x' .. i) end",
    "error(('x'):rep(10000000) .. 'y')",
    "local t = {} for i = 1, math.huge do t = setmetatable({}, {__index = t}) end",
    "return payload.new(('x'):rep(8000000)):transcode('json/plain'):transcode('yaml/plain')",
    "return base64.encode(base64.encode(base64.encode(('x'):rep(5000000))))",
]


@pytest.mark.parametrize("body", BOMBS)
def test_bombs(rt: Runtime, body: str) -> None:
    """F-52: the limit is named, with its value; the next call has a worker of its own."""
    f = add_script(rt, f"if ... then return 'fine' end {body}", limits={"max_memory_bytes": 1 << 24}, pool={"size": 1})
    with pytest.raises((LimitExceeded, LuaError)) as caught:
        f.with_options(timeout=SLACK)()
    if isinstance(caught.value, LimitExceeded):
        assert (caught.value.limit, caught.value.allowed) == ("max_memory_bytes", 1 << 24)
    assert f(1) == "fine"
    assert rt.stats()["app:f"].max_memory_bytes <= 1 << 24


DEEP = [
    "local function f() return (pcall(f)) end return f()",
    "local function f(s) return (s:gsub('.', f)) end return f('x')",
    "local function f() table.sort({1, 2, 3}, f) end f()",
    "local function f() return coroutine.wrap(f)() end f()",
    "local function h(e) error(e) end return xpcall(error, h, 'x')",
    "local m = {} m.__tostring = function() return tostring(setmetatable({}, m)) end return m.__tostring()",
    "local m = {} m.__concat = function(a, b) return a .. b end return setmetatable({}, m) .. 1",
    "local m = {} m.__index = function(t, k) return t[k] end return setmetatable({}, m).x",
    "local t = {} for i = 1, 50000 do t = {t} end return t",
    "local t = {} for i = 1, 50000 do t = {t} end return json.encode(t)",
    "local t = {} for i = 1, 50000 do t = {t} end return nil, errors.new{message = 'm', details = t}",
    "local t = {} t.t = t return nil, errors.new{message = 'm', details = t}",
    "local t = {1, 2} for i = 1, 60 do t = {t, t} end return t",
    "local t = {1, 2} for i = 1, 60 do t = {t, t} end return funcs.call('app:none', t)",
    "local t = {1, 2} for i = 1, 25 do t = {t, t} end return json.encode(t)",
    "local t = {1, 2} for i = 1, 60 do t = {t, t} end return yaml.encode(t)",
    "return json.decode(('['):rep(1000000))",
    "return yaml.decode(('['):rep(1000000))",
    "return yaml.decode(('- '):rep(100000) .. 'x')",
    "local s = 'a: &a [x]' for i = 1, 40 do s = s .. '\\nb: &b [*a,*a]\\na: &a [*b,*b]' end return yaml.decode(s)",
    "return text.regexp.compile(('('):rep(5000) .. 'a' .. (')'):rep(5000))",
    "return text.regexp.compile('((a{1000}){1000}){1000}')",
    "return string.rep('x', 1 << 60)",
    "return table.concat(setmetatable({}, {__index = table.concat}), '', 1, math.maxinteger)",
    "return table.unpack({}, 1, 100000000)",
    "return string.char(table.unpack({}, 1, 200000))",
]


def outcome_of(call: Callable[[], object]) -> object:
    """The result or the error, which is of a bounded size."""
    try:
        return call()
    except WippyError as error:
        assert len(str(error)) < 200_000  # noqa: PT017
        return error


@pytest.mark.parametrize("body", DEEP)
def test_deep_and_wide(rt: Runtime, body: str) -> None:
    """L-15: an answer or an error in time, never a crash."""
    f = add_script(rt, f"if ... == 1 then return 'fine' end {body}", limits={"max_memory_bytes": 1 << 24})
    begin = time.monotonic()
    outcome = outcome_of(f.with_options(timeout=10))
    assert getattr(outcome, "limit", None) != "timeout"
    assert time.monotonic() - begin < 10
    assert f(1) == "fine"


STRANGE = [
    "error(setmetatable({}, {__tostring = function() while true do end end}))",
    "error(setmetatable({}, {__tostring = function() error('again') end}))",
    "error(setmetatable({}, {__index = function() while true do end end, __name = ('n'):rep(100000)}))",
    "error({message = ('x'):rep(1000000)})",
    "error(('x'):rep(1000000))",
    "error(nil)",
    "error(print)",
    "error(coroutine.create(print))",
    "error(coroutine.running())",
    "error(channel.new())",
    "local t = {} t.t = t t.message = t error(t)",
    "error('\\xff\\0')",
    "return nil, errors.new{message = 'm', kind = 'Nonsense', retryable = 'x', details = print}",
]


@pytest.mark.parametrize("body", STRANGE)
def test_strange_errors(rt: Runtime, body: str) -> None:
    """L-14: an error of bounded size."""
    with pytest.raises(LuaError) as caught:
        evaluate(rt, body, timeout=SLACK)
    assert len(str(caught.value)) < 200_000
    assert evaluate(rt, "return 1") == 1


FAR = """
import asyncio, threading
import wippy_native

DEPTH = 200
rt = wippy_native.Runtime(limits=wippy_native.Limits(max_call_depth=DEPTH + 10))
WAYS = {
    "plainly": "return again(d)",
    "inside pcall": "local function inside(n) if n == 0 then return again(d) end "
    "return select(2, pcall(inside, n - 1)) end return inside(150)",
    "inside metamethods": "local function inside(n) if n == 0 then return again(d) end "
    "return setmetatable({}, {__index = function(_, n) return inside(n - 1) end})[n] end return inside(150)",
}
for way, body in WAYS.items():
    f = rt.add_lua(
        "app:f",
        "local funcs = require('funcs') "
        "local function again(d) local v, err = funcs.call('app:f', d - 1) if err then error(err) end return v + 1 end "
        "return function(d) if d == 0 then return 0 end " + body + " end",
        modules=["funcs"],
        pool={"max_size": 1000},
    )
    # The first time workers are made; later each call is so short that none is suspended.
    for _ in range(3):
        assert f(DEPTH) == DEPTH, way
        assert asyncio.run(f.call_async(DEPTH)) == DEPTH, way
    for size in (0, 64 << 10, 256 << 10, 1 << 20):
        threading.stack_size(size)
        thread = threading.Thread(target=lambda: print(way, f(DEPTH)))
        thread.start()
        thread.join()
"""


def test_calls_far_inside_each_other() -> None:
    """F-52: however deep the operator lets calls go, no stack ends before that does."""
    outcome = run(FAR).check()
    ways = ["plainly", "inside pcall", "inside metamethods"]
    assert outcome.out.splitlines() == [f"{way} 200" for way in ways for _ in range(4)]


LEVELS = """
rt = wippy.Runtime()
f = rt.add_lua(
    "app:f",
    "local json = require('json') "
    "return function(text) local v, err = json.decode(text) return err and err:message() or #v end",
    modules=["json"],
)
for n in (40, 60, 100, 126):
    # Lists that end, and maps that begin in their places: what is read goes over in parts.
    lists = ("[" + "1," * 1100) * n + "1" + "]" * (n - 1)
    text = lists + "," + '{"k":' * (n - 1) + "1" + "}" * (n - 1) + "]"
    assert [f(text) for _ in range(20)] == [1102] * 20
"""


def test_tables_in_places_of_others() -> None:
    """L-32: text that is no program does no harm either."""
    run(LEVELS).check()


def test_a_resumed_number_keeps_nobody_from_waiting(rt: Runtime) -> None:
    """L-17: not in this call, and not in the next."""
    body = """
      local odd = setmetatable({}, {__tostring = function() pcall(coroutine.resume, 5) return "x" end})
      string.format("%s", odd)
      return time.sleep("1ms")
    """
    f = add_script(rt, body, pool={"size": 1})
    assert f() == f()
