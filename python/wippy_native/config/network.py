"""The `network` block of a function entry: what its declared groups may reach. Rules: N-1 to N-6."""

from __future__ import annotations

from dataclasses import dataclass

from ..network import rules
from .fields import Fields

KNOWN = ("allow", "deny")
GROUPS = ("wasi:http", "wasi:sockets")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The block as written."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


def decode_network(fields: Fields) -> NetworkConfig:
    """Read the block. Raises `ConfigError`. Rules: F-3."""
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
