"""A parsed definition file: values that remember where they were written.

Plain dicts and lists would lose line and column; these nodes keep them, and `plain` gives the dicts and lists. The
builder takes events from the YAML and JSON readers and is where hostile input ends: depth, number of values and alias
expansion are counted while the tree grows, so neither time nor memory depends on what a file claims to hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..suggest import did_you_mean

MERGE_KEY = "<<"
_NO_ANCHOR = "quote a value that starts with *, or mark an earlier value with &"


class Mark(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


class SourceError(Exception):
    """A file is broken at `mark`; `hint` says what to do."""

    def __init__(self, message: str, mark: Mark, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLimits:
    """What a definition file may hold. More is a clear error, never a slow load."""

    max_file_bytes: int = 4 * 1024 * 1024
    max_depth: int = 64
    max_values: int = 100_000
    """Values of one file, with every alias counted as often as it is used."""
    max_included_bytes: int = 16 * 1024 * 1024
    """Bytes of one file named by a `file://` value."""
    max_included_total: int = 64 * 1024 * 1024
    """Characters of all files that one definition file names, each counted once."""


DEFAULT_SOURCE_LIMITS = SourceLimits()


@dataclass(slots=True)
class Node:
    """A scalar (`value`), a list (`items`) or a mapping (`fields`, with the marks of its keys in `keys`).

    `text` is a scalar as it was typed. `start` is where the text of a block scalar starts, `included` the file that a
    scalar was replaced by.
    """

    mark: Mark
    value: Any = None
    text: str = ""
    start: Mark | None = None
    included: Path | None = None
    items: list[Node] | None = None
    fields: dict[str, Node] | None = None
    keys: dict[str, Mark] = field(default_factory=dict)
    size: int = 1
    height: int = 1

    @property
    def is_scalar(self) -> bool:
        return self.items is None and self.fields is None

    def get(self, key: str) -> Node | None:
        """The value of a mapping's key; None for other nodes and for an explicit null."""
        node = (self.fields or {}).get(key)
        return None if node is None or (node.is_scalar and node.value is None) else node

    def child(self, step: str | int) -> Node | None:
        """The node one step down, by key or by index."""
        if isinstance(step, int):
            return self.items[step] if self.items is not None and step < len(self.items) else None
        return (self.fields or {}).get(step)

    def mark_of(self, step: str | int) -> Mark:
        """Where to point for a child: at a scalar itself, at the key of anything larger, else at this node."""
        node = self.child(step)
        if node is None:
            return self.mark
        return self.keys[step] if isinstance(step, str) and not node.is_scalar else node.mark

    def plain(self) -> Any:
        """Fresh dicts, lists and scalars; aliases become copies (their number was limited when building)."""
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.fields is not None:
            return {key: node.plain() for key, node in self.fields.items()}
        return self.value


def describe(value: Any) -> str:
    """The type of a value in the words of YAML, for messages."""
    names = {type(None): "null", bool: "bool", int: "integer", float: "float", str: "string", list: "list", dict: "map"}
    return names.get(type(value), type(value).__name__)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been seen."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_mark: Mark | None = None
    merged: list[Node] = field(default_factory=list)


