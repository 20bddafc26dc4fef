"""The WAT guests of the test-suite, by name."""

from __future__ import annotations

from pathlib import Path

GUESTS = Path(__file__).parent / "guests"


def wat(name: str) -> bytes:
    """The text of a guest under tests/guests/wat."""
    return (GUESTS / "wat" / f"{name}.wat").read_bytes()
