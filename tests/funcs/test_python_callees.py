"""Guests call Python functions, plain and async ones: H-20 to H-22, H-26, H-27."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.guests import add_hostuse, add_wat
from support.relay import add_relay
from support.threads import PATIENCE, in_thread

from wippy_native import Err, GuestError, Ok, RegistryError, Runtime


@pytest.fixture
def call_string(rt: Runtime) -> Callable[..., Any]:
    return add_hostuse(rt, "call-string", id="test:string", imports=("funcs",)).with_options(raise_err=False)


@pytest.fixture
def call_bytes(rt: Runtime) -> Callable[..., Any]:
    return add_hostuse(rt, "call-bytes", id="test:bytes", imports=("funcs",)).with_options(raise_err=False)


Call = Callable[..., Any]


async def _echo_async(text: str) -> str:
    return text


def test_text_and_bytes_go_in_as_they_are(rt: Runtime, call_string: Call, call_bytes: Call) -> None:
    """H-20, H-22: one argument, str or bytes."""
    seen: list[Any] = []
    rt.register("app:py")(lambda value: seen.append(value))
    for text in ("", "é\n\0", "x" * 100_000, "😀"):
        assert call_string("app:py", text) == Ok("")
        assert call_bytes("app:py", text.encode()) == Ok(b"")
        assert seen[-2:] == [text, text.encode()]
    assert {type(value) for value in seen} == {str, bytes}


def test_a_callee_may_call_the_runtime(rt: Runtime, call_string: Call) -> None:
    """H-20: nested calls, several levels."""
    add = add_wat(rt, "add", "add", id="app:add")
    rt.register("app:sum")(lambda text: add(*map(int, text.split("+"))))
    rt.register("app:twice")(lambda text: rt.call("test:string", "app:sum", text))
    assert call_string("app:sum", "40+2") == Ok("42")
    assert call_string("app:twice", "1+2") == Ok("3")


def test_a_callee_may_call_itself_to_the_depth_limit(rt: Runtime) -> None:
    """H-26."""
    rt.register("app:py")(lambda text: rt.call("app:f", text))
    with pytest.raises(GuestError, match="call depth limit exceeded"):
        add_relay(rt, "app:f", "app:py")("x")


def test_a_plain_function_runs_on_the_callers_thread(rt: Runtime, call_string: Call) -> None:
    """H-27: thread-local data and context variables are those of the caller."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    rt.register("app:py")(lambda _: f"{threading.get_ident()} {variable.get()}")
    variable.set("mine")
    assert call_string("app:py", "x") == Ok(f"{threading.get_ident()} mine")


