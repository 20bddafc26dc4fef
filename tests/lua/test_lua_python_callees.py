"""Scripts that wait for Python functions: time, context, closing. F-36, F-47, F-49, F-50, L-37."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from conftest import MakeRuntime
from support.relay import add_relay
from support.scripts import add_script, evaluate
from support.threads import PATIENCE, in_thread

from wippy_native import Cancelled, Runtime


def test_a_python_callee_over_the_time_of_its_call(rt: Runtime) -> None:
    """F-47, F-50: an error as soon as it returns, though it cannot be interrupted."""
    rt.register("app:slow")(lambda: time.sleep(0.1))
    f = add_script(rt, "local _, e = funcs.new():with_options{timeout = 20}:call('app:slow') return e and e:kind()")
    assert f() == "Timeout"


def test_context_of_a_call_of_python(rt: Runtime) -> None:
    """F-49, L-37: what a script passes to a Python function is there for what that calls."""
    add_script(rt, "return ctx.get('a')", id="app:end")
    rt.register("app:py")(lambda: rt.call("app:end"))
    assert evaluate(rt, "return funcs.new():with_context{a = 1}:call('app:py')") == 1


@pytest.mark.parametrize("caller", ["guest", "script"])
def test_closing_while_a_python_callee_runs(make_runtime: MakeRuntime, caller: str) -> None:
    """F-36, F-49: the call that `close` gives as cancelled is cancelled, as soon as Python returns."""
    rt = make_runtime()
    entered, leave = threading.Event(), threading.Event()

    @rt.register("app:py")
    def wait(*_: object) -> str:
        entered.set()
        leave.wait(PATIENCE)
        return "x"

    call: Any
    if caller == "guest":
        guest = add_relay(rt, "app:f", "app:py")
        call = in_thread(lambda: guest("x"))
    else:
        call = in_thread(add_script(rt, "return funcs.call('app:py')"))
    assert entered.wait(PATIENCE)
    assert rt.close(wait=0.01) == ["app:f"]
    leave.set()
    assert isinstance(call.exception(PATIENCE), Cancelled)
