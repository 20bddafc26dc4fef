"""The one place that imports the compiled core.

Everything else asks here for what it needs of it, so that pure-Python parts (reading a registry, hashing a file) load
without the 30 MB extension. A debug build of the core is many times slower than a release build and says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

from ._core import (
    BUILD,
    Batch,
    Bridge,
    Engine,
    Err,
    FunctionBase,
    FunctionSpec,
    InstanceBase,
    LuaModule,
    Module,
    Network,
    NetworkRules,
    NetworkSpec,
    Ok,
    Pending,
    Some,
    Table,
    Variant,
    check_network,
    describe,
    exiting,
    run_command,
)
from ._core import __version__ as core_version

OutputSink = Literal["inherit", "discard", "log"] | Callable[[bytes], object]

__all__ = [
    "BUILD",
    "Batch",
    "Bridge",
    "Engine",
    "Err",
    "FunctionBase",
    "FunctionSpec",
    "InstanceBase",
    "LuaModule",
    "Module",
    "Network",
    "NetworkRules",
    "NetworkSpec",
    "Ok",
    "OutputSink",
    "Pending",
    "Some",
    "Table",
    "Variant",
    "check_network",
    "core_version",
    "describe",
    "exiting",
    "run_command",
]

if BUILD["profile"] == "debug":
    warnings.warn(
        "wippy_native._core is a debug build and many times slower; build it with --release",
        RuntimeWarning,
        stacklevel=2,
    )
