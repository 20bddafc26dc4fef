"""The compiled core. Nothing but `wippy_native._border` imports it; the public API wraps it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import GenericAlias
from typing import Any, Generic, Literal, Self, TypedDict, TypeVar, final

_T = TypeVar("_T")

__all__ = [
    "BUILD",
    "Batch",
    "Bridge",
    "Engine",
    "Err",
    "FunctionBase",
    "FunctionSpec",
    "InstanceBase",
    "LuaModule",
    "Module",
    "Network",
    "NetworkRules",
    "NetworkSpec",
    "Ok",
    "Pending",
    "Scope",
    "Some",
    "Table",
    "Variant",
    "__version__",
    "check_network",
    "describe",
    "exiting",
    "run_command",
]

__version__: str
BUILD: Mapping[str, str]
"""`profile` ("release" or "debug"), `rustc`, `wasmtime`, `target`."""

_OutputSink = Literal["inherit", "discard", "log"] | Callable[[bytes], object]

class _RawStats(TypedDict):
    """`errors` by class name, those that occurred. `memory`: the most bytes of one instance. `slowest`: seconds
    of the slowest call. `buckets`: (middle in seconds, calls) of the histogram's buckets that hold any, ascending."""

    started: int
    finished: int
    queued: int
    instances: int
    memory: int
    errors: dict[str, int]
    slowest: float
    buckets: list[tuple[float, int]]

@final
class Variant(Generic[_T]):
    """A case of a WIT variant (V-16)."""

    __match_args__ = ("tag", "payload")
    def __new__(cls, tag: str, payload: _T = ...) -> Variant[_T]: ...
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    @property
    def tag(self) -> str: ...
    @property
    def payload(self) -> _T: ...

@final
class Ok(Generic[_T]):
    """The good side of a WIT result (V-13, V-14)."""

    __match_args__ = ("value",)
    def __new__(cls, value: _T = ...) -> Ok[_T]: ...
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    @property
    def value(self) -> _T: ...

@final
class Err(Generic[_T]):
    """The error side of a WIT result (V-13, V-14)."""

    __match_args__ = ("value",)
    def __new__(cls, value: _T = ...) -> Err[_T]: ...
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    @property
    def value(self) -> _T: ...

@final
class Some(Generic[_T]):
    """The present value of an option inside an option (V-12)."""

    __match_args__ = ("value",)
    def __new__(cls, value: _T) -> Some[_T]: ...
    def __class_getitem__(cls, key: object) -> GenericAlias: ...
    @property
    def value(self) -> _T: ...

@final
class Engine:
    """wasmtime's engine with its instance pool and epoch ticker; equal options share one per process."""

    def __new__(cls, *, cache_dir: str | None = ...) -> Engine: ...
    def info(self) -> dict[str, Any]:
        """Allocator, pool limits, cache directory, its number of files and bytes."""

@final
class Module:
    """A compiled component or core module.

    `digest` is the lower-case hex SHA-256 of `source`; it names the file in the compile cache.
    Raises `RegistryError` with the text of F-9 or F-10 when the bytes are not a module or do not compile.
    """

    def __new__(cls, engine: Engine, source: bytes, *, digest: str, text: bool = ...) -> Module: ...
    @property
    def kind(self) -> Literal["component", "core"]: ...
    @property
    def size(self) -> int: ...
    @property
    def imports(self) -> list[tuple[str, str, str]]:
        """(interface with version, function, group): group is `wasi:cli`, `funcs`, ..., or "" when none provides it."""
    @property
    def exports(self) -> list[tuple[str, str]]:
        """(name as `method` takes it, WIT signature) of every exported function, `iface#func` for interfaces."""

@final
class LuaModule:
    """A compiled Lua source with those it imports, by alias.

    `file` and `line` say where its first line stands, for errors and tracebacks. Raises `RegistryError` with details
    `line` (counted from `line`) and `column` for a syntax error.
    """

    def __new__(
        cls, *, entry: str, file: str, line: int, source: str, modules: list[str], imports: dict[str, LuaModule]
    ) -> LuaModule: ...
    @property
    def entry(self) -> str: ...
    @property
    def requires(self) -> list[tuple[str, int, int]]:
        """(name, line, column) of each `require` of a literal."""

def exiting() -> None:
    """Python is about to end: calls in daemon threads go no further."""

def describe(source: bytes, text: bool = ...) -> tuple[str, list[tuple[str, str]]] | None:
    """The WIT of a component's own packages, and (name as `method` takes it, signature) of each exported function.

    Types go by their names, unlike in `Module.exports`. None for a core module, which has no WIT.
    """

