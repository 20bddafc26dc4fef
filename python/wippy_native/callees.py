"""The Python side of functions that guests call through `funcs`: async ones, and results without a text of their own.

An `async def` runs on the event loop that the guest's call came from, in its caller's context. Where the call came from
none, it runs on a loop of the package's own, on one thread for the whole process that starts with the first such call.
The guest waits on its fiber meanwhile. A synchronous call made on a thread that runs an event loop cannot wait for that
loop without blocking it, so it is refused at once. The core calls in here; users do not.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import functools
import inspect
import json
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .errors import WippyError

if TYPE_CHECKING:
    from ._core import Scope


class Done(Protocol):
    """Takes the outcome of an async function, once."""

    def __call__(self, result: Any, error: BaseException | None, /) -> None:
        """`error` is None when the function returned `result`."""

    def when_withdrawn(self, cancel: Callable[[], object], /) -> None:
        """Have `cancel` called, on some thread, if the guest ends before the outcome."""


_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("wippy_native_scope", default=None)
_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()


def start(
    awaitable: Awaitable[Any], scope: Scope, identity: str, done: Done, context: contextvars.Context | None = None
) -> None:
    """Run what an async function returned and hand its outcome to `done`; `scope` is the guest's call.

    `context` is that of the guest's caller, the running one if not given. Raises `WippyError` on a thread that runs an
    event loop. Rules: H-20, H-27.
    """
    if _runs_a_loop():
        if asyncio.iscoroutine(awaitable):
            awaitable.close()
        message = (
            f"{identity}: an async function cannot be waited for here: the guest was called synchronously on the "
            "thread of a running event loop; call it from another thread (asyncio.to_thread)"
        )
        done(None, WippyError(message, kind="Conflict", entry=identity))
        return
    context = contextvars.copy_context() if context is None else context.copy()
    context.run(_scope.set, scope)
    _the_loop().call_soon_threadsafe(_start_task, awaitable, context, done)


def start_at_home(
    callee: Callable[..., Awaitable[Any]],
    arguments: tuple[Any, ...],
    context: contextvars.Context,
    scope: Scope,
    identity: str,
    done: Done,
) -> None:
    """Call an async function on the loop of the guest's caller, in a copy of its context. Rules: H-20, H-27."""
    context = context.copy()
    context.run(_scope.set, scope)
    try:
        awaitable = context.run(callee, *arguments)
    except BaseException as error:  # noqa: BLE001 - handed on to the guest's caller
        done(None, error)
    else:
        _start_task(awaitable, context, done)


def await_at_home(awaitable: Awaitable[Any], context: contextvars.Context, scope: Scope, done: Done) -> None:
    """Wait there for what a plain function returned."""
    context = context.copy()
    context.run(_scope.set, scope)
    _start_task(awaitable, context, done)


def is_async(callee: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine, as far as can be told without calling it."""
    function: Any = callee
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    return inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - the method is wanted


def current_scope() -> Scope | None:
    """The guest's call that this code runs for, inside an async function."""
    return _scope.get()


def to_json(identity: str, value: Any) -> str:
    """A result as JSON text. Raises `WippyError` for a value that has none. Rules: H-24."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"{identity}: the result has no text form: {error}; return str, bytes, or what JSON can hold"
        raise WippyError(message, kind="Invalid", entry=identity) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} is not JSON")


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _start_task(awaitable: Awaitable[Any], context: contextvars.Context, done: Done) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(_wait(awaitable), context=context)
    _running.add(task)
    done.when_withdrawn(functools.partial(loop.call_soon_threadsafe, task.cancel))
    task.add_done_callback(_running.discard)
    task.add_done_callback(lambda task: _finish(task, done))


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


async def _wait(awaitable: Awaitable[Any]) -> Any:
    """Its result. Errors come as values: a loop ends with a task that raises `SystemExit` or `KeyboardInterrupt`."""
    try:
        return await awaitable
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - handed on to the guest's caller
        return _Failed(error)


def _finish(task: asyncio.Task[Any], done: Done) -> None:
    if task.cancelled():
        done(None, WippyError("the async function was cancelled", kind="Canceled"))
    elif isinstance(result := task.result(), _Failed):
        done(None, result.error)
    else:
        done(result, None)


# A loop keeps only weak references to its tasks.
_running: set[asyncio.Task[Any]] = set()


def _the_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=(_loop,), name="wippy-async", daemon=True).start()
        return _loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop for good: a callee that stops it must not stop those of others."""
    while not loop.is_closed():
        loop.run_forever()


def _after_fork() -> None:
    """The thread did not survive: the child starts its own when it needs one."""
    global _loop, _loop_lock
    _loop = None
    _loop_lock = threading.Lock()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
