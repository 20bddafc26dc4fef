"""What an entry may reach on the network, in words: for `check` and `inspect`. Rules: N-20."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .config.function import FunctionConfig
from .config.lua import LuaFunctionConfig
from .config.network import GROUPS
from .network import NetworkPolicy


@dataclass(frozen=True, slots=True)
class Reach:
    """The groups, or modules, of an entry that reach out, and what the entry and the operator say of them.

    An empty `allow` opens public addresses. `ceiling` is None where the runtime has no policy.
    """

    entry: str
    groups: tuple[str, ...]
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    ceiling: NetworkPolicy | None

    def __str__(self) -> str:
        text = f"{' and '.join(self.groups)}: {_said(self.allow, self.deny)}"
        if self.ceiling is None:
            return text
        return f"{text}; under the runtime's policy: {_said(self.ceiling.allow, self.ceiling.deny)}"


def reach_of(config: FunctionConfig, ceiling: NetworkPolicy | None = None) -> Reach | None:
    """None for an entry that declares no group of the network."""
    groups = tuple(group for group in config.groups if group in GROUPS)
    if not groups:
        return None
    return Reach(config.entry.id, groups, config.network.allow, config.network.deny, ceiling)


def reach_of_lua(
    config: LuaFunctionConfig, modules: Collection[str], ceiling: NetworkPolicy | None = None
) -> Reach | None:
    """None for a function that has no `http_client` among its modules and those of its imports. Rules: L-36."""
    if "http_client" not in modules:
        return None
    return Reach(config.entry.id, ("http_client",), config.network.allow, config.network.deny, ceiling)


def _said(allow: Iterable[str], deny: Iterable[str]) -> str:
    text = ", ".join(allow) or "public addresses"
    never = ", ".join(deny)
    return f"{text}, never {never}" if never else text
