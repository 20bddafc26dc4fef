"""From one definition file to its entries.

A file is either a list of `entries` or a single entry at the top level. All bad entries of a file are reported
together, and the others are read all the same, so that what is wrong with them shows in the same run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..problems import Problem
from .entries import Entry, Origin
from .files import read_definition
from .includes import IncludeError, Includer
from .references import EntryId
from .tree import Mark, Node, SourceError, SourceLimits, describe

_NOT_DATA = frozenset({"name", "kind", "meta", "data"})
_NOT_DATA_SINGLE = frozenset({"namespace", "name", "kind", "meta", "version", "requirements", "entries"})


@dataclass(frozen=True, slots=True)
class Definition:
    """What a file gave: its readable entries, and the problems of the others."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_entries(path: Path, root: Path, limits: SourceLimits) -> Definition:
    """The entries and problems of a definition file. Rules: R-12 to R-19, R-23 to R-26."""
    reader = _Reader(path, Includer(root, path.parent, limits))
    try:
        document = read_definition(path, limits)
        entries = reader.read(document.root, document.second)
    except (SourceError, _EntryError) as error:
        reader.note(error)
        entries = []
    return Definition(entries, reader.problems)


class _EntryError(Exception):
    """One entry is bad; `mark` is where."""

    def __init__(self, message: str, mark: Mark, hint: str = "", entry: str | None = None) -> None:
        super().__init__(message)
        self.message, self.mark, self.hint, self.entry = message, mark, hint, entry


@dataclass(slots=True)
class _Header:
    """What a file says for all of its entries."""

    namespace: str
    meta: dict[str, Any]


class _Reader:
    """Reads the document of one file."""

    def __init__(self, path: Path, includer: Includer) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._includer = includer

    def note(self, error: SourceError | _EntryError) -> None:
        """Keep an error as a problem of this file."""
        entry = error.entry if isinstance(error, _EntryError) else None
        self.problems.append(Problem("error", error.message, entry, str(self._path), *error.mark, error.hint))

    def read(self, root: Node | None, second: Mark | None) -> list[Entry]:
        if root is None or (root.is_scalar and root.value is None) or root.items is not None:
            return []
        if root.fields is None:
            raise SourceError("expected a map at the top level, got a plain value", root.mark, "start with namespace:")
        namespace = self._namespace(root)
        if not namespace:
            self._warn_without_namespace(root)
            return []
        if second is not None:
            self.note(SourceError("a second document starts here", second, "move it to a file of its own"))
        return self._entries(root, self._header(root, namespace))

    def _warn_without_namespace(self, root: Node) -> None:
        """Other tools' files are no concern of ours, but one with entries was meant for us. Rules: R-12."""
        listed = root.get("entries")
        if listed is None or not listed.items:
            return
        if any(item.get("name") is not None and item.get("kind") is not None for item in listed.items):
            mark = root.mark_of("entries")
            text = "skipped: the file has entries but no namespace"
            hint = "add namespace: app, or another name, at the top of the file"
            self.problems.append(Problem("warning", text, None, str(self._path), *mark, hint))

    def _header(self, root: Node, namespace: str) -> _Header:
        try:
            return _Header(namespace, self._meta(root, "meta"))
        except _EntryError as error:
            self.note(error)
            return _Header(namespace, {})

    def _namespace(self, root: Node) -> str:
        node = root.get("namespace")
        if node is None:
            return ""
        if not isinstance(node.value, str):
            raise SourceError("namespace: expected string", node.mark, "write it as namespace: app")
        return node.value.strip()

    def _entries(self, root: Node, header: _Header) -> list[Entry]:
        listed = root.get("entries")
        if listed is not None and listed.items is None:
            raise _EntryError("entries: expected list", root.mark_of("entries"), "write one - name: ... for each entry")
        if listed is not None and listed.items:
            return self._listed(listed.items, header)
        if root.get("name") is not None and root.get("kind") is not None:
            return [self._single(root, header)]
        if listed is not None:
            return []
        raise _EntryError(
            "either entries array or single entry (name/kind) must be provided",
            root.mark,
            "a file without a namespace is not read at all, if this one is not meant to be",
        )

    def _listed(self, items: list[Node], header: _Header) -> list[Entry]:
        entries = []
        for index, item in enumerate(items):
            try:
                entries.append(self._item(index, item, header))
            except _EntryError as error:
                self.note(error)
        return entries

    def _item(self, index: int, item: Node, header: _Header) -> Entry:
        where = f"entry[{index}]"
        if item.is_scalar and item.value is None:
            raise _EntryError(f"{where}.entry: entry cannot be nil", item.mark, "remove the lone dash, or fill it in")
        if item.fields is None:
            raise _EntryError(f"{where}.entry: expected map, got {describe(item.plain())}", item.mark)
        name, kind = (self._word(where, item, field) for field in ("name", "kind"))
        return self._entry(item, header, name, kind, _NOT_DATA)

    def _word(self, where: str, item: Node, field: str) -> str:
        node = item.get(field)
        if node is None or not isinstance(node.value, str) or not node.value.strip():
            hint = "" if node is None or isinstance(node.value, str) else f'quote it: {field}: "{node.text}"'
            raise _EntryError(
                f"{where}.{field}: {field} is required and must be a non-empty string", item.mark_of(field), hint
            )
        return node.value

    def _single(self, root: Node, header: _Header) -> Entry:
        name, kind = (root.fields or {})["name"].value, (root.fields or {})["kind"].value
        for key, value in (("name", name), ("kind", kind)):
            if not isinstance(value, str) or not value.strip():
                message = f"invalid entry in {self._path.name}: missing {key}"
                raise _EntryError(message, root.mark_of(key), f"{key} must be a non-empty string")
        return self._entry(root, _Header(header.namespace, {}), name, kind, _NOT_DATA_SINGLE)

    def _entry(self, node: Node, header: _Header, name: str, kind: str, own: frozenset[str]) -> Entry:
        identity = str(EntryId(header.namespace, name))
        try:
            meta = {**header.meta, **self._meta(node, "meta")}
            data_node, data = self._data(node, own)
        except _EntryError as error:
            error.entry = identity
            raise
        return Entry(identity, kind, meta, data, str(self._path), *node.mark, Origin(node, data_node))

    def _data(self, node: Node, own: frozenset[str]) -> tuple[Node, Any]:
        fields = node.fields or {}
        if "data" in fields:
            return fields["data"], self._plain(fields["data"])
        return node, {key: self._plain(child) for key, child in fields.items() if key not in own}

    def _meta(self, node: Node, key: str) -> dict[str, Any]:
        meta = node.get(key)
        if meta is None:
            return {}
        if meta.fields is None:
            raise _EntryError("meta: expected map", node.mark_of(key), "write one key: value a line below meta:")
        plain = self._plain(meta)
        assert isinstance(plain, dict)  # noqa: S101 - a map stays a map
        return plain

    def _plain(self, node: Node) -> Any:
        """The node's value with its `file://` strings replaced, errors pointing at the very string."""
        if node.items is not None:
            return [self._plain(item) for item in node.items]
        if node.fields is not None:
            return {key: self._plain(child) for key, child in node.fields.items()}
        try:
            node.included = self._includer.path_of(node.value)
            return self._includer.replaced(node.value)
        except IncludeError as error:
            raise _EntryError(str(error), node.mark, error.hint) from None
