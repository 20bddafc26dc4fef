"""Compiled Lua entries, each with those it imports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._border import LuaModule
from ..config.lua import LuaConfig
from ..errors import ConfigError, RegistryError
from .source import Place, problem_at


@dataclass(frozen=True, slots=True)
class Unit:
    """A compiled entry. `modules` are those it declares and those of everything it imports."""

    config: LuaConfig
    place: Place
    module: LuaModule
    modules: frozenset[str]


def compile_unit(config: LuaConfig, place: Place, imported: Callable[[str], Unit]) -> Unit:
    """Compile an entry; `imported` gives the units of its imports by id.

    Raises `ConfigError` at the line of a syntax error. Rules: L-3, L-5, C-16.
    """
    imports = {alias: imported(identity) for alias, identity in config.imports}
    try:
        module = LuaModule(
            entry=config.entry.id,
            file=place.shown,
            line=place.line,
            source=config.source,
            modules=list(config.modules),
            imports={alias: unit.module for alias, unit in imports.items()},
        )
    except RegistryError as error:
        message = f"operation failed for entry {config.entry.id}: P0001: {error.message}"
        line, column = int(error.details.get("line", place.line)), int(error.details.get("column", 1))
        problem = problem_at(config, place, "error", message, line, column)
        raise ConfigError.of(problem, kind=error.kind, details=error.details) from None
    modules = frozenset(config.modules).union(*(unit.modules for unit in imports.values()))
    return Unit(config, place, module, modules)
