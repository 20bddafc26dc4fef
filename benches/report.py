"""Tables of a run: every target with what was measured, and every time."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from .targets import CEILINGS, RATIOS, Times

VERDICTS = {True: "met", False: "MISSED", None: ""}


@dataclass(frozen=True)
class Round:
    """One pass over all benches: the median time of each contender in each case."""

    samples: list[dict[str, Any]]
    times: Times

    @classmethod
    def of(cls, samples: list[dict[str, Any]]) -> Round:
        return cls(samples, {(one["case"], one["who"]): one["seconds"] for one in samples})


def render(rounds: Sequence[Round], figures: Sequence[dict[str, Any]]) -> str:
    """The whole report in Markdown."""
    tables = [_table(("", ""), machine().items())]
    head = ("case", "target", "measured", "spread", "verdict")
    tables.append(_table(head, [*_ratios(rounds), *_ceilings(figures)]))
    tables.append(_table(("case", "contender", "median", "spread"), _times(rounds)))
    return "\n".join(tables)


def machine() -> dict[str, str]:
    """What a reader must know to compare."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} logical",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "wippy-native": _core(),
        "wasmtime-py": _version("wasmtime"),
        "extism": f"{_version('extism')} (extism-sys {_version('extism-sys')})",
        "rustc": _output("rustc", "--version"),
    }


def _ratios(rounds: Sequence[Round]) -> Iterable[tuple[str, ...]]:
    for target in RATIOS:
        ratios = [ratio for one in rounds if (ratio := target.measure(one.times)) is not None]
        if ratios:
            middle = median(ratios)
            spread = f"{_number(min(ratios))} to {_number(max(ratios))}"
            words = "times as long" if target.is_floor else "times faster"
            yield target.name, target.target, f"{_number(middle)} {words}", spread, VERDICTS[target.is_met(middle)]


def _ceilings(figures: Sequence[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    for ceiling in CEILINGS:
        values = [figure["value"] for figure in figures if figure["figure"] == ceiling.name]
        if values:
            middle = median(values)
            spread = f"{_number(min(values))} to {_number(max(values))}"
            verdict = VERDICTS[ceiling.is_met(middle)]
            yield ceiling.name, ceiling.target, f"{_number(middle)} {ceiling.unit}", spread, verdict


def _times(rounds: Sequence[Round]) -> Iterable[tuple[str, ...]]:
    keys = sorted({key for one in rounds for key in one.times}, key=lambda key: key[0])
    for case, who in keys:
        times = [one.times[case, who] for one in rounds if (case, who) in one.times]
        yield case, who, _time(median(times)), f"{_time(min(times))} to {_time(max(times))}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _core() -> str:
    from wippy_native._border import BUILD, core_version

    return f"{core_version} ({BUILD['profile']} build, wasmtime {BUILD['wasmtime']})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "not found"
