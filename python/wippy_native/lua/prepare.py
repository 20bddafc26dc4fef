"""From a compiled Lua entry to a callable: its pool, limits, and what its modules may reach."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from .._border import FunctionSpec, Table
from ..catalog import Catalog
from ..config.lua import LuaFunctionConfig
from ..config.pool import TYPES
from ..env.lua import LuaEnv
from ..errors import ConfigError, RegistryError
from ..limits import Limits
from ..network import network_spec
from .function import LuaFunction
from .units import Unit

Directories = list[tuple[str, str, bool, bool]]


@dataclass(frozen=True, slots=True)
class PreparedLua:
    """A function ready to be called, and what it was made from."""

    config: LuaFunctionConfig
    unit: Unit
    function: LuaFunction
    directories: Directories


@dataclass(slots=True)
class LuaPreparer:
    """Prepares the Lua functions of one runtime."""

    table: Table
    limits: Limits

    def link(self, config: LuaFunctionConfig, unit: Unit, catalog: Catalog) -> PreparedLua:
        """Prepare a function whose source is compiled. Raises `RegistryError`. Rules: 04 §1, F-20 to F-26."""
        _check_pool(config)
        found = directories(unit, catalog)
        limits = self.limits.lowered(config.limits)
        spec = FunctionSpec(
            id=config.entry.id,
            method=config.method,
            capacity=config.pool.capacity,
            inline=config.pool.inline,
            max_execution_ms=limits.max_execution_ms,
            max_memory_bytes=limits.max_memory_bytes,
            max_result_bytes=limits.max_result_bytes,
            max_output_bytes=limits.max_output_bytes,
            network=network_spec(config.network.allow, config.network.deny, limits),
            filesystems=found,
            **_environment(config, unit, catalog),
        )
        try:
            return PreparedLua(config, unit, LuaFunction(self.table, unit.module, spec), found)
        except RegistryError as error:
            message = f"operation failed for entry {config.entry.id}: {error.message}"
            problem = config.entry.problem("error", message)
            raise type(error).of(problem, kind=error.kind, details=error.details) from None


def directories(unit: Unit, catalog: Catalog) -> Directories:
    """The id, path, and readable and writable of every directory, where the module `fs` is declared. Rules: L-35."""
    if "fs" not in unit.modules:
        return []
    return [
        (identity, os.fspath(found.directory.absolute()), found.config.readable, found.config.writable)
        for identity, found in sorted(catalog.filesystems.items())
    ]


def _environment(config: LuaFunctionConfig, unit: Unit, catalog: Catalog) -> dict[str, Any]:
    if "env" not in unit.modules:
        return {}
    env = LuaEnv(catalog.environment, config.entry.namespace)
    return {"envid": env.id, "getenv": env.get, "setenv": env.set, "all_env": env.all}


def _check_pool(config: LuaFunctionConfig) -> None:
    """The type of a Lua pool is looked at only when the pool is made. Raises `ConfigError`. Rules: 04 §1."""
    if not config.pool_type or config.pool_type in TYPES:
        return
    message = f"operation failed for entry {config.entry.id}: unknown pool type: {config.pool_type}"
    hint = f"use one of {', '.join(TYPES)}, in lower case"
    raise ConfigError.of(config.entry.problem("error", message, ("pool", "type"), hint))
