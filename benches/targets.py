"""The speed this package promises, as figures a run is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Times = Mapping[tuple[str, str], float]
"""Seconds of a call by case and contender."""

FRESH, WARM, EXTISM, RUST = "wasmtime-py fresh", "wasmtime-py warm", "extism warm", "rust fresh"


@dataclass(frozen=True)
class Ratio:
    """Ours against another in one case: at least `faster` times faster, or within `within` times as long."""

    case: str
    other: str
    faster: float | None = None
    within: float | None = None
    ours: str = "ours"

    @property
    def target(self) -> str:
        if self.faster is not None:
            return f"{self.faster:g} times faster than {self.other}"
        if self.within is not None:
            return f"within {self.within:g} times of {self.other}"
        return f"(none; against {self.other})"

    @property
    def name(self) -> str:
        return self.case if self.ours == "ours" else f"{self.case}, {self.ours.removeprefix('ours ')}"

    def measure(self, times: Times) -> float | None:
        """The ratio as the target words it, if both were measured."""
        ours, other = times.get((self.case, self.ours)), times.get((self.case, self.other))
        if ours is None or other is None:
            return None
        return ours / other if self.is_floor else other / ours

    @property
    def is_floor(self) -> bool:
        """Whether the ratio says how much longer ours takes, not how much faster it is."""
        return self.within is not None or (self.faster is None and self.other == RUST)

    def is_met(self, ratio: float) -> bool | None:
        if self.faster is not None:
            return ratio >= self.faster
        return None if self.within is None else ratio <= self.within


@dataclass(frozen=True)
class Ceiling:
    """A figure of a whole process that must stay under `limit`; None is for information."""

    name: str
    unit: str
    limit: float | None

    @property
    def target(self) -> str:
        return "(none)" if self.limit is None else f"under {self.limit:g} {self.unit}"

    def is_met(self, value: float) -> bool | None:
        return None if self.limit is None else value < self.limit


RATIOS = (
    Ratio("add", FRESH, faster=10),
    Ratio("add", WARM, faster=4),
    Ratio("add", RUST, within=1.5),
    Ratio("add, its time taken", "times off", within=1.05),
    Ratio("echo 16 B", WARM, faster=4),
    Ratio("echo 16 B", FRESH),
    Ratio("echo 16 B", RUST),
    Ratio("echo 16 B, all groups", FRESH, faster=5),
    Ratio("echo 16 B, all groups", RUST),
    Ratio("Rust guest, all groups", FRESH),
    Ratio("bytes 1 KiB", WARM),
    Ratio("bytes 1 KiB", EXTISM),
    Ratio("bytes 1 KiB", RUST),
    Ratio("bytes 1 MiB", WARM, faster=3000),
    Ratio("bytes 1 MiB", EXTISM, faster=4),
    Ratio("bytes 1 MiB", RUST, within=3),
    Ratio("bytes 1 MiB in", RUST),
    Ratio("sum 10k f64", FRESH, ours="ours from list"),
    Ratio("sum 10k f64", RUST, ours="ours from list"),
    Ratio("sum 10k f64", RUST, ours="ours from array"),
    Ratio("records 1000", WARM, faster=50),
    Ratio("records 1000", RUST),
    Ratio("componentize-py guest", FRESH, faster=1.6),
    Ratio("componentize-py guest", RUST),
    Ratio("guest calls host", WARM),
    Ratio("guest calls host", RUST),
    Ratio("guest calls host 1000 times", WARM),
)

CEILINGS = (
    Ceiling("second load of an 18 MB component, registry and all", "ms", 50),
    Ceiling("the same, loaded again in the same process", "ms", None),
    Ceiling("hashing its bytes", "ms", None),
    Ceiling("first load: it is compiled", "ms", None),
    Ceiling("import wippy_native", "ms", None),
    Ceiling("import wippy_native and use Runtime", "ms", None),
    Ceiling("resident: 100 small entries, loaded from the cache, idle", "MB", 80),
    Ceiling("resident: 100 small entries, just compiled, idle", "MB", 80),
    Ceiling("resident: each of the 100 called once", "MB", 80),
    Ceiling("resident: the package imported, nothing loaded", "MB", None),
)
