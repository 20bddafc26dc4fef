"""What taking the times of calls costs, which `Runtime.stats` needs: the smallest call with and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Timed
from .contenders import GUESTS, Ours


@pytest.mark.parametrize("who", ["ours", "times off"])
def test_add(timed: Timed, cache: Path, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    if who == "times off":
        monkeypatch.setenv("WIPPY_NATIVE_STATS", "off")
    timed("add, its time taken", who, Ours(cache).function(GUESTS / "wat" / "add.wat", "add"), 1, 2, gives=3)
