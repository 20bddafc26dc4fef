"""A guest that calls a Python function: with us through the registry's `funcs`, there a host function."""

from __future__ import annotations

import pytest

from .conftest import Timed
from .contenders import GUESTS, Ours, WasmtimePy

FORWARD = GUESTS / "wat" / "forward.wat"
TEXT = "sixteen letters!"


@pytest.fixture(scope="module")
def callee(ours: Ours) -> str:
    @ours.runtime.register("bench:same")
    def same(value: str) -> str:
        return value

    return "bench:same"


@pytest.mark.parametrize("who", ["ours", "wasmtime-py warm", "wasmtime-py fresh"])
def test_call(timed: Timed, ours: Ours, peer: WasmtimePy, callee: str, who: str) -> None:
    if who == "ours":
        call = ours.function(FORWARD, "forward", imports=["funcs"])
        timed("guest calls host", who, call, callee, TEXT, gives=TEXT)
        return
    make = peer.warm if who == "wasmtime-py warm" else peer.fresh
    call = make(FORWARD, "forward", callee=lambda _target, value: value)
    timed("guest calls host", who, call, callee, TEXT, gives=lambda result: getattr(result, "payload", result) == TEXT)


@pytest.mark.parametrize("who", ["ours", "wasmtime-py warm"])
def test_a_thousand_calls(timed: Timed, ours: Ours, peer: WasmtimePy, callee: str, who: str) -> None:
    """One guest call that makes a thousand: what one such call costs, the instance aside."""
    if who == "ours":
        call = ours.function(FORWARD, "repeat", imports=["funcs"])
    else:
        call = peer.warm(FORWARD, "repeat", callee=lambda _target, value: value)
    timed("guest calls host 1000 times", who, call, callee, TEXT, 1000, gives=1000)
