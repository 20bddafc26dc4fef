"""The public runtime: a registry's functions, loaded and ready to be called.

Adding and removing entries takes a lock; calling does not: a call looks its function up in a dict and goes into the
core. A runtime that was closed, or that belongs to the parent of a forked process, has nothing in that dict, so the
slow path can tell what is wrong without costing the fast one anything.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, Unpack

from . import living
from ._border import Engine, Table
from .added import entry_for_lua, entry_for_wasm, list_of_names, refuse_unknown_fields
from .catalog import Catalog
from .config.function import FunctionConfig, parse_function
from .config.kinds import PARSERS, Config, is_plain_data, parse_entry
from .env import Environment
from .errors import PoolClosed, RegistryError, WippyError, combined
from .function import Function, PythonFunction
from .guest_log import log_message, log_output
from .installed import Installed
from .limits import Limits
from .lua.function import LuaFunction
from .network import NetworkPolicy, Transport, core_network
from .network_log import log_refusal
from .options import Options, ResultStyle, check_options
from .prepare import Preparer
from .problems import Problem
from .registry import Entry, Registry, entry_from_mapping, read_registry
from .stats import FunctionStats, timing_is_on

if TYPE_CHECKING:
    from .executor import RuntimeExecutor

F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger(__name__)


class Runtime:
    """Loads WebAssembly functions and calls them, each with exactly the capabilities its entry declares.

    limits: ceilings for every call, `Limits()` by default.
    cache_dir: where compiled code is kept between processes; the user's cache directory by default.
    strict: whether a broken definition file is an error (the default) or is skipped with a warning (R-20).
    strict_imports: whether an import that an entry does not declare fails the load, instead of trapping when called.
    authorize: asked with (caller id, target) before a guest calls another function through `funcs`, where the target is
      its id, and before it reaches a place on the network, where it is a URL: that of the request, or tcp://, udp://
      and listen:// with an address and a port, or dns:// with a name (H-25, N-17).
    network: what no entry may go beyond; without it an entry reaches what its own `network` block says (N-4).
    http: answers the HTTP requests of all guests in the network's place, once the policy has let them pass: a function
      or an async function from `HttpRequest` to `HttpResponse` (N-19).
    result_style: how Lua gets what a WebAssembly function returns as a WIT `result`: "table" for `{ok = v}` or
      `{err = e}`, "pair" for `value, error` (V-20).

    A runtime may be called from many threads at once. It is a context manager, and closes at the end of its block.

    >>> with Runtime.load("app") as rt:                                       # doctest: +SKIP
    ...     rt.call("app:resize", image, 640)
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        strict: bool = True,
        strict_imports: bool = False,
        authorize: Callable[[str, str], bool] | None = None,
        network: NetworkPolicy | None = None,
        http: Transport | None = None,
        result_style: ResultStyle = "table",
    ) -> None:
        check_options(
            {
                "limits": limits,
                "authorize": authorize,
                "network": network,
                "http": http,
                "result_style": result_style,
            }
        )
        self.limits = limits or Limits()
        self.network = network
        self._strict = strict
        self._lock = threading.RLock()
        self._unusable: WippyError | None = None
        self._table = Table(
            log=log_output,
            message=log_message,
            refused=log_refusal,
            network=core_network(network, self.limits, http),
            authorize=authorize,
            max_call_depth=self.limits.max_call_depth,
            max_calls=self.limits.max_calls,
            timed=timing_is_on(),
            result_style=result_style,
        )
        self._preparer = Preparer(
            engine=Engine(cache_dir=None if cache_dir is None else os.fspath(cache_dir)),
            table=self._table,
            catalog=Catalog(Path()),
            limits=self.limits,
            strict_imports=strict_imports,
        )
        self._installed = Installed(self._table, self._preparer)
        self._callables = self._installed.callables
        living.add(self)

    @classmethod
    def load(cls, path: str | os.PathLike[str], **options: Unpack[Options]) -> Self:
        """Load the project at `path`: a directory of definition files, or one with a `wippy.lock`.

        Takes the options of `Runtime`. Raises `RegistryError` with every problem there is, or its kinds `ConfigError`
        and `HashMismatch` where all problems are of one kind. Rules: R-10 to R-38, F-1 to F-10.
        """
        runtime, registry, failures = cls.load_with_failures(path, **options)
        if registry.errors():
            failures = [RegistryError(errors=registry.errors()), *failures]
        if failures:
            runtime.close()
            raise combined(failures)
        runtime._warn(registry)
        return runtime

    @classmethod
    def load_with_failures(
        cls, path: str | os.PathLike[str], **options: Unpack[Options]
    ) -> tuple[Self, Registry, list[RegistryError]]:
        """Load what can be loaded, and say what could not: for `check`. Raises `RegistryError` without a project."""
        runtime = cls(**options)
        try:
            registry = read_registry(Path(path), strict=runtime._strict)
        except BaseException:
            runtime.close()
            raise
        runtime._preparer.catalog = Catalog(registry.project.root, registry.unreadable())
        return runtime, registry, runtime._installed.load(registry.entries.values())

    # Adding and removing

    def add_entry(self, entry: Mapping[str, Any] | Entry) -> None:
        """Add an entry as a definition file would: `{"id": "app:f", "kind": "function.wasm", ...}`.

        An id that is taken is replaced: new calls go to the new entry, running calls finish on the old one.
        Raises `RegistryError` with the texts of a load. Rules: F-1 to F-10, F-40, R-26.
        """
        added = entry if isinstance(entry, Entry) else entry_from_mapping(entry)
        config = parse_entry(added)
        if config is None:
            self._warn_inert([added])
        self._install(added, config, None)

    def add_wasm(
        self,
        id: str,
        source: str | os.PathLike[str] | bytes | bytearray | memoryview,
        method: str,
        *,
        hash: str | None = None,
        wit: str | None = None,
        imports: Iterable[str] = (),
        wasi: Mapping[str, Any] | None = None,
        pool: Mapping[str, Any] | None = None,
        limits: Mapping[str, int] | None = None,
        network: Mapping[str, Any] | None = None,
        strict_imports: bool = False,
        meta: Mapping[str, Any] | None = None,
    ) -> Function:
        """Add a function whose module is at hand: a path, or its bytes (binary, or WebAssembly text).

        `method`, `wit`, `imports`, `wasi`, `pool`, `limits`, `network` and `strict_imports` are the fields of an entry;
        `hash` is checked if given. An id that is taken is replaced. Returns the function.

        Raises `RegistryError` with the texts of a load, `ConfigError` also for a name in `wasi`, `pool`, `limits` or
        `network` that nothing reads, and `TypeError` for a `source` or `imports` of another type.
        Rules: F-1 to F-17, F-40.
        """
        fields = {
            "method": method, "hash": hash, "wit": wit, "imports": list_of_names("add_wasm", id, "imports", imports),
            "wasi": wasi, "pool": pool, "limits": limits, "network": network, "strict_imports": strict_imports,
        }  # fmt: skip
        entry, content = entry_for_wasm(id, source, fields, meta, self.limits.max_module_bytes)
        config = parse_function(entry, has_bytes=True)
        refuse_unknown_fields(entry)
        self._install(entry, config, content)
        function = self._callables[entry.id]
        assert isinstance(function, Function)  # noqa: S101 - it was just installed
        return function

    def add_lua(
        self,
        id: str,
        source: str | os.PathLike[str],
        method: str | None = None,
        *,
        modules: Iterable[str] = (),
        imports: Mapping[str, str] | None = None,
        pool: Mapping[str, Any] | None = None,
        limits: Mapping[str, int] | None = None,
        network: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> LuaFunction:
        """Add a Lua function: `source` is its text, or the path of a file as a `pathlib.Path`.

        `method`, `modules`, `imports`, `pool`, `limits` and `network` are the fields of an entry; `method` is not
        needed where the source returns a function rather than a table of them, and is "main" otherwise. An id that is
        taken is replaced. Returns the function.

        Raises `RegistryError` with the texts of a load, `ConfigError` also for a name in `pool`, `limits` or `network`
        that nothing reads, and `TypeError` for a `source` or `modules` of another type. Rules: 04 §1, F-40, L-1.

        >>> rt.add_lua("app:greet", "return function(name) return 'Hello, ' .. name end")     # doctest: +SKIP
        """
        fields = {
            "method": "main" if method is None else method, "modules": list_of_names("add_lua", id, "modules", modules),
            "imports": imports, "pool": pool, "limits": limits, "network": network,
        }  # fmt: skip
        config = entry_for_lua(id, source, fields, meta, self.limits.max_module_bytes)
        self._install(config.entry, config, None)
        function = self._callables[config.entry.id]
        assert isinstance(function, LuaFunction)  # noqa: S101 - it was just installed
        return function

    def register(self, id: str) -> Callable[[F], F]:
        """A decorator that makes a Python function, plain or async, callable by guests through `funcs`.

        Raises `RegistryError` for an id without both parts, or one that is taken; `TypeError` for what cannot be
        called. Rules: H-20 to H-24.

        >>> @rt.register("app:lookup")                                        # doctest: +SKIP
        ... def lookup(key: str) -> str: ...
        """
        if not isinstance(id, str):
            raise TypeError(f'register: expected an id, got {type(id).__name__}; write @rt.register("namespace:name")')

        def add(callee: F) -> F:
            if not callable(callee):
                raise TypeError(f"register({id!r}): expected a function, got {type(callee).__name__}")
            with self._lock:
                self._check_usable()
                self._installed.register(id, callee)
            return callee

        return add

    def remove(self, id: str) -> None:
        """Remove an entry or a registered function; running calls finish. Raises `FunctionNotFound`. Rules: F-36."""
        with self._lock:
            self._check_usable()
            self._installed.remove(id)

    # Calling

    def call(self, id: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function by id, with its parameters by position or snake_case name, and return its result.

        Raises `FunctionNotFound`, and what a call of the function raises: see `Function`. Rules: F-41 to F-51.
        """
        # A function that is replaced just now still runs (F-40); only one that is removed does not.
        return (self._callables.get(id) or self.function(id))(*args, **kwargs)

    async def call_async(self, id: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function by id from an event loop: see `Function.call_async`. Raises what `call` raises."""
        return await (self._callables.get(id) or self.function(id)).call_async(*args, **kwargs)

    def function(self, id: str) -> Function | PythonFunction:
        """The function with this id. Raises `FunctionNotFound`, or `PoolClosed` after `close`. Rules: F-36, F-48."""
        found = self._callables.get(id)
        if found is None:
            self._check_usable()
            raise self._installed.not_found(id)
        return found

    def executor(self, max_workers: int | None = None) -> RuntimeExecutor:
        """A `concurrent.futures.Executor` whose `submit` takes a function or its id.

        `max_workers` is the number of threads for plain Python callables; guests need none.

        >>> with rt.executor() as pool:                                       # doctest: +SKIP
        ...     futures = [pool.submit("app:resize", image, 640) for image in images]
        """
        from .executor import RuntimeExecutor

        self._check_usable()
        return RuntimeExecutor(self, max_workers)

    # Looking

    def entries(self, kind: str | None = None) -> list[Entry]:
        """The entries in load order, those of one kind if given."""
        return [entry for entry in list(self._installed.catalog.entries.values()) if kind in (None, entry.kind)]

    @property
    def env(self) -> Environment:
        """The environment variables the registry declares; memory variables get their values here."""
        return self._installed.catalog.environment

    def check(self) -> list[Problem]:
        """Problems of the loaded entries that loading itself does not refuse, errors and warnings. Rules: C-17."""
        from .check import check_runtime

        self._check_usable()
        return check_runtime(self)

    def stats(self) -> dict[str, FunctionStats]:
        """What was counted of each function's calls, by id; see `FunctionStats`.

        A function that replaced another starts anew; one that was removed, and registered Python functions, are not
        there. Raises `PoolClosed` after `close`. Rules: F-61.
        """
        self._check_usable()
        raw = self._table.stats()
        return {id: FunctionStats.of(raw[id]) for id in list(self._callables) if id in raw}

    def close(self, wait: float | None = 5.0) -> list[str]:
        """Refuse new calls, wait up to `wait` seconds (None: without end) for running ones, then cancel the rest.

        Returns the ids of the functions whose calls were cancelled. Closing twice is fine. Raises `ValueError` or
        `TypeError` for a time that cannot be. Rules: F-36.
        """
        if wait is not None and not wait >= 0:
            raise ValueError(f"wait={wait!r}: expected seconds, or None")
        with self._lock:
            if self._unusable is not None:
                return []
            self._become_unusable(PoolClosed("pool is closed"))
        return self._table.close(wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        """Raises `TypeError`: a runtime belongs to one process."""
        raise TypeError("a Runtime cannot be pickled; load one in the other process")

    def __repr__(self) -> str:
        state = f"unusable: {self._unusable}" if self._unusable else f"{len(self._callables)} functions"
        return f"<Runtime {state}>"

    # Inside

    def _install(self, entry: Entry, config: Config | None, content: bytes | None) -> None:
        """Compiling may take seconds, so others may add and remove meanwhile: what is there is checked again after."""
        compiled = None
        if isinstance(config, FunctionConfig):
            with self._lock:
                self._check_usable()
                self._installed.catalog.check(entry, config)
            compiled = self._installed.compile(config, content)
        with self._lock:
            self._check_usable()
            self._installed.install(entry, config, compiled)

    def _check_usable(self) -> None:
        if self._unusable is not None:
            raise copy(self._unusable)  # a fresh one: a raised exception keeps its frames

    def _become_unusable(self, why: WippyError) -> None:
        self._unusable = why
        self._callables = {}

    def _become_forked(self) -> None:
        """Threads of the core do not survive a fork, so a call in the child would hang; make it an error."""
        self._lock = threading.RLock()
        why = "this runtime was made before a fork; make one in the child process"
        self._become_unusable(WippyError(why, kind="Unavailable"))

    def _warn(self, registry: Registry) -> None:
        for problem in [*registry.problems, *registry.nothing_found()]:
            log.warning("%s", problem)
        self._warn_inert(registry.entries.values())

    def _warn_inert(self, entries: Iterable[Entry]) -> None:
        """One warning a load for kinds that nothing here handles. Rules: R-37."""
        kinds = sorted({entry.kind for entry in entries if entry.kind not in PARSERS and not is_plain_data(entry.kind)})
        if kinds:
            log.warning("entries of these kinds are kept as data and do nothing here: %s", ", ".join(kinds))
