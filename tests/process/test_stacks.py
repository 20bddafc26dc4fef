"""Endless recursion of a guest is a trap on every thread, however small its stack (F-45)."""

from __future__ import annotations

from textwrap import dedent

import pytest
from support.processes import run

KIB = 1024
PROGRAM = """
import sys, threading
from support.relay import add_relay

size = int(sys.argv[1])
rt = wippy.Runtime()
overflow = add_wat(rt, "traps", "stack-overflow")
add = add_wat(rt, "add", "add", id="app:add")
echo = add_wat(rt, "echo", "echo", id="app:echo")
failures = []

def expect_overflow(call):
    try:
        call()
    except wippy.GuestTrap as error:
        assert "call stack exhausted" in error.trap, error.trap
    else:
        raise AssertionError("no trap")

def work():
    try:
        for _ in range(3):
            BODY
    except BaseException as error:
        failures.append(error)

if size:
    threading.stack_size(size)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failures, failures
print("alive")
"""

DIRECT = """expect_overflow(overflow)
            assert add(40, 2) == 42
            assert echo("x" * 100_000) == "x" * 100_000"""
NESTED = """expect_overflow(lambda: deep(20))
            assert add(1, 2) == 3"""
NESTED_SETUP = """
def py(text):
    # Uses up some of Python's own stack before it comes back.
    return deep(int(text) - 1) if int(text) else overflow()
rt.register("app:py")(py)
relay = add_relay(rt, "app:relay", "app:py").with_options(raise_err=False)

def deep(levels):
    if not levels:
        overflow()
    answer = relay(str(levels))
    if isinstance(answer, wippy.Err):
        raise wippy.GuestTrap(answer.value, trap=answer.value)
    return answer.value
"""
SIZES = [64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, 640 * KIB, KIB * KIB, 2 * KIB * KIB, 8 * KIB * KIB, 0]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size // KIB} KiB" if size else "default")
def test_stack_overflow_on_threads_of_every_size(size: int) -> None:
    """F-45."""
    outcome = run(PROGRAM.replace("BODY", DIRECT), str(size)).check()
    assert outcome.out.strip() == "alive"


@pytest.mark.parametrize("size", [512 * KIB, 2 * KIB * KIB, 0], ids=lambda size: f"{size // KIB} KiB")
def test_stack_overflow_below_python_and_guests(size: int) -> None:
    """F-45: twenty guests and Python functions on top of each other, then the overflow."""
    program = PROGRAM.replace("BODY", NESTED).replace("failures = []", "failures = []" + NESTED_SETUP)
    outcome = run(program, str(size)).check()
    assert outcome.out.strip() == "alive"


def test_endless_calls_between_python_and_guests_end_with_an_error() -> None:
    """H-26: the depth limit comes before Python's stack is used up, also on a small thread."""
    program = """
    import threading
    from support.relay import add_relay
    rt = wippy.Runtime()
    rt.register("app:py")(lambda text: rt.call("app:f", text))
    relay = add_relay(rt, "app:f", "app:py")
    ends = []
    def work():
        try:
            relay("x")
        except wippy.GuestError as error:
            ends.append(error.value)
    sizes = (0, 512 * 1024, 256 * 1024, 128 * 1024)
    for size in sizes:
        threading.stack_size(size)
        thread = threading.Thread(target=work); thread.start(); thread.join()
    assert len(ends) == len(sizes), ends
    assert all("call depth limit exceeded" in end for end in ends), ends
    """
    run(program).check()


def test_the_main_thread_with_a_small_limit() -> None:
    """F-45: `ulimit -s` decides how large the main thread's stack is."""
    pytest.importorskip("resource")
    program = """
    import os, resource, sys
    if len(sys.argv) < 2:
        resource.setrlimit(resource.RLIMIT_STACK, (512 * 1024, resource.getrlimit(resource.RLIMIT_STACK)[1]))
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, "again"])
    rt = wippy.Runtime()
    overflow = add_wat(rt, "traps", "stack-overflow")
    for _ in range(3):
        try:
            overflow()
        except wippy.GuestTrap as error:
            print("trap")
    """
    again = "import wippy_native as wippy\nfrom support.guests import *\n" + dedent(program)
    outcome = run(f"PROGRAM = {again!r}\n" + dedent(program)).check()
    assert outcome.out.split() == ["trap"] * 3
