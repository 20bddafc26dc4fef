"""Ctrl-C ends a call on the main thread with KeyboardInterrupt, whatever the guest does (F-49)."""

from __future__ import annotations

import sys
import time

import pytest
from support.processes import Running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")

HEAD = """
import signal, sys, threading, time
from support.relay import add_relay
rt = wippy.Runtime()

def ready():
    print("ready", flush=True)

def interrupted(call):
    threading.Timer(0.05, ready).start()
    try:
        call()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    else:
        print("returned", flush=True)
"""

GUESTS = {
    "busy loop": 'interrupted(add_wat(rt, "traps", "spin"))',
    "fill loop": 'interrupted(add_wat(rt, "traps", "fill-loop"))',
    "start function": 'interrupted(add_wat(rt, "spin_start", "f"))',
    "sleep": 'f = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"]); interrupted(lambda: f(3_600_000))',
    "busy loop of a guest that may wait": """
source = wat("sleep").read_text().replace("(local $timer i32)", "(local $timer i32) (loop $l (br $l))", 1)
f = rt.add_wasm("app:f", source.encode(), "sleep", imports=["wasi:clocks"]); interrupted(lambda: f(1))
""",
    "waiting for a place": """
f = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"], pool={"type": "lazy", "max_size": 1})
threading.Thread(target=lambda: f(3_600_000), daemon=True).start(); time.sleep(0.05)
interrupted(lambda: f(1))
""",
    "waiting for a place, on the caller's stack": """
f = add_wat(rt, "traps", "spin", pool={"type": "inline"})
threading.Thread(target=f, daemon=True).start(); time.sleep(0.05)
interrupted(f)
""",
    "sleep below funcs": """
f = add_wat(rt, "sleep", "sleep", id="app:sleep", imports=["wasi:clocks"])
rt.register("app:py")(lambda text: f(3_600_000))
outer = add_relay(rt, "app:f", "app:py"); interrupted(lambda: outer("x"))
""",
    "python below funcs": """
rt.register("app:py")(lambda text: time.sleep(3600))
outer = add_relay(rt, "app:f", "app:py"); interrupted(lambda: outer("x"))
""",
    "async python below funcs": """
import asyncio
@rt.register("app:py")
async def slow(text):
    await asyncio.sleep(3600)
outer = add_relay(rt, "app:f", "app:py"); interrupted(lambda: outer("x"))
""",
    "with a time limit": 'interrupted(add_wat(rt, "traps", "spin", limits={"max_execution_ms": 3_600_000}))',
}

TAIL = """
assert add_wat(rt, "add", "add", id="app:add")(40, 2) == 42
print("works", flush=True)
rt.close(wait=0)
"""


@pytest.mark.parametrize("guest", GUESTS)
def test_ctrl_c(guest: str) -> None:
    """F-49: and the runtime goes on."""
    with Running(HEAD + GUESTS[guest] + TAIL) as process:
        process.wait_for_line("ready")
        time.sleep(0.02)
        begin = time.monotonic()
        process.interrupt()
        process.wait_for_line("interrupted")
        # Nothing but the signal ends these guests before the test gives up.
        assert time.monotonic() - begin < 30
        outcome = process.finish().check()
        assert "works" in outcome.out


def test_unhandled_it_ends_the_program_as_usual() -> None:
    """F-49: with Python's exit code for it, and no report of ours."""
    with Running(HEAD + 'threading.Timer(0.05, ready).start(); add_wat(rt, "traps", "spin")()') as process:
        process.wait_for_line("ready")
        time.sleep(0.02)
        process.interrupt()
        outcome = process.finish()
    assert outcome.code in (-2, 130)
    assert "KeyboardInterrupt" in outcome.err
    assert "panicked" not in outcome.err


def test_other_threads_go_on() -> None:
    """F-49: only the main thread's call ends."""
    program = """
f = add_wat(rt, "sleep", "sleep", id="app:sleep", imports=["wasi:clocks"])
ends = []
thread = threading.Thread(target=lambda: ends.append(f(1000))); thread.start()
interrupted(add_wat(rt, "traps", "spin"))
thread.join()
assert ends == [None], ends
"""
    with Running(HEAD + program + TAIL) as process:
        process.wait_for_line("ready")
        time.sleep(0.02)
        process.interrupt()
        process.wait_for_line("interrupted")
        process.finish().check()


def test_a_handler_of_ones_own_runs_during_the_call_and_may_return() -> None:
    """Python's signal handlers run while a guest does; what they do not raise does not disturb it."""
    program = """
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("alarm")))
f = add_wat(rt, "traps", "spin")
import os
threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
signal.setitimer(signal.ITIMER_REAL, 0.4)
try:
    f()
except TimeoutError as error:
    assert str(error) == "alarm" and seen == [1], seen
    print("alarm")
"""
    with Running(HEAD + program + TAIL) as process:
        outcome = process.finish().check()
    assert "alarm" in outcome.out


def test_an_interrupt_inside_a_callback_of_another_guest_ends_all_of_it() -> None:
    """H-23: KeyboardInterrupt is no err of the guest; it ends the whole call, guests on the way included."""
    program = """
rt.register("app:py")(lambda text: (_ for _ in ()).throw(KeyboardInterrupt()))
add_relay(rt, "app:b", "app:py")
outer = add_relay(rt, "app:a", "app:b")
try:
    outer("x")
except KeyboardInterrupt:
    print("ended")
"""
    with Running(HEAD + program + TAIL) as process:
        assert "ended" in process.finish().check().out
