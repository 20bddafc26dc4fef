"""Many calls at once, cancellation, batches, executors, coroutines, interrupts, forks: B-1 to B-22, F-49, L-17."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.processes import Running, run
from support.scripts import add_script, evaluate, failing
from support.threads import PATIENCE, eventually

from wippy_native import ArgumentError, LimitExceeded, LuaError, Runtime

PICKY = """
local x = ...
if x == 3 then error(errors.new(errors.CONFLICT, "three")) end
if x == 4 then return nil, "four" end
return x * 10
"""


def test_many_calls_sleep_at_once(rt: Runtime) -> None:
    """B-20: they hold no thread."""
    f = add_script(rt, "local i = ... time.sleep('100ms') return i", pool={"type": "lazy", "max_size": 400})

    async def main() -> list[Any]:
        return await asyncio.gather(*(f.call_async(i) for i in range(300)))

    threads = threading.active_count()
    begin = time.monotonic()
    assert asyncio.run(main()) == list(range(300))
    # One after another they take thirty seconds; a process with little room does them in some rounds.
    assert time.monotonic() - begin < 10
    assert threading.active_count() < threads + 50
    assert rt.stats()["app:f"].errors == {}


ENDLESS = {
    "sleeping": "time.sleep('1h')",
    "computing": "while true do end",
    "computing, and catching errors": "while true do pcall(function() while true do end end) end",
    "a call that computes": "funcs.call('app:spin')",
    "a call of Python": "funcs.call('app:async')",
    "a future": "funcs.async('app:async'):response():receive()",
    "a timer": "time.after('1h'):receive()",
}


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("how", ["cancel", "timeout", "twice"])
def test_cancelling_ends_a_call(rt: Runtime, kind: str, how: str) -> None:
    """B-21, B-22: with all it called; and the function is as before."""
    begun, ended = threading.Event(), threading.Event()

    @rt.register("app:async")
    async def endless() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    add_script(rt, "while true do end", id="app:spin")
    f = add_script(rt, f"if ... then return 'fine' end {ENDLESS[kind]}", pool={"size": 1})

    async def main() -> None:
        if how == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(f.call_async(), 0.05)
        else:
            task = asyncio.create_task(f.call_async())
            await asyncio.sleep(0.05)
            task.cancel()
            if how == "twice":
                await asyncio.sleep(0)
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await asyncio.wait_for(f.call_async(True), PATIENCE) == "fine"
        await asyncio.sleep(0.02)

    asyncio.run(main())
    if begun.is_set():
        eventually(ended.is_set, "the end of the callee")
    eventually(lambda: rt.stats()["app:spin"].in_flight == 0)
    assert rt.stats()["app:f"].in_flight == 0


def test_a_future_is_cancelled(rt: Runtime) -> None:
    """B-21: what it waits for ends, whatever that does."""
    ended = threading.Event()

    @rt.register("app:async")
    async def endless() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    add_script(rt, "while true do end", id="app:spin")
    body = """
      local out = {}
      for i, target in ipairs{"app:async", "app:spin"} do
        local f = funcs.async(target)
        time.sleep("20ms")
        f:cancel()
        f:cancel()
        local v, ok = f:response():receive()
        out[i] = {f:is_canceled(), f:is_complete(), v == nil, ok, (f:error():kind())}
      end
      return out
    """
    assert evaluate(rt, body) == [[True, True, True, False, "Canceled"]] * 2
    eventually(ended.is_set)
    eventually(lambda: rt.stats()["app:spin"].in_flight == 0)


# Batches


def test_maps(rt: Runtime) -> None:
    """B-1 to B-12."""
    f = add_script(rt, "local a, b = ... return a * (b or 10)")
    assert list(f.map(range(100))) == [10 * i for i in range(100)]
    assert list(f.starmap([(1, 2), (3, 4)])) == [2, 12]
    assert sorted(f.imap_unordered(range(50))) == [(i, 10 * i) for i in range(50)]

    async def main() -> list[Any]:
        return [result async for result in f.map_async(range(50))]

    assert asyncio.run(main()) == [10 * i for i in range(50)]


@pytest.mark.parametrize("how", ["map", "starmap", "unordered", "async"])
def test_the_error_of_an_item(rt: Runtime, how: str) -> None:
    """B-13, L-14."""
    f = add_script(rt, PICKY)

    async def over_async() -> list[Any]:
        return [result async for result in f.map_async(range(6))]

    calls: dict[str, Callable[[], object]] = {
        "map": lambda: list(f.map(range(6))),
        "starmap": lambda: list(f.starmap([(i,) for i in range(6)])),
        "unordered": lambda: list(f.imap_unordered(range(6))),
        "async": lambda: asyncio.run(over_async()),
    }
    with pytest.raises(LuaError) as caught:
        calls[how]()
    assert caught.value.value in ("three", "four")
    assert f(1) == 10


def test_errors_as_results(rt: Runtime) -> None:
    """B-13."""
    f = add_script(rt, PICKY)
    results = list(f.map([1, 3, 4, 5], on_error="return"))
    assert (results[0], results[3]) == (10, 50)
    assert [(type(error), error.kind) for error in results[1:3]] == [(LuaError, "Conflict"), (LuaError, "Internal")]
    results = list(f.map([1, object(), 2], on_error="return"))
    assert (results[0], type(results[1]), results[2]) == (10, ArgumentError, 20)


def test_time_of_a_batch_and_of_its_calls(rt: Runtime) -> None:
    """B-14, F-47."""
    for body in ("while true do end", "time.sleep('1h')"):
        f = add_script(rt, body)
        with pytest.raises(LimitExceeded):
            list(f.map(range(3), timeout=0.05))
        results = list(f.with_options(timeout=0.03).map(range(3), on_error="return"))
        assert [type(result) for result in results] == [LimitExceeded] * 3
        assert rt.stats()["app:f"].in_flight == 0


def test_an_executor(rt: Runtime) -> None:
    """B-30."""
    f = add_script(rt, PICKY)
    with rt.executor() as executor:
        futures = [executor.submit("app:f", i) for i in (1, 2, 3)] + [executor.submit(f, 5)]
        assert [future.result(PATIENCE) for future in (futures[0], futures[1], futures[3])] == [10, 20, 50]
        with pytest.raises(LuaError, match="three"):
            futures[2].result(PATIENCE)


# Coroutines


def test_deadlocks_are_told(rt: Runtime) -> None:
    """L-17."""
    text = "deadlock: all {} coroutines blocked with no pending operations"
    assert failing(rt, "channel.new():receive()").value == text.format(1)
    assert failing(rt, "channel.new():send(1)").value == text.format(1)
    body = "local c = channel.new() for i = 1, 4 do coroutine.spawn(function() c:receive() end) end c:receive()"
    assert failing(rt, body).value == text.format(5)
    body = "local c = channel.new() coroutine.spawn(function() time.sleep('10ms') end) c:receive()"
    assert failing(rt, body).value == text.format(1)


def test_workers_and_jobs(rt: Runtime) -> None:
    """L-17: spawn, channels and select together, as a program uses them."""
    body = """
      local jobs, results, stop = channel.new(3), channel.new(), channel.new()
      for worker = 1, 4 do
        coroutine.spawn(function()
          while true do
            local job, open = jobs:receive()
            if not open then stop:send(true) return end
            time.sleep("1ms")
            results:send(job * job)
          end
        end)
      end
      coroutine.spawn(function() for i = 1, 50 do jobs:send(i) end jobs:close() end)
      local sum, left = 0, 4
      while left > 0 do
        local r = channel.select{results:case_receive(), stop:case_receive()}
        if r.channel == results then sum = sum + r.value else left = left - 1 end
      end
      return sum
    """
    assert evaluate(rt, body) == sum(i * i for i in range(51))


def test_a_timeout_by_select(rt: Runtime) -> None:
    """L-17, L-33."""
    body = """
      local never, late = channel.new(), time.after("20ms")
      local r = channel.select{never:case_receive(), late:case_receive()}
      return {r.channel == late, channel.select{never:case_receive(), default = true}.default}
    """
    assert evaluate(rt, body) == [True, True]


def test_what_is_spawned_ends_with_the_call(rt: Runtime) -> None:
    """L-17."""
    seen: list[int] = []
    rt.register("app:seen")(seen.append)
    body = """
      local begun = channel.new()
      coroutine.spawn(function()
        funcs.call("app:seen", 1)
        begun:send(true)
        while true do time.sleep("1ms") funcs.call("app:seen", 1) end
      end)
      coroutine.spawn(function() while true do coroutine.yield() end end)
      coroutine.spawn(function() error("nobody waits for this one") end)
      begun:receive()
      return "main"
    """
    assert evaluate(rt, body) == "main"
    count = len(seen)
    time.sleep(0.05)
    assert 0 < count == len(seen)


# Processes

HEAD = """
import signal, sys, threading, time
from support.scripts import *
rt = wippy.Runtime()

