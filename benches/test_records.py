"""A thousand records there and back: dicts with us, objects with wasmtime-py."""

from __future__ import annotations

from typing import Any

import pytest
from wasmtime.component import Record

from .conftest import Timed
from .contenders import GUESTS, Ours, WasmtimePy

ECHO = GUESTS / "wat" / "echo.wat"
RECORDS: list[dict[str, Any]] = [{"id": i, "name": f"record {i}", "score": i / 2} for i in range(1000)]


def _record(values: dict[str, Any]) -> Record:
    record = Record()
    record.__dict__.update(values)
    return record


@pytest.mark.parametrize("who", ["ours", "wasmtime-py warm", "wasmtime-py fresh"])
def test_records(timed: Timed, ours: Ours, peer: WasmtimePy, who: str) -> None:
    if who == "ours":
        timed("records 1000", who, ours.function(ECHO, "echo-recs"), RECORDS, gives=RECORDS)
        return
    make = peer.warm if who == "wasmtime-py warm" else peer.fresh
    records = [_record(values) for values in RECORDS]
    timed(
        "records 1000", who, make(ECHO, "echo-recs"), records, gives=lambda result: [vars(r) for r in result] == RECORDS
    )
