"""Where the source of a Lua entry stands, so that errors and tracebacks name the line a person can open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..config.lua import LuaConfig
from ..problems import Problem, Severity

_SOURCE = ("source",)


@dataclass(frozen=True, slots=True)
class Place:
    """`shown` is what the core names in errors and tracebacks, `line` the number of the source's first line there.

    `file` is None where lines of the source are no lines of a file: then problems point at the entry's field. `indent`
    is how far the source is indented in its file.
    """

    shown: str
    line: int = 1
    file: str | None = None
    indent: int = 0


def place_of(config: LuaConfig, root: Path) -> Place:
    """The place of an entry's source; `root` is the project's."""
    entry = config.entry
    if config.file:
        return Place(config.file, file=config.file)
    node = entry.scalar_at(_SOURCE)
    if node is None or entry.file is None:
        return Place(entry.id)
    if node.included is not None:
        return _in_file(node.included, root)
    start = node.start or (node.mark if "\n" not in config.source else None)
    if start is None:  # quoted or folded: its lines are not those of the file
        return Place(entry.id)
    return Place(_below(Path(entry.file), root), start.line, entry.file, start.column - 1)


def problem_at(
    config: LuaConfig, place: Place, severity: Severity, message: str, line: int, column: int, hint: str = ""
) -> Problem:
    """A problem at a place of the source, `line` counted as in `place`."""
    if place.file is None:
        told = f"{message} (line {line}, column {column} of the source)"
        return config.entry.problem(severity, told, _SOURCE, hint)
    return Problem(severity, message, config.entry.id, place.file, line, column + place.indent, hint)


def _in_file(path: Path, root: Path) -> Place:
    shown = _below(path, root)
    return Place(shown, file=str(root / shown))


def _below(path: Path, root: Path) -> str:
    """A path as seen from the project's root."""
    try:
        return Path(os.path.relpath(path.resolve(), root.resolve())).as_posix()
    except ValueError:  # on another drive
        return str(path)
