"""Which kinds are loaded, and the parser of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..registry.entries import Entry, Step
from . import environment, filesystem, function, lua
from .environment import StorageConfig, VariableConfig, parse_storage, parse_variable
from .fields import Fields
from .filesystem import DirectoryConfig, parse_directory
from .function import FunctionConfig, parse_function
from .lua import LuaFunctionConfig, LuaLibraryConfig, parse_lua_function, parse_lua_library

Config = DirectoryConfig | StorageConfig | VariableConfig | FunctionConfig | LuaFunctionConfig | LuaLibraryConfig

PARSERS: dict[str, Callable[[Entry], Config]] = {
    filesystem.KIND: parse_directory,
    **dict.fromkeys(environment.STORAGES, parse_storage),
    environment.VARIABLE: parse_variable,
    **dict.fromkeys(function.KINDS, parse_function),
    lua.FUNCTION: parse_lua_function,
    lua.LIBRARY: parse_lua_library,
}


def parse_entry(entry: Entry) -> Config | None:
    """The configuration of an entry, None for an inert one. Raises `ConfigError`. Rules: R-1, R-37."""
    parser = PARSERS.get(entry.kind)
    return parser(entry) if parser else None


def is_plain_data(kind: str) -> bool:
    """Kinds that are data by their nature, so that nobody needs to be told. Rules: 00 §5."""
    return kind == "registry.entry" or kind.startswith("ns.")


def unknown_fields(entry: Entry) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Path and suggestion of every field of a valid entry that nothing reads. Rules: R-21."""
    if entry.kind in function.KINDS:
        yield from function.unknown_fields(entry)
    elif entry.kind in lua.KINDS:
        yield from lua.unknown_fields(entry)
    elif entry.kind == filesystem.KIND:
        yield from Fields.of(entry).unknown(filesystem.KNOWN)
    elif entry.kind in environment.KNOWN:
        yield from Fields.of(entry).unknown(environment.KNOWN[entry.kind])
