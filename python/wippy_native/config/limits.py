"""The `limits` block of a function entry."""

from __future__ import annotations

from ..limits import LIMIT_NAMES
from .fields import Fields

KNOWN = LIMIT_NAMES


def decode_limits(fields: Fields) -> dict[str, int]:
    """The limits an entry sets, by the names of `wippy.Limits`. Raises `ConfigError`. Rules: F-3."""
    return {name: fields.integer(name) for name in LIMIT_NAMES if fields.values.get(name) is not None}


def validate_limits(limits: dict[str, int], fields: Fields) -> None:
    """Raises `ConfigError` for a negative limit. 0 leaves the runtime's own limit in force. Rules: F-1."""
    for name, value in limits.items():
        if value < 0:
            hint = f"limits.{name} is {value}; 0 leaves the runtime's limit in force"
            raise fields.invalid(name, f"limits.{name} cannot be negative", hint)