@final
class Batch:
    """A function called with every item of a source.

    `source`: an iterator, read on the thread that asks for results; None where items come by `feed`. `star`: an item is
    the positional arguments. `workers`, `chunk_size`: None for automatic. `timeout`: seconds for the whole. `bridge`:
    the loop that waits for results, if one does.
    """

    def __new__(
        cls,
        function: FunctionBase,
        source: Iterator[Any] | None,
        *,
        star: bool,
        ordered: bool,
        return_errors: bool,
        workers: int | None = ...,
        chunk_size: int | None = ...,
        timeout: float | None = ...,
        bridge: Bridge | None = ...,
    ) -> Self: ...
    def next(self) -> list[Any] | None:
        """Some results, at least one; None after the last. Waits. Raises what an item raises, unless errors are
        returned, and what the source raises."""
    def poll(self) -> list[Any] | None:
        """As `next` without waiting: an empty list where there is nothing yet."""
    def when_ready(self, future: Any) -> bool:
        """Give `future` None once `poll` is worth calling again; False where it is right now."""
    def time_left(self) -> float | None:
        """Seconds until `timeout` is over."""
    def room(self) -> int:
        """How many items `feed` should take now."""
    def feed(self, items: list[Any], *, last: bool = ...) -> None:
        """Add items; `last`: there are no more."""
    def cancel(self, *, wait: bool) -> bool:
        """End what is in flight, with `wait` until the guests are gone; whether they are."""

@final
class Bridge:
    """What the core's threads have to tell Python, delivered in bulk.

    With `socket`, `fileno` is readable while there is something; with `wake` that is called instead, from any thread.
    Without either a thread waits in `wait`. `soon` is the loop's `call_soon`: calls made in one turn start together.
    """

    def __new__(
        cls,
        *,
        socket: bool = ...,
        wake: Callable[[], object] | None = ...,
        soon: Callable[[Callable[[], object]], object] | None = ...,
    ) -> Self: ...
    def flush(self) -> None:
        """Start the calls made in this turn of the loop."""
    def fileno(self) -> int: ...
    def drain(self) -> None:
        """Handle what there is, on this thread."""
    def wait(self) -> None:
        """Wait until there is something, a tenth of a second at most."""
    def interrupt(self) -> None:
        """Have a thread in `wait` look up."""

@final
class Pending:
    """A call that runs on the core's threads."""

    def cancel(self, ended: Any = ...) -> bool:
        """End it at its next wait or tick. `ended`, a future, gets None when its instance is gone; False, and `ended`
        unused, where the call has ended already."""

@final
class Scope:
    """The call of a guest that an async Python function runs for (`callees.start`)."""

@final
class FunctionSpec:
    """What an entry says of a function, checked and resolved; crosses the border once."""

    def __new__(
        cls,
        *,
        id: str,
        method: str,
        wit: str | None = ...,
        groups: Sequence[str] = ...,
        strict_imports: bool = ...,
        capacity: int = ...,
        inline: bool = ...,
        warm_start: bool = ...,
        reuse: int = ...,
        max_execution_ms: int = ...,
        max_memory_bytes: int = ...,
        max_table_elements: int = ...,
        max_result_bytes: int = ...,
        max_output_bytes: int = ...,
        args: Sequence[str] = ...,
        cwd: str = ...,
        env: Sequence[tuple[str, str]] | Callable[[], Sequence[tuple[str, str]]] | None = ...,
        mounts: Sequence[tuple[str, str, bool]] = ...,
        network: NetworkSpec | None = ...,
        filesystems: Sequence[tuple[str, str, bool, bool]] = ...,
        envid: Callable[[str], str] | None = ...,
        getenv: Callable[[str], str | None] | None = ...,
        setenv: Callable[[str, str], None] | None = ...,
        all_env: Callable[[], dict[str, str]] | None = ...,
    ) -> FunctionSpec:
        """`groups`: canonical names. `env`: pairs, or a callable that gives them at each call and may raise.
        `mounts`: (host directory, guest path, writable). 0 means no limit for `max_execution_ms`. For Lua:
        `filesystems`: (id, host directory, readable, writable); `envid`, `getenv`,
        `setenv`, `all_env` are what its module `env` does, and raise `WippyError`."""

