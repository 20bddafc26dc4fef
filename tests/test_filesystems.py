"""`fs.directory` and reading modules from it: F-6, K-1 to K-3, K-7, R-38."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wippy_native.config.filesystem import parse_directory
from wippy_native.filesystems import FileProblem, Filesystem, open_directory
from wippy_native.registry import entry_from_mapping, read_registry


def filesystem(root: Path, **fields: Any) -> Filesystem:
    entry = entry_from_mapping({"id": "app:fs", "kind": "fs.directory", "directory": "d", **fields})
    return open_directory(parse_directory(entry), root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a.wasm").write_bytes(b"a")
    (tmp_path / "secret").write_bytes(b"secret")
    return tmp_path


@pytest.mark.parametrize("path", ["a.wasm", "/a.wasm", "//a.wasm", "sub/../a.wasm", "./a.wasm"])
def test_read(root: Path, path: str) -> None:
    """F-6, K-3: a leading slash is the filesystem's root."""
    assert filesystem(root).read(path, 100) == b"a"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nope", "No such file"),
        ("../secret", "it leaves the filesystem"),
        ("link", "it leaves the filesystem"),
        ("sub/up/secret", "it leaves the filesystem"),
        ("sub", "not a regular file"),
        ("a\0b", ""),
        ("a" * 5000, ""),
    ],
)
def test_cannot_open(root: Path, path: str, why: str) -> None:
    """F-6, K-3."""
    (root / "d" / "link").symlink_to(root / "secret")
    (root / "d" / "sub" / "up").symlink_to(root)
    with pytest.raises(FileProblem, match="failed to open file: ") as caught:
        filesystem(root).read(path, 100)
    assert why in str(caught.value)


def test_too_large(root: Path) -> None:
    (root / "d" / "big").write_bytes(b"x" * 101)
    with pytest.raises(
        FileProblem, match="failed to read wasm module from filesystem: big: 101 bytes, 100 are allowed"
    ):
        filesystem(root).read("big", 100)


def test_mode_decides(root: Path) -> None:
    """K-1: the owner's bits."""
    with pytest.raises(FileProblem, match="does not allow reading"):
        filesystem(root, mode="0355").read("a.wasm", 100)
    config = filesystem(root, mode="0444").config
    assert (config.mode, config.readable, config.writable) == (0o555, True, False)


def test_missing_directory(root: Path) -> None:
    """K-2."""
    with pytest.raises(FileProblem, match="no such directory"):
        filesystem(root, directory="nope")
    with pytest.raises(FileProblem, match="not a directory"):
        filesystem(root, directory="secret")


def test_auto_init(root: Path) -> None:
    """K-2: made with its parents."""
    assert filesystem(root, directory="x/y", auto_init=True).directory.is_dir()


def test_absolute_directory(root: Path) -> None:
    assert filesystem(root, directory=str(root / "d")).read("a.wasm", 10) == b"a"


@pytest.mark.parametrize(
    ("text", "mode"), [("0755", 0o755), ("'0755'", 0o755), ("755", 0o755), ("0o750", 0o750), ("'0444'", 0o555)]
)
def test_mode_as_typed(root: Path, text: str, mode: int) -> None:
    """An unquoted 0755 is the number 493 to YAML, and still means 0755."""
    (root / "a.yaml").write_text(f"namespace: app\nname: fs\nkind: fs.directory\ndirectory: d\nmode: {text}\n")
    entry = read_registry(root).entries["app:fs"]
    assert parse_directory(entry).mode == mode


def test_mode_from_python(root: Path) -> None:
    assert filesystem(root, mode=0o750).config.mode == 0o750
