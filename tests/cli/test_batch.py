"""`wippy-native batch` from end to end."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import WriteProject
from guest_files import GUESTS, wat
from support.processes import Running

from wippy_native.cli import main

TEXTS = ("add", "echo", "counter", "undeclared", "traps")
HASHES = json.loads((GUESTS / "HASHES.json").read_text())
ENTRIES = "".join(
    f"  - {{name: {name}, kind: function.wat, source: 'file://{guest}.wat', method: {method}}}\n"
    for name, guest, method in (
        ("add", "add", "add"),
        ("echo", "echo", "echo"),
        ("bytes", "echo", "echo-bytes"),
        ("records", "echo", "echo-recs"),
        ("sum", "echo", "sum-f64"),
        ("count", "counter", "bump"),
        ("denied", "undeclared", "run"),
        ("trap", "traps", "deep-trap"),
        ("spin", "traps", "spin"),
    )
)
BUILT = f"  - {{name: guests, kind: fs.directory, directory: '{GUESTS / 'built'}', mode: '0555'}}\n" + "".join(
    f"  - {{name: {method}, kind: function.wasm, fs: guests, path: {guest}.wasm, method: {method}, "
    f"hash: 'sha256:{HASHES[guest]['sha256']}', imports: [{imports}]}}\n"
    for guest, method, imports in (("types", "try-divide", ""), ("hostuse", "write-stdout", "wasi:cli"))
)
SUMMARY = r"{:,} items?, {:,} errors?, \d+\.\d\d s, [\d.,e+]+ items/s\n"
Batch = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(project: WriteProject) -> Path:
    root = project(ENTRIES)
    for name in TEXTS:
        (root / f"{name}.wat").write_bytes(wat(name))
    return root


@pytest.fixture
def batch(root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Batch:
    """Run `batch` on the given lines of stdin: exit code, stdout, stderr."""

    def run(lines: str | bytes, *arguments: object) -> tuple[int, str, str]:
        content = lines.encode() if isinstance(lines, str) else lines
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        code = main(["-C", str(root), "batch", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def ends_well(err: str, items: int, errors: int = 0) -> bool:
    return re.fullmatch(SUMMARY.format(items, errors), err) is not None


@pytest.mark.parametrize(
    ("function", "lines", "out"),
    [
        ("app:add", '[1, 2]\n{"b": 1, "a": -5}\n', "3\n-4\n"),
        ("app:add", "[1, 2]\n\n[3, 4]", "3\n7\n"),
        ("app:echo", '"a b"\n"[1]"\n"\\u00e4\\n"\n', '"a b"\n"[1]"\n"ä\\n"\n'),
        ("app:bytes", "[1, 255]\n[]\n", "[1, 255]\n[]\n"),
        ("app:sum", '[1, 2.5]\n["inf"]\n', '3.5\n"inf"\n'),
        ("app:count", "[]\n{}\n[]\n", "1\n1\n1\n"),
        ("app:records", '[{"id": 1, "name": "a", "score": 0.5}]\n', '[{"id": 1, "name": "a", "score": 0.5}]\n'),
    ],
)
def test_results(batch: Batch, function: str, lines: str, out: str) -> None:
    """A line of JSON for each, as `call --json` prints it."""
    code, found, err = batch(lines, function)
    assert (code, found) == (0, out)
    assert ends_well(err, out.count("\n"))


def test_no_lines(batch: Batch) -> None:
    code, out, err = batch("", "app:add")
    assert (code, out) == (0, "")
    assert ends_well(err, 0)


@pytest.mark.parametrize("options", [[], ["--workers", 1], ["--workers", 3, "--chunk-size", 7], ["--timeout", 60]])
def test_many_lines_in_order(batch: Batch, options: list[object]) -> None:
    lines = "".join(f"[{number}, 1]\n" if number % 10 else "oops\n" for number in range(1, 3000))
    code, out, err = batch(lines, "app:add", "--on-error", "skip", *options)
    assert code == 0
    assert [int(line) for line in out.split()] == [number + 1 for number in range(1, 3000) if number % 10]
    assert ends_well(err, 2999, 299)


ROUGH = '[1, 2]\n\n[3]\nnope\n[4, 99999999999]\n["a", 1]\n[5, 6]\n'


def test_errors_skipped(batch: Batch) -> None:
    code, out, err = batch(ROUGH, "app:add", "--on-error", "skip")
    assert (code, out) == (0, "3\n11\n")
    assert ends_well(err, 6, 4)


def test_errors_reported(batch: Batch) -> None:
    code, out, err = batch(ROUGH, "app:add", "--on-error", "report")
    assert code == 0
    assert ends_well(err, 6, 4)
    first, count, shape, large, word, last = [json.loads(line) for line in out.splitlines()]
    assert (first, last) == (3, 11)
    assert count == {"error": {"kind": "Invalid", "message": "parameter count mismatch: expected 2, got 1", "line": 3}}
    assert shape == {"error": {"kind": "Invalid", "message": "not JSON: Expecting value at column 1", "line": 4}}
    assert [(error["error"]["kind"], error["error"]["line"]) for error in (large, word)] == [
        ("Invalid", 5), ("Invalid", 6),
    ]  # fmt: skip
    assert "expected s32" in word["error"]["message"]


@pytest.mark.parametrize(
    ("function", "lines", "done", "text"),
    [
        ("app:add", "[1, 2]\n\nnope\n[3, 4]\n", "3\n", "line 3 (1 line done): not JSON: Expecting value at column 1\n"),
        ("app:add", "[1, 2]\n[3, 4]\n[0]\n", "3\n7\n", "line 3 (2 lines done): parameter count mismatch"),
        ("app:add", "[1, 2]\n[0, {}]\n[3, 4]\n", "3\n", "line 2 (1 line done): app:add: failed to call"),
        ("app:denied", "[]\n", "", "line 1 (0 lines done): app:denied: failed to call"),
        ("app:trap", "[]\n", "", "\n    at "),
    ],
)
def test_the_first_error_stops(batch: Batch, function: str, lines: str, done: str, text: str) -> None:
    """What came before is written; the message says which line it was."""
    code, out, err = batch(lines, function)
    assert (code, out) == (1, done)
    summary, _, error = err.partition("error: ")
    assert ends_well(summary, done.count("\n") + 1, 1)
    assert text in f"error: {error}"
    assert "Traceback" not in err


def test_half_a_surrogate_pair(batch: Batch) -> None:
    """It cannot be written as UTF-8, but as the escape it came as."""
    code, out, _ = batch('{"\\ud800": 1}\n', "app:add", "--on-error", "report")
    assert code == 0
    assert "ud800" in json.loads(out)["error"]["message"]


def test_time_for_each_call(batch: Batch) -> None:
    code, out, _ = batch("[]\n[]\n", "app:spin", "--timeout", "0.05", "--on-error", "report")
    assert code == 0
    assert [json.loads(line)["error"]["kind"] for line in out.splitlines()] == ["Timeout", "Timeout"]


def test_built_guests(root: Path, batch: Batch) -> None:
    """The error side of a result is an error; what a guest prints is not data; V-22."""
    (root / "built.yaml").write_text(f"namespace: app\nentries:\n{BUILT}")
    code, out, _ = batch('[7, 2]\n[1, 0]\n{"a": 9, "b": 3}\n', "app:try-divide", "--on-error", "report")
    message = "app:try-divide returned an error: division by zero"
    error = {"error": {"kind": "Unknown", "message": message, "line": 2}}
    assert (code, [json.loads(line) for line in out.splitlines()]) == (0, [3, error, 3])
    code, out, err = batch('"hello\\n"\n', "app:write-stdout")
    assert (code, out) == (0, "null\n")
    assert err.startswith("hello\n1 item, ")


def test_quiet(batch: Batch) -> None:
    assert batch("[1, 2]\n", "app:add", "--quiet") == (0, "3\n", "")
    assert batch("[1]\n", "app:add", "-q")[2].startswith("error: line 1 ")


def test_files(root: Path, batch: Batch) -> None:
    source, output = root / "in.jsonl", root / "out.jsonl"
    source.write_text("[1, 2]\n[3, 4]\n")
    code, out, err = batch("", "app:add", "--input", source, "--output", output)
    assert (code, out, output.read_text()) == (0, "", "3\n7\n")
    assert ends_well(err, 2)


def test_an_output_that_is_there(root: Path, batch: Batch) -> None:
    output = root / "out.jsonl"
    output.write_text("precious\n")
    expected = f"error: {output}: the file exists; name another, or give --overwrite to replace it\n"
    assert batch("[1, 2]\n", "app:add", "--output", output) == (1, "", expected)
    assert output.read_text() == "precious\n"
    assert batch("[1, 2]\n", "app:add", "--output", output, "--overwrite")[0] == 0
    assert output.read_text() == "3\n"


def test_an_output_that_is_the_input(root: Path, batch: Batch) -> None:
    source = root / "in.jsonl"
    source.write_text("[1, 2]\n")
    (root / "link").symlink_to(source)
    code, _, err = batch("", "app:add", "--input", source, "--output", root / "link", "--overwrite")
    assert code == 1
    assert "the output is the file that is read, which would be lost" in err
    assert source.read_text() == "[1, 2]\n"


def test_a_device_is_no_file_to_lose(batch: Batch) -> None:
    assert batch("[1, 2]\n", "app:add", "--output", os.devnull)[:2] == (0, "")


def test_dashes_are_the_streams(batch: Batch) -> None:
    assert batch("[1, 2]\n", "app:add", "--input", "-", "--output", "-")[:2] == (0, "3\n")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["app:nope"], 1, "no handler registered"),
        (["app:add", "--input", "/no/such/file"], 1, "/no/such/file: No such file or directory"),
        (["app:add", "--output", "/no/such/file"], 1, "/no/such/file: No such file or directory"),
        (["app:add", "--workers", "0"], 2, "--workers"),
        (["app:add", "--chunk-size", "x"], 2, "--chunk-size"),
        (["app:add", "--timeout", "0"], 2, "--timeout"),
        (["app:add", "--on-error", "ignore"], 2, "--on-error"),
        ([], 2, "ID"),
    ],
)
def test_what_cannot_be(batch: Batch, arguments: list[str], code: int, text: str) -> None:
    found, out, err = batch("[1, 2]\n", *arguments)
    assert (found, out) == (code, "")
    assert text in err


def test_a_method_that_is_not_there(root: Path, batch: Batch) -> None:
    """Once, not for every line; no output file is made."""
    (root / "b.yaml").write_text(
        "namespace: app\nentries:\n  - {name: gone, kind: function.wat, source: 'file://add.wat', method: gone}\n"
    )
    code, out, err = batch("[1, 2]\n[3, 4]\n", "app:gone", "--on-error", "report", "--output", root / "out")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not (root / "out").exists()


def command(root: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "wippy_native", "-C", str(root), "batch", *map(str, arguments)]


def many(root: Path) -> Path:
    file = root / "many.jsonl"
    file.write_text("[1, 2]\n" * 50_000)
    return file


def test_a_reader_that_has_enough(root: Path) -> None:
    """As `| head` does: no message, no summary."""
    with subprocess.Popen(  # noqa: S603
        command(root, "app:add", "--input", many(root)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"3\n"
        process.stdout.close()
        assert process.stderr.read() == b""


def test_output_that_cannot_be_written(root: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(  # noqa: S603
            command(root, "app:add", "--quiet", "--input", many(root)),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"error: No space left on device\n")


INTERRUPTED = """\
import sys
from wippy_native.cli import batching, main

