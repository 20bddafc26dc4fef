"""Batches: a function called with every item of a source, results as they come.

The core pulls items, runs guests and lifts results in chunks; here is what users hold: an iterator, or an async one,
whose end, however it comes about, cancels what is still in flight.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

OnError = Literal["raise", "return"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """How a batch is made. Times in seconds.

    Raises `ValueError` or `TypeError` for an option that cannot be.
    """

    workers: int | None = None
    chunk_size: int | None = None
    on_error: OnError = "raise"
    timeout: float | None = None
    total_timeout: float | None = None

    def __post_init__(self) -> None:
        for name in ("workers", "chunk_size"):
            _check_number(name, getattr(self, name), int, "a positive integer")
        for name in ("timeout", "total_timeout"):
            _check_number(name, getattr(self, name), Real, "seconds greater than 0")
        if self.on_error not in ("raise", "return"):
            raise ValueError(f'on_error={self.on_error!r}: use "raise" or "return"')


_MOST = 2**31 - 1


def _check_number(name: str, value: Any, kind: type, wanted: str) -> None:
    if value is None:
        return
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name}: expected {wanted} or None, got {type(value).__name__}")
    if not value > 0:  # type: ignore[operator]
        raise ValueError(f"{name}={value!r}: expected {wanted}, or None")
    if kind is int and value > _MOST:  # type: ignore[operator]
        raise ValueError(f"{name}={value!r}: expected at most {_MOST}")


class Engine(Protocol):
    """What runs a batch: the core's, or the threads that registered Python functions run on."""

    def next(self) -> list[Any] | None:
        """Some results; None after the last."""

    def cancel(self, *, wait: bool) -> object:
        """End what is in flight; with `wait`, wait for that."""


class Results(Iterator[Any]):
    """The results of `map`, `starmap` and `imap_unordered`; also a context manager.

    Leaving it early cancels what is in flight and waits until those guests are gone: `close`, the end of a `with`
    block, or letting go of it, which a loop over `fn.map(...)` does by itself at `break`.
    """

    def __init__(self, engine: Engine) -> None:
        self._results = _flattened(engine)

    def __iter__(self) -> Generator[Any]:
        """The generator itself: the loop over it costs nothing on top."""
        return self._results

    def __next__(self) -> Any:
        return next(self._results)

    def close(self) -> None:
        """Cancel what is in flight. Closing twice is fine."""
        self._results.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _flattened(engine: Engine) -> Generator[Any]:
    finished = False
    try:
        while (chunk := engine.next()) is not None:
            yield from chunk
        finished = True
    finally:
        if not finished:
            engine.cancel(wait=True)


class AsyncEngine(Protocol):
    """What runs an asynchronous batch."""

    def results(self) -> AsyncGenerator[Any]:
        """The results; closing the generator ends what is in flight."""


class AsyncResults(AsyncIterator[Any]):
    """The results of `map_async`; also an async context manager, whose end cancels what is in flight.

    A loop left by `break` is cleaned up when the iterator is collected; `async with` or `aclose` does it at once.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._results = engine.results()

    def __aiter__(self) -> AsyncGenerator[Any]:
        return self._results

    def __anext__(self) -> Any:
        return self._results.__anext__()

    async def aclose(self) -> None:
        """Cancel what is in flight, and wait until those guests are gone."""
        await self._results.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: TracebackType | object) -> None:
        await self.aclose()


def items_of(items: object) -> Iterator[Any]:
    """An iterator over a source. Raises `TypeError` for what is no iterable."""
    if isinstance(items, Iterable):
        return iter(items)
    if isinstance(items, AsyncIterable):
        raise TypeError("expected an iterable, got an async iterable; use map_async")
    raise TypeError(f"expected an iterable of items, got {type(items).__name__}")