class TreeBuilder:
    """Builds a `Node` from events, without recursion. Raises `SourceError` over a limit."""

    def __init__(self, limits: SourceLimits, *, merge_keys: bool = True) -> None:
        self.root: Node | None = None
        self._limits = limits
        self._merge_keys = merge_keys
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def scalar(
        self,
        value: Any,
        text: str,
        mark: Mark,
        *,
        anchor: str | None = None,
        plain: bool = True,
        start: Mark | None = None,
    ) -> None:
        """A scalar: a key where a mapping waits for one, else a value."""
        self._count(1, mark)
        if self._wants_key():
            self._key(text, mark, merge=plain and self._merge_keys and text == MERGE_KEY)
            if anchor:
                self._anchors[anchor] = Node(mark, value, text)
            return
        self._complete(Node(mark, value, text, start), anchor)

    def start_list(self, mark: Mark, anchor: str | None = None) -> None:
        self._start(Node(mark, items=[]), anchor)

    def start_map(self, mark: Mark, anchor: str | None = None) -> None:
        self._start(Node(mark, fields={}), anchor)

    def end(self) -> None:
        """The end of the innermost list or mapping."""
        opened = self._open.pop()
        node = opened.node
        for base in opened.merged:
            for key, value in (base.fields or {}).items():
                if key not in (node.fields or {}):
                    self._put(node, key, base.keys[key], value)
        self._complete(node, opened.anchor)

    def alias(self, name: str, mark: Mark) -> None:
        """A use of an anchor; counted with everything below it."""
        if any(opened.anchor == name for opened in self._open):
            raise SourceError(f"anchor &{name} contains itself", mark, "write the value out instead of the alias")
        node = self._anchors.get(name)
        if node is None:
            raise SourceError(f"alias *{name} has no anchor", mark, did_you_mean(name, self._anchors) or _NO_ANCHOR)
        self._count(node.size, mark)
        self._check_depth(len(self._open) + node.height, mark)
        if not self._wants_key():
            self._complete(node, None)
        elif node.is_scalar:
            self._key(node.text, mark, merge=False)
        else:
            raise _key_error(mark)

    def _wants_key(self) -> bool:
        return bool(self._open) and self._open[-1].node.fields is not None and self._open[-1].key is None

    def _start(self, node: Node, anchor: str | None) -> None:
        self._count(1, node.mark)
        if self._wants_key():
            raise _key_error(node.mark)
        self._check_depth(len(self._open) + 1, node.mark)
        self._open.append(_Open(node, anchor))

    def _key(self, text: str, mark: Mark, *, merge: bool) -> None:
        opened = self._open[-1]
        fields = opened.node.fields or {}
        if text in fields and not merge:
            first = opened.node.keys[text]
            raise SourceError(
                f'duplicate key "{_short(text)}"', mark, f"it was first set in line {first.line}; remove one of the two"
            )
        opened.key, opened.key_mark = (MERGE_KEY if merge else text), (None if merge else mark)

    def _complete(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        opened = self._open[-1]
        if opened.node.items is not None:
            opened.node.items.append(node)
            self._grow(opened.node, node)
        elif opened.key is not None and opened.key_mark is not None:
            self._put(opened.node, opened.key, opened.key_mark, node)
        else:
            opened.merged.extend(_merge_bases(node))
        opened.key = opened.key_mark = None

    def _put(self, parent: Node, key: str, mark: Mark, node: Node) -> None:
        if parent.fields is not None:
            parent.fields[key] = node
            parent.keys[key] = mark
        self._grow(parent, node)

    def _grow(self, parent: Node, child: Node) -> None:
        parent.size += child.size
        parent.height = max(parent.height, child.height + 1)

    def _count(self, values: int, mark: Mark) -> None:
        self._values += values
        if self._values > self._limits.max_values:
            raise SourceError(
                f"more than {self._limits.max_values} values, aliases counted as often as they are used",
                mark,
                "split the file, or use fewer aliases",
            )

    def _check_depth(self, depth: int, mark: Mark) -> None:
        if depth > self._limits.max_depth:
            raise SourceError(
                f"nested deeper than {self._limits.max_depth} levels", mark, "a definition file needs less than ten"
            )


def _merge_bases(node: Node) -> list[Node]:
    bases = node.items if node.items is not None else [node]
    for base in bases:
        if base.fields is None:
            raise SourceError("a merge key (<<) takes a map or a list of maps", base.mark, "name an anchored map")
    return bases


def _key_error(mark: Mark) -> SourceError:
    return SourceError(
        "a key is a list or a map", mark, "write keys as plain words; quote a value that starts with [ or {"
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
