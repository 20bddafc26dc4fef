"""Counts of arguments and top-level results: F-41 to F-43, V-22."""

from __future__ import annotations

from typing import Any

import pytest
from support.guests import add_hostuse, add_wat, built

from wippy_native import ArgumentError, Err, GuestError, Ok, Runtime, WippyError


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2, 3), tuple(range(40))])
def test_wrong_number_of_arguments(rt: Runtime, arguments: tuple[int, ...]) -> None:
    """F-43: the text of the rule, an error that is also a TypeError."""
    with pytest.raises(ArgumentError) as caught:
        add_wat(rt, "add", "add")(*arguments)
    words = "failed to call wasm method: add: encode params: [encode] invalid_data: parameter count mismatch: "
    expected = f"{words}expected 2, got {len(arguments)}"
    assert expected in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert caught.value.entry == "app:f"


def test_arguments_by_name(rt: Runtime) -> None:
    """F-41: snake case names, mixed with positions."""
    add = add_wat(rt, "add", "add")
    assert add(a=40, b=2) == add(40, b=2) == rt.call("app:f", 40, b=2) == 42
    forward = add_wat(rt, "sleep", "sleep", id="app:s", imports=["wasi:clocks"])
    assert forward(ms=0) is None


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((1,), {"a": 2}),
        ((1,), {"c": 2}),
        ((), {"a": 1, "b": 2, "c": 3}),
        ((1, 2), {"b": 2}),
        ((), {"a": 1}),
        ((1,), {"B": 2}),
    ],
)
def test_wrong_names(rt: Runtime, arguments: tuple[int, ...], names: dict[str, int]) -> None:
    """F-43: unknown, missing and doubled names."""
    with pytest.raises(ArgumentError):
        add_wat(rt, "add", "add")(*arguments, **names)


def test_an_argument_that_does_not_fit_says_where(rt: Runtime) -> None:
    """V-28."""
    transform = rt.add_wasm("app:f", built("types"), "transform-users")
    users = [{"id": index, "name": "x", "tag_count": 0, "tags": ["a"]} for index in range(5)]
    users[3]["tags"] = 7
    with pytest.raises(ArgumentError) as caught:
        transform(users)
    assert caught.value.path == "users[3].tags"
    assert "users[3].tags" in str(caught.value)
    assert "transform-users" in str(caught.value)


def test_a_missing_environment_is_reported_before_a_wrong_argument(rt: Runtime) -> None:
    """F-42."""
    rt.add_entry({"id": "app:mem", "kind": "env.storage.memory"})
    rt.add_entry({"id": "app:key", "kind": "env.variable", "variable": "KEY", "storage": "app:mem"})
    function = add_hostuse(rt, "exit", id="app:f", wasi={"env": [{"id": "app:key", "name": "KEY", "required": True}]})
    with pytest.raises(WippyError, match="required wasi env variable not found: app:key"):
        function("not a number")


def test_err_raises_and_ok_is_the_value(rt: Runtime) -> None:
    """V-22."""
    divide = rt.add_wasm("app:f", built("types"), "try-divide")
    assert divide(7, 2) == 3
    with pytest.raises(GuestError) as caught:
        divide(1, 0)
    assert caught.value.value == "division by zero"
    assert caught.value.entry == "app:f"
    assert "division by zero" in str(caught.value)


def test_err_as_a_value(rt: Runtime) -> None:
    """V-22, V-14."""
    divide = rt.add_wasm("app:f", built("types"), "try-divide").with_options(raise_err=False)
    assert divide(7, 2) == Ok(3)
    assert divide(1, 0) == Err("division by zero")
    assert divide.with_options(raise_err=True)(7, 2) == 3


def test_raise_err_false_does_not_hide_other_failures(rt: Runtime) -> None:
    """V-22: only the error side of the function's own result."""
    from wippy_native import GuestTrap

    with pytest.raises(GuestTrap):
        add_wat(rt, "traps", "unreachable").with_options(raise_err=False)()


@pytest.mark.parametrize("method", ["try-divide"])
def test_options_belong_to_the_new_function(rt: Runtime, method: str) -> None:
    """F-47: `with_options` changes nothing that others hold."""
    divide = rt.add_wasm("app:f", built("types"), method)
    quiet = divide.with_options(raise_err=False, timeout=30)
    assert quiet is not divide
    assert type(quiet) is type(divide)
    with pytest.raises(GuestError):
        divide(1, 0)
    with pytest.raises(GuestError):
        rt.call("app:f", 1, 0)
    assert quiet.with_options(timeout=None)(1, 0) == Err("division by zero")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timeout": 0}, ValueError), ({"timeout": -1}, ValueError), ({"timeout": float("nan")}, ValueError),
        ({"timeout": "1"}, TypeError), ({"stdout": 3}, TypeError), ({"stdout": "nowhere"}, ValueError),
        ({"stdin": 3}, TypeError), ({"raise_err": "no"}, TypeError), ({"colour": 1}, TypeError),
    ],
)  # fmt: skip
def test_options_that_cannot_be(rt: Runtime, options: dict[str, Any], error: type[Exception]) -> None:
    """F-47."""
    with pytest.raises(error):
        add_wat(rt, "add", "add").with_options(**options)
