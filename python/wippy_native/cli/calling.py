"""`call`: one call of a function of the project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import GuestError, WippyError
from ..lua.function import LuaFunction
from ..runtime import Runtime
from ..wit_types import WitType
from .functions import explain, find_function, good_side, read_words, to_stderr
from .printing import data
from .values import plain, to_json


def call_function(
    directory: Path, identity: str, arguments: Sequence[str], *, as_json: bool, timeout: float | None
) -> None:
    """Call a function and print its result. Raises `WippyError`, `OSError`."""
    with Runtime.load(directory) as runtime:
        function = find_function(runtime, identity)
        configured = function.with_options(timeout=timeout, stdout=to_stderr, stderr=to_stderr)
        try:
            result = configured(*read_words(function, arguments))
        except GuestError as error:
            raise WippyError(explain(function, error)) from None
        if isinstance(function, LuaFunction):
            _print_plain(result, as_json=as_json)
        else:
            _print(result, good_side(function.result), as_json=as_json)


def _print(result: object, kind: WitType | None, *, as_json: bool) -> None:
    """A string raw, else JSON; nothing for a function without a result, unless JSON is asked for."""
    if isinstance(result, str) and not as_json:
        data(result)
    elif kind is not None or as_json:
        data(json.dumps(to_json(result, kind), ensure_ascii=False))


def _print_plain(result: object, *, as_json: bool) -> None:
    """As above, for a result without a type."""
    if isinstance(result, str) and not as_json:
        data(result)
    elif result is not None or as_json:
        data(json.dumps(plain(result), ensure_ascii=False))
