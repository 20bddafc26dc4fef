"""Lua that goes on for ever ends with its time, wherever it is: F-50, F-51."""

from __future__ import annotations

import pytest
from support.processes import run
from support.scripts import add_script

from wippy_native import LimitExceeded, Runtime

CHEAP = {
    "rep": "s.rep('x', 20)",
    "rep once": "s.rep('x', 1)",
    "find": "s.find('x', 'x')",
    "gsub": "s.gsub('abc', 'b', 'c')",
    "pcall": "pcall(type, 1)",
    "xpcall": "xpcall(type, print, 1)",
    "log10": "m.log10(3)",
    "insert": "t.insert({}, 1, 1)",
    "select": "c.select{default = true}",
    "resume": "pcall(coroutine.resume, nil)",
    "spawn": "coroutine.spawn(function() end) coroutine.yield()",
}

PROGRAM = """
import os, threading, time
rt = wippy.Runtime()
current = [time.monotonic(), ""]

def watch():
    while time.monotonic() - current[0] < 20:
        time.sleep(0.1)
    print("not interrupted:", current[1], flush=True)
    os._exit(1)

threading.Thread(target=watch, daemon=True).start()
for pad in range(PADS):
    body = "while true do STEP " + "x = -x " * pad + "end"
    head = "local s, t, m, c = string, table, math, channel "
    function = rt.add_lua("app:f", head + "return function() local x = 1 " + body + " end")
    current[:] = time.monotonic(), body
    try:
        function.with_options(timeout=0.01)()
    except wippy.LimitExceeded:
        pass
os._exit(0)
"""


@pytest.mark.parametrize("step", CHEAP)
def test_short_loops_around_library_functions(step: str) -> None:
    """F-51: of any number of instructions."""
    run(PROGRAM.replace("PADS", "60").replace("STEP", CHEAP[step])).check()


def test_coroutines_that_spawn_the_next() -> None:
    """F-51, L-17: each of them is short."""
    program = """
    import os, threading
    threading.Timer(15, lambda: os._exit(1)).start()
    rt = wippy.Runtime()
    source = "return function() local function f() coroutine.spawn(f) end f() channel.new():receive() end"
    try:
        rt.add_lua("app:f", source).with_options(timeout=0.05)()
    except wippy.LimitExceeded:
        os._exit(0)
    """
    run(program).check()


def test_garbage_is_no_memory(rt: Runtime) -> None:
    """F-52: errors and times that nobody holds any more."""
    for body in ("errors.new('x')", "time.now()", "errors.wrap(errors.new('x'), 'y')"):
        f = add_script(rt, f"for i = 1, 1000000 do {body} end return 'done'", limits={"max_memory_bytes": 1 << 24})
        assert f() == "done"


IN_A_CALLBACK = {
    "await": "asyncio.run(cancelled(f.call_async()))",
    "await of its caller": 'asyncio.run(cancelled(rt.call_async("app:outer", False)))',
    "future": "assert rt.call('app:outer', True) == 'cancelled'",
    "interrupt": "interrupted(f)",
    "interrupt of its caller": 'interrupted(lambda: rt.call("app:outer", False))',
    "batch that is left": "results = f.map([1, None, None], chunk_size=1); assert next(results) == 1; results.close()",
}
CALLBACK = """
import asyncio, os, signal, threading
rt = wippy.Runtime()
threading.Timer(15, lambda: os._exit(1)).start()
endless = "table.sort({2, 1}, function() while true do end end)"
f = rt.add_lua("app:f", f"return function(x) if x then return x end {endless} end")
outer = '''
  local funcs, time = require("funcs"), require("time")
  return function(cancels)
    if not cancels then return funcs.call("app:f") end
    local future = funcs.async("app:f")
    time.sleep("20ms")
    future:cancel()
    time.sleep("20ms")
    return "cancelled"
  end
'''
rt.add_lua("app:outer", outer, modules=["funcs", "time"])

async def cancelled(call):
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0.05)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass

def interrupted(call):
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        call()
    except KeyboardInterrupt:
        pass

HOW
os._exit(0)
"""


@pytest.mark.parametrize("how", IN_A_CALLBACK)
def test_callbacks_of_lua_end_with_the_call(how: str) -> None:
    """F-49, B-21: by whatever the call is ended, also where a script cannot be suspended."""
    run(CALLBACK.replace("HOW", IN_A_CALLBACK[how])).check()


def test_many_values_printed_at_once() -> None:
    """F-51, L-8: `print` of very many arguments."""
    program = """
    rt = wippy.Runtime()
    f = rt.add_lua("app:f", "return function(n) local t = {} for i = 1, n do t[i] = i end print(table.unpack(t)) end")
    import threading, os
    threading.Timer(20, lambda: os._exit(1)).start()
    try:
        f.with_options(timeout=0.1)(200_000)
    except wippy.WippyError:
        pass
    os._exit(0)
    """
    run(program).check()


def test_an_ended_call_gives_no_value(rt: Runtime) -> None:
    """F-50: though the script catches what interrupts it."""
    body = "table.sort({3, 2, 1}, function() pcall(function() while true do end end) return false end) return 'fine'"
    with pytest.raises(LimitExceeded):
        add_script(rt, body).with_options(timeout=0.05)()
