"""How many calls of one function run at once, and what waits: F-20 to F-26, F-39."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from support.guests import add_wat
from support.processes import run
from support.relay import add_relay
from support.threads import PATIENCE, in_thread

from wippy_native import GuestError, LimitExceeded, Runtime


class Gate:
    """A Python function behind `funcs` that counts who is inside and lets go when told."""

    def __init__(self, rt: Runtime) -> None:
        self.lock = threading.Condition()
        self.inside = 0
        self.most = 0
        self.open = False
        rt.register("app:gate")(self)

    def __call__(self, text: str) -> str:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.lock.notify_all()
            assert self.lock.wait_for(lambda: self.open, PATIENCE)
            self.inside -= 1
        return text

    def wait_for(self, count: int) -> None:
        with self.lock:
            assert self.lock.wait_for(lambda: self.inside >= count, PATIENCE), f"{self.inside} of {count} are inside"

    def let_go(self) -> None:
        with self.lock:
            self.open = True
            self.lock.notify_all()


@pytest.mark.parametrize(
    ("pool", "bound"),
    [
        ({"type": "inline"}, 1),
        ({"size": 4}, 1),
        ({"type": "lazy", "max_size": 1}, 1),
        ({"type": "lazy", "max_size": 3}, 3),
        ({"type": "adaptive", "max_size": 2}, 2),
        ({"type": "static", "size": 3}, 3),
        ({"type": "static", "size": 5, "workers": 2}, 2),
        ({"size": 3, "workers": 3}, 3),
        ({"max_size": 2}, 2),
    ],
)
def test_the_bound_is_reached_and_kept(rt: Runtime, pool: dict[str, Any], bound: int) -> None:
    """F-20 to F-26: so many at once and no more; the rest waits and is no error."""
    gate = Gate(rt)
    relay = add_relay(rt, "app:f", "app:gate", pool=pool)
    calls = [in_thread(lambda index=index: relay(str(index))) for index in range(bound + 4)]
    gate.wait_for(bound)
    time.sleep(0.05)
    assert gate.inside == bound
    gate.let_go()
    assert [call.result(PATIENCE) for call in calls] == [str(index) for index in range(bound + 4)]
    assert gate.most == bound


def test_without_a_pool_many_run_at_once(rt: Runtime) -> None:
    """F-24: a hundred by default; here as many as threads are cheap."""
    gate = Gate(rt)
    relay = add_relay(rt, "app:f", "app:gate")
    calls = [in_thread(lambda: relay("x")) for _ in range(40)]
    gate.wait_for(40)
    gate.let_go()
    assert {call.result(PATIENCE) for call in calls} == {"x"}


def test_entries_have_pools_of_their_own(rt: Runtime) -> None:
    """F-20: two inline entries of one module do not wait for each other."""
    gate = Gate(rt)
    one = add_relay(rt, "app:one", "app:gate", pool={"type": "inline"})
    two = add_relay(rt, "app:two", "app:gate", pool={"type": "inline"})
    calls = [in_thread(lambda: one("1")), in_thread(lambda: two("2"))]
    gate.wait_for(2)
    gate.let_go()
    assert [call.result(PATIENCE) for call in calls] == ["1", "2"]


def test_a_failed_call_gives_its_place_back(rt: Runtime) -> None:
    """F-20."""
    trap = add_wat(rt, "traps", "unreachable", pool={"type": "inline"})
    spin = add_wat(rt, "traps", "spin", id="app:spin", pool={"type": "inline"}, limits={"max_execution_ms": 5})
    for _ in range(20):
        with pytest.raises(Exception, match="unreachable"):
            trap()
        with pytest.raises(LimitExceeded):
            spin()


@pytest.mark.parametrize("limit", ["limit", "timeout"])
def test_waiting_for_a_place_counts_as_time_of_the_call(rt: Runtime, limit: str) -> None:
    """F-50: the time limit starts before the call waits for its turn."""
    gate = Gate(rt)
    relay = add_relay(
        rt, "app:f", "app:gate", pool={"type": "lazy", "max_size": 1},
        limits={"max_execution_ms": 300} if limit == "limit" else None,
    )  # fmt: skip
    waiting = relay if limit == "limit" else relay.with_options(timeout=0.3)
    holder = in_thread(lambda: relay("first"))
    gate.wait_for(1)
    begin = time.monotonic()
    with pytest.raises(LimitExceeded) as caught:
        waiting("second")
    assert 0.25 < time.monotonic() - begin < 10
    assert (caught.value.limit, caught.value.allowed) == ("max_execution_ms" if limit == "limit" else "timeout", 300)
    gate.let_go()
    # The holder is inside a Python function when its own time is over: it may end either way, but it ends.
    holder.exception(PATIENCE)
    assert relay("third") == "third"


def test_who_gave_up_waiting_takes_no_place(rt: Runtime) -> None:
    """F-50."""
    gate = Gate(rt)
    relay = add_relay(rt, "app:f", "app:gate", pool={"type": "lazy", "max_size": 1})
    holder = in_thread(lambda: relay("first"))
    gate.wait_for(1)
    impatient = relay.with_options(timeout=0.02)
    for _ in range(10):
        with pytest.raises(LimitExceeded):
            impatient("x")
    gate.let_go()
    assert holder.result(PATIENCE) == "first"
    assert [relay(str(index)) for index in range(5)] == list("01234")


def test_calls_that_do_not_suspend_wait_too(rt: Runtime) -> None:
    """F-20: a function that runs on the caller's own stack is bounded as others are."""
    spin = add_wat(rt, "traps", "spin", pool={"type": "inline"})
    holder = in_thread(lambda: spin.with_options(timeout=1.0)())
    time.sleep(0.1)
    with pytest.raises(LimitExceeded) as caught:
        spin.with_options(timeout=0.05)()
    assert caught.value.limit == "timeout"
    assert not holder.done()
    assert isinstance(holder.exception(PATIENCE), LimitExceeded)


