"""`fork`: the child is told what does not work, and works with a runtime of its own."""

from __future__ import annotations

import os

import pytest
from support.processes import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")

HEAD = """
import os, sys, threading, time, traceback, warnings
from support.relay import add_relay
warnings.simplefilter("ignore", DeprecationWarning)

def in_child(work, limit=60):
    "Run work in a forked child; it must end well, and in time."
    sys.stdout.flush(); sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(); sys.stderr.flush()
            os._exit(code)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert status == 0, f"the child ended with status {status}"
            return
        time.sleep(0.005)
    os.kill(pid, 9); os.waitpid(pid, 0)
    raise AssertionError("the child hangs")

def refused(call):
    try:
        call()
    except wippy.WippyError as error:
        assert "fork" in str(error), error
        assert error.kind == "Unavailable", error.kind
    else:
        raise AssertionError("no error")

def use_fresh_runtime():
    rt = wippy.Runtime()
    assert add_wat(rt, "add", "add")(40, 2) == 42
    assert add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"])(20) is None
    try:
        add_wat(rt, "traps", "spin", limits={"max_execution_ms": 30})()
    except wippy.LimitExceeded: pass
    else: raise AssertionError
    try:
        add_wat(rt, "traps", "oob")()
    except wippy.GuestTrap: pass
    else: raise AssertionError
    rt.register("app:py")(str.upper)
    @rt.register("app:async")
    async def lower(text):
        return text.lower()
    assert add_relay(rt, "app:r", "app:py")("x") == "X"
    assert add_relay(rt, "app:r", "app:async")("X") == "x"
    assert bytes(add_hostuse(rt, "random-bytes")(8)) != bytes(8)
    rt.close()

def use(rt):
    assert add_wat(rt, "add", "add")(1, 2) == 3
    add_wat(rt, "sleep", "sleep", id="app:sleep", imports=["wasi:clocks"])(5)
    try: rt.remove("app:async")
    except wippy.FunctionNotFound: pass
    @rt.register("app:async")
    async def same(text):
        return text
    assert add_relay(rt, "app:r", "app:async")("x") == "x"
"""


@pytest.mark.parametrize("used", [False, True], ids=["idle", "used"])
def test_the_parents_runtime_is_refused_in_the_child(used: bool) -> None:
    """A clear error, never a hang; the parent does not notice."""
    program = f"""
rt = wippy.Runtime()
held = add_wat(rt, "add", "add", id="app:held")
fiber = add_wat(rt, "sleep", "sleep", id="app:fiber", imports=["wasi:clocks"])
if {used}: use(rt)

def child():
    refused(lambda: held(1, 2))
    refused(lambda: held.with_options(timeout=1)(1, 2))
    refused(lambda: fiber(1))
    refused(lambda: rt.call("app:held", 1, 2))
    refused(lambda: rt.function("app:held"))
    refused(lambda: rt.call("app:unknown"))
    refused(lambda: add_wat(rt, "add", "add"))
    refused(lambda: rt.remove("app:held"))
    assert rt.close(wait=0) == []

in_child(child)
in_child(child)
assert held(40, 2) == 42 and rt.call("app:held", 1, 1) == 2
"""
    run(HEAD + program).check()


@pytest.mark.parametrize("used", [False, True], ids=["idle", "used"])
def test_a_fresh_runtime_in_the_child(used: bool) -> None:
    """Everything works there: limits, sleeping, traps, async callees."""
    program = f"""
rt = wippy.Runtime()
if {used}: use(rt)
for _ in range(3):
    in_child(use_fresh_runtime)
use(rt)
"""
    run(HEAD + program).check()


def test_a_fork_before_the_first_runtime() -> None:
    """What a preforking server does: import, fork, load."""
    run(HEAD + "in_child(use_fresh_runtime); in_child(use_fresh_runtime); use_fresh_runtime()").check()


def test_children_of_children() -> None:
    program = """
rt = wippy.Runtime(); use(rt)
def child():
    inner = wippy.Runtime(); use(inner)
    def grandchild():
        refused(lambda: inner.call("app:f", 1, 2)); refused(lambda: rt.call("app:f", 1, 2)); use_fresh_runtime()
    in_child(grandchild)
    use_fresh_runtime()
in_child(child); use_fresh_runtime()
"""
    run(HEAD + program).check()


