"""`Runtime.executor()`: a `concurrent.futures.Executor` over a runtime's functions."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ._border import Bridge
from .function import Function

if TYPE_CHECKING:
    from ._border import Pending
    from .runtime import Runtime


class CallFuture(Future[Any]):
    """The outcome of a guest's call. `cancel` works while the guest runs, too: it ends at its next wait or tick.

    Rules: B-31.
    """

    _pending: Pending | None = None

    def cancel(self) -> bool:
        """End the call, if it still runs; whether it was in time."""
        if not super().cancel():
            return False
        with self._condition:
            pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
            # Without this, `wait` and `as_completed` would go on waiting.
            self.set_running_or_notify_cancel()
        return True

    def bind(self, pending: Pending) -> None:
        """The call is under way; what was cancelled meanwhile ends at once."""
        with self._condition:
            self._pending = pending
        if self.cancelled():
            self.cancel()


class RuntimeExecutor(Executor):
    """Runs functions of a runtime, by id or as `Function`, and plain Python callables beside them.

    Guests run on the core's threads, as many at once as their pools allow, whatever `max_workers` says, which is for
    Python callables. Good for `loop.run_in_executor`, `as_completed` and libraries that take an executor.

    Rules: B-30 to B-32.
    """

    def __init__(self, runtime: Runtime, max_workers: int | None = None) -> None:
        self._runtime = runtime
        self._threads = ThreadPoolExecutor(max_workers, thread_name_prefix="wippy-executor")
        self._bridge = Bridge()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._running: set[CallFuture] = set()
        self._shut_down = False
        self._reader: threading.Thread | None = None

    def submit(self, fn: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start a call; `fn` may be the id of a function.

        Raises `FunctionNotFound`, `ArgumentError`, and `RuntimeError` after `shutdown`.
        """
        function = self._runtime.function(fn) if isinstance(fn, str) else fn
        if not isinstance(function, Function):
            return self._threads.submit(function, *args, **kwargs)
        future = CallFuture()
        with self._lock:
            if self._shut_down:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._running.add(future)
            self._start_reader()
        future.add_done_callback(self._forget)
        try:
            future.bind(function.start(self._bridge, future, args, kwargs, on_loop=False))
        except BaseException:
            future.cancel()
            raise
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; wait for running ones, or with `cancel_futures` end them. Rules: B-32."""
        with self._lock:
            self._shut_down = True
            running = list(self._running)
        if cancel_futures:
            for future in running:
                future.cancel()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        with self._idle:
            while wait and self._running:
                self._idle.wait()
        self._bridge.interrupt()

    def _forget(self, future: Future[Any]) -> None:
        with self._idle:
            self._running.discard(future)
            self._idle.notify_all()

    def _start_reader(self) -> None:
        if self._reader is None:
            arguments = (weakref.ref(self), self._bridge, self._running)
            self._reader = threading.Thread(target=_read, args=arguments, name="wippy-futures", daemon=True)
            self._reader.start()
            _executors.add(self)


def _read(executor: weakref.ref[RuntimeExecutor], bridge: Bridge, running: set[CallFuture]) -> None:
    """Give futures their outcomes, until the executor is shut down or forgotten with nothing left to wait for."""
    while running or ((known := executor()) is not None and not known._shut_down):
        known = None
        bridge.wait()
        bridge.drain()


_executors: weakref.WeakSet[RuntimeExecutor] = weakref.WeakSet()


@atexit.register
def _finish() -> None:
    """Wait for submitted calls before the interpreter ends, as other executors do."""
    for executor in list(_executors):
        executor.shutdown()
