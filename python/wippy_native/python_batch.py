"""Batches of registered Python functions: on threads, or as tasks of an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import count
from typing import TYPE_CHECKING, Any

from .batch import BatchOptions, items_of
from .errors import LimitExceeded

if TYPE_CHECKING:
    from .function import PythonFunction

_LOOP_TASKS = 128
_LOOK_AROUND = 0.05
"""Seconds after which a waiting thread lets Python look for signals."""


class ThreadBatch:
    """Calls on a pool of threads. What runs cannot be interrupted: leaving the batch early waits for nobody."""

    def __init__(
        self, function: PythonFunction, items: Iterator[Any], options: BatchOptions, *, star: bool, ordered: bool
    ) -> None:
        self._function, self._options, self._ordered = function, options, ordered
        self._items = zip(count(), items, strict=False)
        self._call: Callable[..., Any] = (lambda item: function(*item)) if star else function
        workers = options.workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="wippy-map")
        self._room = 2 * workers
        self._running: deque[tuple[int, Future[Any]]] = deque()
        total = options.total_timeout
        self._end = None if total is None else time.monotonic() + total
        self._error: Exception | None = None
        self._taken = 0

    def next(self) -> list[Any] | None:
        """One result; None after the last."""
        self._fill()
        if not self._running:
            self._pool.shutdown(wait=False)
            if self._error is not None:
                raise self._error
            return None
        index, future = self._take()
        self._taken += 1
        try:
            result = self._result(future)
        except Exception as error:
            if self._options.on_error == "raise":
                raise
            result = error
        return [result if self._ordered else (index, result)]

    def cancel(self, *, wait: bool) -> object:
        """Forget what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return wait

    def _fill(self) -> None:
        while len(self._running) < self._room and self._error is None:
            try:
                index, item = next(self._items)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - raised after the results before it
                self._error = error
                return
            self._running.append((index, self._pool.submit(contextvars.copy_context().run, self._call, item)))

    def _result(self, future: Future[Any]) -> Any:
        if not future.done():
            raise _overtime(self._function.id, "timeout", self._options.timeout)
        return future.result()

    def _take(self) -> tuple[int, Future[Any]]:
        waited = time.monotonic()
        while True:
            wanted = [self._running[0]] if self._ordered else list(self._running)
            wait([future for _, future in wanted], _LOOK_AROUND, FIRST_COMPLETED)
            for found in wanted:
                if found[1].done():
                    self._running.remove(found)
                    return found
            timeout, now = self._options.timeout, time.monotonic()
            if self._end is not None and now >= self._end:
                raise _overtime(self._function.id, "total_timeout", self._options.total_timeout, self._taken)
            if timeout is not None and now - waited >= timeout:
                return self._running.popleft()


class TaskBatch:
    """Calls as tasks of the running loop; plain functions run on its threads."""

    def __init__(
        self, function: PythonFunction, items: Iterable[Any] | AsyncIterable[Any], options: BatchOptions
    ) -> None:
        self._function, self._options = function, options
        self._items = items if isinstance(items, AsyncIterable) else _async_items(items_of(items))
        self._room = options.workers or _LOOP_TASKS

    async def results(self) -> AsyncGenerator[Any]:
        """The results in order; ending it early cancels the tasks."""
        running: deque[asyncio.Task[Any]] = deque()
        total = self._options.total_timeout
        end = None if total is None else asyncio.get_running_loop().time() + total
        taken, error = 0, None
        items = aiter(self._items)
        try:
            while error is None:
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    break
                except Exception as raised:  # noqa: BLE001 - raised after the results before it
                    error = raised
                    break
                running.append(asyncio.ensure_future(self._call(item)))
                while running and (len(running) >= self._room or running[0].done()):
                    yield await self._first(running, end, taken)
                    taken += 1
            while running:
                yield await self._first(running, end, taken)
                taken += 1
            if error is not None:
                raise error
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _call(self, item: Any) -> Any:
        scope = asyncio.timeout(self._options.timeout)
        try:
            async with scope:
                return await self._function.call_async(item)
        except Exception as error:
            over = _overtime(self._function.id, "timeout", self._options.timeout) if scope.expired() else None
            if self._options.on_error == "return":
                return over or error
            if over is None:
                raise
            raise over from None

    async def _first(self, running: deque[asyncio.Task[Any]], end: float | None, taken: int) -> Any:
        left = None if end is None else max(0.0, end - asyncio.get_running_loop().time())
        await asyncio.wait([running[0]], timeout=left)
        if not running[0].done():
            raise _overtime(self._function.id, "total_timeout", self._options.total_timeout, taken)
        return running.popleft().result()


async def _async_items(items: Iterator[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def _overtime(identity: str, limit: str, seconds: float | None, taken: int | None = None) -> LimitExceeded:
    allowed = int((seconds or 0) * 1000)
    if taken is None:
        message = f"{identity}: timeout exceeded: {allowed}ms"
    else:
        message = f"{identity}: batch timeout exceeded: {allowed}ms; {taken} results had been taken"
    return LimitExceeded(message, limit=limit, allowed=allowed, kind="Timeout", entry=identity)
