"""Reading a whole project: every definition file of its source directory, as entries.

Nothing is validated beyond the form of entries, and nothing is compiled; `list` needs no more than this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..problems import Problem
from .documents import Definition, read_entries
from .entries import Entry
from .lock import Project, find_project
from .tree import DEFAULT_SOURCE_LIMITS, Mark, SourceError, SourceLimits
from .walk import check_inside, definition_files


@dataclass(frozen=True, slots=True)
class Registry:
    """The entries of a project by id, in load order, and what was wrong on the way.

    With an error among the problems the entries are there to be checked, not to be used (R-36).
    """

    project: Project
    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def errors(self) -> list[Problem]:
        """The problems that fail a load."""
        return [problem for problem in self.problems if problem.severity == "error"]

    def unreadable(self) -> set[str]:
        """The ids of entries that were found broken: what refers to one of them needs no repair of its own."""
        return {problem.entry for problem in self.errors() if problem.entry}

    def nothing_found(self) -> Iterator[Problem]:
        """A warning if there are no entries and nothing says why: most likely it is the wrong directory.

        Rules: R-12.
        """
        if not self.entries and not self.problems:
            hint = "a definition file ends in .yaml, .yml or .json, and has a namespace and entries"
            yield Problem("warning", "no entries in any file here", None, str(self.project.source), hint=hint)


def read_registry(
    path: str | Path, *, strict: bool = True, source_limits: SourceLimits = DEFAULT_SOURCE_LIMITS
) -> Registry:
    """Read the project at `path`. Broken files are errors, or with `strict=False` warnings and skipped.

    Raises `RegistryError` only when there is no project; all else is in `problems`. Rules: R-8, R-10 to R-20.
    """
    registry = Registry(find_project(Path(path), source_limits))
    source = registry.project.source
    try:
        for file in definition_files(source):
            _add_file(registry, file, source_limits, strict=strict)
    except OSError as error:
        shown = str(error.filename or source)
        registry.problems.append(Problem("error", f"cannot be listed: {error.strerror or error}", None, shown))
    return registry


def _add_file(registry: Registry, file: Path, limits: SourceLimits, *, strict: bool) -> None:
    try:
        check_inside(file, registry.project.source)
        found = read_entries(file, registry.project.source, limits)
    except SourceError as error:
        found = Definition(problems=[_file_problem(file, error)])
    registry.problems.extend(found.problems if strict else map(_as_warning, found.problems))
    if strict or not any(problem.severity == "error" for problem in found.problems):
        for entry in found.entries:
            _add_entry(registry, entry)


def _as_warning(problem: Problem) -> Problem:
    if problem.severity == "warning":
        return problem
    return replace(problem, severity="warning", message=f"skipped: {problem.message}")


def _add_entry(registry: Registry, entry: Entry) -> None:
    """The last definition of an id wins, in its own place in the order. Rules: R-8."""
    earlier = registry.entries.pop(entry.id, None)
    registry.entries[entry.id] = entry
    if earlier is not None:
        where = f"{earlier.file}:{earlier.line}"
        hint = "rename or remove one of the two; the last one loaded is used"
        registry.problems.append(entry.problem("warning", f"duplicate id, replaces the entry at {where}", (), hint))


def _file_problem(file: Path, error: SourceError) -> Problem:
    mark: Mark = error.mark
    return Problem("error", error.message, None, str(file), *mark, error.hint)
