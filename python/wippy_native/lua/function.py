"""Callable Lua functions."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ..errors import WippyError
from ..function import Function

if TYPE_CHECKING:
    from ..instance import Instance

_SIGNATURE = inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL, annotation=Any)])


class LuaFunction(Function):
    """A Lua function of a runtime; call it with plain Python values, by position.

    Arguments and results are copied: None, bools, numbers, texts, bytes, lists and dicts. The first value that the
    function returns is the result. A call raises `LuaError` where the function raises an error or returns one as its
    second value, `ArgumentError` for what Lua has no value for and for keywords, and `LimitExceeded`, `PoolClosed` or
    `Cancelled`.

    >>> greet = rt.function("app:greet")                                      # doctest: +SKIP
    >>> greet("Ada")                                                          # doctest: +SKIP

    Rules: L-1 to L-24, V-24, V-25.
    """

    @property
    def signature(self) -> inspect.Signature:
        """`(*args)`: what a Lua function takes is not known before it runs."""
        return _SIGNATURE

    @property
    def wit(self) -> str:
        """Empty: Lua functions have no WIT."""
        return ""

    def instance(self) -> Instance:
        """Raises `WippyError`: a Lua function keeps no instances."""
        raise WippyError(f"{self.id} is a Lua function, which keeps no instances", kind="Invalid", entry=self.id)

    def _parameters(self) -> list[tuple[str, str]]:
        return []

    def __repr__(self) -> str:
        return f"<LuaFunction {self.id}>"
