"""Traps that are machine signals, whatever handlers Python has installed: each order in a process of its own.

wasmtime turns faults of guest code into traps; `faulthandler` reports faults and lets the process die. Both want the
same signals. A trap must always be an exception, and a real crash must always be reported as if we were not there.
"""

from __future__ import annotations

import signal
import sys
from textwrap import dedent

import pytest
from support.processes import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are a matter of Unix")

TRAPS = """
import threading
from support.guests import *

def trap_all(rt, rounds=2):
    for round in range(rounds):
        for method, word in MACHINE_TRAPS.items():
            function = add_wat(rt, "traps", method, id=f"app:{threading.get_ident()}-{method}")
            try:
                function()
            except wippy.GuestTrap as error:
                assert word in error.trap, (method, error.trap)
            else:
                raise AssertionError(method)

def done():
    print("alive", flush=True)
"""

ORDERS = {
    "never": """
        import wippy_native as wippy
        trap_all(wippy.Runtime()); done()
    """,
    "before import": """
        import faulthandler; faulthandler.enable()
        import wippy_native as wippy
        trap_all(wippy.Runtime()); done()
    """,
    "after import": """
        import wippy_native as wippy
        import faulthandler; faulthandler.enable()
        trap_all(wippy.Runtime()); done()
    """,
    "after the first engine": """
        import wippy_native as wippy
        rt = wippy.Runtime()
        import faulthandler; faulthandler.enable()
        trap_all(rt); done()
    """,
    "after the first trap": """
        import wippy_native as wippy
        rt = wippy.Runtime(); trap_all(rt, 1)
        import faulthandler; faulthandler.enable()
        trap_all(rt); done()
    """,
    "enabled, then disabled": """
        import faulthandler; faulthandler.enable()
        import wippy_native as wippy
        rt = wippy.Runtime(); trap_all(rt, 1)
        faulthandler.disable()
        trap_all(rt); done()
    """,
    "enabled after, then disabled": """
        import wippy_native as wippy
        rt = wippy.Runtime(); trap_all(rt, 1)
        import faulthandler; faulthandler.enable(); trap_all(rt, 1)
        faulthandler.disable(); trap_all(rt, 1)
        faulthandler.enable(); trap_all(rt, 1); done()
    """,
    "disabled without a trap between": """
        import wippy_native as wippy
        rt = wippy.Runtime()
        import faulthandler; faulthandler.enable(); faulthandler.disable()
        trap_all(rt); done()
    """,
    "between every two calls": """
        import faulthandler
        import wippy_native as wippy
        rt = wippy.Runtime()
        for round in range(10):
            (faulthandler.disable if round % 2 else faulthandler.enable)()
            trap_all(rt, 1)
        done()
    """,
    "inside a callback": """
        import faulthandler
        import wippy_native as wippy
        from support.relay import add_relay
        rt = wippy.Runtime()

        @rt.register("app:py")
        def enable(text):
            faulthandler.enable()
            trap_all(rt, 1)
            return text

        # The outer guest traps after the callback, on the same thread.
        end = "(i32.const 16))\\n      (i32.const 16))"
        crash = "(i32.const 16))\\n      (drop (i32.load (i32.const 0x7ffffff0))) (i32.const 16))"
        source = wat("forward").read_text().replace(end, crash, 1)
        assert "0x7ffffff0" in source
        outer = rt.add_wasm("app:outer", source.encode(), "forward", imports=["funcs"])
        for _ in range(2):
            try:
                outer("app:py", "x")
            except wippy.GuestTrap as error:
                assert "out of bounds" in error.trap
            else:
                raise AssertionError
            faulthandler.disable()
        done()
    """,
    "while a guest of another thread runs": """
        import faulthandler, threading, time
        import wippy_native as wippy
        rt = wippy.Runtime()
        # Runs long enough for the handlers to be put in front again, then divides by zero.
        source = b'''(component (core module $m (memory 1) (func (export "f") (param $n i64)
            (loop $l (local.set $n (i64.sub (local.get $n) (i64.const 1)))
              (br_if $l (i64.ne (local.get $n) (i64.const 0))))
            (drop (i32.load (i32.const 0x7ffffff0)))))
          (core instance $i (instantiate $m))
          (func (export "f") (param "n" u64) (canon lift (core func $i "f"))))'''
        late = rt.add_wasm("app:late", source, "f")
        for change in (faulthandler.enable, faulthandler.disable, faulthandler.enable):
            seen = []
            def work():
                try:
                    late(600_000_000)
                except wippy.GuestTrap as error:
                    seen.append(error.trap)
            thread = threading.Thread(target=work); thread.start()
            time.sleep(0.05)
            change()
            thread.join()
            assert len(seen) == 1 and "out of bounds" in seen[0], seen
        done()
    """,
    "by another thread between calls": """
        import faulthandler, threading
        import wippy_native as wippy
        rt = wippy.Runtime()
        for change in (faulthandler.enable, faulthandler.disable) * 5:
            thread = threading.Thread(target=change); thread.start(); thread.join()
            trap_all(rt, 1)
        done()
    """,
    "traps on eight threads": """
        import faulthandler, threading
        import wippy_native as wippy
        rt = wippy.Runtime()
        faulthandler.enable()
        failures = []
        def work():
            try: trap_all(rt, 10)
            except BaseException as error: failures.append(error)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert not failures, failures
        done()
    """,
}


