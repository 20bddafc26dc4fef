"""From a function's configuration to a callable: bytes, hash, compilation, imports, prepared function.

The hash is verified before anything else looks at the bytes. Compiling needs no lock of the runtime; linking reads its
catalog and does. Compiled modules are shared by entries with the same bytes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ._border import Engine, FunctionSpec, Module, Table
from .catalog import Catalog
from .config.fields import Fields
from .config.function import WAT, FunctionConfig
from .config.imports import component_only
from .env import guest_env
from .errors import ConfigError, HashMismatch, RegistryError, WippyError
from .filesystems import FileProblem
from .function import Function
from .hashing import HashFailure, digest, verify
from .limits import Limits
from .modules import Modules
from .network import network_spec
from .registry.entries import Step
from .suggest import did_you_mean

HostMount = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module and the digest of its bytes."""

    digest: str
    module: Module


@dataclass(frozen=True, slots=True)
class Prepared:
    """A function ready to be called, and what it was made from."""

    config: FunctionConfig
    compiled: Compiled
    function: Function
    mounts: list[HostMount]


@dataclass(slots=True)
class Preparer:
    """Prepares the functions of one runtime."""

    engine: Engine
    table: Table
    catalog: Catalog
    limits: Limits
    strict_imports: bool
    modules: Modules = field(default_factory=Modules)

    def compile(self, config: FunctionConfig, content: bytes | None = None) -> Compiled:
        """Compile an entry's module; `content` is its bytes where Python gave them. Holds no lock of the runtime.

        Raises `RegistryError` and its kinds. Rules: F-5 to F-10.
        """
        found = self.content(config) if content is None else content
        key = self._verified(config, found)
        is_text = config.entry.kind == WAT if content is None else is_wat(content)
        try:
            module = self.modules.get(key, lambda: Module(self.engine, found, digest=key, text=is_text))
        except RegistryError as error:
            raise _located(config, error, ("source",) if config.entry.kind == WAT else ("path",)) from None
        return Compiled(key, module)

    def link(self, config: FunctionConfig, compiled: Compiled) -> Prepared:
        """Prepare a function whose module is compiled. Raises `RegistryError`. Rules: H-3, H-5, V-19."""
        if compiled.module.kind == "core":
            component_only(config.groups, Fields.of(config.entry))
        try:
            function = Function(self.table, compiled.module, self._spec(config))
            return Prepared(config, compiled, function, self.mounts(config)[0])
        except RegistryError as error:
            if error.message.startswith("method "):  # the core names what its signature has
                hint = "resources, streams and futures cannot be passed yet; name a function without them"
                raise _located(config, error, ("method",), hint) from None
            raise _located(config, error, ("imports",)) from None

    def content(self, config: FunctionConfig) -> bytes:
        """The bytes the entry names, not verified. Raises `RegistryError`. Rules: F-5, F-6."""
        if config.entry.kind == WAT:
            return config.source.encode()
        filesystem = self.catalog.filesystems.get(str(config.fs))
        if filesystem is None:  # removed since its entry was checked
            message = f"operation failed for entry {config.entry.id}: filesystem not found: {config.fs}"
            raise RegistryError.of(config.entry.problem("error", message, ("fs",)), kind="NotFound")
        try:
            return filesystem.read(config.path, self._limits(config).max_module_bytes)
        except FileProblem as error:
            message = f"operation failed for entry {config.entry.id}: {error}"
            problem = config.entry.problem("error", message, ("path",), error.hint)
            raise RegistryError.of(problem, kind="NotFound") from None

    def _verified(self, config: FunctionConfig, content: bytes) -> str:
        """The digest of the content, checked where the entry has a hash. Rules: F-7, F-8."""
        allowed = self._limits(config).max_module_bytes
        if len(content) > allowed:
            message = (
                f"operation failed for entry {config.entry.id}: module of {len(content)} bytes, {allowed} are allowed"
            )
            hint = "raise Limits.max_module_bytes if the module may be that large"
            raise ConfigError.of(config.entry.problem("error", message, (), hint))
        if not config.hash:
            return digest(content)
        try:
            return verify(content, config.hash)
        except HashFailure as error:
            message = f"operation failed for entry {config.entry.id}: {error}"
            raise HashMismatch.of(config.entry.problem("error", message, ("hash",), error.hint)) from None

    def _limits(self, config: FunctionConfig) -> Limits:
        return self.limits.lowered(config.limits)

    def _spec(self, config: FunctionConfig) -> FunctionSpec:
        limits = self._limits(config)
        mounts, refusal = self.mounts(config)
        return FunctionSpec(
            id=config.entry.id,
            method=config.method,
            wit=config.wit or None,
            groups=config.groups,
            strict_imports=config.strict_imports or self.strict_imports,
            capacity=config.pool.capacity,
            inline=config.pool.inline,
            warm_start=config.pool.warm_start,
            reuse=config.pool.reuse,
            max_execution_ms=limits.max_execution_ms,
            max_memory_bytes=limits.max_memory_bytes,
            max_table_elements=limits.max_table_elements,
            max_result_bytes=limits.max_result_bytes,
            max_output_bytes=limits.max_output_bytes,
            args=config.wasi.args,
            cwd=config.wasi.cwd or "/",
            env=guest_env(config.entry.id, self.catalog.environment, config.wasi.env, refusal),
            mounts=mounts,
            network=network_spec(config.network.allow, config.network.deny, limits),
        )

    def mounts(self, config: FunctionConfig) -> tuple[list[HostMount], WippyError | None]:
        """Host directory, guest path and whether it may be written, sorted by guest path; or why calls cannot start.

        A mount is looked at when a call starts, not when the entry is added, hence the refusal. Rules: H-50 to H-53.
        """
        mounts = []
        for mount in sorted(config.wasi.mounts, key=lambda mount: mount.guest):
            filesystem = self.catalog.filesystems.get(str(mount.fs))
            if filesystem is None:
                hint = did_you_mean(str(mount.fs), self.catalog.filesystems)
                return [], _refused(config, f"wasi mount filesystem not found: {mount.fs}", "NotFound", hint)
            if not filesystem.config.readable:
                return [], _refused(config, f"not allowed to access filesystem: {mount.fs}", "PermissionDenied")
            writable = filesystem.config.writable and not mount.read_only
            mounts.append((os.fspath(filesystem.directory.absolute()), mount.guest, writable))
        return mounts, None


def is_wat(content: bytes) -> bool:
    """Whether bytes from Python are WebAssembly text rather than a binary. Rules: F-9, F-12."""
    return content.lstrip()[:1] in (b"(", b";")


def _refused(config: FunctionConfig, message: str, kind: str, hint: str = "") -> WippyError:
    """The error of each call; a guest that called the function is not told what else there is."""
    details = {"for_guests": message} if hint else {}
    return WippyError(f"{message}; {hint}" if hint else message, kind=kind, entry=config.entry.id, details=details)


def _located(config: FunctionConfig, error: RegistryError, path: tuple[Step, ...], hint: str = "") -> RegistryError:
    """A core's error with the entry and the field it is about."""
    message = f"operation failed for entry {config.entry.id}: {error.message}"
    problem = config.entry.problem("error", message, path, hint)
    return type(error).of(problem, kind=error.kind, details=error.details)