def ready():
    print("ready", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("kind", [kind for kind in ENDLESS if "Python" not in kind and kind != "a future"])
def test_ctrl_c(kind: str) -> None:
    """F-49: and the runtime goes on."""
    program = f"""
add_script(rt, "while true do end", id="app:spin")
f = add_script(rt, {ENDLESS[kind]!r})
threading.Timer(0.05, ready).start()
try:
    f()
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert evaluate(rt, "return 42") == 42
print("works", flush=True)
"""
    with Running(HEAD + program) as process:
        process.wait_for_line("ready")
        time.sleep(0.02)
        process.interrupt()
        process.wait_for_line("interrupted")
        assert "works" in process.finish().check().out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_forks() -> None:
    """The child is told, and works with a runtime of its own; the parent goes on."""
    program = """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
f = add_script(rt, "return ...")
assert f(1) == 1
pid = os.fork()
if not pid:
    code = 1
    try:
        for call in (f, lambda x: rt.call("app:f", x)):
            try:
                call(1)
            except wippy.WippyError as error:
                assert "fork" in str(error), error
        mine = wippy.Runtime()
        assert evaluate(mine, "time.sleep('5ms') return 7") == 7
        try:
            evaluate(mine, "while true do end", timeout=0.05)
        except wippy.LimitExceeded:
            code = 0
    finally:
        os._exit(code)
_, status = os.waitpid(pid, 0)
assert status == 0, status
assert f(2) == 2
"""
    run(HEAD + program).check()