@pytest.mark.parametrize("order", ORDERS)
def test_every_trap_is_an_exception(order: str) -> None:
    """F-45."""
    outcome = run(TRAPS + dedent(ORDERS[order]), prelude=False).check()
    assert outcome.out.strip() == "alive"
    assert "Fatal Python error" not in outcome.err


CRASHES = {
    "before import": "import faulthandler; faulthandler.enable()\nimport wippy_native as wippy\nrt = wippy.Runtime()",
    "after import": "import wippy_native as wippy\nimport faulthandler; faulthandler.enable()\nrt = wippy.Runtime()",
    "after engine": "import faulthandler\nimport wippy_native as wippy\nrt = wippy.Runtime(); faulthandler.enable()",
}


@pytest.mark.parametrize("trap_first", [False, True], ids=["no trap before", "traps before"])
@pytest.mark.parametrize("order", CRASHES)
def test_a_real_crash_is_still_reported_and_fatal(order: str, trap_first: bool) -> None:
    """A fault that is not a guest's belongs to faulthandler, and the process dies of it."""
    program = TRAPS + CRASHES[order] + ("\ntrap_all(rt)\n" if trap_first else "\n")
    program += "import ctypes, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nctypes.string_at(0)\n"
    outcome = run(program, prelude=False)
    assert outcome.code == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in outcome.err
    assert "string_at" in outcome.err


@pytest.mark.parametrize("order", CRASHES)
def test_a_real_crash_after_faulthandler_was_disabled_is_fatal(order: str) -> None:
    """A handler that is switched off returns without mending anything: the fault must not happen for ever."""
    program = TRAPS + CRASHES[order] + "\ntrap_all(rt)\nfaulthandler.disable()\ntrap_all(rt)\n"
    program += "import ctypes, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nctypes.string_at(0)\n"
    outcome = run(program, prelude=False)
    assert (outcome.code, outcome.err) == (-signal.SIGSEGV, "")


@pytest.mark.parametrize("trap_first", [False, True], ids=["no trap before", "traps before"])
def test_a_real_crash_without_faulthandler_is_fatal(trap_first: bool) -> None:
    """Never a hang, never swallowed."""
    program = TRAPS + "import wippy_native as wippy\nrt = wippy.Runtime()\n" + ("trap_all(rt)\n" if trap_first else "")
    program += "import ctypes, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nctypes.string_at(0)\n"
    assert run(program, prelude=False).code == -signal.SIGSEGV


def test_a_crash_inside_a_callback_of_a_guest_is_fatal() -> None:
    """The host's own code crashes while a guest is on the stack below."""
    program = """
    import ctypes, faulthandler, resource
    from support.relay import add_relay
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rt = wippy.Runtime()
    faulthandler.enable()
    rt.register("app:py")(lambda text: ctypes.string_at(0))
    add_relay(rt, "app:f", "app:py")("x")
    """
    outcome = run(program)
    assert outcome.code == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in outcome.err


def test_faulthandler_still_dumps_on_request_and_on_abort() -> None:
    """What does not concern us is left alone."""
    program = TRAPS + dedent("""
    import faulthandler, os, resource, signal
    import wippy_native as wippy
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rt = wippy.Runtime()
    faulthandler.enable()
    trap_all(rt)
    os.kill(os.getpid(), signal.SIGABRT)
    """)
    outcome = run(program, prelude=False)
    assert outcome.code == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in outcome.err


@pytest.mark.parametrize("signal_name", ["SIGILL", "SIGSEGV", "SIGFPE"])
@pytest.mark.parametrize("handler", ["signal.SIG_DFL", "signal.SIG_IGN", "lambda *_: None"])
def test_a_program_that_sets_one_signal_alone(signal_name: str, handler: str) -> None:
    """F-45: a trap is an exception whichever of the signals the program took for itself."""
    program = f"""
    import signal, time
    from support.guests import add_wat
    rt = wippy.Runtime()
    functions = [add_wat(rt, "traps", method) for method in ("unreachable", "oob", "div-zero")]
    signal.signal(signal.{signal_name}, {handler})
    time.sleep(0.05)  # more than a tick
    for function in functions:
        try:
            function()
        except wippy.GuestTrap:
            continue
        raise AssertionError(function)
    """
    run(program).check()
