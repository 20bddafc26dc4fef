"""`wippy-native bench` from end to end; its figures are whatever the machine gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import WriteProject
from guest_files import wat

from wippy_native.cli import benching, main, plotting
from wippy_native.errors import WippyError

ENTRIES = "".join(
    f"  - {{name: {name}, kind: function.wat, source: 'file://{guest}.wat', method: {method}}}\n"
    for name, guest, method in (
        ("add", "add", "add"),
        ("echo", "echo", "echo"),
        ("trap", "traps", "unreachable"),
        ("gone", "add", "subtract"),
    )
)
SHORT = ("--seconds", "0.01")


@pytest.fixture
def root(project: WriteProject) -> Path:
    root = project(ENTRIES)
    for name in ("add", "echo", "traps"):
        (root / f"{name}.wat").write_bytes(wat(name))
    return root


def run(capfd: pytest.CaptureFixture[str], root: Path, *arguments: object) -> tuple[int, str, str]:
    code = main(["-C", str(root), "bench", *map(str, arguments)])
    out, err = capfd.readouterr()
    return code, out, err


def test_the_table(root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benching, "cores", lambda: 2)
    code, out, err = run(capfd, root, "app:add", "1", "-5", *SHORT)
    assert (code, err) == (0, "")
    title, head, *rows = out.splitlines()
    assert title == "app:add, add: func(a: s32, b: s32) -> s32"
    assert head.split() == ["calls/s", "p50", "p99"]
    assert [row[:16].strip() for row in rows] == ["fresh", "warm", "batch, 1 worker", "batch, 2 workers"]
    assert len({len(line) for line in (head, *rows)}) == 1
    assert [row.split()[-1] for row in rows[2:]] == ["-", "-"]


def test_lua(project: WriteProject, capfd: pytest.CaptureFixture[str]) -> None:
    """Its workers serve one call after another: nothing is fresh, and nothing can be kept."""
    root = project("  - {name: f, kind: function.lua, method: main, source: 'return function(x) return x end'}\n")
    code, out, err = run(capfd, root, "app:f", "x", "--workers", 1, *SHORT)
    assert (code, err) == (0, "")
    title, _, *rows = out.splitlines()
    assert title == "app:f, Lua"
    assert [row[:16].strip() for row in rows] == ["called", "batch, 1 worker"]


def test_one_core_has_one_row_less(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benching, "cores", lambda: 1)
    assert "batch" not in run(capfd, root, "app:echo", "x", *SHORT)[1].replace("batch, 1 worker", "", 1)


def test_json(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, root, "app:echo", "x", "--json", "--workers", 3, "--workers", 1, *SHORT)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["id"], report["wit"]) == ("app:echo", "echo: func(s: string) -> string")
    assert report["cores"] == benching.cores()
    fresh, warm, *batches = report["rows"]
    assert [row["name"] for row in (fresh, warm)] == ["fresh", "warm"]
    assert [(row["name"], row["workers"]) for row in batches] == [("batch, 3 workers", 3), ("batch, 1 worker", 1)]
    for row in (fresh, warm):
        assert 0 < row["p50_seconds"] <= row["p99_seconds"]
    for row in report["rows"]:
        assert row["calls"] >= 1
        assert row["calls_per_second"] == pytest.approx(row["calls"] / row["seconds"])
    assert {row["p50_seconds"] for row in batches} == {None}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["app:trap"], "error: fresh: app:trap: failed to call wasm method: unreachable"),
        (["app:add", "1"], "parameter count mismatch: expected 2, got 1"),
        (["app:add", "1", "x"], "b: expected JSON, got 'x'"),
        (["app:nope"], "no handler registered"),
        (["app:gone"], "subtract"),
    ],
)
def test_what_fails_is_not_measured(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], text: str
) -> None:
    """It is reported once."""
    monkeypatch.delattr(benching, "_measure")
    code, out, err = run(capfd, root, *arguments)
    assert (code, out) == (1, "")
    assert text in err
    assert err.count("error: ") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--seconds", "0"], "--seconds"),
        (["--seconds", "nan"], "--seconds"),
        (["--workers", "0"], "--workers"),
        (["--plot", "speed.png"], "speed.png: expected a name that ends in .svg"),
        (["--plot", "/no/such/speed.svg"], "no such directory: /no/such"),
    ],
)
def test_usage(root: Path, capfd: pytest.CaptureFixture[str], options: list[str], text: str) -> None:
    code, out, err = run(capfd, root, "app:add", "1", "2", *options)
    assert (code, out) == (2, "")
    assert text in err


def test_a_picture_needs_matplotlib(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is said before anything is loaded or measured."""
    monkeypatch.setattr(plotting, "find_spec", lambda name: None)
    monkeypatch.delattr(benching, "_measure")
    code, out, err = run(capfd, root / "missing", "app:add", "1", "2", "--plot", root / "speed.svg")
    assert (code, out) == (1, "")
    assert err == "error: --plot draws with matplotlib, which is not here: install wippy-native[plot]\n"


def test_a_picture(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="an extra: plot")
    code, out, _ = run(capfd, root, "app:add", "1", "2", *SHORT, "--plot", root / "speed.svg")
    assert code == 0
    assert "fresh" in out
    assert "calls per second" in (root / "speed.svg").read_text()


def test_on_a_terminal(root: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "wippy_native", "-C", str(root), "bench", "app:add", "1", "2", *SHORT]
    environment = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80"}
    try:
        subprocess.run(command, stdout=theirs, stderr=theirs, env=environment, check=True)  # noqa: S603
        os.set_blocking(ours, False)
        shown = os.read(ours, 1_000_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "measuring fresh ...\r\nmeasuring warm ..." in shown
    assert "app:add, add: func(a: s32, b: s32) -> s32" in shown
    assert "───" in shown


def test_a_row_that_fails_is_named(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise WippyError("went wrong")

    monkeypatch.setattr(benching, "count_results", fails)
    code, out, err = run(capfd, root, "app:add", "1", "2", *SHORT, "--workers", "2")
    assert (code, out, err) == (1, "", "error: batch, 2 workers: went wrong\n")
