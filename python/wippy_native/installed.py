"""What a runtime can call: prepared functions and registered Python ones, kept in step with catalog and core.

Not locked: the runtime's lock is held around every change. Reading `callables` needs no lock; it is replaced or
changed by single dict operations only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ._border import Table
from .catalog import Catalog
from .config.filesystem import DirectoryConfig
from .config.function import FunctionConfig
from .config.kinds import Config
from .config.lua import LuaFunctionConfig, LuaLibraryConfig
from .errors import FunctionNotFound, RegistryError
from .function import Function, PythonFunction
from .lua.installed import Change, LuaInstalled
from .lua.prepare import LuaPreparer, PreparedLua
from .prepare import Compiled, Prepared, Preparer
from .problems import Problem
from .registry import Entry, parse_id
from .suggest import did_you_mean

_REMEMBERED_REMOVALS = 1024


class Installed:
    """The functions of one runtime by id, and the entries they come from."""

    def __init__(self, table: Table, preparer: Preparer) -> None:
        self.callables: dict[str, Function | PythonFunction] = {}
        self.prepared: dict[str, Prepared] = {}
        self.lua = LuaInstalled(LuaPreparer(table, preparer.limits))
        self._table = table
        self._preparer = preparer
        self._removed: dict[str, None] = {}

    @property
    def catalog(self) -> Catalog:
        return self._preparer.catalog

    def load(self, entries: Iterable[Entry]) -> list[RegistryError]:
        """Install many entries; what fails is left out and returned. Rules: R-35, R-36."""
        failures = self.catalog.load(entries)
        for config in self.catalog.functions():
            try:
                self._publish(self._preparer.link(config, self._preparer.compile(config)))
            except RegistryError as error:
                failures.append(error)
        for lua in self.lua.load(self.catalog, failures):
            self._publish_lua(lua)
        return failures

    def compile(self, config: FunctionConfig, content: bytes | None) -> Compiled:
        """Compile what `install` will take. Needs no lock. Raises `RegistryError`. Rules: F-5 to F-10."""
        return self._preparer.compile(config, content)

    def install(self, entry: Entry, config: Config | None, compiled: Compiled | None) -> None:
        """Add or replace one entry, whole or not at all. Raises `RegistryError`. Rules: F-40.

        A WebAssembly function comes with its compiled module. Functions that import a Lua entry are prepared anew.
        """
        before = self.catalog.configs.get(entry.id)
        try:
            self.catalog.check(entry, config)
            prepared, change = None, Change()
            if isinstance(config, FunctionConfig) and compiled is not None:
                prepared = self._preparer.link(config, compiled)
            if isinstance(config, (LuaFunctionConfig, LuaLibraryConfig)):
                change = self.lua.plan(config, self.catalog)
            self.catalog.put(entry, config)
        except RegistryError:
            if compiled is not None:
                self._forget_unused(compiled.digest)
            raise
        if prepared is not None:
            self._publish(prepared)
        elif not isinstance(config, LuaFunctionConfig):
            self._withdraw(entry.id)
        self._commit(entry.id, change)
        if isinstance(before, DirectoryConfig) or isinstance(config, DirectoryConfig):
            self._relink()

    def register(self, identity: str, callee: Callable[..., Any]) -> None:
        """Add a Python function. Raises `RegistryError` for a bad or taken id. Rules: H-20, H-21."""
        parsed = parse_id(identity)
        if not parsed.namespace or not parsed.name:
            problem = Problem("error", f"invalid function target: {identity}", identity, hint="write namespace:name")
            raise RegistryError.of(problem)
        if identity in self.callables or identity in self.catalog.entries:
            problem = Problem(
                "error", f"id is taken: {identity}", identity, hint="choose another id, or remove it first"
            )
            raise RegistryError.of(problem, kind="AlreadyExists")
        self._table.add_python(identity, callee)
        self.callables[identity] = PythonFunction(identity, callee)
        self._removed.pop(identity, None)

    def remove(self, identity: str) -> None:
        """Forget an entry or a Python function. Raises `FunctionNotFound`. Rules: F-36."""
        config = self.catalog.configs.get(identity)
        entry = self.catalog.remove(identity)
        if entry is None and identity not in self.callables:
            raise self.not_found(identity)
        if identity in self.callables:
            self._withdraw(identity)
            self._removed[identity] = None
            while len(self._removed) > _REMEMBERED_REMOVALS:
                del self._removed[next(iter(self._removed))]
        elif isinstance(config, DirectoryConfig):
            self._relink()
        self._commit(identity, Change())

    def not_found(self, identity: str) -> FunctionNotFound:
        """The error for an id that cannot be called. Raises `TypeError` for what is no id. Rules: F-36, F-48."""
        if not isinstance(identity, str):
            raise TypeError(f"expected the id of a function, got {type(identity).__name__}")
        if identity in self._removed:
            return FunctionNotFound(f"pool not found: {identity}; it was removed", entry=identity)
        entry = self.catalog.entries.get(identity)
        hint = did_you_mean(identity, self.callables)
        if entry is not None:
            hint = f"it is an entry of kind {entry.kind}, which cannot be called"
        message = f"no handler registered for target: {identity}" + (f"; {hint}" if hint else "")
        return FunctionNotFound(message, entry=identity, details={"target": identity})

    def _publish(self, prepared: Prepared) -> None:
        identity = prepared.config.entry.id
        self._table.add(prepared.function)
        before = self.prepared.get(identity)
        self.prepared[identity] = prepared
        self.callables[identity] = prepared.function
        self._removed.pop(identity, None)
        if before is not None:
            self._forget_unused(before.compiled.digest)

    def _publish_lua(self, prepared: PreparedLua) -> None:
        identity = prepared.config.entry.id
        self._table.add(prepared.function)
        self._forget_module(identity)
        self.callables[identity] = prepared.function
        self._removed.pop(identity, None)

    def _commit(self, identity: str, change: Change) -> None:
        """An entry was added, replaced or removed: publish what it changes of Lua, and drop what nothing imports."""
        before = self.lua.imports_of(identity)
        for prepared in self.lua.commit(change):
            self._publish_lua(prepared)
        if identity not in change.units:
            self.lua.forget(identity, self.catalog)
        self.lua.drop_unused(before, self.catalog)

    def _forget_module(self, identity: str) -> None:
        before = self.prepared.pop(identity, None)
        if before is not None:
            self._forget_unused(before.compiled.digest)

    def _withdraw(self, identity: str) -> None:
        if self.callables.pop(identity, None) is not None:
            self._table.remove(identity)
        self._forget_module(identity)

    def _forget_unused(self, digest: str) -> None:
        """A module goes with the last function made of it."""
        if all(prepared.compiled.digest != digest for prepared in self.prepared.values()):
            self._preparer.modules.forget(digest)

    def _relink(self) -> None:
        """Filesystems have changed: prepare what mounts them anew, from the compiled modules. Rules: H-51.

        The environment needs none of this: it is asked at each call.
        """
        for prepared in list(self.prepared.values()):
            if prepared.mounts != self._preparer.mounts(prepared.config)[0]:
                self._publish(self._preparer.link(prepared.config, prepared.compiled))
        for lua in self.lua.relinked(self.catalog):
            self._publish_lua(lua)
