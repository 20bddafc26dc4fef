"""`wippy.lock` and bare directories: R-30, R-31, R-33, R-38."""

from __future__ import annotations

from pathlib import Path

import pytest

from wippy_native.errors import RegistryError
from wippy_native.registry import read_registry


def test_source_directory(tmp_path: Path) -> None:
    """R-30: only the source directory is read; relative host paths stay relative to the project."""
    (tmp_path / "wippy.lock").write_text("directories:\n  modules: .wippy\n  src: ./src\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.yaml").write_text("namespace: n\nname: in\nkind: k\n")
    (tmp_path / "b.yaml").write_text("namespace: n\nname: out\nkind: k\n")
    for given in (tmp_path, tmp_path / "wippy.lock"):
        registry = read_registry(given)
        assert list(registry.entries) == ["n:in"]
        assert registry.project.root == tmp_path


@pytest.mark.parametrize("text", ["", "modules: []\n", "directories: {modules: .wippy}\n", "directories:\n"])
def test_source_defaults_to_the_project(tmp_path: Path, text: str) -> None:
    """R-30."""
    (tmp_path / "wippy.lock").write_text(text)
    assert read_registry(tmp_path).project.source == tmp_path


def test_bare_directory(tmp_path: Path) -> None:
    """R-33."""
    assert read_registry(tmp_path).project.source == tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[1]", "invalid lock file: expected a map"),
        (b"directories: src", "invalid lock file: directories: expected a map"),
        (b"directories: {src: [a]}", "invalid lock file: directories.src: expected a path"),
        (b"directories: {src: nowhere}", "invalid lock file: source directory"),
        (b"a: ]", "invalid lock file: not YAML"),
        (b"\xff", "failed to load lock file: not UTF-8"),
    ],
)
def test_bad_lock(tmp_path: Path, text: bytes, message: str) -> None:
    """R-31."""
    (tmp_path / "wippy.lock").write_bytes(text)
    with pytest.raises(RegistryError) as caught:
        read_registry(tmp_path)
    (problem,) = caught.value.errors
    assert problem.message.startswith(message)
    assert problem.file == str(tmp_path / "wippy.lock")
    assert problem.line == 1


def test_missing(tmp_path: Path) -> None:
    """R-31: only a lock file that is asked for must be there."""
    with pytest.raises(RegistryError, match="lock file not found") as caught:
        read_registry(tmp_path / "wippy.lock")
    assert caught.value.kind == "NotFound"
    with pytest.raises(RegistryError, match="no such project directory"):
        read_registry(tmp_path / "nope")
