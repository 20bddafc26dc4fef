"""Did-you-mean suggestions for names a user mistyped.

Comparing names is slow next to everything else that happens to a wrong entry, so the work is bounded: nobody mistypes a
name of hundreds of characters, and a registry with thousands of wrong names has another problem.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_LONGEST, _MOST = 100, 1000


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` for the closest of the `known` names, "" when none is close."""
    if len(name) > _LONGEST:
        return ""
    candidates = [candidate for candidate in islice(known, _MOST) if len(candidate) <= _LONGEST]
    close = get_close_matches(name, candidates, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""
