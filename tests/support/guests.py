"""Guests by name, as `tests/guests/README.md` lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wippy_native import Function, Runtime

GUESTS = Path(__file__).resolve().parents[1] / "guests"
WASI = ("wasi:cli", "wasi:io", "wasi:clocks", "wasi:filesystem", "wasi:random")
EVERYTHING = (*WASI, "funcs")

# The machine traps of traps.wat, and the word each is known by.
MACHINE_TRAPS = {
    "unreachable": "unreachable",
    "oob": "out of bounds memory access",
    "div-zero": "divide by zero",
    "bad-conversion": "invalid conversion to integer",
    "null-call": "uninitialized element",
    "stack-overflow": "call stack exhausted",
    "deep-trap": "unreachable",
}


def wat(name: str) -> Path:
    """A guest of `guests/wat`."""
    return GUESTS / "wat" / f"{name}.wat"


def built(name: str) -> Path:
    """A guest of `guests/built`."""
    return GUESTS / "built" / f"{name}.wasm"


def add_wat(rt: Runtime, name: str, method: str, id: str = "app:f", **fields: Any) -> Function:
    """Add a text guest's method to a runtime."""
    return rt.add_wasm(id, wat(name), method, **fields)


def add_hostuse(
    rt: Runtime, method: str, id: str = "app:f", imports: tuple[str, ...] = EVERYTHING, **fields: Any
) -> Function:
    """Add a method of the guest that uses everything, with everything declared unless the test says otherwise."""
    return rt.add_wasm(id, built("hostuse"), method, imports=imports, **fields)
