"""`inspect` of a Lua entry: what it declares and requires, and how it runs."""

from __future__ import annotations

from typing import Any

from ..catalog import Catalog
from ..config.lua import LuaConfig, LuaFunctionConfig
from ..lua.source import place_of
from ..lua.units import Unit, compile_unit
from ..reach import reach_of_lua
from .printing import data, data_json


def inspect_lua(catalog: Catalog, config: LuaConfig, *, as_json: bool) -> None:
    """Print what is known of an entry. Raises `RegistryError` for a source that does not compile."""
    found = _inspection(_unit(catalog, config))
    if as_json:
        data_json(found)
    else:
        _print(found)


def _unit(catalog: Catalog, config: LuaConfig) -> Unit:
    """The entry, compiled with what it imports."""
    units: dict[str, Unit] = {}
    for identity in catalog.imports.under(config.entry.id):
        one = catalog.configs[identity]
        assert isinstance(one, LuaConfig)  # noqa: S101 - imports were checked
        units[identity] = compile_unit(one, place_of(one, catalog.root), units.__getitem__)
    return units[config.entry.id]


def _inspection(unit: Unit) -> dict[str, Any]:
    config = unit.config
    found: dict[str, Any] = {
        "source": config.entry.id,
        "kind": config.entry.kind,
        "size": len(config.source.encode()),
        "place": f"{unit.place.shown}:{unit.place.line}",
        "method": None,
        "modules": list(config.modules),
        "all_modules": sorted(unit.modules),
        "imports": dict(config.imports),
        "requires": sorted({name for name, _, _ in unit.module.requires}),
        "pool": None,
        "limits": {},
        "reach": None,
    }
    if isinstance(config, LuaFunctionConfig):
        pool = {"calls_at_once": config.pool.capacity, "inline": config.pool.inline}
        reach = reach_of_lua(config, unit.modules)
        found |= {"method": config.method, "pool": pool, "limits": config.limits, "reach": str(reach or "") or None}
    return found


def _print(found: dict[str, Any]) -> None:
    data(f"{found['source']}: {found['kind']}, {found['size']} bytes, {found['place']}")
    if found["method"]:
        data(f"\nmethod: {found['method']}")
    data(f"\nmodules: {', '.join(found['modules']) or 'none'}")
    if further := [name for name in found["all_modules"] if name not in found["modules"]]:
        data(f"modules of imports: {', '.join(further)}")
    data("\nimports:" if found["imports"] else "\nimports: none")
    for alias, identity in found["imports"].items():
        data(f"  {alias}: {identity}")
    if found["pool"]:
        data(f"\npool: {found['pool']['calls_at_once']} at once{', inline' if found['pool']['inline'] else ''}")
    for name, value in found["limits"].items():
        data(f"limits.{name}: {value}")
    if found["reach"]:
        data(f"\nmay reach: {found['reach']}")
