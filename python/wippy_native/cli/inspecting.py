"""`inspect`: what a module exports and imports, and an entry to paste.

Trials of the guest's start code tell which imports it calls: those an entry must declare for any call to work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._border import Engine, Module, Table, describe
from ..catalog import Catalog
from ..config.function import FunctionConfig
from ..config.lua import LuaConfig
from ..errors import FunctionNotFound, RegistryError, WippyError, combined
from ..guest_log import log_output
from ..hashing import digest, hash_text
from ..limits import Limits
from ..prepare import Preparer, is_wat
from ..reach import reach_of
from ..registry import read_registry
from ..suggest import did_you_mean
from ..trial import Trial, try_start
from .inspecting_lua import inspect_lua
from .pasting import Draft, entry_text
from .printing import data, data_json


@dataclass(slots=True)
class Inspection:
    """What `inspect` shows; `declared` is None for a bare file."""

    source: str
    kind: str
    size: int
    hash: str
    exports: list[tuple[str, str]]
    imports: dict[str, list[str]]
    start_calls: list[str]
    start_groups: list[str]
    start_failure: str
    wit: str
    declared: list[str] | None = None
    reach: str = ""
    entry: str = field(default="")


def inspect_target(directory: Path, target: str, *, as_json: bool) -> None:
    """Print what is known of an entry or a file. Raises `WippyError`, `OSError`."""
    path = Path(target)
    if ":" not in target or path.is_file():
        found = _inspect_file(path)
    else:
        catalog, config = _read_entry(directory, target)
        if not isinstance(config, FunctionConfig):
            inspect_lua(catalog, config, as_json=as_json)
            return
        found = _inspect_entry(catalog, config)
    if as_json:
        data_json(_as_json(found))
    else:
        _print(found)


def _inspect_file(path: Path) -> Inspection:
    content = path.read_bytes()
    module = Module(Engine(), content, digest=digest(content), text=is_wat(content))
    found = _inspection(str(path), f"inspect:{path.stem}", module, content)
    draft = Draft.of_file(path, found.hash, is_core=found.kind == "core", is_text=is_wat(content))
    return _with_entry(found, draft)


def _read_entry(directory: Path, identity: str) -> tuple[Catalog, FunctionConfig | LuaConfig]:
    """Nothing is compiled yet, so that an entry can be looked at in a project that does not load."""
    registry = read_registry(directory)
    catalog = Catalog(registry.project.root, registry.unreadable())
    failures = catalog.load(registry.entries.values())
    own = [failure for failure in failures if failure.entry == identity]
    unread = [RegistryError(errors=registry.errors())] if registry.errors() else []
    if own or identity in catalog.left_out:
        raise combined(own or [*unread, *failures])
    config = catalog.configs.get(identity)
    if not isinstance(config, FunctionConfig | LuaConfig):
        raise combined(unread) if unread else _no_function(identity, catalog)
    return catalog, config


def _inspect_entry(catalog: Catalog, config: FunctionConfig) -> Inspection:
    preparer = Preparer(Engine(), Table(log=log_output), catalog, Limits(), strict_imports=False)
    content = preparer.content(config)
    found = _inspection(config.entry.id, config.entry.id, preparer.compile(config, content).module, content)
    found.declared = list(config.groups)
    found.reach = str(reach_of(config) or "")
    return _with_entry(found, Draft.of_entry(config, found.hash, is_core=found.kind == "core"))


def _with_entry(found: Inspection, draft: Draft) -> Inspection:
    found.entry = entry_text(draft, found.exports, list(found.imports), found.start_groups)
    return found


def _no_function(identity: str, catalog: Catalog) -> WippyError:
    entry = catalog.entries.get(identity)
    if entry is not None:
        return FunctionNotFound(f"{identity} is an entry of kind {entry.kind}, not a function", entry=identity)
    hint = did_you_mean(identity, catalog.configs)
    message = f"no such entry or file: {identity}" + (f"; {hint}" if hint else "")
    return FunctionNotFound(message, entry=identity)


def _inspection(source: str, identity: str, module: Module, content: bytes) -> Inspection:
    imports: dict[str, list[str]] = {}
    for interface, name, group in module.imports:
        imports.setdefault(group, []).append(f"{interface}#{name}")
    trial = try_start(identity, module) if imports else Trial()
    wit, exports = _wit(module, content)
    return Inspection(
        source=source,
        kind=module.kind,
        size=len(content),
        hash=hash_text(content),
        exports=exports,
        imports=dict(sorted(imports.items())),
        start_calls=[f"{interface}#{name}" for interface, name in trial.calls],
        start_groups=trial.groups,
        start_failure=trial.failure,
        wit=wit,
    )


def _wit(module: Module, content: bytes) -> tuple[str, list[tuple[str, str]]]:
    """The WIT text and the exports by their type names; without the text where WIT cannot say what is there."""
    try:
        return describe(content, is_wat(content)) or ("", module.exports)
    except RegistryError:
        return "", module.exports


def _as_json(found: Inspection) -> dict[str, Any]:
    return {
        "source": found.source,
        "kind": found.kind,
        "size": found.size,
        "hash": found.hash,
        "exports": [{"name": name, "signature": signature} for name, signature in found.exports],
        "imports": [
            {
                "group": group or None,
                "declared": None if found.declared is None else group in found.declared,
                "functions": functions,
            }
            for group, functions in found.imports.items()
        ],
        "reach": found.reach or None,
        "start_calls": found.start_calls,
        "start_groups": found.start_groups,
        "start_failure": found.start_failure or None,
        "wit": found.wit,
        "entry": found.entry,
    }


def _print(found: Inspection) -> None:
    data(f"{found.source}: {found.kind}, {found.size} bytes")
    data(found.hash)
    data("\nexports:" if found.exports else "\nexports: none")
    for name, signature in found.exports:
        data(f"  {name}: {signature}")
    data("\nimports:" if found.imports else "\nimports: none")
    for group, functions in found.imports.items():
        data(f"  {group or 'nothing provides'}{_declared(found, group)}")
        for function in functions:
            data(f"    {function}{'  (called by start code)' if function in found.start_calls else ''}")
    if found.reach:
        data(f"\nmay reach: {found.reach}")
    if found.start_failure:
        data(f"\nstart code fails: {found.start_failure}")
    if found.wit:
        data(f"\n{found.wit.rstrip()}")
    data(f"\nentry:\n{found.entry}")


def _declared(found: Inspection, group: str) -> str:
    if found.declared is None or not group:
        return ""
    return "  (declared)" if group in found.declared else "  (not declared)"
