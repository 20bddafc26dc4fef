"""Run untrusted WebAssembly functions from a YAML registry, natively and isolated per call.

>>> import wippy_native as wippy
>>> rt = wippy.Runtime.load("app")                                            # doctest: +SKIP
>>> rt.call("app:resize", image, 640)                                         # doctest: +SKIP

Names are loaded on first use, so that reading a registry or an error class does not load the compiled core.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._border import Err, Ok, Some, Variant
    from ._border import core_version as __version__
    from .errors import (
        ArgumentError,
        Cancelled,
        ConfigError,
        FunctionNotFound,
        GuestError,
        GuestExit,
        GuestTrap,
        HashMismatch,
        HttpError,
        ImportDenied,
        InternalError,
        LimitExceeded,
        LuaError,
        PoolClosed,
        RegistryError,
        WippyError,
    )
    from .function import Function, PythonFunction
    from .instance import Instance
    from .limits import Limits
    from .lua.function import LuaFunction
    from .network import HttpRequest, HttpResponse, NetworkPolicy
    from .problems import Problem
    from .registry import Entry
    from .runtime import Runtime
    from .stats import FunctionStats, Latency

__all__ = [
    "ArgumentError",
    "Cancelled",
    "ConfigError",
    "Entry",
    "Err",
    "Function",
    "FunctionNotFound",
    "FunctionStats",
    "GuestError",
    "GuestExit",
    "GuestTrap",
    "HashMismatch",
    "HttpError",
    "HttpRequest",
    "HttpResponse",
    "ImportDenied",
    "Instance",
    "InternalError",
    "Latency",
    "LimitExceeded",
    "Limits",
    "LuaError",
    "LuaFunction",
    "NetworkPolicy",
    "Ok",
    "PoolClosed",
    "Problem",
    "PythonFunction",
    "RegistryError",
    "Runtime",
    "Some",
    "Variant",
    "WippyError",
    "__version__",
]

_ELSEWHERE = {
    "Entry": "registry",
    "Err": "_border",
    "Function": "function",
    "FunctionStats": "stats",
    "Latency": "stats",
    "HttpRequest": "network",
    "HttpResponse": "network",
    "Instance": "instance",
    "Limits": "limits",
    "LuaFunction": "lua.function",
    "NetworkPolicy": "network",
    "Ok": "_border",
    "Problem": "problems",
    "PythonFunction": "function",
    "Runtime": "runtime",
    "Some": "_border",
    "Variant": "_border",
    "__version__": "_border",
}
_RENAMED = {"__version__": "core_version"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_ELSEWHERE.get(name, 'errors')}", __name__)
    value = getattr(module, _RENAMED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
