"""The `network` block of a function entry: what its declared groups may reach. Rules: N-1 to N-6."""

from __future__ import annotations

from dataclasses import dataclass

from ..network import rules
from .fields import Fields

KNOWN = ("allow", "deny")
_OPERATORS = ("ca", "nameservers")
GROUPS = ("wasi:http", "wasi:sockets")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The block as written."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


def decode_network(fields: Fields) -> NetworkConfig:
    """Read the block. Raises `ConfigError`, also for a field nothing reads: a list that is not read opens more than one
    that is. Rules: F-3, N-1."""
    for path, hint in fields.unknown(KNOWN):
        name = path[-1]
        if name in _OPERATORS:
            hint = f"it belongs to the operator: Runtime(network=NetworkPolicy({name}=...))"
        raise fields.invalid(name, f"unknown field network.{name}", hint or "the fields are allow and deny")
    return NetworkConfig(fields.strings("allow"), fields.strings("deny"))


def validate_network(network: NetworkConfig, fields: Fields) -> None:
    """Raises `ConfigError` for the first wrong pattern. Rules: N-5."""
    if not network.allow and not network.deny:
        return
    try:
        rules(network.allow, network.deny)
    except ValueError as error:
        list_, index, pattern, problem, hint = error.args[0][0]
        at = Fields(fields.entry, fields.values, (*fields.path, list_))
        raise at.invalid(index, f'network.{list_}[{index}] "{pattern}": {problem}', hint) from None
