"""What a Python function gives back to a guest: results as text or bytes, exceptions as err (H-23, H-24)."""

from __future__ import annotations

import asyncio
import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from support.guests import add_hostuse
from support.relay import add_relay

from wippy_native import Err, GuestError, Ok, Runtime, WippyError


@pytest.fixture
def call_string(rt: Runtime) -> Callable[..., Any]:
    return add_hostuse(rt, "call-string", id="test:string", imports=("funcs",)).with_options(raise_err=False)


@pytest.fixture
def call_bytes(rt: Runtime) -> Callable[..., Any]:
    return add_hostuse(rt, "call-bytes", id="test:bytes", imports=("funcs",)).with_options(raise_err=False)


Call = Callable[..., Any]


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

    @rt.register("app:fine")
    async def fine(text: str) -> str:
        return text

    assert call_string("app:fine", "x") == Ok("x")


@pytest.mark.parametrize(
    "callee",
    [lambda: None, lambda a, b: None, "".upper],
    ids=["no parameter", "two", "method"],
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
