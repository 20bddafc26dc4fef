"""One finding about an entry: where it is, what is wrong and what to do.

Loading and checking gather problems instead of stopping at the first, so that one run shows them all. A problem keeps
the specification's text (`message`) apart from our advice (`hint`): the text stays searchable, the advice can improve.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning about an entry or a definition file.

    `line` and `column` count from 1; they are None for entries made in Python, as `file` is. `entry` is None where a
    file as a whole is at fault. Rules: R-36, C-17.
    """

    severity: Severity
    message: str
    entry: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    hint: str = ""

    @property
    def location(self) -> str:
        """`file:line:column` as far as known, "" for an entry made in Python."""
        known = [self.file, self.line, self.column]
        return ":".join(str(part) for part in known if part is not None) if self.file else ""

    def __str__(self) -> str:
        head = f"{self.location}: {self.message}" if self.location else self.message
        return f"{head}\n  hint: {self.hint}" if self.hint else head


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort by file, then position; problems without a file come first. Rules: R-36."""
    return sorted(problems, key=lambda p: (p.file or "", p.line or 0, p.column or 0))
