"""Limits and how an entry lowers them."""

from __future__ import annotations

from typing import Any

import pytest

from wippy_native.limits import Limits


def test_entry_lowers_but_never_raises() -> None:
    limits = Limits(max_memory_bytes=1000, max_execution_ms=50)
    assert limits.lowered({"max_memory_bytes": 500, "max_execution_ms": 10}) == Limits(
        max_memory_bytes=500, max_execution_ms=10
    )
    assert limits.lowered({"max_memory_bytes": 2000, "max_execution_ms": 100}) == limits
    assert limits.lowered({"max_memory_bytes": 0, "max_execution_ms": 0}) == limits


def test_no_ceiling() -> None:
    """0 is no limit for time, so any entry lowers it."""
    assert Limits().lowered({"max_execution_ms": 5}).max_execution_ms == 5


@pytest.mark.parametrize(("name", "value"), [("max_memory_bytes", 0), ("max_execution_ms", -1), ("max_call_depth", 0)])
def test_bad_values(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"Limits\\({name}={value}\\): expected"):
        Limits(**{name: value})


@pytest.mark.parametrize("value", ["1", 1.5, True, None])
def test_bad_types(value: Any) -> None:
    with pytest.raises(TypeError, match="expected an integer"):
        Limits(max_memory_bytes=value)
