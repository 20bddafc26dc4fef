"""`check`: every problem of a project, one a line; then what each entry may reach. Rules: C-17, N-20."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ..check import examine_project
from ..problems import Problem
from .printing import data, data_json, remark


def check_directory(directory: Path, *, as_json: bool) -> int:
    """Print the problems; 1 if any is an error, else 0. Raises `RegistryError` when there is no project."""
    problems, reaches = examine_project(directory)
    if as_json:
        data_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            data(line(problem))
        if reaches:
            data("may reach:")
        for reach in reaches:
            data(f"  {reach.entry}: {reach}")
    errors = sum(problem.severity == "error" for problem in problems)
    counts = f"{_count(errors, 'error')}, {_count(len(problems) - errors, 'warning')}"
    remark(counts if problems else "no problems found")
    return 1 if errors else 0


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def line(problem: Problem) -> str:
    """`<file>:<line>:<col>: <id>: <severity>: <text>`, with the hint in a line of its own."""
    parts = [problem.location, problem.entry or "", problem.severity, problem.message]
    text = ": ".join(part for part in parts if part)
    return f"{text}\n  hint: {problem.hint}" if problem.hint else text
