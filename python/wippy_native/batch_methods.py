"""The batch methods that every function has: `map`, `starmap`, `imap_unordered` and `map_async`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any

from .batch import AsyncEngine, AsyncResults, BatchOptions, Engine, OnError, Results


class BatchMethods:
    """A function that can be called with every item of a source.

    The source is read on the consumer's thread, some items ahead of the results that were taken and no further, so it
    may be endless. Options, the same for all:

    workers: calls at once. By default as many as there are processors, or 128 for a guest that may wait (one that
        imports clocks, files, streams or functions); the entry's pool bounds it in any case.
    chunk_size: items that cross to the core at once; by default by what a call takes.
    on_error: "raise" (the default) raises the first error and cancels the rest; "return" puts the exception in its
        item's place. What would fail every item that follows (a closed runtime) is raised in any case.
    timeout: seconds for each item from when it runs, as in `with_options`.
    total_timeout: seconds for the whole, from now; then `LimitExceeded` with limit "total_timeout".

    Rules: B-1 to B-15.
    """

    def map(
        self,
        items: Iterable[Any],
        *,
        workers: int | None = None,
        chunk_size: int | None = None,
        on_error: OnError = "raise",
        timeout: float | None = None,
        total_timeout: float | None = None,
    ) -> Results:
        """Call it with each item as the only argument; an iterator over the results in the items' order.

        Raises what a call raises, `LimitExceeded` over a time, what the source raises, and `TypeError` or `ValueError`
        for an option that cannot be. Rules: B-1, B-4 to B-12.

        >>> for thumbnail in resize.map(images): ...                          # doctest: +SKIP
        """
        options = BatchOptions(
            workers=workers, chunk_size=chunk_size, on_error=on_error, timeout=timeout, total_timeout=total_timeout
        )
        return Results(self._batch(items, options, star=False, ordered=True))

    def starmap(
        self,
        items: Iterable[Iterable[Any]],
        *,
        workers: int | None = None,
        chunk_size: int | None = None,
        on_error: OnError = "raise",
        timeout: float | None = None,
        total_timeout: float | None = None,
    ) -> Results:
        """Call it with each item's own items as positional arguments; an iterator over the results in order.

        Raises what `map` raises. Rules: B-1.
        """
        options = BatchOptions(
            workers=workers, chunk_size=chunk_size, on_error=on_error, timeout=timeout, total_timeout=total_timeout
        )
        return Results(self._batch(items, options, star=True, ordered=True))

    def imap_unordered(
        self,
        items: Iterable[Any],
        *,
        workers: int | None = None,
        chunk_size: int | None = None,
        on_error: OnError = "raise",
        timeout: float | None = None,
        total_timeout: float | None = None,
    ) -> Results:
        """Call it with each item as the only argument; an iterator over (index, result) in the order they end.

        Raises what `map` raises. Rules: B-2.
        """
        options = BatchOptions(
            workers=workers, chunk_size=chunk_size, on_error=on_error, timeout=timeout, total_timeout=total_timeout
        )
        return Results(self._batch(items, options, star=False, ordered=False))

    def map_async(
        self,
        items: Iterable[Any] | AsyncIterable[Any],
        *,
        workers: int | None = None,
        chunk_size: int | None = None,
        on_error: OnError = "raise",
        timeout: float | None = None,
        total_timeout: float | None = None,
    ) -> AsyncResults:
        """As `map`, for an event loop: an async iterator over the results in order. The source may be async as well.

        Raises what `map` raises. `async with` or `aclose` ends it at once. Rules: B-1, B-4, B-12.

        >>> async for thumbnail in resize.map_async(images): ...              # doctest: +SKIP
        """
        options = BatchOptions(
            workers=workers, chunk_size=chunk_size, on_error=on_error, timeout=timeout, total_timeout=total_timeout
        )
        return AsyncResults(self._batch_async(items, options))

    def _batch(self, items: Iterable[Any], options: BatchOptions, *, star: bool, ordered: bool) -> Engine:
        raise NotImplementedError

    def _batch_async(self, items: Iterable[Any] | AsyncIterable[Any], options: BatchOptions) -> AsyncEngine:
        raise NotImplementedError
