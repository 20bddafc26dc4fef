"""Hostile definition files: each ends in one clear error with its place, within a second and in bounded memory."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from wippy_native.problems import Problem
from wippy_native.registry import read_registry

HEAD = b"namespace: app\n"
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(9)
)
CHAIN = b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (i, i, i - 1) for i in range(1, 200))
CASES = {
    "alias bomb": (HEAD + BOMB, "aliases counted as often", 6),
    "deep alias chain": (HEAD + CHAIN, "nested deeper than 64 levels", 64),
    "anchor in itself": (HEAD + b"x: &x [1, *x]\n", "anchor &x contains itself", 2),
    "alias without anchor": (HEAD + b"x: *nope\n", "alias *nope has no anchor", 2),
    "python tag": (HEAD + b"x: !!python/object/apply:os.system [id]\n", "unknown tag !!python/object", 2),
    "own tag": (HEAD + b"x: !env HOME\n", "unknown tag !env", 2),
    "binary tag": (HEAD + b"x: !!binary aGk=\n", "unknown tag !!binary", 2),
    "deep flow": (HEAD + b"x: " + b"[" * 1_000_000, "nested deeper than 64 levels", 2),
    "deep block": (HEAD + b"x:\n  " + b"- " * 100_000, "nested deeper than 64 levels", 3),
    "deep maps": (HEAD + b"x: " + b"{a: " * 100_000, "nested deeper than 64 levels", 2),
    "duplicate key": (HEAD + b"entries: []\nentries: []\n", 'duplicate key "entries"', 3),
    "duplicate key below": (HEAD + b"x:\n  a: 1\n  b: 2\n  a: 3\n", 'duplicate key "a"', 5),
    "NUL": (HEAD + b"x: a\0b\n", "unprintable character NUL", 2),
    "control character": (HEAD + b"x: \x1b[31m\n", "unprintable character U+001B", 2),
    "bad UTF-8": (HEAD + "x: ü".encode() + b"\xff\n", "not UTF-8: byte 0xff", 2),
    "UTF-16": ("namespace: app\n".encode("utf-16"), "not UTF-8: byte 0xff", 1),
    "image": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not UTF-8: byte 0x89", 1),
    "prose": (HEAD + b"Dear reader: this is: not YAML\n", "not YAML: ", 2),
    "unclosed": (HEAD + b"x: [1, 2\ny: 3\n", "not YAML: ", 3),
    "tab indentation": (HEAD + b"x:\n\t- a\n", "not YAML: ", 3),
    "plain text": (b"hello\n", "expected a map at the top level", 1),
    "map as key": (HEAD + b"? {a: 1}\n: x\n", "a key is a list or a map", 2),
    "endless number": (HEAD + b"x: " + b"9" * 100_000 + b"\n", "a number of 100000 characters", 2),
    "wrong core tag": (HEAD + b"x: !!int abc\n", "'abc' is not a value of !!int", 2),
    "many values": (HEAD + b"x: [" + b"a," * 1_500_000 + b"]\n", "more than 100000 values", 2),
    "merge of a scalar": (HEAD + b"x: {<<: 5}\n", "a merge key (<<) takes a map", 2),
    "second document": (HEAD + b"entries: []\n---\nnamespace: b\n", "a second document starts here", 3),
}


def load(root: Path) -> list[Problem]:
    """Load, and check that it neither hung nor took much."""
    tracemalloc.start()
    start = time.monotonic()
    problems = read_registry(root).problems
    took = time.monotonic() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 60, "a second or less on an idle machine; what is quadratic would take minutes"
    assert peak < 200 * 1024 * 1024
    return problems


@pytest.mark.parametrize("case", CASES)
def test_hostile_file(tmp_path: Path, case: str) -> None:
    """Issue: hostile YAML; R-20."""
    content, text, line = CASES[case]
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    (problem,) = load(tmp_path)
    assert problem.severity == "error"
    assert text in problem.message
    assert (problem.file, problem.line) == (str(file), line)
    assert problem.column is not None
    assert problem.hint or "not YAML" in problem.message


def test_error_within_a_second_each(tmp_path: Path) -> None:
    """Without the tracing, the slowest case is well below the second."""
    for case in ("deep flow", "many values", "alias bomb", "endless number"):
        (tmp_path / "bad.yaml").write_bytes(CASES[case][0])
        start = time.process_time()
        assert read_registry(tmp_path).problems
        assert time.process_time() - start < 1


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    """A 100 MB file is refused by its size."""
    file = tmp_path / "big.yaml"
    with file.open("wb") as handle:
        handle.truncate(100 * 1024 * 1024)
    (problem,) = load(tmp_path)
    assert "104857600 bytes are more than the 4194304 a definition file may have" in problem.message
    assert (problem.line, problem.column) == (1, 1)


def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (problem,) = load(tmp_path)
    assert problem.message == "not a regular file"


def test_symlink_out_of_the_source_directory(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("namespace: x\nname: y\nkind: z\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.yaml").symlink_to(secret)
    (root / "broken.yaml").symlink_to(root / "nowhere")
    (root / "loop.yaml").symlink_to(root / "loop.yaml")
    messages = [problem.message for problem in read_registry(root).problems]
    assert messages[0].startswith("broken symlink")
    assert messages[1] == "symlink leaves the source directory"
    assert messages[2].startswith("broken symlink")


def test_directory_loop_ends(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    assert read_registry(tmp_path).entries == {}


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() == 0, reason="root reads everything")
def test_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("namespace: app\n")
    (tmp_path / "a.yaml").chmod(0)
    (problem,) = load(tmp_path)
    assert problem.message.startswith("cannot be read")


def test_lenient_loading_skips_broken_files(tmp_path: Path) -> None:
    """R-20: with strict=False a broken file is a warning, the others load."""
    (tmp_path / "bad.yaml").write_bytes(CASES["duplicate key"][0])
    (tmp_path / "good.yaml").write_text("namespace: app\nname: e\nkind: registry.entry\n")
    registry = read_registry(tmp_path, strict=False)
    assert list(registry.entries) == ["app:e"]
    (problem,) = registry.problems
    assert problem.severity == "warning"
    assert problem.message.startswith("skipped: duplicate key")


JSON = {
    "trailing comma": (b'{"namespace": "app", }', "expected a quoted key"),
    "unclosed": (b'{"namespace": "app"', "expected ','"),
    "deep": (b"[" * 1_000_000, "nested deeper than 64 levels"),
    "duplicate": (b'{"a": 1,\n "a": 2}', 'duplicate key "a"'),
    "bad escape": (b'{"a": "\\x"}', "Invalid \\escape"),
    "NUL": (b'{"a": "\0"}', "Invalid control character"),
    "number": (b'{"a": ' + b"1" * 1000 + b"}", "a number of 1000 characters"),
    "word": (b'{"a": nope}', "expected a value"),
    "rest": (b"{} {}", "unexpected text after the value"),
}


@pytest.mark.parametrize("case", JSON)
def test_hostile_json(tmp_path: Path, case: str) -> None:
    """JSON files have the same limits, and places."""
    (tmp_path / "bad.json").write_bytes(JSON[case][0])
    (problem,) = load(tmp_path)
    assert JSON[case][1] in problem.message
    assert problem.line is not None
