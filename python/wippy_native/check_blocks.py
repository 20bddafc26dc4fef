"""What `check` says of blocks that entries of WebAssembly and of Lua have alike: `limits` and `network`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .config.network import NetworkConfig
from .limits import RUNTIME_ONLY, Limits
from .problems import Problem
from .registry import Entry


def check_limits(entry: Entry, limits: Mapping[str, int], ceiling: Limits) -> Iterator[Problem]:
    """Limits that do not hold as they are written."""
    effective = ceiling.lowered(dict(limits))
    for name, wanted in limits.items():
        allowed = getattr(effective, name)
        if name in RUNTIME_ONLY:
            whole = "runtime" if name.startswith("max_total_") else "root call"
            text = f"limits.{name} has no effect on an entry: it belongs to the {whole}"
            yield entry.problem("warning", text, ("limits", name), f"set Runtime(limits=Limits({name}=...))")
        elif wanted and wanted != allowed:
            text = f"limits.{name}: {wanted} is over the runtime's {allowed}, which holds"
            yield entry.problem("warning", text, ("limits", name), f"raise Runtime(limits=Limits({name}=...))")


def check_network(entry: Entry, network: NetworkConfig) -> Iterator[Problem]:
    """An empty list that opens more than it says. Rules: N-2."""
    block = entry.data.get("network")
    if isinstance(block, Mapping) and "allow" in block and not network.allow:
        text = "network.allow is empty, which opens public addresses"
        yield entry.problem("warning", text, ("network", "allow"), "to open nothing, write deny: [all]")
