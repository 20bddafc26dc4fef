"""The Lua entries of one runtime: compiled, prepared, and prepared anew when what they import changes.

An entry that was removed stays compiled as long as others import it: those go on as they are. Not locked: the runtime's
lock is held around every change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..catalog import Catalog
from ..config.lua import LuaConfig, LuaFunctionConfig, LuaLibraryConfig
from ..errors import RegistryError
from .prepare import LuaPreparer, PreparedLua, directories
from .source import place_of
from .units import Unit, compile_unit


@dataclass(slots=True)
class Change:
    """What one entry brings: compiled entries by id, and the functions to publish."""

    units: dict[str, Unit] = field(default_factory=dict)
    functions: list[PreparedLua] = field(default_factory=list)


class LuaInstalled:
    """Compiled and prepared Lua entries by id."""

    def __init__(self, preparer: LuaPreparer) -> None:
        self.units: dict[str, Unit] = {}
        self.prepared: dict[str, PreparedLua] = {}
        self._preparer = preparer

    def load(self, catalog: Catalog, failures: list[RegistryError]) -> list[PreparedLua]:
        """Compile and prepare everything in the catalog; what fails is added to `failures`.

        An entry that only imports a bad one is left out without a word. Rules: R-35, R-36.
        """
        change = Change()
        for config in catalog.lua():
            if all(identity in change.units for _, identity in config.imports):
                try:
                    self._add(change, config, catalog)
                except RegistryError as error:
                    failures.append(error)
        return self.commit(change)

    def plan(self, config: LuaConfig, catalog: Catalog) -> Change:
        """What adding or replacing an entry changes, the entries that import it included; nothing is changed yet.

        Raises `RegistryError`. Rules: L-4, F-40.
        """
        change = Change()
        self._add(change, config, catalog)
        for importer in catalog.imports.importers(config.entry.id):
            if importer in self.units:
                self._add(change, self.units[importer].config, catalog)
        return change

    def commit(self, change: Change) -> list[PreparedLua]:
        """Put a plan into effect; the functions to publish."""
        self.units.update(change.units)
        for identity in change.units:
            self.prepared.pop(identity, None)
        self.prepared.update({prepared.config.entry.id: prepared for prepared in change.functions})
        return change.functions

    def forget(self, identity: str, catalog: Catalog) -> None:
        """An entry is no Lua entry any more: drop what nothing imports."""
        self.prepared.pop(identity, None)
        self.drop_unused([identity], catalog)

    def drop_unused(self, identities: Iterable[str], catalog: Catalog) -> None:
        """Drop those of the entries that are gone and that nothing imports."""
        for identity in identities:
            if identity not in self.units or catalog.imports.is_imported(identity):
                continue
            if not isinstance(catalog.configs.get(identity), (LuaFunctionConfig, LuaLibraryConfig)):
                del self.units[identity]

    def imports_of(self, identity: str) -> list[str]:
        """What an entry imports as it is compiled now."""
        unit = self.units.get(identity)
        return [] if unit is None else [imported for _, imported in unit.config.imports]

    def relinked(self, catalog: Catalog) -> list[PreparedLua]:
        """Directories have changed: the functions that see them, prepared anew. Rules: L-35."""
        changed = [one for one in self.prepared.values() if one.directories != directories(one.unit, catalog)]
        fresh = [self._preparer.link(one.config, one.unit, catalog) for one in changed]
        self.prepared.update({one.config.entry.id: one for one in fresh})
        return fresh

    def _add(self, change: Change, config: LuaConfig, catalog: Catalog) -> None:
        unit = compile_unit(
            config, place_of(config, catalog.root), lambda one: change.units.get(one) or self.units[one]
        )
        if isinstance(config, LuaFunctionConfig):
            change.functions.append(self._preparer.link(config, unit, catalog))
        change.units[config.entry.id] = unit
