"""Trees of calls with scripts in them: depth, number, time, pools, context. H-26, F-39, F-47, F-50, L-33, L-37."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from conftest import MakeRuntime
from support.guests import add_wat
from support.relay import add_relay
from support.scripts import add_script, evaluate
from support.threads import PATIENCE, eventually, in_thread

from wippy_native import LimitExceeded, Limits, LuaError, Runtime, WippyError

SLACK = 5.0
RECURSE = """
if n == 0 then return 0 end
local v, e = funcs.call("app:f", n - 1)
if e then return nil, e end
return v + 1
"""


@pytest.mark.parametrize("depth", [1, 2, 6])
def test_the_depth_of_calls_is_exact(make_runtime: MakeRuntime, depth: int) -> None:
    """H-26."""
    rt = make_runtime(limits=Limits(max_call_depth=depth))
    f = add_script(rt, f"local n = ... {RECURSE}")
    assert f(depth - 1) == depth - 1
    with pytest.raises(LuaError, match=f"call depth limit exceeded: app:f would be call {depth + 1} deep"):
        f(depth)


def test_endless_recursion_over_all_kinds(make_runtime: MakeRuntime) -> None:
    """H-26: Lua, a guest, Python and around again."""
    rt = make_runtime(result_style="pair")
    add_script(rt, "return funcs.call('app:guest', 'x')", id="app:a")
    add_relay(rt, "app:guest", "app:py")
    rt.register("app:py")(lambda text: rt.call("app:a", text))
    with pytest.raises(LuaError, match="call depth limit exceeded"):
        rt.call("app:a")


def test_the_number_of_calls_of_a_tree(make_runtime: MakeRuntime) -> None:
    """H-26: in turn and at once, anew for each call from outside."""
    rt = make_runtime(limits=Limits(max_calls=50))
    rt.register("app:py")(lambda: 1)
    body = """
      local done = 0
      for i = 1, 80 do
        local v, e = funcs.call("app:py")
        if e then return {done, e:message()} end
        done = done + 1
      end
    """
    f = add_script(rt, body)
    for _ in range(2):
        done, message = f()
        assert done == 50
        assert "call limit exceeded" in message
    body = """
      local fs, done = {}, 0
      for i = 1, 80 do fs[i] = funcs.async("app:py") end
      for i = 1, 80 do if select(2, fs[i]:response():receive()) then done = done + 1 end end
      return done
    """
    assert evaluate(rt, body) == 50


@pytest.mark.parametrize("way", ["call", "async"])
def test_reentry_of_an_inline_pool(rt: Runtime, way: str) -> None:
    """F-39: directly, over Python and over a guest."""
    for target in ("app:f", "app:py", "app:guest"):
        call = "local v, e = funcs.call(TARGET, 'x')" if way == "call" else (
            "local f = funcs.async(TARGET, 'x') f:response():receive() local v, e = f:result() v = v and v:data()"
        )  # fmt: skip
        body = call.replace("TARGET", f"'{target}'")
        body += " if e then return nil, e end if type(v) == 'table' and v.err then return nil, v.err end return v"
        f = add_script(rt, body, pool={"size": 1})
        if target == "app:py":
            rt.register("app:py")(lambda text: rt.call("app:f", text))
        add_relay(rt, "app:guest", "app:f")
        with pytest.raises(WippyError, match="inline pool re-entered: app:f"):
            f.with_options(timeout=10)("x")


@pytest.mark.parametrize(
    ("pool", "most"),
    [
        ({"type": "lazy", "max_size": 3}, 3),
        ({"type": "static", "workers": 2, "size": 2}, 2),
        ({"type": "adaptive", "max_size": 4}, 4),
        ({"type": "inline"}, 1),
        ({"size": 1}, 1),
        ({"workers": 2, "size": 1}, 2),
    ],
)
@pytest.mark.parametrize("how", ["threads", "loop", "batch"])
def test_a_pool_says_how_many_run_at_once(rt: Runtime, pool: dict[str, Any], most: int, how: str) -> None:
    """F-20 to F-26, L-2."""
    lock, now, seen = threading.Lock(), 0, 0

    @rt.register("app:enter")
    async def enter() -> None:
        nonlocal now, seen
        with lock:
            now += 1
            seen = max(seen, now)
        await asyncio.sleep(0.02)
        with lock:
            now -= 1

    f = add_script(rt, "funcs.call('app:enter')", pool=pool)

    async def together() -> None:
        await asyncio.gather(*(f.call_async() for _ in range(9)))

    if how == "loop":
        asyncio.run(together())
    elif how == "batch":
        assert list(f.starmap([()] * 9)) == [None] * 9
    else:
        for thread in [in_thread(f) for _ in range(9)]:
            thread.result(PATIENCE)
    assert seen == most
    assert rt.stats()["app:f"].instances <= most


def test_an_unknown_type_of_pool(rt: Runtime) -> None:
    """04 §1."""
    with pytest.raises(WippyError, match="unknown pool type: Lazy"):
        add_script(rt, "", pool={"type": "Lazy"})


# Time


SPIN = "function() while true do end end"
ENDLESS = {
    "computing": "while true do end",
    "computing in pcall": "while true do pcall(function() while true do end end) end",
    "computing in a callback": "table.sort({2, 1}, function() while 1 do pcall(SPIN) end end)".replace("SPIN", SPIN),
    "sleeping": "time.sleep('1h')",
    "waiting for a timer": "time.after('1h'):receive()",
    "waiting for one of two": "channel.select{time.after('1h'):case_receive(), channel.new():case_receive()}",
    "many computing": "for _ = 1, 5 do coroutine.spawn(function() while true do end end) end time.sleep('1h')",
    "callee computing": "funcs.call('app:spin')",
    "guest computing": "funcs.call('app:guest')",
    "async callee": "funcs.call('app:async')",
    "future": "funcs.async('app:spin'):response():receive()",
    "python calling lua": "funcs.call('app:py')",
    "chunk of a library": "require('lib')",
}


def add_endless(rt: Runtime, kind: str, **fields: Any) -> Any:
    @rt.register("app:async")
    async def endless() -> None:
        await asyncio.sleep(3600)

    rt.register("app:py")(lambda: rt.call("app:spin"))
    rt.add_entry({"id": "app:lib", "kind": "library.lua", "source": "while true do end"})
    add_script(rt, "while true do end", id="app:spin")
    add_wat(rt, "traps", "spin", id="app:guest")
    return add_script(rt, f"if ... then return 'fine' end {ENDLESS[kind]}", imports={"lib": "app:lib"}, **fields)


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("how", ["timeout", "max_execution_ms"])
def test_time_ends_everything(rt: Runtime, kind: str, how: str) -> None:
    """F-47, F-50, F-51: and the next call of the same function is fine."""
    limits = {"max_execution_ms": 50} if how == "max_execution_ms" else None
    f = add_endless(rt, kind, limits=limits, pool={"size": 1})
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(LimitExceeded) as caught:
            (f if limits else f.with_options(timeout=0.05))()
        assert 0.045 <= time.monotonic() - begin < SLACK
        error = caught.value
        assert (error.limit, error.allowed, error.kind, error.entry) == (how, 50, "Timeout", "app:f")
        assert f(True) == "fine"


@pytest.mark.parametrize("kind", [kind for kind in ENDLESS if kind != "python calling lua"])
def test_closing_ends_everything(make_runtime: MakeRuntime, kind: str) -> None:
    """F-36, F-49."""
    rt = make_runtime()
    call = in_thread(add_endless(rt, kind))
    eventually(lambda: rt.stats()["app:f"].in_flight)
    time.sleep(0.02)
    assert "app:f" in rt.close(wait=0.01)
    error = call.exception(PATIENCE)
    assert isinstance(error, WippyError)
    assert error.kind in ("Canceled", "Unavailable")


def test_the_callers_time_bounds_the_callee(rt: Runtime) -> None:
    """H-26: over a guest; the error names the outermost call."""
    add_script(rt, "while true do end", id="app:spin", limits={"max_execution_ms": 3_600_000})
    add_relay(rt, "app:guest", "app:spin")
    f = add_script(rt, "return funcs.call('app:guest', 'x')")
    with pytest.raises(LimitExceeded) as caught:
        f.with_options(timeout=0.05)()
    assert (caught.value.entry, caught.value.limit) == ("app:f", "timeout")


def test_the_callees_own_time_is_an_error_of_the_caller(rt: Runtime) -> None:
    """F-50: it goes on."""
    add_script(rt, "while true do end", id="app:spin", limits={"max_execution_ms": 20})
    body = "local _, e = funcs.call('app:spin') return {e:kind(), e:message():find('limit exceeded: 20ms') ~= nil}"
    assert evaluate(rt, body) == ["Timeout", True]


@pytest.mark.parametrize("timeout", ["30", "30.5", "'30ms'", "1"])
def test_the_timeout_of_one_call(rt: Runtime, timeout: str) -> None:
    """L-33: milliseconds, or a duration."""

    @rt.register("app:async")
    async def endless() -> None:
        await asyncio.sleep(3600)

    add_script(rt, "while true do end", id="app:spin")
    add_script(rt, "time.sleep('1h')", id="app:sleep")
    body = """
      local out = {}
      for i, target in ipairs{"app:spin", "app:sleep", "app:async"} do
        local _, e = funcs.new():with_options{timeout = TIMEOUT}:call(target)
        out[i] = e and e:kind()
      end
      return out
    """
    assert evaluate(rt, body.replace("TIMEOUT", timeout)) == ["Timeout"] * 3


@pytest.mark.parametrize("timeout", ["0/0", "1/0", "'x'", "{}", "true", "-1/0"])
def test_timeouts_that_cannot_be(rt: Runtime, timeout: str) -> None:
    """L-33."""
    add_script(rt, "return 1", id="app:one")
    body = f"local v, e = funcs.new():with_options{{timeout = {timeout}}}:call('app:one') return {{v == nil, e:kind()}}"
    assert evaluate(rt, body) == [True, "Invalid"]


@pytest.mark.parametrize("timeout", ["2^62", "math.maxinteger", "'1000000h'"])
def test_very_long_timeouts(rt: Runtime, timeout: str) -> None:
    """L-33."""
    add_script(rt, "return 1", id="app:one")
    assert evaluate(rt, f"return funcs.new():with_options{{timeout = {timeout}}}:call('app:one')") == 1


# Context


def test_context_goes_down_the_tree(rt: Runtime) -> None:
    """L-37: over Lua, a guest and Python, with the nearest value of each name."""
    add_script(
        rt, "return json.encode{ctx.get('a') or 0, ctx.get('b') or 0, (select(2, ctx.get('c')):kind())}", id="app:end"
    )
    add_relay(rt, "app:guest", "app:end")
    add_script(rt, "return funcs.new():with_context{b = 3}:call('app:guest', 'x')", id="app:mid")
    add_script(rt, "return funcs.new():with_context{a = 1, b = 2}:call('app:mid')", id="app:top")
    rt.register("app:py")(lambda: rt.call("app:mid"))
    assert rt.call("app:top") == {"ok": '[1,3,"NotFound"]'}
    assert evaluate(rt, "return funcs.new():with_context{a = 1}:call('app:top')") == {"ok": '[1,3,"NotFound"]'}
    assert rt.call("app:end") == '[0,0,"NotFound"]'


def test_context_goes_through_python(rt: Runtime) -> None:
    """F-49, L-37: what a script passes to a Python function is there for what that calls."""
    add_script(rt, "return ctx.get('a')", id="app:end")
    rt.register("app:py")(lambda: rt.call("app:end"))
    add_script(rt, "return funcs.call('app:py')", id="app:mid")
    assert evaluate(rt, "return funcs.new():with_context{a = 1}:call('app:mid')") == 1


def test_context_is_a_copy(rt: Runtime) -> None:
    """L-15, L-37."""
    add_script(rt, "local t = ctx.get('t') t.x = 2 return {t, (ctx.get('t')), ctx.all()}", id="app:end")
    assert (
        evaluate(rt, "local e = funcs.new():with_context{t = {x = 1}} return {e:call('app:end'), e:call('app:end')}")
        == [[{"x": 2}, {"x": 1}, {"t": {"x": 1}}]] * 2
    )
