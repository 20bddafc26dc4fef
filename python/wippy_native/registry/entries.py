"""An entry of the registry, and where each of its fields was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import RegistryError
from ..problems import Problem, Severity
from .references import EntryId, parse_id
from .tree import Mark, Node, describe

Step = str | int


@dataclass(frozen=True, slots=True)
class Origin:
    """The nodes an entry came from: all of it, and the part that became its data."""

    entry: Node
    data: Node


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `id` is `namespace:name`, `data` everything but `name`, `kind` and `meta`.

    `file`, `line` and `column` (from 1) tell where it was defined; they are None for one added from Python.
    `data` is a dict for all kinds this package loads; an inert entry may hold any value. Rules: R-1, R-2, R-16.
    """

    id: str
    kind: str
    meta: dict[str, Any] = field(default_factory=dict)
    data: Any = field(default_factory=dict)
    file: str | None = None
    line: int | None = None
    column: int | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)

    @property
    def namespace(self) -> str:
        return self.parsed_id.namespace

    @property
    def parsed_id(self) -> EntryId:
        return parse_id(self.id)

    def locate(self, path: tuple[Step, ...]) -> Mark | None:
        """Where the data field at `path` was written, or the closest thing around it that was."""
        if self.origin is None:
            return None
        node = self.origin.data
        mark = node.mark
        for step in path:
            child = node.child(step)
            if child is None:
                break
            mark, node = node.mark_of(step), child
        return mark

    def text_at(self, path: tuple[Step, ...]) -> str | None:
        """A scalar field as it was typed (`0755`, not 493), None when it did not come from a file."""
        node = self.scalar_at(path)
        return None if node is None else node.text

    def scalar_at(self, path: tuple[Step, ...]) -> Node | None:
        """The scalar field at `path` with its place, None when it did not come from a file."""
        node: Node | None = self.origin.data if self.origin else None
        for step in path:
            node = node.child(step) if node else None
        return node if node is not None and node.is_scalar else None

    def locate_key(self, path: tuple[Step, ...]) -> Mark | None:
        """Where the name of the data field at `path` was written, rather than its value."""
        node: Node | None = self.origin.data if self.origin else None
        for step in path[:-1]:
            node = node.child(step) if node else None
        return node.keys.get(str(path[-1])) if node else None

    def problem(
        self, severity: Severity, message: str, path: tuple[Step, ...] = (), hint: str = "", *, at_key: bool = False
    ) -> Problem:
        """A problem at one of this entry's fields, or at the field's name."""
        mark = (self.locate_key(path) if at_key else None) or self.locate(path)
        line, column = mark or (self.line, self.column)
        return Problem(severity, message, self.id, self.file, line, column, hint)


def entry_from_mapping(fields: Mapping[str, Any]) -> Entry:
    """An entry as Python gives it: `id`, `kind`, `meta`, and the data as `data` or as the fields beside them.

    Raises `RegistryError` with the texts of R-26, `TypeError` for what is no mapping. Rules: R-1, R-16, R-26.
    """
    if not isinstance(fields, Mapping):
        raise TypeError(f"expected an entry as a mapping, got {type(fields).__name__}")
    identity, kind, meta = fields.get("id"), fields.get("kind"), fields.get("meta") or {}
    parsed = parse_id(identity) if isinstance(identity, str) else EntryId("", "")
    missing = (
        ("name" if not parsed.name.strip() else "")
        or ("namespace" if not parsed.namespace.strip() else "")
        or ("kind" if not isinstance(kind, str) or not kind.strip() else "")
    )
    if missing:
        hint = 'give it as {"id": "namespace:name", "kind": "function.wasm", ...}'
        shown = identity if isinstance(identity, str) else None
        raise RegistryError.of(Problem("error", f"invalid entry: missing {missing}", shown, hint=hint))
    if not isinstance(meta, Mapping):
        raise RegistryError.of(
            Problem("error", f"invalid entry: meta: expected map, got {describe(meta)}", str(parsed))
        )
    data = fields["data"] if "data" in fields else {k: v for k, v in fields.items() if k not in _OWN_FIELDS}
    return Entry(str(parsed), str(kind), dict(meta), data)


_OWN_FIELDS = frozenset({"id", "name", "namespace", "kind", "meta", "data"})
