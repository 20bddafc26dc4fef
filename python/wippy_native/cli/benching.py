"""`bench`: how fast a function of the project is, called in each of the ways there are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from ..errors import WippyError
from ..function import Function
from ..lua.function import LuaFunction
from ..runtime import Runtime
from .functions import explain, find_function, parameters_of, read_words
from .measuring import Row, count_results, time_calls
from .printing import data, data_json, duration, rate, remark

FRESH, WARM = "fresh", "warm"
CALLED = "called"
"""A Lua function, whose workers serve one call after another."""
_HEADINGS = ("", "calls/s", "p50", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The options of `bench`: `seconds` a row; `workers` of none are one, and one for each core."""

    seconds: float
    workers: Sequence[int]
    as_json: bool
    picture: Path | None


def run_bench(directory: Path, identity: str, words: Sequence[str], bench: Bench) -> None:
    """Measure and print. Raises `WippyError`, before measuring where the reason is there before, and `OSError`."""
    if bench.picture is not None:
        from .plotting import check_installed, plot

        check_installed()
    with Runtime.load(directory) as runtime:
        # What a guest prints would be measured too, and read by nobody.
        function = find_function(runtime, identity).with_options(stdout="discard", stderr="discard")
        parameters_of(function)
        arguments = tuple(read_words(function, words))
        _try_out(function, arguments)
        rows = _measure(function, arguments, bench)
    if bench.as_json:
        data_json(_report(function, rows))
    else:
        _print_table(function, rows)
    if bench.picture is not None:
        plot(rows, _title(function), bench.picture)


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _try_out(function: Function, arguments: tuple[Any, ...]) -> None:
    """A function that fails has no speed. Raises `WippyError`."""
    with _step(function, _plainly(function)):
        function(*arguments)
    if isinstance(function, LuaFunction):
        return
    with _step(function, WARM), function.instance() as warm:
        warm(*arguments)
        warm(*arguments)  # with the state that the first call left


def _plainly(function: Function) -> str:
    return CALLED if isinstance(function, LuaFunction) else FRESH


def _measure(function: Function, arguments: tuple[Any, ...], bench: Bench) -> list[Row]:
    plainly = _plainly(function)
    with _step(function, plainly, show=True):
        rows = [time_calls(plainly, function, arguments, bench.seconds)]
    if not isinstance(function, LuaFunction):  # which keeps no instances
        with _step(function, WARM, show=True), function.instance() as warm:
            rows.append(time_calls(WARM, warm, arguments, bench.seconds))
    for workers in bench.workers or sorted({1, cores()}):
        name = f"batch, {workers} worker{'' if workers == 1 else 's'}"
        with _step(function, name, show=True), function.starmap(repeat(arguments), workers=workers) as results:
            rows.append(count_results(name, workers, results, bench.seconds))
    return rows


@contextmanager
def _step(function: Function, name: str, *, show: bool = False) -> Iterator[None]:
    """Say what is measured, and what failed."""
    if show and sys.stderr.isatty():
        remark(f"measuring {name} ...")
    try:
        yield
    except WippyError as error:
        raise WippyError(f"{name}: {explain(function, error)}") from None


def _title(function: Function) -> str:
    return f"{function.id}, {function.wit or 'Lua'}"


def _report(function: Function, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "id": function.id,
        "wit": function.wit,
        "cores": cores(),
        "rows": [
            {
                "name": row.name,
                "workers": row.workers,
                "calls": row.calls,
                "seconds": row.seconds,
                "calls_per_second": row.per_second,
                "p50_seconds": row.p50,
                "p99_seconds": row.p99,
            }
            for row in rows
        ],
    }


def _print_table(function: Function, rows: Sequence[Row]) -> None:
    cells = [(row.name, rate(row.per_second), duration(row.p50), duration(row.p99)) for row in rows]
    if sys.stdout.isatty():
        _print_rich(_title(function), cells)
        return
    data(_title(function))
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *cells, strict=True)]
    for name, *numbers in (_HEADINGS, *cells):
        right = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
        data("  ".join([f"{name:{widths[0]}}", *right]))


def _print_rich(title: str, cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading else "left")
    for row in cells:
        table.add_row(*row)
    console = Console()
    console.print(Text(title))
    console.print(table)
