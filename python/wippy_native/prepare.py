"""From a function's configuration to a callable: bytes, hash, compilation, imports, prepared function.

The hash is verified before anything else looks at the bytes. Compiled modules are shared by entries with the same
bytes, and forgotten with the last of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

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
from .registry.entries import Step

HostMount = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A function ready to be called, and what it was made from."""

    config: FunctionConfig
    digest: str
    module: Module
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

    def prepare(self, config: FunctionConfig, content: bytes | None, modules: dict[str, Module]) -> Prepared:
        """Prepare a function; `content` is its module where Python gave it, `modules` what is compiled already.

        Raises `RegistryError` and its kinds. Rules: F-5 to F-10, H-5.
        """
        found = self.content(config) if content is None else content
        key = self._verified(config, found)
        is_text = config.entry.kind == WAT if content is None else is_wat(content)
        module = modules.get(key) or self._compile(config, found, key, text=is_text)
        return self.link(config, key, module)

    def link(self, config: FunctionConfig, key: str, module: Module) -> Prepared:
        """Prepare a function whose module is compiled. Raises `RegistryError`. Rules: H-3, H-5, V-19."""
        if module.kind == "core":
            component_only(config.groups, Fields.of(config.entry))
        try:
            function = Function(self.table, module, self._spec(config))
            return Prepared(config, key, module, function, self.mounts(config)[0])
        except RegistryError as error:
            raise _located(config, error, ("imports",)) from None

    def content(self, config: FunctionConfig) -> bytes:
        """The bytes the entry names, not verified. Raises `RegistryError`. Rules: F-5, F-6."""
        if config.entry.kind == WAT:
            return config.source.encode()
        filesystem = self.catalog.filesystems[str(config.fs)]
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

    def _compile(self, config: FunctionConfig, content: bytes, key: str, *, text: bool) -> Module:
        try:
            return Module(self.engine, content, digest=key, text=text)
        except RegistryError as error:
            raise _located(config, error, ("source",) if config.entry.kind == WAT else ("path",)) from None

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
            max_execution_ms=limits.max_execution_ms,
            max_memory_bytes=limits.max_memory_bytes,
            max_table_elements=limits.max_table_elements,
            max_result_bytes=limits.max_result_bytes,
            max_output_bytes=limits.max_output_bytes,
            args=config.wasi.args,
            cwd=config.wasi.cwd or "/",
            env=guest_env(config.entry.id, self.catalog.environment, config.wasi.env, refusal),
            mounts=mounts,
        )

    def mounts(self, config: FunctionConfig) -> tuple[list[HostMount], WippyError | None]:
        """Host directory, guest path and whether it may be written, sorted by guest path; or why calls cannot start.

        A mount is looked at when a call starts, not when the entry is added, hence the refusal. Rules: H-50 to H-53.
        """
        mounts = []
        for mount in sorted(config.wasi.mounts, key=lambda mount: mount.guest):
            filesystem = self.catalog.filesystems.get(str(mount.fs))
            if filesystem is None:
                return [], _refused(config, f"wasi mount filesystem not found: {mount.fs}", "NotFound")
            if not filesystem.config.readable:
                return [], _refused(config, f"not allowed to access filesystem: {mount.fs}", "PermissionDenied")
            writable = filesystem.config.writable and not mount.read_only
            mounts.append((os.fspath(filesystem.directory.absolute()), mount.guest, writable))
        return mounts, None


def is_wat(content: bytes) -> bool:
    """Whether bytes from Python are WebAssembly text rather than a binary. Rules: F-9, F-12."""
    return content.lstrip()[:1] in (b"(", b";")


def _refused(config: FunctionConfig, message: str, kind: str) -> WippyError:
    return WippyError(message, kind=kind, entry=config.entry.id)


def _located(config: FunctionConfig, error: RegistryError, path: tuple[Step, ...]) -> RegistryError:
    """A core's error with the entry and the field it is about."""
    message = f"operation failed for entry {config.entry.id}: {error.message}"
    problem = config.entry.problem("error", message, path)
    return type(error).of(problem, kind=error.kind, details=error.details)
