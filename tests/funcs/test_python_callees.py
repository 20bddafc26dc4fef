"""Guests call Python functions: H-20 to H-29."""

from __future__ import annotations

import asyncio
import contextvars
import enum
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from support.guests import add_hostuse, add_wat
from support.relay import add_relay
from support.threads import PATIENCE, in_thread

from wippy_native import Err, GuestError, Ok, RegistryError, Runtime, WippyError


@pytest.fixture
def call_string(rt: Runtime) -> Callable[..., Any]:
    return add_hostuse(rt, "call-string", id="test:string", imports=("funcs",)).with_options(raise_err=False)


@pytest.fixture
def call_bytes(rt: Runtime) -> Callable[..., Any]:
    return add_hostuse(rt, "call-bytes", id="test:bytes", imports=("funcs",)).with_options(raise_err=False)


Call = Callable[..., Any]


def test_text_and_bytes_go_in_as_they_are(rt: Runtime, call_string: Call, call_bytes: Call) -> None:
    """H-20, H-22: one argument, str or bytes."""
    seen: list[Any] = []
    rt.register("app:py")(lambda value: seen.append(value))
    for text in ("", "é\n\0", "x" * 100_000, "😀"):
        assert call_string("app:py", text) == Ok("")
        assert call_bytes("app:py", text.encode()) == Ok(b"")
        assert seen[-2:] == [text, text.encode()]
    assert {type(value) for value in seen} == {str, bytes}


class Color(enum.IntEnum):
    RED = 3


class Text(str):
    __slots__ = ()


