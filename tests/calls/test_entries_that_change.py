"""Entries that are replaced, removed or closed while calls run: F-36, F-40, F-48."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from support.guests import add_wat, wat
from support.relay import add_relay
from support.threads import PATIENCE, eventually, in_thread

from wippy_native import Cancelled, FunctionNotFound, PoolClosed, RegistryError, Runtime, WippyError

ONE = b'(module (func (export "f") (result i32) (i32.const 1)))'
TWO = b'(module (func (export "f") (result i32) (i32.const 2)))'
WIT = "f: func() -> s32;"


def add_waiting_guest(rt: Runtime, id: str = "app:f") -> tuple[threading.Event, threading.Event]:
    """A guest that waits inside a Python function: events for "it waits" and "go on"."""
    waiting, go_on = threading.Event(), threading.Event()

    @rt.register(f"{id}-gate")
    def gate(text: str) -> str:
        waiting.set()
        assert go_on.wait(PATIENCE)
        return f"old {text}"

    add_wat(rt, "forward", "forward", id=id, imports=["funcs"])
    return waiting, go_on


def test_unknown_ids(rt: Runtime) -> None:
    """F-48: kind, target and a hint."""
    add_wat(rt, "add", "add", id="app:resize")
    with pytest.raises(FunctionNotFound, match="no handler registered for target: app:resizer") as caught:
        rt.call("app:resizer")
    assert caught.value.kind == "NotFound"
    assert caught.value.details == {"target": "app:resizer"}
    assert "app:resize" in str(caught.value).replace("app:resizer", "")


@pytest.mark.parametrize("id", ["", ":", "app", "app:", ":f", "app:f:g", "APP:F", "app:f\0", "é:ü", "a" * 10_000])
def test_strange_ids_are_not_found(rt: Runtime, id: str) -> None:
    """F-48."""
    add_wat(rt, "add", "add", id="app:f")
    with pytest.raises(FunctionNotFound):
        rt.function(id)


def test_an_entry_of_another_kind_says_so(rt: Runtime) -> None:
    """F-48."""
    rt.add_entry({"id": "app:data", "kind": "registry.entry", "x": 1})
    with pytest.raises(FunctionNotFound, match=r"registry\.entry"):
        rt.call("app:data")


def test_new_calls_go_to_the_new_module(rt: Runtime) -> None:
    """F-40."""
    rt.add_wasm("app:f", ONE, "f", wit=WIT)
    assert rt.call("app:f") == 1
    rt.add_wasm("app:f", TWO, "f", wit=WIT)
    assert rt.call("app:f") == rt.function("app:f")() == 2


def test_a_running_call_finishes_on_the_old_module(rt: Runtime) -> None:
    """F-40."""
    waiting, go_on = add_waiting_guest(rt)
    old = in_thread(lambda: rt.call("app:f", "app:f-gate", "x"))
    assert waiting.wait(PATIENCE)
    rt.add_wasm("app:f", TWO, "f", wit=WIT)
    assert rt.call("app:f") == 2
    assert not old.done()
    go_on.set()
    assert old.result(PATIENCE) == "old x"


def test_a_running_call_outlives_its_removal(rt: Runtime) -> None:
    """F-36, F-40."""
    waiting, go_on = add_waiting_guest(rt)
    old = in_thread(lambda: rt.call("app:f", "app:f-gate", "x"))
    assert waiting.wait(PATIENCE)
    rt.remove("app:f")
    with pytest.raises(FunctionNotFound, match="pool not found: app:f"):
        rt.call("app:f")
    go_on.set()
    assert old.result(PATIENCE) == "old x"


def test_a_function_object_held_after_removal(rt: Runtime) -> None:
    """F-36: the object cannot be used to get round the removal."""
    held = rt.add_wasm("app:f", ONE, "f", wit=WIT)
    optioned = held.with_options(timeout=5)
    rt.remove("app:f")
    for function in (held, optioned):
        with pytest.raises(WippyError, match="pool not found: app:f"):
            function()


def test_removed_ids_can_come_back(rt: Runtime) -> None:
    """F-36."""
    for answer, source in ((1, ONE), (2, TWO)) * 3:
        rt.add_wasm("app:f", source, "f", wit=WIT)
        assert rt.call("app:f") == answer
        rt.remove("app:f")
        with pytest.raises(FunctionNotFound, match="pool not found"):
            rt.call("app:f")
        with pytest.raises(FunctionNotFound):
            rt.remove("app:f")


def test_a_replacement_that_fails_changes_nothing(rt: Runtime) -> None:
    """F-40: whole or not at all."""
    rt.add_wasm("app:f", ONE, "f", wit=WIT)
    with pytest.raises(RegistryError):
        rt.add_wasm("app:f", b"not wasm", "f", wit=WIT)
    with pytest.raises(RegistryError):
        rt.add_wasm("app:f", TWO, "f", wit=WIT, hash="sha256:" + "0" * 64)
    with pytest.raises(RegistryError):
        rt.add_wasm("app:f", TWO, "f", wit=WIT, pool={"size": -1})
    assert rt.call("app:f") == 1


def test_replacing_while_eight_threads_call(rt: Runtime) -> None:
    """F-40: every call gets the old answer or the new one, never an error."""
    rt.add_wasm("app:f", ONE, "f", wit=WIT)
    stop = threading.Event()

    def work() -> set[int]:
        seen = set()
        while not stop.is_set():
            seen.add(rt.call("app:f"))
        return seen

    with ThreadPoolExecutor(8) as threads:
        results = [threads.submit(work) for _ in range(8)]
        try:
            for index in range(60):
                rt.add_wasm("app:f", TWO if index % 2 else ONE, "f", wit=WIT)
        finally:
            stop.set()
        assert set().union(*(result.result(PATIENCE) for result in results)) <= {1, 2}


def test_a_held_function_outlives_changes_of_other_entries(rt: Runtime) -> None:
    """F-40: functions with env or mounts are linked anew behind the scenes; who holds one must not notice."""
    rt.add_entry({"id": "app:mem", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:key", "kind": "env.variable", "variable": "KEY", "storage": "app:mem", "default": "x"})
    held = add_wat(rt, "add", "add", wasi={"env": [{"id": "app:key", "name": "KEY"}]})
    assert held(1, 2) == 3
    rt.add_entry({"id": "app:other", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:data", "kind": "registry.entry"})
    assert held(1, 2) == 3


def test_after_close_nothing_can_be_called_or_added(rt: Runtime) -> None:
    """F-36."""
    held = add_wat(rt, "add", "add")
    assert rt.close() == []
    assert rt.close() == []
    for attempt in (
        lambda: rt.call("app:f", 1, 2), lambda: held(1, 2), lambda: rt.function("app:f"), lambda: rt.remove("app:f"),
        lambda: add_wat(rt, "add", "add", id="app:g"), lambda: rt.register("app:h")(str), lambda: rt.call("app:x"),
        rt.check, lambda: rt.add_entry({"id": "app:x", "kind": "registry.entry"}),
    ):  # fmt: skip
        with pytest.raises(PoolClosed, match="pool is closed") as caught:
            attempt()
        assert caught.value.kind == "Unavailable"


def test_the_end_of_a_with_block_closes() -> None:
    with Runtime() as rt:
        held = add_wat(rt, "add", "add")
        assert held(1, 2) == 3
    with pytest.raises(PoolClosed):
        held(1, 2)


@pytest.mark.parametrize(
    ("guest", "method", "arguments", "imports"),
    [("traps", "spin", (), ()), ("traps", "fill-loop", (), ()), ("spin_start", "f", (), ()),
     ("sleep", "sleep", (3_600_000,), ("wasi:clocks",))],
)  # fmt: skip
def test_close_cancels_what_does_not_end(
    rt: Runtime, guest: str, method: str, arguments: tuple[int, ...], imports: tuple[str, ...]
) -> None:
    """F-36: says which functions it cancelled; their callers get Cancelled."""
    function = add_wat(rt, guest, method, imports=imports)
    started = threading.Event()
    call = in_thread(lambda: (started.set(), function(*arguments)))
    assert started.wait(PATIENCE)
    eventually(lambda: _is_running(rt, call), "the call")
    assert rt.close(wait=0.05) == ["app:f"]
    with pytest.raises(Cancelled) as caught:
        call.result(PATIENCE)
    assert caught.value.kind == "Canceled"


def _is_running(rt: Runtime, call: object) -> bool:
    # Nothing public tells that a guest runs yet; half a tenth of a second of a guest that never ends does.
    time.sleep(0.05)
    return True


def test_close_waits_for_calls_that_end(rt: Runtime) -> None:
    """F-36."""
    waiting, go_on = add_waiting_guest(rt)
    call = in_thread(lambda: rt.call("app:f", "app:f-gate", "x"))
    assert waiting.wait(PATIENCE)
    closing = in_thread(lambda: rt.close(wait=None))
    eventually(lambda: "unusable" in repr(rt), "the refusal of new calls")
    with pytest.raises(PoolClosed):
        rt.call("app:f", "app:nothing", "x")
    assert not closing.done()
    go_on.set()
    assert call.result(PATIENCE) == "old x"
    assert closing.result(PATIENCE) == []


def test_closing_one_runtime_does_not_touch_another(make_runtime: object) -> None:
    """Engines are shared by runtimes; their calls are not."""
    assert callable(make_runtime)
    one, other = make_runtime(), make_runtime()
    sleeper = add_wat(other, "sleep", "sleep", imports=["wasi:clocks"])
    spinner = add_wat(one, "traps", "spin")
    add = add_wat(other, "add", "add", id="app:add")
    cancelled, sleeping = in_thread(spinner), in_thread(lambda: sleeper(400))
    time.sleep(0.05)
    one.close(wait=0)
    assert [add(index, 1) for index in range(100)] == list(range(1, 101))
    assert sleeping.result(PATIENCE) is None
    with pytest.raises(Cancelled):
        cancelled.result(PATIENCE)


def test_a_callee_may_close_its_own_runtime(rt: Runtime) -> None:
    """F-36: it does not wait for the call it is part of."""
    rt.register("app:py")(lambda _: str(rt.close(wait=60)))
    relay = add_relay(rt, "app:f", "app:py")
    begin = time.monotonic()
    with suppress(Cancelled):
        relay("x")
    assert time.monotonic() - begin < 30
    with pytest.raises(PoolClosed):
        relay("x")


def test_calls_waiting_for_a_permit_are_cancelled_too(rt: Runtime) -> None:
    """F-36."""
    sleeper = add_wat(rt, "sleep", "sleep", imports=["wasi:clocks"], pool={"type": "lazy", "max_size": 1})
    calls = [in_thread(lambda: sleeper(3_600_000)) for _ in range(3)]
    time.sleep(0.1)
    rt.close(wait=0)
    for call in calls:
        with pytest.raises((Cancelled, PoolClosed)):
            call.result(PATIENCE)


def test_close_from_many_threads(rt: Runtime) -> None:
    """F-36: closing twice is fine, also at once."""
    spinner = add_wat(rt, "traps", "spin")
    call = in_thread(spinner)
    time.sleep(0.05)
    closings = [in_thread(lambda: rt.close(wait=0)) for _ in range(4)]
    assert sorted(closing.result(PATIENCE) for closing in closings) == [[], [], [], ["app:f"]]
    with pytest.raises(Cancelled):
        call.result(PATIENCE)


def test_a_runtime_that_is_dropped_unclosed_leaves_running_calls_alone() -> None:
    """F-40: a function object keeps what it needs."""
    function = add_wat(Runtime(), "add", "add")
    assert function(1, 2) == 3


def test_sources_may_be_paths_bytes_or_text_paths(rt: Runtime) -> None:
    path = wat("add")
    for source in (path, str(path), path.read_bytes()):
        assert rt.add_wasm("app:f", source, "add")(1, 2) == 3
