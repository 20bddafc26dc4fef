"""What `batch` says of how far it is."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from wippy_native.cli.printing import duration, rate
from wippy_native.cli.progress import Extent, Tally, bar

STREAM = Extent(None, lambda: 0)


def terminal(file: io.StringIO, **options: str) -> Console:
    environment = {"TERM": "xterm", "COLUMNS": "100"} | options
    return Console(file=file, force_terminal=True, _environ=environment)


def test_summary() -> None:
    tally = Tally()
    for failed in (False, True, False):
        tally.add(failed=failed)
    assert re.fullmatch(r"3 items, 1 error, \d+\.\d\d s, [\d.,e+]+ items/s", tally.summary())
    assert re.fullmatch(r"0 items, 0 errors, .*", Tally().summary())
    assert Tally(items=1_234_567, errors=2).summary().startswith("1,234,567 items, 2 errors, ")


def test_rate_of_nothing() -> None:
    assert Tally(items=3).rate(0.0) == "0 items/s"
    assert Tally(items=3).rate(2.0) == "1.5 items/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (2.14e-6, "2.1 us"), (0.9e-3, "900.0 us"), (1.26e-3, "1.3 ms"), (0.25, "250.0 ms"), (3.4, "3.4 s")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("per_second", "text"), [(0.25, "0.25"), (12.34, "12.3"), (461_315.2, "461,315"), (0, "0")])
def test_rates(per_second: float, text: str) -> None:
    assert rate(per_second) == text


@pytest.mark.parametrize("extent", [STREAM, Extent(100, lambda: 50)])
def test_the_bar_shows_counts_and_goes_away(extent: Extent) -> None:
    file = io.StringIO()
    with bar(Tally(items=7, errors=1), extent, wanted=True, console=terminal(file)):
        pass
    drawn = file.getvalue()
    assert "7 items, 1 error, 0 s, " in drawn
    assert drawn.endswith("\x1b[2K")  # its line is cleared


def test_guests_print_above_the_bar() -> None:
    file = io.StringIO()
    with bar(Tally(), STREAM, wanted=True, console=terminal(file)) as say:
        say(b"[bold]half\xff\n")
    assert "[bold]half\\xff\n" in re.sub(r"\x1b\[[\d;]*m", "", file.getvalue())


def test_no_colour() -> None:
    file = io.StringIO()
    with bar(Tally(), Extent(100, lambda: 50), wanted=True, console=terminal(file, NO_COLOR="1")):
        pass
    assert not re.search(r"\x1b\[(3|4|9)\d", file.getvalue())
    coloured = io.StringIO()
    with bar(Tally(), Extent(100, lambda: 50), wanted=True, console=terminal(coloured)):
        pass
    assert re.search(r"\x1b\[(3|4|9)\d", coloured.getvalue())


@pytest.mark.parametrize(("wanted", "term"), [(False, "xterm"), (True, "dumb")])
def test_no_bar(wanted: bool, term: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = io.StringIO()
    with bar(Tally(), STREAM, wanted=wanted, console=terminal(file, TERM=term)) as say:
        say(b"raw\xff\n")
    assert file.getvalue() == ""
    assert capfdbinary.readouterr() == (b"", b"raw\xff\n")
