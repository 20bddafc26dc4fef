"""The options of a runtime, as a type and as checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from .callees import is_async
from .limits import Limits
from .network import NetworkPolicy, Transport

ResultStyle = Literal["table", "pair"]


class Options(TypedDict, total=False):
    """The options of `Runtime` and `Runtime.load`; `Runtime` describes them."""

    limits: Limits | None
    cache_dir: str | os.PathLike[str] | None
    strict: bool
    strict_imports: bool
    authorize: Callable[[str, str], bool] | None
    network: NetworkPolicy | None
    http: Transport | None
    result_style: ResultStyle


def check_options(options: Mapping[str, Any]) -> None:
    """Raises `TypeError` for an option of another type, `ValueError` for one that cannot be."""
    limits, authorize, network, http, style = (
        options[name] for name in ("limits", "authorize", "network", "http", "result_style")
    )
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits: expected Limits(...), got {type(limits).__name__}")
    if authorize is not None and not callable(authorize):
        raise TypeError(f"authorize: expected a function, got {type(authorize).__name__}")
    if authorize is not None and is_async(authorize):
        raise TypeError("authorize: expected a plain function, got an async one")
    if network is not None and not isinstance(network, NetworkPolicy):
        raise TypeError(f"network: expected NetworkPolicy(...), got {type(network).__name__}")
    if http is not None and not callable(http):
        raise TypeError(f"http: expected a function, got {type(http).__name__}")
    if style not in ("table", "pair"):
        raise ValueError(f'result_style={style!r}: expected "table" or "pair"')
