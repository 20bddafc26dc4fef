"""Callable functions: WebAssembly ones, whose calls go straight into the core, and registered Python ones."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator
from enum import Enum
from functools import cache
from numbers import Real
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from ._border import Batch, Bridge, FunctionBase
from .batch import AsyncEngine, BatchOptions, Engine, items_of
from .batch_methods import BatchMethods
from .errors import FunctionNotFound, WippyError
from .output import Output, sink
from .signature import make_signature, wit_line

if TYPE_CHECKING:
    from .instance import Instance


class _Unset(Enum):
    UNSET = "unset"

    def __repr__(self) -> str:
        return "<unchanged>"


UNSET: Final = _Unset.UNSET


class Function(BatchMethods, FunctionBase):
    """A WebAssembly function of a runtime; call it with its WIT parameters, by position or by snake_case name.

    Every call runs in a fresh instance, unless its entry has `pool.reuse`. A call raises `ArgumentError`, `GuestError`
    (the error side of the function's `result`), `GuestTrap` with `ImportDenied`, `GuestExit`, `LimitExceeded`,
    `PoolClosed` or `Cancelled`.

    >>> resize = rt.function("app:resize")                                    # doctest: +SKIP
    >>> resize(image, width=640)                                              # doctest: +SKIP

    Rules: F-38, F-41 to F-51, V-1 to V-22.
    """

    @property
    def signature(self) -> inspect.Signature:
        """The parameters and result with Python types. Raises `FunctionNotFound` when `method` does not resolve."""
        return make_signature(tuple(self._parameters()), self.result)

    @property
    def __signature__(self) -> inspect.Signature:
        return self.signature

    @property
    def wit(self) -> str:
        """The function as WIT writes it. Raises `FunctionNotFound` when `method` does not resolve."""
        return wit_line(self.method.rpartition("#")[2], self._parameters(), self.result)

    def with_options(
        self,
        *,
        timeout: float | _Unset | None = UNSET,
        stdin: bytes | bytearray | memoryview | _Unset | None = UNSET,
        stdout: Output | _Unset = UNSET,
        stderr: Output | _Unset = UNSET,
        raise_err: bool | _Unset = UNSET,
    ) -> Self:
        """A new function with these options for its calls; what is not given stays as it is.

        timeout: seconds a call may take, None for no more than the entry's own limit.
        stdin: bytes the guest reads.
        stdout, stderr: "log" (the default), "inherit", "discard", a file object (text or binary), or a callable that
            gets bytes.
        raise_err: whether the error side of a `result` raises `GuestError`; with False the call returns `Ok` or `Err`.

        Raises `ValueError` or `TypeError` for an option that cannot be. Rules: F-47, H-35, V-22.
        """
        options: dict[str, Any] = {"timeout": timeout, "stdin": stdin, "raise_err": raise_err}
        options = {name: value for name, value in options.items() if value is not UNSET}
        _check("timeout", timeout, (Real, NoneType), "seconds")
        _check("stdin", stdin, (bytes, bytearray, memoryview, NoneType), "bytes")
        _check("raise_err", raise_err, (bool,), "True or False")
        if isinstance(timeout, Real) and not timeout > 0:
            raise ValueError(f"timeout={timeout!r}: expected seconds greater than 0, or None")
        for name, output in (("stdout", stdout), ("stderr", stderr)):
            if not isinstance(output, _Unset):
                options[name] = sink(name, output)
        return self.configure(**options)  # type: ignore[no-any-return]

    def call_async(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Call it from an event loop, which goes on meanwhile; a coroutine, otherwise as a plain call.

        Cancelling the task ends the guest, whatever it does, and frees its instance before the cancellation returns.
        `async def` functions that the guest calls run on this loop, with the context of this call.

        Raises what a plain call raises. Rules: B-20 to B-26, H-20, H-27.
        """
        return _from_loop()(self, args, kwargs)

    def _batch(self, items: Iterable[Any], options: BatchOptions, *, star: bool, ordered: bool) -> Batch:
        return self._make_batch(items_of(items), None, options, star=star, ordered=ordered)

    def _batch_async(self, items: Iterable[Any] | AsyncIterable[Any], options: BatchOptions) -> AsyncEngine:
        from .aio_batch import LoopBatch

        return LoopBatch(
            items, lambda source, bridge: self._make_batch(source, bridge, options, star=False, ordered=True)
        )

    def _make_batch(
        self, source: Iterator[Any] | None, bridge: Bridge | None, options: BatchOptions, *, star: bool, ordered: bool
    ) -> Batch:
        return Batch(
            self if options.timeout is None else self.with_options(timeout=options.timeout),
            source,
            star=star,
            ordered=ordered,
            return_errors=options.on_error == "return",
            workers=options.workers,
            chunk_size=options.chunk_size,
            timeout=options.total_timeout,
            bridge=bridge,
        )

    def instance(self) -> Instance:
        """An instance that keeps its state from call to call: see `Instance`. The options of this function hold for its
        calls. Rules: F-38b.

        >>> with fn.instance() as instance:                                   # doctest: +SKIP
        ...     instance("one"), instance("two")
        """
        from .instance import Instance

        return Instance(self)

    def _parameters(self) -> list[tuple[str, str]]:
        parameters = self.parameters
        if parameters is None:
            raise FunctionNotFound(self.resolve_error() or "method not found", entry=self.id)
        return parameters

    def __reduce__(self) -> NoReturn:
        """Raises `TypeError`: compiled code and its runtime belong to one process."""
        raise TypeError(f"{self!r} cannot be pickled; load a Runtime in the other process and call the function there")

    def __repr__(self) -> str:
        return f"<Function {self.id}>"


def _check(name: str, value: object, types: tuple[type, ...], wanted: str) -> None:
    """Raises `TypeError` for an option of another type; True and False are no numbers."""
    is_bool = isinstance(value, bool) and bool not in types
    if is_bool or not isinstance(value, (_Unset, *types)):
        raise TypeError(f"{name}: expected {wanted}, got {type(value).__name__}")


@cache
def _from_loop() -> Callable[..., Coroutine[Any, Any, Any]]:
    from .aio import call  # asyncio takes longer to load than all of this package

    return call


class PythonFunction(BatchMethods):
    """A Python function registered under an id; guests reach it through `funcs`. Rules: H-20."""

    wit = ""

    def __init__(self, identity: str, callee: Callable[..., Any]) -> None:
        self.id = identity
        self.callee = callee
        self.__doc__ = callee.__doc__

    @property
    def signature(self) -> inspect.Signature:
        """The signature of the Python function, its annotations resolved where they can be."""
        try:
            return inspect.signature(self.callee, eval_str=True)
        except Exception:  # noqa: BLE001 - evaluating an annotation may raise anything
            return inspect.signature(self.callee)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; an `async def` runs to its end, on an event loop of its own.

        Raises what the function raises, and `WippyError` for an `async def` on a thread that runs an event loop.
        """
        result = self.callee(*args, **kwargs)
        return _run(result, self.id) if inspect.iscoroutine(result) else result

    async def call_async(self, *args: Any, **kwargs: Any) -> Any:
        """Call it from an event loop: an `async def` is awaited there, a plain function runs on a thread."""
        import asyncio

        from .callees import is_async

        if is_async(self.callee):
            return await self.callee(*args, **kwargs)
        result = await asyncio.to_thread(self.callee, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def _batch(self, items: Iterable[Any], options: BatchOptions, *, star: bool, ordered: bool) -> Engine:
        from .python_batch import ThreadBatch

        return ThreadBatch(self, items_of(items), options, star=star, ordered=ordered)

    def _batch_async(self, items: Iterable[Any] | AsyncIterable[Any], options: BatchOptions) -> AsyncEngine:
        from .python_batch import TaskBatch

        return TaskBatch(self, items, options)

    def __repr__(self) -> str:
        return f"<PythonFunction {self.id}>"


def _run(coroutine: Any, identity: str) -> Any:
    import asyncio  # takes longer to load than all of this package

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    coroutine.close()
    raise WippyError(
        f"{identity} is an async function and this thread runs an event loop; await the function itself instead",
        kind="Conflict",
        entry=identity,
    )
