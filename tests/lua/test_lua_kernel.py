"""What coroutines, channels and waiting operations do to each other, and to the next call: L-1, L-2, L-17, L-24."""

from __future__ import annotations

import pytest
from support.scripts import evaluate

from wippy_native import LuaError, Runtime


def test_a_chunk_that_raises(rt: Runtime) -> None:
    """L-1: the error of each call, until it does not."""
    f = rt.add_lua("app:f", "error(errors.new(errors.UNAVAILABLE, 'not yet'))")
    for _ in range(3):
        with pytest.raises(LuaError, match="not yet") as caught:
            f()
        assert caught.value.kind == "Unavailable"


def test_a_library_that_raises_once(rt: Runtime) -> None:
    """L-3: it is run again by the next call."""
    rt.add_entry({"id": "app:lib", "kind": "library.lua", "modules": ["funcs"], "source": """
      local v, e = require("funcs").call("app:late")
      if e then error(e) end
      return v
    """})  # fmt: skip
    f = rt.add_lua("app:f", "return function() return require('lib') end", imports={"lib": "app:lib"}, pool={"size": 1})
    for _ in range(2):
        with pytest.raises(LuaError, match="no handler registered for target") as caught:
            f()
        assert caught.value.kind == "NotFound"
    rt.register("app:late")(lambda: "there")
    assert f() == "there"


@pytest.mark.parametrize("value", ["1", "2", "3", "4", "5", "6", "{}", "false", "'x'"])
def test_a_generator_may_yield_anything(rt: Runtime, value: str) -> None:
    """L-6: what a coroutine yields goes to who resumed it, and nowhere else."""
    body = f"""
      local co = coroutine.create(function(a) local got = coroutine.yield({value}, a) return "end", got end)
      local first, second = {{coroutine.resume(co, "in")}}, {{coroutine.resume(co, "back")}}
      return {{#first, first[1], first[2] == {value} or type(first[2]) == "table", first[3], second}}
    """
    assert evaluate(rt, body) == [3, True, True, "in", [True, "end", "back"]]


def test_a_generator_of_numbers(rt: Runtime) -> None:
    """L-6."""
    body = """
      local seen = {}
      for i in coroutine.wrap(function() for i = -10, 10 do coroutine.yield(i) end end) do seen[#seen + 1] = i end
      return seen
    """
    assert evaluate(rt, body) == list(range(-10, 11))


@pytest.mark.parametrize(
    "where", ["coroutine.yield(%d)", "coroutine.spawn(function() coroutine.yield(%d) end) time.sleep('2ms')"]
)
def test_numbers_that_are_yielded_to_nobody(rt: Runtime, where: str) -> None:
    """L-17: others go first, no more."""
    for number in range(10):
        assert evaluate(rt, f"{where % number} return 'after'") == "after"


CALLBACKS = {
    "sort": "local out table.sort({2, 1}, function(a, b) out = work() return a < b end) return out",
    "gsub": "return (string.gsub('x', 'x', function() return work() end))",
    "tostring": "return tostring(setmetatable({}, {__tostring = function() return work() end}))",
    "index": "return setmetatable({}, {__index = function() return work() end}).x",
    "concat": "return setmetatable({}, {__concat = function() return work() end}) .. 'x'",
    "close": "local out do local c <close> = setmetatable({}, {__close = function() out = work() end}) end return out",
    "for": "local out for _, v in function(_, i) if not i then return 1, work() end end do out = v end return out",
    "pcall": "return select(2, pcall(function() return work() end))",
    "xpcall": "return select(2, xpcall(error, function() return work() end))",
}


@pytest.mark.parametrize("callback", CALLBACKS)
def test_coroutines_that_compute_within_callbacks(rt: Runtime, callback: str) -> None:
    """L-6: they may take some milliseconds like all else."""
    head = (
        "local work = function() return coroutine.wrap(function() for i = 1, 3000000 do end return 'done' end)() end "
    )
    assert evaluate(rt, head + CALLBACKS[callback]) == "done"


@pytest.mark.parametrize("callback", ["sort", "gsub", "tostring"])
def test_answers_go_to_who_asked(rt: Runtime, callback: str) -> None:
    """L-24: also where a coroutine cannot wait, inside of one of Lua's own functions."""
    rt.register("app:same")(lambda value: value)
    head = (
        """
      local work = function()
        pcall(coroutine.resume, coroutine.create(function() return funcs.call("app:same", "wrong") end))
        return "x"
      end
      local asked = pcall(function() """
        + CALLBACKS[callback]
        + """ end)
      local out = {}
      for i = 1, 5 do out[i] = funcs.call("app:same", i) end
      return out
    """
    )
    assert evaluate(rt, head) == [1, 2, 3, 4, 5]


def test_a_sleep_takes_as_long_as_it_says(rt: Runtime) -> None:
    """L-33: whatever failed to wait before."""
    body = """
      string.gsub("x", "x", function() pcall(coroutine.resume, coroutine.create(function() time.sleep("5ms") end)) end)
      local begin = time.now()
      time.sleep("80ms")
      return time.now():sub(begin):milliseconds() >= 80
    """
    assert evaluate(rt, body) is True


SPOILED = {
    "timer closed": "local c = time.after('5ms') c:close()",
    "timer filled": "local c = time.after('5ms') c:send('mine')",
    "future closed": "local f = funcs.async('app:same', 1) f:response():close()",
    "future filled": "local f = funcs.async('app:same', 1) f:response():send('mine')",
    "future closed, then cancelled": "local f = funcs.async('app:same', 1) f:response():close() f:cancel()",
    "failing future closed": "local f = funcs.async('app:none', 1) f:channel():close()",
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_channels_of_ours_that_the_program_uses(rt: Runtime, spoiled: str) -> None:
    """L-17: no fault of the runtime; the call goes on."""
    rt.register("app:same")(lambda value: value)
    assert evaluate(rt, f"{SPOILED[spoiled]} time.sleep('20ms') return 'fine'") == "fine"


def test_who_waited_in_an_earlier_call_gets_nothing(rt: Runtime) -> None:
    """L-17: the coroutines of a call end with it, the main one included."""
    rt.register("app:same")(lambda value: value)
    source = """
      local funcs, ch = require("funcs"), channel.new()
      return function(first)
        if first then ch:receive() end
        local taken = channel.select{ch:case_send("ghost"), default = true}
        return {taken.default == true, (funcs.call("app:same", "real"))}
      end
    """
    f = rt.add_lua("app:f", source, modules=["funcs"], pool={"size": 1})
    with pytest.raises(LuaError, match="deadlock: all 1 coroutines"):
        f(True)
    assert f(False) == [True, "real"]
    assert f(False) == [True, "real"]


def test_two_coroutines_require_a_library_that_waits(rt: Runtime) -> None:
    """L-3: both get it."""
    rt.add_entry({"id": "app:slow", "kind": "library.lua", "modules": ["time"],
                  "source": "require('time').sleep('5ms') return {value = 1}"})  # fmt: skip
    source = """
      return function()
        local done = channel.new(2)
        for _ = 1, 2 do coroutine.spawn(function() done:send(require("slow").value) end) end
        return {done:receive() and 1, done:receive() and 1}
      end
    """
    assert rt.add_lua("app:f", source, imports={"slow": "app:slow"}).with_options(timeout=5)() == [1, 1]
