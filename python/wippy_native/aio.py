"""Calls from asyncio: the bridge between the core's threads and an event loop, and what awaits a call.

Calls end on the core's threads. Each loop has one bridge, which a socket wakes once for all calls that ended since the
loop last looked. A loop that cannot watch sockets (the proactor of Windows) is woken by `call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ._border import Bridge

if TYPE_CHECKING:
    from ._border import FunctionBase, Pending

_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Bridge] = weakref.WeakKeyDictionary()


def bridge_of(loop: asyncio.AbstractEventLoop) -> Bridge:
    """The bridge to the running loop."""
    bridge = _bridges.get(loop)
    if bridge is None:
        bridge = _bridges[loop] = _connect(loop)
    return bridge


def _connect(loop: asyncio.AbstractEventLoop) -> Bridge:
    # Bridges know their loop weakly: the dict above keeps them, and would keep the loop as well.
    known = weakref.ref(loop)

    def soon(flush: Callable[[], object]) -> None:
        if (loop := known()) is not None:
            loop.call_soon(flush)

    try:
        bridge = Bridge(socket=True, soon=soon)
        loop.add_reader(bridge.fileno(), bridge.drain)
    except NotImplementedError:
        return _connect_without_socket(known, soon)
    return bridge


def _connect_without_socket(
    known: weakref.ref[asyncio.AbstractEventLoop], soon: Callable[[Callable[[], object]], object]
) -> Bridge:
    def wake() -> None:
        if (loop := known()) is not None and (bridge := _bridges.get(loop)) is not None:
            loop.call_soon_threadsafe(bridge.drain)

    return Bridge(wake=wake, soon=soon)


async def call(function: FunctionBase, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call a function from the running loop. Cancelling it ends the guest, and waits until its instance is gone."""
    return await outcome_of(lambda bridge, outcome: function.start(bridge, outcome, args, kwargs))


async def outcome_of(start: Callable[[Bridge, asyncio.Future[Any]], Pending]) -> Any:
    """Await what `start` starts on the core's threads. Cancelling it ends the guest, and waits for its end."""
    loop = asyncio.get_running_loop()
    outcome = loop.create_future()
    pending = start(bridge_of(loop), outcome)
    try:
        return await outcome
    except asyncio.CancelledError:
        if outcome.cancelled():
            await _end(pending, loop)
        raise
    except GeneratorExit:  # the loop was closed, or the coroutine thrown away: nothing can be awaited any more
        pending.cancel()
        raise


async def _end(pending: Pending, loop: asyncio.AbstractEventLoop) -> None:
    """Cancel a call and wait for its end, at most a tick of the core's clock away, however often we are cancelled."""
    ended = loop.create_future()
    if not pending.cancel(ended):
        return
    while not ended.done():
        try:
            await asyncio.wait([ended])
        except asyncio.CancelledError:
            continue