class FunctionBase:
    """A prepared function. `wippy_native.Function` derives from it and inherits the call path."""

    def __new__(
        cls, table: Table, module: Module | LuaModule | None = ..., spec: FunctionSpec | None = ...
    ) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def start(
        self,
        bridge: Bridge,
        future: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any] | None = ...,
        on_loop: bool = ...,
    ) -> Pending:
        """Call it on the core's threads; `future` gets the outcome where `bridge` is drained, which is a loop's thread
        if `on_loop`. Raises what lowering the arguments raises."""
    @property
    def id(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def parameters(self) -> list[tuple[str, str]] | None:
        """(WIT name, WIT type) each, or None when the method does not resolve."""
    @property
    def result(self) -> str | None:
        """The WIT type of the result."""
    def resolve_error(self) -> str | None:
        """Why the method cannot be called (F-13, F-14), if it cannot."""
    def probe(self) -> list[tuple[str, str]]:
        """Undeclared imports (interface, function) the start code calls: one trial instantiation; [] if none.
        Raises `GuestTrap` or `LimitExceeded` where the start code fails in another way."""
    def configure(
        self,
        *,
        timeout: float | None = ...,
        stdin: bytes | None = ...,
        stdout: _OutputSink = ...,
        stderr: _OutputSink = ...,
        raise_err: bool = ...,
    ) -> Any:
        """A new function of the same class sharing the prepared code, with these call options."""

class InstanceBase:
    """One instance of a function, kept from call to call. `wippy_native.Instance` derives from it."""

    def __new__(cls, function: FunctionBase) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any: ...
    def open(self) -> None:
        """Wait for room and run the start code."""
    def start_open(self, bridge: Bridge, future: Any) -> Pending:
        """The same on the core's threads; `future` gets None."""
    def start(
        self,
        bridge: Bridge,
        future: Any,
        method: str | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any] | None = ...,
    ) -> Pending:
        """Call it on the core's threads, the function's own export where `method` is None."""
    def close(self) -> None: ...
    @property
    def id(self) -> str: ...

@final
class NetworkRules:
    """What one party allows and denies on the network."""

    def __new__(cls, allow: Sequence[str] = ..., deny: Sequence[str] = ...) -> NetworkRules:
        """Raises `ValueError` with a list of (list, index, pattern, problem, hint)."""
    def refusal(self, url: str, addresses: Sequence[str] = ...) -> str | None:
        """Why these rules refuse a place; None where they allow it. Raises `ValueError` for what names no place."""

@final
class NetworkSpec:
    """What an entry says of the network; 0 is no limit."""

    def __new__(
        cls,
        rules: NetworkRules,
        *,
        max_sockets: int = ...,
        max_http_requests: int = ...,
        max_received_bytes: int = ...,
        max_sent_bytes: int = ...,
        max_response_header_bytes: int = ...,
        max_response_body_bytes: int = ...,
        max_response_ms: int = ...,
    ) -> NetworkSpec: ...

@final
class Network:
    """The network of one runtime; 0 is no limit."""

    def __new__(
        cls,
        *,
        ceiling: NetworkRules | None = ...,
        ca: bytes = ...,
        nameservers: Sequence[str] = ...,
        http: Callable[[Any], Any] | None = ...,
        max_total_sockets: int = ...,
        max_total_http_requests: int = ...,
        max_total_received_bytes: int = ...,
        max_total_sent_bytes: int = ...,
    ) -> Network:
        """Raises `RegistryError` for certificates, `ValueError` for nameservers that cannot be used."""

@final
class Table:
    """The callable functions of one runtime: what `funcs` and `Runtime.call` look up."""

    def __new__(
        cls,
        *,
        log: Callable[[str, int, bytes], object],
        message: Callable[[str, str, str | None, str, dict[str, Any] | None], object] | None = ...,
        refused: Callable[[str, str], object] | None = ...,
        network: Network | None = ...,
        authorize: Callable[[str, str], bool] | None = ...,
        max_call_depth: int = ...,
        max_calls: int = ...,
        timed: bool = ...,
        result_style: Literal["table", "pair"] = ...,
    ) -> Table:
        """`log(entry, fd, lines)` takes whole lines of guest output (fd 1 or 2),
        `message(entry, level, logger, text, fields)` what Lua logs, `refused(entry, text)` refusals of the
        network. `timed`: take the times of calls. `result_style`: how Lua gets a WIT `result` (V-20)."""
    def add(self, function: FunctionBase) -> None: ...
    def add_python(self, id: str, callee: Callable[..., Any]) -> None: ...
    def remove(self, id: str) -> bool: ...
    def stats(self) -> dict[str, _RawStats]:
        """What was counted of each WebAssembly function, by id."""
    def close(self, wait: float | None = ...) -> list[str]:
        """Refuse new calls, cancel what still runs after `wait` seconds; the ids that were cancelled."""

def check_network(ca: bytes | None, nameservers: Sequence[str]) -> None:
    """Raises `ValueError` for certificates or nameservers that a `Network` could not use."""

def run_command(
    engine: Engine,
    module: Module,
    *,
    args: Sequence[str] = ...,
    env: Sequence[tuple[str, str]] = ...,
    mounts: Sequence[tuple[str, str, bool]] = ...,
    stdin: bytes | None = ...,
    max_execution_ms: int = ...,
    max_memory_bytes: int = ...,
) -> int:
    """Run a `wasi:cli/run` component or a preview 1 command on the process's own stdio; the exit code.
    `stdin` None inherits."""
