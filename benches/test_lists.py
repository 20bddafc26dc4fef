"""Lists of bytes and numbers, there and back or only in."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from .conftest import Timed
from .contenders import GUESTS, Extism, Ours, WasmtimePy

ECHO = GUESTS / "wat" / "echo.wat"
SIZES = {"1 KiB": bytes(range(256)) * 4, "1 MiB": bytes(range(256)) * 4096}
NUMBERS = [float(number) for number in range(10_000)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("who", ["ours", "wasmtime-py warm", "wasmtime-py fresh", "extism warm", "extism fresh"])
def test_bytes(timed: Timed, ours: Ours, peer: WasmtimePy, extism: Extism, who: str, size: str) -> None:
    data = SIZES[size]
    match who:
        case "ours":
            call = ours.function(ECHO, "echo-bytes")
        case "wasmtime-py warm":
            call = peer.warm(ECHO, "echo-bytes")
        case "wasmtime-py fresh":
            call = peer.fresh(ECHO, "echo-bytes")
        case "extism warm":
            call = extism.warm()
        case _:
            call = extism.fresh()
    timed(f"bytes {size}", who, call, data, gives=lambda result: bytes(result) == data)


@pytest.mark.parametrize("size", SIZES)
def test_bytes_in(timed: Timed, ours: Ours, size: str) -> None:
    data = SIZES[size]
    timed(f"bytes {size} in", "ours", ours.function(ECHO, "len-bytes"), data, gives=len(data))


@pytest.mark.parametrize("kind", ["list", "array", "memoryview"])
def test_numbers(timed: Timed, ours: Ours, kind: str) -> None:
    values: Any = NUMBERS if kind == "list" else array("d", NUMBERS)
    if kind == "memoryview":
        values = memoryview(values)
    timed("sum 10k f64", f"ours from {kind}", ours.function(ECHO, "sum-f64"), values, gives=sum(NUMBERS))


def test_numbers_of_peer(timed: Timed, peer: WasmtimePy) -> None:
    timed("sum 10k f64", "wasmtime-py fresh", peer.fresh(ECHO, "sum-f64"), NUMBERS, gives=sum(NUMBERS))
