"""What `check` says beyond what a load refuses: the things that would only show when a function is called.

Each function is examined once: fields nothing reads, a method that is not there, imports without a declaration, and
which of those its start code calls, found by instantiating it in a trial that has no capabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .catalog import Catalog
from .check_blocks import check_limits, check_network
from .config.function import FunctionConfig
from .config.imports import INTERFACES
from .config.kinds import PARSERS, is_plain_data, unknown_fields
from .config.lua import KINDS as LUA
from .config.network import GROUPS as REACHING
from .env import guest_env
from .errors import WippyError
from .lua.check import check_unit
from .prepare import Prepared
from .problems import Problem, Severity, in_file_order
from .reach import Reach, reach_of, reach_of_lua
from .registry import Entry
from .suggest import did_you_mean
from .trial import try_start

if TYPE_CHECKING:
    from .runtime import Runtime

# Groups that also open `wasi:io`, because they hand out its streams and pollables (H-15).
_WITH_IO = frozenset({"wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:sockets", "wasi:http"})


def check_project(path: str | Path, *, strict: bool = True) -> list[Problem]:
    """Every problem of the project at `path`, in file and line order.

    Raises `RegistryError` only when there is no project. Rules: C-17.
    """
    return examine_project(path, strict=strict)[0]


def examine_project(path: str | Path, *, strict: bool = True) -> tuple[list[Problem], list[Reach]]:
    """The problems, and what each entry with a group of the network may reach. Rules: C-17, N-20."""
    from .runtime import Runtime

    runtime, registry, failures = Runtime.load_with_failures(path, strict=strict)
    with runtime:
        found = [problem for failure in failures for problem in failure.errors]
        problems = in_file_order([*registry.problems, *registry.nothing_found(), *found, *check_runtime(runtime)])
        installed = runtime._installed
        reaches = [reach_of(prepared.config) for prepared in installed.prepared.values()]
        reaches += [
            reach_of_lua(prepared.config, prepared.unit.modules) for prepared in installed.lua.prepared.values()
        ]
        return problems, [reach for reach in reaches if reach is not None]


def check_runtime(runtime: Runtime) -> list[Problem]:
    """The problems of what is loaded. Rules: C-17, F-11, H-14, R-21, R-37."""
    installed = runtime._installed
    problems: list[Problem] = []
    for entry in list(installed.catalog.entries.values()):
        problems.extend(_entry(entry))
        prepared = installed.prepared.get(entry.id)
        if prepared is not None:
            problems.extend(_function(prepared, installed.catalog, runtime))
        if entry.kind in LUA and entry.id in installed.lua.units:
            problems.extend(check_unit(installed.lua.units[entry.id], installed.catalog, runtime.limits))
    return in_file_order(problems)


def _entry(entry: Entry) -> Iterator[Problem]:
    if entry.kind not in PARSERS:
        if not is_plain_data(entry.kind):
            hint = did_you_mean(entry.kind, PARSERS)
            yield entry.problem("warning", f"unsupported entry kind: {entry.kind}; kept as data", ("kind",), hint)
        return
    for path, hint in unknown_fields(entry):
        yield entry.problem("warning", f"unknown field {path[-1]}, nothing reads it", path, hint, at_key=True)


def _function(prepared: Prepared, catalog: Catalog, runtime: Runtime) -> Iterator[Problem]:
    config = prepared.config
    yield from _method(prepared)
    yield from _transport(config)
    yield from _imports(prepared)
    yield from _env(config, catalog)
    yield from _mounts(config, catalog)
    yield from check_limits(config.entry, config.limits, runtime.limits)
    yield from _network(config)
    yield from check_network(config.entry, config.network)
    if missing_imports(prepared) and _can_start(config, runtime):
        yield from _start_code(prepared)


def _method(prepared: Prepared) -> Iterator[Problem]:
    """Rules: F-11, F-13, F-14."""
    config, reason = prepared.config, prepared.function.resolve_error()
    if not reason:
        return
    exports = [name for name, _ in prepared.compiled.module.exports]
    hint = ""
    if config.method not in exports:
        hint = did_you_mean(config.method, exports)
        hint = hint or (f"the exports are {', '.join(exports[:8])}" if exports else "the module exports no function")
    yield config.entry.problem("error", reason, ("method",), hint)


def _transport(config: FunctionConfig) -> Iterator[Problem]:
    transport = config.entry.data.get("transport")
    if transport == "wasi-http":
        text = "transport: wasi-http has no effect yet; the function is called as with payload"
        yield config.entry.problem("warning", text, ("transport",))


def _imports(prepared: Prepared) -> Iterator[Problem]:
    """One line for all imports without a declaration, however many: adapters import much that they never call.

    Rules: H-13, H-14.
    """
    entry = prepared.config.entry
    missing = missing_imports(prepared)
    groups = [group for group in INTERFACES if group in missing]
    if groups:
        them = "it" if len(groups) == 1 else "them"
        text = f"imports {', '.join(groups)} undeclared; calling {them} traps"
        yield entry.problem("warning", text, ("imports",), _lines(groups))
    if unknown := missing.get("", []):
        shown = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        yield entry.problem("warning", f"imports {shown}, which nothing provides; calling it traps", ("imports",))


def _can_start(config: FunctionConfig, runtime: Runtime) -> bool:
    """Whether a call comes as far as the guest: not without its environment and mounts, which have lines of their own.

    Rules: F-42.
    """
    preparer = runtime._preparer
    env = guest_env(config.entry.id, preparer.catalog.environment, config.wasi.env, preparer.mounts(config)[1])
    try:
        if callable(env):
            env()
    except WippyError:
        return False
    return True


def _start_code(prepared: Prepared) -> Iterator[Problem]:
    entry = prepared.config.entry
    try:
        stopped = prepared.function.probe()
    except WippyError as error:
        yield entry.problem("error", f"every call fails in the guest's start code: {error.message}", ("method",))
        return
    for interface, function in stopped:
        text = f"every call traps: the guest's start code calls {interface}#{function}, which is not declared"
        trial = try_start(entry.id, prepared.compiled.module, prepared.config.groups)
        yield entry.problem("error", text, ("imports",), _lines(trial.groups))


def missing_imports(prepared: Prepared) -> dict[str, list[str]]:
    """The functions a module imports without a declaration, by the group to declare ("" when there is none)."""
    granted = set(prepared.config.groups)
    if granted & _WITH_IO:
        granted.add("wasi:io")
    if any(group.startswith("wasi:") for group in granted):
        granted.add("wasi1")  # preview 1 follows the groups (F-17): what they do not allow answers with an errno
    missing: dict[str, list[str]] = {}
    for interface, function, group in prepared.compiled.module.imports:
        is_poll = interface.partition("@")[0] == "wasi:io/poll" and "wasi:poll" in granted
        if group not in granted and not is_poll:
            missing.setdefault(group, []).append(f"{interface}#{function}")
    return missing


def _lines(groups: list[str]) -> str:
    """The lines to add. Most groups bring `wasi:io` along."""
    useless = {"wasi:io"} if _WITH_IO & set(groups) else set()
    lines = ", ".join(f'"- {group}"' for group in groups if group not in useless)
    return f"add {lines} to imports" if lines else ""


def _env(config: FunctionConfig, catalog: Catalog) -> Iterator[Problem]:
    """Rules: H-41."""
    for index, mapping in enumerate(config.wasi.env):
        path = ("wasi", "env", index, "id")
        identity = str(mapping.id)
        if identity in catalog.left_out:
            continue
        if identity not in catalog.environment:
            severity: Severity = "error" if mapping.required else "warning"
            hint = did_you_mean(identity, catalog.entries)
            yield config.entry.problem(severity, f"wasi env variable not found: {identity}", path, hint)
            continue
        try:
            value = catalog.environment.value(identity)
        except (WippyError, OSError) as error:
            text = f"failed to resolve wasi env mapping: {identity}: {error}"
            yield config.entry.problem("error", text, path, "repair its storage")
            continue
        if value is None and mapping.required:
            text = f"required wasi env variable has no value here: {identity}"
            yield config.entry.problem("warning", text, path, "set it in its storage, or give it a default")


def _mounts(config: FunctionConfig, catalog: Catalog) -> Iterator[Problem]:
    """Rules: H-51."""
    for index, mount in enumerate(config.wasi.mounts):
        path, filesystem = ("wasi", "mounts", index, "fs"), catalog.filesystems.get(str(mount.fs))
        if filesystem is None and str(mount.fs) not in catalog.left_out:
            text = f"wasi mount filesystem not found: {mount.fs}"
            yield config.entry.problem("error", text, path, catalog.filesystem_hint(str(mount.fs)))
        elif filesystem is not None and not filesystem.config.readable:
            text = f"not allowed to access filesystem: {mount.fs}"
            hint = f"its mode {filesystem.config.mode:04o} does not allow reading"
            yield config.entry.problem("error", text, path, hint)


def _network(config: FunctionConfig) -> Iterator[Problem]:
    """Rules: N-1."""
    if (config.network.allow or config.network.deny) and not set(REACHING) & set(config.groups):
        text = "network has no effect: the entry declares neither wasi:http nor wasi:sockets"
        yield config.entry.problem("warning", text, ("network",), "declare one of them in imports, or remove it")
