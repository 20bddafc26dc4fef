"""The smallest calls: what crossing the border and having a fresh instance cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Timed
from .contenders import GUESTS, OWN_GUESTS, Call, Ours, WasmtimePy

ADD = GUESTS / "wat" / "add.wat"
ECHO = GUESTS / "wat" / "echo.wat"
ECHO_ALL = OWN_GUESTS / "echo_all.wat"
HOSTUSE = GUESTS / "built" / "hostuse.wasm"
TEXT = "sixteen letters!"


@pytest.mark.parametrize("who", ["ours", "wasmtime-py warm", "wasmtime-py fresh"])
def test_add(timed: Timed, ours: Ours, peer: WasmtimePy, who: str) -> None:
    make: Callable[..., Call] = {"ours": ours.function, "wasmtime-py warm": peer.warm, "wasmtime-py fresh": peer.fresh}[
        who
    ]
    timed("add", who, make(ADD, "add"), 1, 2, gives=3)


@pytest.mark.parametrize("who", ["ours", "wasmtime-py warm", "wasmtime-py fresh"])
def test_echo(timed: Timed, ours: Ours, peer: WasmtimePy, who: str) -> None:
    make: Callable[..., Call] = {"ours": ours.function, "wasmtime-py warm": peer.warm, "wasmtime-py fresh": peer.fresh}[
        who
    ]
    timed("echo 16 B", who, make(ECHO, "echo"), TEXT, gives=TEXT)


@pytest.mark.parametrize("who", ["ours", "wasmtime-py fresh"])
def test_echo_with_all_groups(timed: Timed, ours: Ours, peer: WasmtimePy, tmp_path: Path, who: str) -> None:
    if who == "ours":
        call = ours.with_all_groups(ECHO_ALL, "echo", tmp_path)
    else:
        call = peer.fresh(ECHO_ALL, "echo", wasi=True, mount=tmp_path, callee=lambda _target, value: value)
    timed("echo 16 B, all groups", who, call, TEXT, gives=TEXT)


@pytest.mark.parametrize("who", ["ours", "wasmtime-py fresh"])
def test_rust_guest_with_all_groups(timed: Timed, ours: Ours, peer: WasmtimePy, tmp_path: Path, who: str) -> None:
    """A guest as toolchains make them, asking for its environment."""
    if who == "ours":
        call = ours.with_all_groups(HOSTUSE, "get-env", tmp_path)
    else:
        call = peer.fresh(HOSTUSE, "get-env", wasi=True, mount=tmp_path, callee=lambda _target, value: value)
    timed(
        "Rust guest, all groups",
        who,
        call,
        gives=lambda env: [tuple(pair) for pair in env] == [("GUEST_MODE", "bench")],
    )