def test_an_async_function_runs_on_a_loop_of_its_own_thread(rt: Runtime, call_string: Call) -> None:
    """H-20: with a running loop, and the caller's context variables."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    @rt.register("app:py")
    async def where(_: str) -> str:
        assert asyncio.get_running_loop().is_running()
        return f"{threading.get_ident() == me} {variable.get()}"

    me = threading.get_ident()
    variable.set("mine")
    assert call_string("app:py", "x") == Ok("False mine")


def test_async_functions_wait_side_by_side(rt: Runtime) -> None:
    """H-27: waiting callees hold no other call."""

    @rt.register("app:py")
    async def slow(text: str) -> str:
        await asyncio.sleep(0.2)
        return text

    relay = add_relay(rt, "app:f", "app:py")
    begin = time.monotonic()
    calls = [in_thread(lambda index=index: relay(str(index))) for index in range(20)]
    assert [call.result(PATIENCE) for call in calls] == [str(index) for index in range(20)]
    # One after the other they would take four seconds.
    assert time.monotonic() - begin < 3


def test_an_async_function_may_call_the_runtime_in_a_thread(rt: Runtime, call_string: Call) -> None:
    """H-20."""
    add = add_wat(rt, "add", "add", id="app:add")

    @rt.register("app:py")
    async def work(text: str) -> Any:
        return await asyncio.to_thread(add, int(text), 1)

    assert call_string("app:py", "41") == Ok("42")


def test_an_async_function_on_a_loops_own_thread(rt: Runtime, call_string: Call) -> None:
    """H-27: a synchronous call that would wait for the loop it blocks is refused at once, with what to do."""
    rt.register("app:py")(_echo_async)

    async def main() -> Any:
        return call_string("app:py", "x")

    answer = asyncio.run(main())
    assert isinstance(answer, Err)
    assert "event loop" in answer.value
    assert "to_thread" in answer.value

    async def properly() -> Any:
        return await asyncio.to_thread(call_string, "app:py", "x")

    assert asyncio.run(properly()) == Ok("x")


def test_a_plain_function_on_a_loops_own_thread(rt: Runtime, call_string: Call) -> None:
    """H-27: needs no loop."""
    rt.register("app:py")(lambda text: text)

    async def main() -> Any:
        return call_string("app:py", "x")

    assert asyncio.run(main()) == Ok("x")


def test_objects_with_await_count_as_async(rt: Runtime, call_string: Call) -> None:
    """H-20."""

    class Later:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return "later"

    rt.register("app:py")(lambda _: Later())
    assert call_string("app:py", "x") == Ok("later")


def test_a_slow_plain_function_does_not_hold_other_threads(rt: Runtime) -> None:
    """H-27."""
    inside, go_on = threading.Event(), threading.Event()

    @rt.register("app:slow")
    def slow(text: str) -> str:
        inside.set()
        assert go_on.wait(PATIENCE)
        return text

    rt.register("app:fast")(lambda text: text)
    held = in_thread(lambda: add_relay(rt, "app:f", "app:slow")("x"))
    assert inside.wait(PATIENCE)
    assert add_relay(rt, "app:g", "app:fast")("y") == "y"
    go_on.set()
    assert held.result(PATIENCE) == "x"


def test_many_calls_in_one_guest(rt: Runtime) -> None:
    """H-22: thousands of crossings, no object left behind."""
    seen: list[str] = []
    rt.register("app:py")(lambda text: seen.append(text))
    assert add_wat(rt, "forward", "repeat", id="app:f", imports=["funcs"])("app:py", "x", 20_000) == 20_000
    assert len(seen) == 20_000


def test_large_payloads_both_ways(rt: Runtime, call_bytes: Call) -> None:
    """H-22."""
    rt.register("app:py")(lambda data: data + data)
    data = bytes(range(256)) * 8192
    assert call_bytes("app:py", data) == Ok(data + data)


# Registering


@pytest.mark.parametrize("id", ["", "app", ":f", "app:", ":"])
def test_ids_need_both_parts(rt: Runtime, id: str) -> None:
    """H-21."""
    with pytest.raises(RegistryError, match="invalid function target"):
        rt.register(id)(str)


@pytest.mark.parametrize("callee", [5, None, "text"])
def test_what_cannot_be_called_is_refused_at_once(rt: Runtime, callee: Any) -> None:
    """H-20."""
    with pytest.raises(TypeError, match="app:py"):
        rt.register("app:py")(callee)


def test_a_taken_id(rt: Runtime) -> None:
    """H-20: by a function or an entry; removed, it is free."""
    rt.register("app:py")(str.upper)
    for id in ("app:py", add_wat(rt, "add", "add", id="app:add").id):
        with pytest.raises(RegistryError, match="id is taken"):
            rt.register(id)(str.lower)
    rt.remove("app:py")
    rt.register("app:py")(str.lower)
    assert add_relay(rt, "app:f", "app:py")("ABC") == "abc"


def test_the_decorator_gives_the_function_back(rt: Runtime) -> None:
    def plain(text: str) -> str:
        return text

    assert rt.register("app:py")(plain) is plain


def test_registered_functions_can_be_called_from_python(rt: Runtime) -> None:
    """F-41."""
    rt.register("app:py")(str.upper)
    rt.register("app:async")(_echo_async)
    assert rt.call("app:py", "x") == rt.function("app:py")("x") == "X"
    assert rt.call("app:async", "x") == "x"


def test_results_of_guests_pass_through_python_unchanged(rt: Runtime, call_string: Call) -> None:
    """H-24: JSON that is text already is not quoted again."""
    rt.register("app:py")(lambda text: json.dumps({"got": text}))
    assert call_string("app:py", 'a "b"') == Ok('{"got": "a \\"b\\""}')
