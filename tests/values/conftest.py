"""Functions of one parameter that give it back, by type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.wit import PAD, Wit, echo_component

import wippy_native as wippy

Echo = Callable[[Wit, Any], Any]


@pytest.fixture(scope="module")
def runtime() -> Iterator[wippy.Runtime]:
    with wippy.Runtime() as runtime:
        yield runtime


@pytest.fixture(scope="module")
def echo(runtime: wippy.Runtime) -> Echo:
    """Send a value through a guest as one of type `kind`."""

    def call(kind: Wit, value: Any) -> Any:
        function = runtime.add_wasm("t:echo", source=echo_component(kind.types, kind.text), method="f")
        back, *_ = function((value, *PAD))
        return back

    return call


@pytest.fixture(scope="module")
def refuse(echo: Echo) -> Callable[[Wit, Any], wippy.ArgumentError]:
    """The error of a value that does not fit."""

    def call(kind: Wit, value: Any) -> wippy.ArgumentError:
        with pytest.raises(wippy.ArgumentError) as caught:
            echo(kind, value)
        return caught.value

    return call
