"""`function.lua` and `library.lua` entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..registry.entries import Entry, Step
from ..registry.references import EntryId
from ..registry.tree import describe
from . import limits, network, pool
from .fields import Fields, required

FUNCTION, LIBRARY = "function.lua", "library.lua"
KINDS = (FUNCTION, LIBRARY)
COMMON = ("source", "modules", "imports")
KNOWN = {FUNCTION: (*COMMON, "method", "pool", "limits", "network"), LIBRARY: COMMON}
_SOURCE_HINT = "write the Lua text, or file:// and a path beside this file"


@dataclass(frozen=True, slots=True)
class LuaLibraryConfig:
    """A valid library. `imports` are (alias, full id) in the entry's order; `file` is where a source from Python was
    read, "" otherwise."""

    entry: Entry
    source: str
    modules: tuple[str, ...]
    imports: tuple[tuple[str, str], ...]
    file: str = ""


@dataclass(frozen=True, slots=True)
class LuaFunctionConfig:
    """A valid function; its first fields are those of a library. `pool_type` is as written, and may be unknown."""

    entry: Entry
    source: str
    modules: tuple[str, ...]
    imports: tuple[tuple[str, str], ...]
    method: str
    pool: pool.PoolPolicy
    pool_type: str
    limits: dict[str, int]
    network: network.NetworkConfig
    file: str = ""


LuaConfig = LuaFunctionConfig | LuaLibraryConfig


def parse_lua_function(entry: Entry) -> LuaFunctionConfig:
    """The configuration of a function. Raises `ConfigError` with the first failure: source, method, pool, imports,
    modules, then what is ours. Rules: 04 §1, F-2, F-3, F-30, F-31."""
    fields = Fields.of(entry)
    pool_config = pool.decode_pool(fields.fields("pool"))
    config = LuaFunctionConfig(
        entry=entry,
        source=fields.string("source"),
        modules=_modules(fields),
        imports=_imports(fields),
        method=fields.string("method"),
        pool=pool.pool_policy(pool_config),
        pool_type="" if pool_config.worker_class else pool_config.type,
        limits=limits.decode_limits(fields.fields("limits")),
        network=network.decode_network(fields.fields("network")),
    )
    required(fields, "source", config.source, _SOURCE_HINT)
    required(fields, "method", config.method, "name a function of the table that the source returns")
    pool.validate_pool(pool_config, fields.fields("pool"), any_type=True)
    _validate_imports(config, fields)
    _validate_modules(fields)
    limits.validate_limits(config.limits, fields.fields("limits"))
    network.validate_network(config.network, fields.fields("network"))
    return config


def parse_lua_library(entry: Entry) -> LuaLibraryConfig:
    """The configuration of a library. Raises `ConfigError`. Rules: 04 §1, F-2, F-3."""
    fields = Fields.of(entry)
    config = LuaLibraryConfig(entry, fields.string("source"), _modules(fields), _imports(fields))
    required(fields, "source", config.source, _SOURCE_HINT)
    _validate_imports(config, fields)
    _validate_modules(fields)
    return config


def unknown_fields(entry: Entry) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Path and suggestion of every field of a valid entry that nothing reads. Rules: R-21."""
    fields = Fields.of(entry)
    yield from fields.unknown(KNOWN[entry.kind])
    if entry.kind == FUNCTION:
        yield from fields.fields("pool").unknown(pool.KNOWN)
        yield from fields.fields("limits").unknown(limits.KNOWN)


def _modules(fields: Fields) -> tuple[str, ...]:
    """The names of the modules, each once."""
    return tuple(dict.fromkeys(identity.name for identity in fields.ids("modules")))


def _imports(fields: Fields) -> tuple[tuple[str, str], ...]:
    """Aliases and ids, completed with the entry's namespace. Rules: R-4, R-7."""
    namespace = fields.entry.namespace
    return tuple((alias.strip(), str(found.within(namespace))) for alias, found in _named(fields))


def _named(fields: Fields) -> Iterator[tuple[str, EntryId]]:
    block = fields.fields("imports")
    for alias, value in block.values.items():
        if not isinstance(alias, str):
            raise fields.wrong("imports", f"expected string as alias, got {describe(alias)}", "put it in quotes")
        yield alias, block.id_of(value, (*block.path, alias))


def _validate_imports(config: LuaConfig, fields: Fields) -> None:
    """Rules: 04 §1."""
    block = fields.fields("imports")
    assert isinstance(block.values, Mapping)  # noqa: S101 - it was decoded
    for (alias, identity), written in zip(config.imports, block.values, strict=True):
        if not alias:
            raise block.invalid(
                written, "import alias cannot be empty", f"name what require is to give: lib: {identity}"
            )
        if not identity.partition(":")[2].strip():
            hint = f"name a library.lua entry: {alias}: namespace:name"
            raise block.invalid(written, "import :name cannot be empty", hint)


def _validate_modules(fields: Fields) -> None:
    """Rules: 04 §1."""
    block = Fields(fields.entry, fields.values, ("modules",))
    for index, identity in enumerate(fields.ids("modules")):
        if not identity.name.strip():
            raise block.invalid(index, "module cannot be empty", f"remove modules[{index}], or name a module")
        if identity.namespace:
            hint = f'name other entries in imports: {identity.name}: "{identity}"'
            raise block.invalid(index, "module cannot have a namespace", hint)
