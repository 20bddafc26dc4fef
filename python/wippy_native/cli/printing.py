"""Printing: data to stdout, remarks to stderr."""

from __future__ import annotations

import json
from typing import Any

import typer


def data(text: str) -> None:
    """A line of data."""
    typer.echo(text)


def data_json(value: Any) -> None:
    """A value as readable JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def remark(text: str) -> None:
    """A line for the person, not for a program."""
    typer.echo(text, err=True)


def duration(seconds: float | None) -> str:
    """`8.1 us`, `1.2 ms` or `3.4 s`; `-` for none."""
    if seconds is None:
        return "-"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def rate(per_second: float) -> str:
    """`1,234`, or three digits of a smaller number."""
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"
