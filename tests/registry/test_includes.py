"""`file://` values: R-18, R-19."""

from __future__ import annotations

from pathlib import Path

import pytest

from wippy_native.problems import Problem
from wippy_native.registry import read_registry


def load(root: Path, url: str) -> object:
    """The value that comes of `url` in sub/a.yaml, or the problem."""
    (root / "sub").mkdir(exist_ok=True)
    (root / "sub" / "a.yaml").write_text(f"namespace: n\nentries:\n  - name: x\n    kind: k\n    v: {url}\n")
    registry = read_registry(root)
    if registry.problems:
        return registry.problems[0]
    return registry.entries["n:x"].data["v"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A source directory with two files, and a secret beside it."""
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "top.txt").write_text("top\n")
    (root / "sub" / "near.txt").write_text("near")
    return root


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("file://near.txt", "near"),
        ("file://./near.txt", "near"),
        ("file://../top.txt", "top\n"),
        ("file:///top.txt", "top\n"),
        ("file:///sub/near.txt", "near"),
        ("[{deep: file://near.txt}]", [{"deep": "near"}]),
        ("xfile://near.txt", "xfile://near.txt"),
    ],
)
def test_replaced(root: Path, url: str, value: object) -> None:
    """R-18: relative to the file, or with three slashes to the source root."""
    assert load(root, url) == value


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("file://", "empty file path in file:// URL"),
        ("file:///", "empty file path in file:// URL"),
        ("file://../../secret", "path traversal detected in file path: ../../secret"),
        ("file:///../secret", "path traversal detected in file path: /../secret"),
        ("file://link", "path traversal detected in file path: link"),
        ("file://dirlink/secret", "path traversal detected in file path: dirlink/secret"),
        ('"file://a\\0b"', "invalid file path: "),
        ("file://" + "a" * 5000, "failed to read file aaa"),
        ("file://nope.txt", "failed to read file nope.txt"),
        ("file://.", "failed to read file .: not a regular file"),
        ("file://bad.bin", "failed to read file bad.bin: not UTF-8"),
        ("file://big.txt", "failed to read file big.txt: "),
        ("file://loop", ""),
    ],
)
def test_refused(root: Path, url: str, text: str) -> None:
    """R-19: each with the place of the very string."""
    (root / "sub" / "link").symlink_to("../../secret")
    (root / "sub" / "dirlink").symlink_to("../..")
    (root / "sub" / "loop").symlink_to("loop")
    (root / "sub" / "bad.bin").write_bytes(b"\xff")
    with (root / "sub" / "big.txt").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    problem = load(root, url)
    assert isinstance(problem, Problem)
    assert problem.message.startswith(text)
    assert (problem.entry, problem.line, problem.column) == ("n:x", 5, 8)
    assert problem.hint


def test_in_meta_and_in_lists(root: Path) -> None:
    """R-18: at any depth, under any key."""
    (root / "a.yaml").write_text(
        "namespace: n\nmeta: {all: file://top.txt}\nentries: [{name: x, kind: k, meta: {m: [file://sub/near.txt]}}]\n"
    )
    assert read_registry(root).entries["n:x"].meta == {"all": "top\n", "m": ["near"]}
