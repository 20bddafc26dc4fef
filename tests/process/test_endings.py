"""The end of the interpreter while guests run on daemon threads: no hang, no crash, no noise."""

from __future__ import annotations

import pytest
from support.processes import run

HEAD = """
import asyncio, threading, time
from support.relay import add_relay
rt = wippy.Runtime()

def start(call):
    threading.Thread(target=call, daemon=True).start()
"""
TAIL = """
time.sleep(0.1)
print("end", flush=True)
"""
BUSY = {
    "computing": 'start(add_wat(rt, "traps", "spin"))',
    "in its start function": 'start(add_wat(rt, "spin_start", "f"))',
    "sleeping": 'f = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"]); start(lambda: f(3_600_000))',
    "waiting for a place": """
f = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"], pool={"type": "inline"})
for _ in range(3):
    start(lambda: f(3_600_000))
""",
    "inside a sleeping callee": """
rt.register("app:py")(lambda text: time.sleep(3600))
f = add_relay(rt, "app:f", "app:py"); start(lambda: f("x"))
""",
    "calling Python again and again": """
rt.register("app:py")(lambda text: text)
f = add_wat(rt, "forward", "repeat", imports=["funcs"]); start(lambda: f("app:py", "x", 2**32 - 1))
""",
    "waiting for an async callee": """
@rt.register("app:py")
async def slow(text):
    await asyncio.sleep(3600)
f = add_relay(rt, "app:f", "app:py"); start(lambda: f("x"))
""",
    "printing into the log": 'f = add_hostuse(rt, "flood-stdout"); start(lambda: f(1000, 2**32 - 1))',
    "printing into a callable": """
f = add_hostuse(rt, "flood-stdout").with_options(stdout=lambda data: None); start(lambda: f(1000, 2**32 - 1))
""",
}


@pytest.mark.parametrize("guest", BUSY)
def test_the_interpreter_ends_while_a_guest_is(guest: str) -> None:
    outcome = run(HEAD + BUSY[guest] + TAIL, timeout=30).check()
    assert (outcome.out.strip(), outcome.err.strip()) == ("end", "")


def test_runtimes_that_are_never_closed() -> None:
    """Nor dropped before the interpreter's own modules are."""
    program = """
    import sys
    rts = [wippy.Runtime() for _ in range(20)]
    for rt in rts:
        assert add_wat(rt, "add", "add")(1, 2) == 3
        rt.register("app:py")(str)
    sys.kept = rts
    cycle = [rts]; cycle.append(cycle)
    """
    outcome = run(program).check()
    assert outcome.err == ""


def test_calls_in_exit_handlers() -> None:
    """`atexit` runs while everything still works."""
    program = """
    import atexit
    rt = wippy.Runtime()
    add = add_wat(rt, "add", "add")
    sleeper = add_wat(rt, "sleep", "sleep", id="app:s", imports=["wasi:clocks"])
    atexit.register(lambda: print(add(40, 2), sleeper(5)))
    """
    assert run(program).check().out.strip() == "42 None"


def test_calls_while_the_interpreter_takes_itself_apart() -> None:
    """A finalizer that calls a guest last of all gets an answer or an error, never a crash."""
    program = """
    import sys
    rt = wippy.Runtime()
    add = add_wat(rt, "add", "add")
    class Last:
        def __del__(self, add=add):
            try:
                print(add(40, 2))
            except Exception as error:
                print(type(error).__name__)
    sys.last = Last()
    """
    run(program).check()
