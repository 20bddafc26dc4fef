"""Which Lua entries import which. Nothing here recurses: a registry may come from a stranger. Rules: L-4."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

MAX_HEIGHT = 64
"""Libraries on top of each other; each takes a level of the stack when it is loaded."""


@dataclass(slots=True)
class Walk:
    """Entries with those they import before them, and what was found on the way.

    `cycles` has, by the first entry of each cycle, the ids along it; `heights` how many entries stand on top of each
    other at most, for entries outside of cycles.
    """

    order: list[str] = field(default_factory=list)
    cycles: dict[str, list[str]] = field(default_factory=dict)
    heights: dict[str, int] = field(default_factory=dict)


def walk(starts: Iterable[str], imports_of: Callable[[str], Sequence[str]]) -> Walk:
    """Depth first from each start, in order."""
    found = Walk()
    for start in starts:
        if start not in found.heights:
            _descend(start, imports_of, found)
    return found


def _descend(start: str, imports_of: Callable[[str], Sequence[str]], found: Walk) -> None:
    open_: dict[str, Iterator[str]] = {start: iter(imports_of(start))}
    while open_:
        current, rest = next(reversed(open_.items()))
        following = next(rest, None)
        if following is None:
            del open_[current]
            found.order.append(current)
            found.heights[current] = 1 + max((found.heights.get(one, 0) for one in imports_of(current)), default=0)
        elif following in open_:
            path = list(open_)
            found.cycles.setdefault(following, path[path.index(following) :])
        elif following not in found.heights:
            open_[following] = iter(imports_of(following))


class ImportGraph:
    """The imports of all Lua entries, both ways. Not locked: its catalog is."""

    def __init__(self) -> None:
        self._imports: dict[str, tuple[str, ...]] = {}
        self._importers: dict[str, dict[str, None]] = {}

    def put(self, identity: str, imports: Iterable[str]) -> None:
        """Add or replace an entry."""
        self.discard(identity)
        self._imports[identity] = tuple(dict.fromkeys(imports))
        for one in self._imports[identity]:
            self._importers.setdefault(one, {})[identity] = None

    def discard(self, identity: str) -> None:
        """Forget an entry; those that import it still do."""
        for one in self._imports.pop(identity, ()):
            importers = self._importers[one]
            del importers[identity]
            if not importers:
                del self._importers[one]

    def imports(self, identity: str) -> tuple[str, ...]:
        """What an entry imports itself."""
        return self._imports.get(identity, ())

    def is_imported(self, identity: str) -> bool:
        return identity in self._importers

    def whole(self) -> Walk:
        """All entries."""
        return walk(list(self._imports), self.imports)

    def with_entry(self, identity: str, imports: Iterable[str]) -> Walk:
        """What an entry stands on, as if it had these imports."""
        own = tuple(imports)
        return walk([identity], lambda one: own if one == identity else self.imports(one))

    def under(self, identity: str) -> list[str]:
        """An entry after all it imports, directly or not."""
        return walk([identity], self.imports).order

    def importers(self, identity: str) -> list[str]:
        """All that import an entry, directly or not, each after those it imports."""
        outward = walk([identity], lambda one: tuple(self._importers.get(one, ())))
        return outward.order[-2::-1]
