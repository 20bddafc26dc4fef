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
