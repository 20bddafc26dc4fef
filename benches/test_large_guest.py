"""An 18 MB guest: a whole CPython made ready by componentize-py."""

from __future__ import annotations

import pytest

from .conftest import Timed
from .contenders import ALL_GROUPS, GUESTS, Ours, WasmtimePy

PYGUEST = GUESTS / "built" / "pyguest.wasm"


@pytest.mark.parametrize("who", ["ours", "wasmtime-py fresh"])
def test_version(timed: Timed, ours: Ours, peer: WasmtimePy, who: str) -> None:
    if who == "ours":
        call = ours.function(PYGUEST, "version", imports=ALL_GROUPS)
    else:
        call = peer.fresh(PYGUEST, "version", wasi=True, callee=lambda _target, value: value)
    timed("componentize-py guest", who, call, gives=lambda version: version.startswith("3."))