def test_a_fork_while_other_threads_call() -> None:
    """Locks that were held at the fork do not hang the child."""
    program = """
rt = wippy.Runtime()
add = add_wat(rt, "add", "add"); sleeper = add_wat(rt, "sleep", "sleep", id="app:s", imports=["wasi:clocks"])
rt.register("app:py")(str.upper); relay = add_relay(rt, "app:r", "app:py")
spin = add_wat(rt, "traps", "spin", id="app:spin", limits={"max_execution_ms": 20})
stop = threading.Event(); failures = []
def work():
    try:
        while not stop.is_set():
            assert add(1, 2) == 3; sleeper(1); assert relay("x") == "X"
            try: spin()
            except wippy.LimitExceeded: pass
            extra = wippy.Runtime(); add_wat(extra, "add", "add")(1, 2); extra.close()
    except BaseException as error:
        failures.append(error)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for _ in range(10):
    in_child(lambda: (refused(lambda: add(1, 2)), use_fresh_runtime()))
stop.set()
for thread in threads: thread.join()
assert not failures, failures
"""
    run(HEAD + program).check()


def test_a_fork_inside_a_callback() -> None:
    """The child of a callee is in the middle of a call that does not exist there; it ends with an error, not a hang."""
    program = """
rt = wippy.Runtime()
def py(text):
    in_child(lambda: (refused(lambda: rt.call("app:r", "x")), use_fresh_runtime()))
    return text
rt.register("app:py")(py)
assert add_relay(rt, "app:r", "app:py")("x") == "x"
"""
    run(HEAD + program).check()


def test_a_runtime_of_the_parent_is_collected_in_the_child() -> None:
    """Dropping what belongs to the parent neither hangs nor disturbs it."""
    program = """
import gc
rt = wippy.Runtime(); use(rt)
def child():
    global rt
    del rt
    gc.collect()
    use_fresh_runtime()
in_child(child)
assert add_wat(rt, "add", "add")(1, 2) == 3
"""
    run(HEAD + program).check()


def test_a_child_that_ends_normally() -> None:
    """With `sys.exit` and the interpreter's own end, threads and handlers included."""
    program = """
rt = wippy.Runtime(); use(rt)
pid = os.fork()
if not pid:
    use_fresh_runtime()
    sys.exit(0)
end = time.monotonic() + 60
while time.monotonic() < end:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done: break
    time.sleep(0.005)
else:
    os.kill(pid, 9); raise AssertionError("the child hangs at its end")
assert status == 0, status
"""
    run(HEAD + program).check()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each worker has a runtime of its own; errors come back as what they are."""
    script = tmp_path_factory.mktemp("multiprocessing") / "main_program.py"
    script.write_text(MULTIPROCESSING)
    # Workers that are not forked import the main program anew, by its name.
    program = """
import runpy, sys
folder, method = sys.argv[1:]
sys.path.insert(0, folder)
sys.argv = ["main_program.py", method]
runpy.run_path(f"{folder}/main_program.py", run_name="__main__")
"""
    run(program, str(script.parent), method, prelude=False).check()


MULTIPROCESSING = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
import main_program as here
import wippy_native as wippy
from support.guests import *

_mine = None

def runtime():
    global _mine
    if _mine is None or _mine[0] != os.getpid():
        rt = wippy.Runtime()
        add_wat(rt, "add", "add"); add_wat(rt, "traps", "deep-trap", id="app:trap")
        add_wat(rt, "sleep", "sleep", id="app:sleep", imports=["wasi:clocks"])
        _mine = (os.getpid(), rt)
    return _mine[1]

def work(n):
    rt = runtime(); rt.call("app:sleep", 1)
    return rt.call("app:f", n, 1)

def fail(_):
    runtime().call("app:trap")

def main(method):
    here.runtime().call("app:f", 1, 2)
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context(method)) as workers:
        assert list(workers.map(here.work, range(40), timeout=90)) == list(range(1, 41))
        try:
            workers.submit(here.fail, 1).result(90)
        except wippy.GuestTrap as error:
            assert error.backtrace and "deep_c" in error.backtrace[0]
        else:
            raise AssertionError
    assert here.runtime().call("app:f", 1, 2) == 3

if __name__ == "__main__":
    main(sys.argv[1])
"""
