"""Did-you-mean suggestions for names a user mistyped.

A wrong suggestion is worse than none, so a name counts as mistyped only if few of its characters would have to change,
or if nothing but its namespace is missing. Comparing names is slow next to everything else that happens to a wrong
entry, so the work is bounded: nobody mistypes a name of hundreds of characters, and a registry with thousands of wrong
names has another problem.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_LONGEST, _MOST = 100, 1000
_FEW = 5


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` for the closest of the `known` names, "" when none is close or `name` is one of them."""
    found = closest(name, known)
    return f'did you mean "{found}"?' if found else ""


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` was most likely meant to be, "" when none is close or `name` is one of them."""
    if len(name) > _LONGEST:
        return ""
    wanted = name.lower()
    candidates = {text.lower(): text for text in islice(known, _MOST) if len(text) <= _LONGEST}
    if name in candidates.values():
        return ""
    if wanted in candidates:
        return candidates[wanted]
    for text in candidates:
        if ":" not in wanted and text.endswith(f":{wanted}"):
            return candidates[text]
    # The library ranks fast but freely; its few best are counted.
    ranked = [(_changes(wanted, text), text) for text in get_close_matches(wanted, candidates, n=_FEW, cutoff=0.6)]
    near = [(changes, text) for changes, text in ranked if changes <= _allowed(wanted, text)]
    return candidates[min(near)[1]] if near else ""


def _allowed(name: str, other: str) -> int:
    """Every third character may differ; a namespace that both have does not make their names alike."""
    namespace, colon, _ = name.partition(":")
    shared = len(namespace + colon) if colon and other.startswith(namespace + colon) else 0
    return (max(len(name), len(other)) - shared) // 3


def _changes(name: str, other: str) -> int:
    """Characters to insert, remove, replace or swap with their neighbour to make one of the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(name, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and (a, name[i - 2]) == (other[j - 2], b):
                least = min(least, older[j - 2] + 1)
            row.append(least)
    return row[-1]
