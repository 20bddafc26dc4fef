"""The picture of `bench --plot`."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from wippy_native.cli.measuring import Row
from wippy_native.cli.plotting import plot

pytest.importorskip("matplotlib", reason="an extra: plot")

ROWS = [
    Row(name="fresh", calls=461_000, seconds=1.0, p50=2.14e-6, p99=5e-6),
    Row(name="batch, 2 workers", workers=2, calls=1_061_000, seconds=1.0),
]


def test_what_it_shows(tmp_path: Path) -> None:
    file = tmp_path / "speed.svg"
    plot(ROWS, "app:f$x$, f: func() -> result<s32, string>", file)
    root = ElementTree.parse(file).getroot()  # noqa: S314 - our own
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {
        "fresh", "batch, 2 workers", "461,000  (p50 2.1 us, p99 5.0 us)", "1,061,000", "calls per second",
        "app:f$x$, f: func() -> result<s32, string>",
    } <= set(texts)  # fmt: skip


def test_the_same_figures_are_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot(ROWS, "app:f", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        plot(ROWS, "app:f", tmp_path)
