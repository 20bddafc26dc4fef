"""What `check` says of Lua entries. Syntax errors are those of the load. Rules: C-16, C-17, L-3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..check_blocks import check_limits, check_network
from ..config.lua import LuaConfig, LuaFunctionConfig
from ..limits import Limits
from ..problems import Problem
from ..suggest import did_you_mean
from .names import MODULES, unsupported
from .source import problem_at
from .units import Unit

if TYPE_CHECKING:
    from ..catalog import Catalog

_POOL_ONLY_WASM = ("warm_start", "reuse")


def check_unit(unit: Unit, catalog: Catalog, limits: Limits) -> Iterator[Problem]:
    """The problems of one compiled entry."""
    yield from _modules(unit.config)
    yield from _requires(unit, catalog)
    if isinstance(unit.config, LuaFunctionConfig):
        yield from check_limits(unit.config.entry, unit.config.limits, limits)
        yield from _pool(unit.config)
        yield from _network(unit.config, unit)
        yield from check_network(unit.config.entry, unit.config.network)


def _modules(config: LuaConfig) -> Iterator[Problem]:
    """Rules: L-3."""
    written = config.entry.data.get("modules") or []
    for index, name in enumerate(written):
        found = unsupported(name.strip()) if isinstance(name, str) else None
        if found:
            yield config.entry.problem("warning", found[0], ("modules", index), found[1])


def _requires(unit: Unit, catalog: Catalog) -> Iterator[Problem]:
    """Rules: L-3, C-16."""
    config = unit.config
    declared = (*config.modules, *(alias for alias, _ in config.imports))
    for name, line, column in unit.module.requires:
        if name not in declared:
            text = f'require("{name}") is not declared in _index.yaml imports or modules'
            yield problem_at(config, unit.place, "error", text, line, column, _hint(name, declared, config, catalog))


def _hint(name: str, declared: tuple[str, ...], config: LuaConfig, catalog: Catalog) -> str:
    if name in MODULES:
        return f"add {name} to modules"
    for identity in (name, f"{config.entry.namespace}:{name}"):
        if any(one.entry.id == identity for one in catalog.lua()):
            return f"add {name.rpartition(':')[2]}: {identity} to imports"
    return did_you_mean(name, declared) or did_you_mean(name, MODULES)


def _pool(config: LuaFunctionConfig) -> Iterator[Problem]:
    pool = config.entry.data.get("pool")
    for name in _POOL_ONLY_WASM:
        if isinstance(pool, Mapping) and name in pool:
            text = f"pool.{name} has no effect on a Lua function"
            yield config.entry.problem("warning", text, ("pool", name), at_key=True)


def _network(config: LuaFunctionConfig, unit: Unit) -> Iterator[Problem]:
    """Rules: N-1."""
    if (config.network.allow or config.network.deny) and "http_client" not in unit.modules:
        text = "network has no effect: neither the entry nor what it imports declares the module http_client"
        yield config.entry.problem("warning", text, ("network",), "add http_client to modules, or remove it")
