"""How far a batch is: counts, the bar on a terminal, and the line at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from .functions import to_stderr
from .printing import rate

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDTH = 30
_PER_SECOND = 8


@dataclass(slots=True)
class Tally:
    """What is done so far: lines that became a call or an error, and those that became an error."""

    items: int = 0
    errors: int = 0
    started: float = field(default_factory=monotonic)

    def add(self, *, failed: bool) -> None:
        self.items += 1
        self.errors += failed

    def summary(self) -> str:
        """`3 items, 1 error, 0.25 s, 12 items/s`."""
        seconds = monotonic() - self.started
        return f"{self.counts()}, {seconds:.2f} s, {self.rate(seconds)}"

    def counts(self) -> str:
        return f"{_count(self.items, 'item')}, {_count(self.errors, 'error')}"

    def rate(self, seconds: float) -> str:
        return f"{rate(self.items / seconds if seconds > 0 else 0.0)} items/s"


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of the input, None for a stream, and a function that tells how many are read."""

    size: int | None
    read: Callable[[], int]


@contextmanager
def bar(
    tally: Tally, extent: Extent, *, wanted: bool, console: Console | None = None
) -> Iterator[Callable[[bytes], object]]:
    """Show the tally on stderr until the block ends, if it is wanted and stderr is a terminal that can.

    Gives where the guests' own output goes, which the bar has to make room for.
    """
    if not wanted:
        yield to_stderr
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = console or Console(file=sys.stderr)
    if not console.is_terminal or console.is_dumb_terminal:
        yield to_stderr
        return

    def print_above(output: bytes) -> None:
        console.print(Text(output.decode(errors="backslashreplace").rstrip("\n")), soft_wrap=True)

    # It redraws on a thread of its own and looks at the tally then, so that counting costs a batch nothing.
    with Live(
        get_renderable=lambda: _row(tally, extent),
        console=console,
        refresh_per_second=_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield print_above


def _row(tally: Tally, extent: Extent) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    seconds = monotonic() - tally.started
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=extent.size, completed=extent.read(), width=_WIDTH, pulse=extent.size is None),
        f"{tally.counts()}, {seconds:.0f} s, {tally.rate(seconds)}",
    )
    return row


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
