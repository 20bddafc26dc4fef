"""Where a project keeps its sources: `wippy.lock`, or the directory itself when there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import RegistryError
from ..problems import Problem
from .files import read_text
from .tree import Mark, Node, SourceError, SourceLimits
from .yaml_source import parse_yaml

LOCK_FILE = "wippy.lock"


@dataclass(frozen=True, slots=True)
class Project:
    """`root` is what relative host paths are relative to, `source` where definition files are."""

    root: Path
    source: Path


def find_project(path: Path, limits: SourceLimits) -> Project:
    """The project at `path`, a directory or its `wippy.lock`.

    Raises `RegistryError` with the texts of R-31, or when a directory is missing. Rules: R-30, R-31, R-33, R-38.
    """
    if path.name == LOCK_FILE:
        return _locked(path, limits)
    if path.is_file():
        hint = f"give {path.parent}, the directory that holds it"
        raise _error("a project is a directory, this is a file", path, None, hint)
    if not path.is_dir():
        raise _error("no such project directory", path, None, "give the directory that holds the definition files")
    lock = path / LOCK_FILE
    return _locked(lock, limits) if lock.exists() else Project(path, path)


def _locked(lock: Path, limits: SourceLimits) -> Project:
    if not lock.exists():
        raise _error("lock file not found", lock, None, "give the project's directory; a lock file is not needed")
    source = lock.parent / _source_directory(lock, limits)
    if not source.is_dir():
        hint = "create the directory, or change directories.src"
        raise _error(f"invalid lock file: source directory {source} does not exist", lock, Mark(1, 1), hint)
    return Project(lock.parent, source)


def _source_directory(lock: Path, limits: SourceLimits) -> str:
    try:
        text = read_text(lock, limits.max_file_bytes, "a lock file")
    except SourceError as error:
        raise _error(f"failed to load lock file: {error.message}", lock, error.mark, error.hint) from None
    try:
        root, _ = parse_yaml(text, limits)
        return _read_src(root)
    except SourceError as error:
        raise _error(f"invalid lock file: {error.message}", lock, error.mark, error.hint) from None


def _read_src(root: Node | None) -> str:
    if root is None or (root.is_scalar and root.value is None):
        return "."
    if root.fields is None:
        raise SourceError("expected a map", root.mark, "write directories: with src: ./src below it")
    directories = root.get("directories")
    if directories is None:
        return "."
    if directories.fields is None:
        raise SourceError("directories: expected a map", root.mark_of("directories"), "write src: ./src below it")
    src = directories.get("src")
    if src is None:
        return "."
    if not isinstance(src.value, str) or "\0" in src.value:
        raise SourceError("directories.src: expected a path", directories.mark_of("src"), "write src: ./src")
    return src.value or "."


def _error(message: str, path: Path, mark: Mark | None, hint: str) -> RegistryError:
    line, column = mark or (None, None)
    kind = "NotFound" if mark is None else "Invalid"
    return RegistryError.of(Problem("error", message, None, str(path), line, column, hint), kind=kind)
