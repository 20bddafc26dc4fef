"""Instances that Python keeps: the state of one guest lives from call to call."""

from __future__ import annotations

from typing import Any, NoReturn, Self

from ._border import InstanceBase


class Instance(InstanceBase):
    """One instance of a function, kept until it is closed; made by `Function.instance`.

    Call it like the function. It serves one call at a time, of any export of its module, and its memory and globals
    live from call to call. It starts where a `with` block begins, else with its first call, and its environment stays
    that of its start. While it lives it takes up room in the pool of its entry, as a call does.

    A call raises what a call of the function raises. `WippyError` of kind "Conflict" says that the instance is in the
    middle of a call, one of kind "Unavailable" that it has ended: it was closed, or a call of it trapped, exited, was
    cancelled or reached a limit. A guest's `err` ends nothing.

    >>> with fn.instance() as instance:                                       # doctest: +SKIP
    ...     instance(1), instance.call("other-export", 2)

    Rules: F-38b.
    """

    async def call_async(self, *args: Any, **kwargs: Any) -> Any:
        """Call it from an event loop: see `Function.call_async`. Cancelling the task ends the instance.

        Rules: B-20, B-21.
        """
        return await self._start(None, args, kwargs)

    async def call_export_async(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """The same for another export. Raises `FunctionNotFound` where the module has none of this name.

        Rules: B-20, B-21.
        """
        return await self._start(method, args, kwargs)

    async def _start(self, method: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from . import aio  # asyncio takes longer to load than all of this package

        return await aio.outcome_of(lambda bridge, outcome: self.start(bridge, outcome, method, args, kwargs))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        from . import aio

        await aio.outcome_of(self.start_open)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        """Raises `TypeError`: an instance belongs to one process."""
        raise TypeError(f"{self!r} cannot be pickled; make one in the other process")

    def __repr__(self) -> str:
        return f"<Instance of {self.id}>"
