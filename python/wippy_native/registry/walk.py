"""Finding the definition files of a source directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .tree import Mark, SourceError

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
SKIPPED = frozenset({"node_modules", ".git", ".venv", "venv", "__pycache__"})


def definition_files(root: Path) -> Iterator[Path]:
    """Every `.yaml`, `.yml` and `.json` file below `root`, in lexical order at each level.

    Symlinked directories are not entered, so the walk always ends. Raises `OSError` where a directory cannot be
    listed. Rules: R-10, R-11.
    """
    waiting = [root]
    while waiting:
        path = waiting.pop()
        if path is root or (path.is_dir() and not path.is_symlink()):
            if path is root or path.name not in SKIPPED:
                waiting.extend(sorted(path.iterdir(), key=lambda child: child.name, reverse=True))
        elif path.suffix in SUFFIXES and not path.is_dir():
            yield path


def check_inside(path: Path, root: Path) -> None:
    """A definition file may be a symlink, but only to a file inside `root`. Raises `SourceError`."""
    if not path.is_symlink():
        return
    try:
        inside = path.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:
        raise SourceError(f"broken symlink: {error}", Mark(1, 1), "remove it, or repair its target") from None
    if not inside:
        raise SourceError("symlink leaves the source directory", Mark(1, 1), "copy the file in place of the link")
