"""Whatever goes through a guest comes back as it was, for any type. Rules: V-1 to V-18."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wit import BY_NAME, PAD, Wit, echo_component, list_of, option_of, record_of, wit_types

import wippy_native as wippy

Echo = Callable[[Wit, Any], Any]


def shape(value: Any) -> Any:
    """The types in a value: `==` takes `True` for `1`."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in value.items()}
        case list() | tuple():
            return type(value), [shape(inner) for inner in value]
        case wippy.Variant(_, inner) | wippy.Ok(inner) | wippy.Err(inner) | wippy.Some(inner):
            return type(value), shape(inner)
        case _:
            return type(value)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_type_comes_back(runtime: wippy.Runtime, data: st.DataObject) -> None:
    kind = data.draw(wit_types())
    function = runtime.add_wasm("t:echo", source=echo_component(kind.types, kind.text), method="f")
    for _ in range(3):
        value = data.draw(kind.values)
        back, *_ = function((value, *PAD))
        assert back == value
        assert shape(back) == shape(value)


@pytest.mark.parametrize("kind", [BY_NAME["f32"], BY_NAME["f64"]], ids=["f32", "f64"])
def test_special_floats(echo: Echo, kind: Wit) -> None:
    for value in (math.inf, -math.inf, -0.0, 0.0):
        back = echo(kind, value)
        assert back == value
        assert math.copysign(1, back) == math.copysign(1, value)
    assert math.isnan(echo(kind, math.nan))
    assert math.isnan(echo(kind, -math.nan))


def test_printed_type_is_the_wit(runtime: wippy.Runtime) -> None:
    kind = record_of("user", {"user-id": BY_NAME["u32"], "tags": list_of(option_of(BY_NAME["string"]))})
    function = runtime.add_wasm("t:echo", source=echo_component(kind.types, kind.text), method="f")
    assert "record { user-id: u32, tags: list<option<string>> }" in function.wit


def test_large_values(echo: Echo) -> None:
    data = bytes(range(256)) * 40_000
    assert echo(list_of(BY_NAME["u8"]), data) == data
    text = "aé漢🦀" * 100_000
    assert echo(BY_NAME["string"], text) == text
    numbers = list(range(200_000))
    assert echo(list_of(BY_NAME["u32"]), numbers) == numbers
    strings = [str(number) for number in range(20_000)]
    assert echo(list_of(BY_NAME["string"]), strings) == strings