read = batching.read_arguments
def announced(*arguments):
    print("reading", flush=True)
    yield from read(*arguments)

batching.read_arguments = announced
sys.exit(main(["-C", *sys.argv[1:]]))
"""


def interrupted(*arguments: object) -> str:
    with Running(INTERRUPTED, *map(str, arguments), prelude=False) as running:
        running.wait_for_line("reading")
        running.interrupt()
        outcome = running.finish()
    assert outcome.code == 130
    assert outcome.out == "reading"
    return outcome.err


def test_ctrl_c_while_guests_compute(root: Path) -> None:
    (root / "in").write_text("[]\n" * 1000)
    err = interrupted(root, "batch", "app:spin", "--input", root / "in")
    assert re.fullmatch("error: interrupted\n" + SUMMARY.format(0, 0), err)


def test_ctrl_c_while_nothing_comes(root: Path) -> None:
    os.mkfifo(root / "in")
    # Open for both, so that neither end waits for the other and the input never ends.
    held = os.open(root / "in", os.O_RDWR)
    try:
        err = interrupted(root, "batch", "app:add", "--input", root / "in")
    finally:
        os.close(held)
    assert re.fullmatch("error: interrupted\n" + SUMMARY.format(0, 0), err)


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, Callable[[], str]]]:
    """A terminal's end for a process, and a function that gives what was written to it."""
    ours, theirs = os.openpty()

    def written() -> str:
        os.set_blocking(ours, False)
        return os.read(ours, 1_000_000).decode()

    try:
        yield theirs, written
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_bar_of_a_terminal(root: Path) -> None:
    """It goes away at the end; the summary stays."""
    (root / "in").write_text("[1, 2]\n")
    environment = os.environ | {"TERM": "xterm"}
    with terminal() as (stderr, written):
        shown = command(root, "app:add", "--input", root / "in")
        done = subprocess.run(shown, stdout=subprocess.PIPE, stderr=stderr, env=environment, check=False)  # noqa: S603
        assert (done.returncode, done.stdout) == (0, b"3\n")
        drawn, _, last = written().rpartition("\x1b[2K")
        assert "0 items, 0 errors, 0 s, " in drawn or "1 item, 0 errors, " in drawn
        assert ends_well(last.replace("\r", ""), 1)


def test_no_bar_among_the_results(root: Path) -> None:
    (root / "in").write_text("[1, 2]\n")
    with terminal() as (both, written):
        shown = command(root, "app:add", "--input", root / "in")
        subprocess.run(shown, stdout=both, stderr=both, env=os.environ | {"TERM": "xterm"}, check=True)  # noqa: S603
        result, _, rest = written().replace("\r", "").partition("\n")
        assert result == "3"
        assert ends_well(rest, 1)