# Re-entry


def test_an_inline_function_that_calls_itself(rt: Runtime) -> None:
    """F-39."""
    relay = add_relay(rt, "app:f", "app:f", pool={"type": "inline"})
    with pytest.raises(GuestError, match="inline pool re-entered: app:f"):
        relay("x")


def test_an_inline_function_re_entered_over_others(rt: Runtime) -> None:
    """F-39: through another guest and through Python."""
    relay = add_relay(rt, "app:f", "app:g", pool={"type": "inline"})
    add_relay(rt, "app:g", "app:py")

    @rt.register("app:py")
    def again(text: str) -> Any:
        return rt.call("app:f", text)

    with pytest.raises(GuestError, match="inline pool re-entered: app:f"):
        relay("x")


def test_an_inline_function_called_twice_in_a_row_by_one_guest_is_fine(rt: Runtime) -> None:
    """F-39: only re-entry is refused."""
    rt.register("app:py")(lambda text: text + "!")
    add_relay(rt, "app:inner", "app:py", pool={"type": "inline"})
    repeat = add_wat(rt, "forward", "repeat", id="app:f", imports=["funcs"])
    assert repeat("app:inner", "x", 50) == 50


def test_a_lazy_function_of_one_place_that_calls_itself(rt: Runtime) -> None:
    """F-39: it would wait for itself for ever."""
    relay = add_relay(rt, "app:f", "app:f", pool={"type": "lazy", "max_size": 1})
    with pytest.raises(GuestError, match="app:f"):
        relay("x")


def test_a_lazy_function_may_re_enter_itself_while_places_last(rt: Runtime) -> None:
    """F-39, F-21."""

    @rt.register("app:py")
    def fewer(text: str) -> Any:
        return rt.call("app:f", text[1:]) if len(text) > 1 else "done"

    relay = add_relay(rt, "app:f", "app:py", pool={"type": "lazy", "max_size": 4})
    assert relay("1234") == "done"
    with pytest.raises(GuestError, match="app:f"):
        relay("12345")


RING = """
import threading
from support.relay import add_relay

rt = wippy.Runtime()
add_relay(rt, "app:a", "app:b", pool=POOL)
add_relay(rt, "app:b", "app:a", pool=POOL)
inside = threading.Barrier(2)
ends = []

def work(id):
    for _ in range(50):
        inside.wait(30)
        try:
            rt.call(id, "x")
        except wippy.GuestError as error:
            ends.append(error.value)

threads = [threading.Thread(target=work, args=(id,)) for id in ("app:a", "app:b")]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(ends) == 100, len(ends)
"""


@pytest.mark.parametrize("pool", [{"type": "lazy", "max_size": 1}, {"type": "inline"}, {"type": "static", "size": 1}])
def test_two_functions_of_one_place_that_call_each_other(pool: dict[str, Any]) -> None:
    """F-39: from two threads at once each holds what the other wants; an error, never a deadlock."""
    run(RING.replace("POOL", repr(pool)), timeout=60).check()


def test_three_functions_in_a_ring_over_python(rt: Runtime) -> None:
    """F-39: callees that call back on the guest's thread belong to the same tree."""
    rt.register("app:py")(lambda text: rt.call("app:a", text))
    for id, target in (("app:a", "app:b"), ("app:b", "app:c"), ("app:c", "app:py")):
        add_relay(rt, id, target, pool={"type": "lazy", "max_size": 1})
    with pytest.raises(GuestError, match="app:a"):
        rt.function("app:a").with_options(timeout=20)("x")  # type: ignore[union-attr]