RESULTS: list[tuple[Any, str]] = [
    (None, ""), ("", ""), ("text", "text"), (Text("sub"), "sub"), ("é", "é"), ("a\0b", "a\0b"),
    (b"bytes", "bytes"), (bytearray(b"array"), "array"), (memoryview(b"view"), "view"),
    (memoryview(b"abcdef")[::2], "ace"),
    (True, "true"), (False, "false"), (0, "0"), (-42, "-42"), (2**100, str(2**100)), (Color.RED, "3"),
    (1.5, "1.5"), (3.0, "3"), (-0.0, "-0"), (1e21, "1e+21"), (1e-7, "1e-07"),
    (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"),
    ([], "[]"), ({}, "{}"), ([1, "a", None, True, 1.5], '[1,"a",null,true,1.5]'), ((1, 2), "[1,2]"),
    ({"k": ["é", {"n": None}]}, '{"k":["é",{"n":null}]}'),
    (OrderedDict(b=1, a=2), '{"b":1,"a":2}'), ({3, 1, 2}, "[1,2,3]"),
]  # fmt: skip


@pytest.mark.parametrize(("result", "text"), RESULTS, ids=range(len(RESULTS)))
def test_results_as_text_and_as_bytes(rt: Runtime, call_string: Call, call_bytes: Call, result: Any, text: str) -> None:
    """H-23, H-24."""
    rt.register("app:py")(lambda _: result)
    assert call_string("app:py", "x") == Ok(text)
    assert call_bytes("app:py", b"x") == Ok(text.encode())


@pytest.mark.parametrize(("result", "text"), RESULTS[:8:3])
def test_results_of_async_functions(rt: Runtime, call_string: Call, result: Any, text: str) -> None:
    """H-20, H-24: the same conversions."""

    @rt.register("app:py")
    async def callee(_: str) -> Any:
        await asyncio.sleep(0)
        return result

    assert call_string("app:py", "x") == Ok(text)


def test_bytes_that_are_no_text(rt: Runtime, call_string: Call, call_bytes: Call) -> None:
    """H-24."""
    rt.register("app:py")(lambda _: b"\xff\xfe")
    assert call_bytes("app:py", b"x") == Ok(b"\xff\xfe")
    assert call_string("app:py", "x") == Err("result is not valid UTF-8")


@dataclass
class Thing:
    x: int = 1


@pytest.mark.parametrize(
    "result",
    [object(), Thing(), Decimal(1), 1j, [object()], {"x": float("nan")}, {1: {2: object()}}, "\ud800", 10**5000],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_results_without_a_text_form(rt: Runtime, call_string: Call, result: Any) -> None:
    """H-24: an err that says so; never another value, and the next call works."""
    rt.register("app:py")(lambda _: result)
    answer = call_string("app:py", "x")
    assert isinstance(answer, Err)
    assert answer.value
    rt.register("app:fine")(lambda text: text)
    assert call_string("app:fine", "x") == Ok("x")


def test_a_result_that_contains_itself(rt: Runtime, call_string: Call) -> None:
    """H-24."""
    circle: list[Any] = []
    circle.append(circle)
    rt.register("app:py")(lambda _: circle)
    assert isinstance(call_string("app:py", "x"), Err)


# Errors


def test_exceptions_become_err(rt: Runtime, call_string: Call) -> None:
    """H-23: the message, with causes behind it."""

    @rt.register("app:py")
    def fail(text: str) -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError(f"no {text}") from error

    answer = call_string("app:py", "luck")
    assert answer.value.startswith("no luck: ")
    assert "inner" in answer.value


@pytest.mark.parametrize(
    ("error", "text"),
    [(ValueError("words"), "words"), (ValueError(), "ValueError"), (StopIteration(), "StopIteration"),
     (OSError(2, "gone"), "gone"),
     (AssertionError(), "AssertionError"), (WippyError("ours"), "ours"), (GuestError("x: bad", value="bad"), "bad")],
)  # fmt: skip
def test_the_words_of_an_exception(rt: Runtime, call_string: Call, error: Exception, text: str) -> None:
    """H-23: one without words gives its name."""

    @rt.register("app:py")
    def fail(_: str) -> None:
        raise error

    value = call_string("app:py", "x").value
    assert text in value
    assert "<class" not in value


def test_an_async_exception(rt: Runtime, call_string: Call) -> None:
    """H-23."""

    @rt.register("app:py")
    async def fail(_: str) -> None:
        await asyncio.sleep(0)
        raise ValueError("later")

    assert call_string("app:py", "x") == Err("later")


def test_a_cancelled_async_function(rt: Runtime, call_string: Call) -> None:
    """H-23: an err, not the end of the loop that others use."""

    @rt.register("app:py")
    async def cancel(_: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    assert isinstance(call_string("app:py", "x"), Err)
    rt.register("app:fine")(_echo_async)
    assert call_string("app:fine", "x") == Ok("x")


async def _echo_async(text: str) -> str:
    return text


@pytest.mark.parametrize(
    "callee",
    [lambda: None, lambda a, b: None, "".upper, 5, None],
    ids=["no parameter", "two", "method", "number", "None"],
)
def test_callees_that_cannot_be_called_so(rt: Runtime, call_string: Call, callee: Any) -> None:
    """H-23: a wrong parameter list is the callee's error."""
    rt.register("app:py")(callee)
    assert isinstance(call_string("app:py", "x"), Err)


class Stop(BaseException):
    pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, Stop])
def test_what_is_no_error_of_the_function_ends_the_whole_call(rt: Runtime, error: type[BaseException]) -> None:
    """H-23: through two guests; the exception is the very one that was raised."""
    raised = error("stop")

    @rt.register("app:py")
    def stop(_: str) -> None:
        raise raised

    add_relay(rt, "app:inner", "app:py")
    outer = add_relay(rt, "app:outer", "app:inner")
    with pytest.raises(error) as caught:
        outer("x")
    assert caught.value is raised


def test_error_words_do_not_pile_up(rt: Runtime) -> None:
    """H-23: passed from call to call, an err stays what it was."""
    rt.register("app:py")(lambda _: (_ for _ in ()).throw(ValueError("the cause")))
    add_relay(rt, "app:a", "app:py")
    add_relay(rt, "app:b", "app:a")
    outer = add_relay(rt, "app:c", "app:b").with_options(raise_err=False)
    assert outer("x") == Err("the cause")


# Calling back, threads, context


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
