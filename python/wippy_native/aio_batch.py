"""`map_async`: batches whose results an event loop waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from .aio import bridge_of
from .batch import items_of

if TYPE_CHECKING:
    from ._border import Batch, Bridge

MakeBatch = Callable[[Any, "Bridge"], "Batch"]
"""A batch over an iterator, or over what is fed to it (None), told of through a bridge."""


class LoopBatch:
    """A batch of the core's, seen from the loop that runs when its first result is asked for."""

    def __init__(self, items: Iterable[Any] | AsyncIterable[Any], make: MakeBatch) -> None:
        self._make = make
        self._async_items = items if isinstance(items, AsyncIterable) else None
        self._items = None if self._async_items is not None else items_of(items)

    async def results(self) -> AsyncGenerator[Any]:
        """The results in order; ending it early ends the guests in flight."""
        batch = self._make(self._items, bridge_of(asyncio.get_running_loop()))
        feeder = None if self._async_items is None else _Feeder(self._async_items, batch)
        finished = False
        try:
            while (chunk := await _next(batch, feeder)) is not None:
                for result in chunk:
                    yield result
            if feeder is not None:
                feeder.raise_own_error()
            finished = True
        finally:
            try:
                if feeder is not None:
                    await feeder.stop()
            finally:
                if not finished:
                    await _end(batch)


async def _next(batch: Batch, feeder: _Feeder | None) -> list[Any] | None:
    """Some results, or None at the end. Other tasks get their turn in any case."""
    loop = asyncio.get_running_loop()
    while True:
        ready = loop.create_future()
        if feeder is not None:
            feeder.go_on(ready)
        chunk = batch.poll()
        if chunk is None or chunk:
            await asyncio.sleep(0)
            return chunk
        if batch.when_ready(ready):
            await asyncio.wait([ready], timeout=batch.time_left())


async def _end(batch: Batch) -> None:
    """End the guests, however often we are cancelled ourselves. They look up at every tick of the core's clock, which
    must not hold the loop's thread."""
    cancelled = None
    while not batch.cancel(wait=False):
        try:
            await asyncio.sleep(0.001)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


class _Feeder:
    """Takes the items of an async iterable to a batch, as fast as that has room for them."""

    def __init__(self, items: AsyncIterable[Any], batch: Batch) -> None:
        self._batch = batch
        self._error: BaseException | None = None
        self._ready: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._feed(items))

    def go_on(self, ready: asyncio.Future[None]) -> None:
        """Feed while there is room, and say through `ready` when there is something new."""
        self._ready = ready
        if self._batch.room():
            self._room.set()

    def raise_own_error(self) -> None:
        """Raises what the source raised."""
        if self._error is not None:
            raise self._error

    async def stop(self) -> None:
        """End it, and the source."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _feed(self, items: AsyncIterable[Any]) -> None:
        try:
            async for item in items:
                while not self._batch.room():
                    self._room.clear()
                    await self._room.wait()
                self._batch.feed([item])
                self._tell()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - raised again after the results before it
            # Also a cancellation: what the source waited for may have been cancelled, which is not its end.
            self._error = error
        finally:
            self._batch.feed([], last=True)
            self._tell()

    def _tell(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)
