"""The picture of `bench --plot`: a bar for each way of calling. Needs matplotlib, which the extra `plot` installs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ..errors import WippyError
from .measuring import Row
from .printing import duration, rate

_BAR, _EDGE = "#4c78a8", "#bbbbbb"
_WIDTH, _HEIGHT, _ROW = 8.0, 1.2, 0.5


def check_installed() -> None:
    """Raises `WippyError` where matplotlib is missing."""
    if find_spec("matplotlib") is None:
        raise WippyError("--plot draws with matplotlib, which is not here: install wippy-native[plot]")


def plot(rows: Sequence[Row], title: str, path: Path) -> None:
    """Write the picture as SVG. Raises `OSError`."""
    # Its objects rather than pyplot: no display, nothing global but what is set back.
    matplotlib, figures = import_module("matplotlib"), import_module("matplotlib.figure")
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "wippy-native"}):
        figure = figures.Figure(figsize=(_WIDTH, _HEIGHT + _ROW * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        bars = axes.barh([row.name for row in rows], [row.per_second for row in rows], color=_BAR, height=0.6)
        axes.bar_label(bars, [_label(row) for row in rows], padding=4, parse_math=False)
        axes.invert_yaxis()  # the first row on top
        axes.margins(x=0.35)  # room for the labels
        axes.set_xlim(left=0)
        axes.set_xlabel("calls per second")
        axes.set_title(title, loc="left", fontsize="medium", parse_math=False)
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: rate(value))
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_EDGE)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _label(row: Row) -> str:
    speed = rate(row.per_second)
    return speed if row.p50 is None else f"{speed}  (p50 {duration(row.p50)}, p99 {duration(row.p99)})"
