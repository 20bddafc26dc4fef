"""`function.wasm` and `function.wat` entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..registry.entries import Entry, Step
from ..registry.references import EntryId
from . import limits, network, pool, wasi
from .fields import Fields, required
from .imports import canonical_groups, decode_imports, validate_imports

WASM, WAT = "function.wasm", "function.wat"
KINDS = (WASM, WAT)
TRANSPORTS = ("payload", "wasi-http")
COMMON = ("method", "wit", "transport", "imports", "pool", "limits", "wasi", "network", "strict_imports")
KNOWN = {WASM: ("fs", "path", "hash", *COMMON), WAT: ("source", *COMMON)}


@dataclass(frozen=True, slots=True)
class FunctionConfig:
    """A valid entry. `fs`, `path` and `hash` are those of function.wasm, `source` that of function.wat."""

    entry: Entry
    fs: EntryId
    path: str
    hash: str
    source: str
    method: str
    wit: str
    groups: tuple[str, ...]
    pool: pool.PoolPolicy
    limits: dict[str, int]
    wasi: wasi.WasiConfig
    network: network.NetworkConfig
    strict_imports: bool


def parse_function(entry: Entry, *, has_bytes: bool = False) -> FunctionConfig:
    """The configuration of an entry. With `has_bytes` its module comes from Python, so no source field is needed.

    Raises `ConfigError` with the first failure, in the order of F-1. Rules: F-1 to F-3, F-20 to F-37, F-60, H-2, H-3.
    """
    fields = Fields.of(entry)
    items = decode_imports(fields)
    transport = fields.string("transport")
    pool_config = pool.decode_pool(fields.fields("pool"))
    config = FunctionConfig(
        entry=entry,
        fs=fields.id("fs").within(entry.namespace),
        path=fields.string("path"),
        hash=fields.string("hash"),
        source=fields.string("source") if entry.kind == WAT else "",
        method=fields.string("method"),
        wit=fields.string("wit"),
        groups=(),
        pool=pool.pool_policy(pool_config),
        limits=limits.decode_limits(fields.fields("limits")),
        wasi=wasi.decode_wasi(fields.fields("wasi")),
        network=network.decode_network(fields.fields("network")),
        strict_imports=fields.boolean("strict_imports"),
    )
    if not has_bytes:
        _validate_source(config, fields)
    required(fields, "method", config.method, "name the exported function to call; `inspect` lists them")
    validate_imports(items, fields)
    _validate_transport(transport, fields)
    pool.validate_pool(pool_config, fields.fields("pool"))
    limits.validate_limits(config.limits, fields.fields("limits"))
    wasi.validate_wasi(config.wasi, fields.fields("wasi"))
    network.validate_network(config.network, fields.fields("network"))
    return _with_groups(config, canonical_groups(items, fields))


def _with_groups(config: FunctionConfig, groups: tuple[str, ...]) -> FunctionConfig:
    values = {name: getattr(config, name) for name in FunctionConfig.__dataclass_fields__}
    return FunctionConfig(**{**values, "groups": groups})


def _validate_source(config: FunctionConfig, fields: Fields) -> None:
    if config.entry.kind == WAT:
        required(fields, "source", config.source, "write the WAT text, or file:// and a path beside this file")
        return
    required(fields, "fs", config.fs.name, "name the fs.directory entry that holds the file: namespace:name")
    required(fields, "path", config.path, "give the path of the .wasm file inside fs")
    required(fields, "hash", config.hash, "print it with: wippy-native hash FILE.wasm")


def _validate_transport(transport: str, fields: Fields) -> None:
    if transport and transport not in TRANSPORTS:
        hint = f'transport is "{transport}"; use one of {", ".join(TRANSPORTS)}, in lower case'
        raise fields.invalid("transport", "invalid transport type", hint)


def unknown_fields(entry: Entry) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Path and suggestion of every field of a valid entry that nothing reads. Rules: R-21."""
    fields = Fields.of(entry)
    yield from fields.unknown(KNOWN[entry.kind])
    yield from fields.fields("pool").unknown(pool.KNOWN)
    yield from fields.fields("limits").unknown(limits.KNOWN)
    block = fields.fields("wasi")
    yield from block.unknown(wasi.KNOWN)
    for item in block.maps("env"):
        yield from item.unknown(wasi.ENV_KNOWN)
    for item in block.maps("mounts"):
        yield from item.unknown(wasi.MOUNT_KNOWN)
