"""`list`: the entries of a project, filtered, as table, JSON or YAML. Rules: C-20 to C-22, C-24."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import typer

from ..errors import RegistryError
from ..registry import Entry, read_registry
from .app import Form
from .printing import data, data_json

_ID_WIDTH, _KIND_WIDTH = 50, 30
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "~": lambda found, wanted: re.search(wanted, found) is not None,
    "*": lambda found, wanted: wanted in found,
    "^": str.startswith,
    "$": str.endswith,
    "=": lambda found, wanted: found == wanted,
}


@dataclass(frozen=True, slots=True)
class MetaTest:
    """A test of one meta field, such as `type=tool`. Rules: C-20, C-24."""

    field: str
    operator: str
    wanted: str

    @classmethod
    def parse(cls, text: str) -> MetaTest:
        """Raises `typer.BadParameter` for another form."""
        for operator in _TESTS:
            field, found, wanted = text.partition(operator)
            if found and field:
                _check_pattern(operator, wanted)
                return cls(field, operator, wanted)
        raise typer.BadParameter(f"--meta {text}: expected f=v, f~re, f*sub, f^pre or f$suf")

    def holds(self, meta: dict[str, Any]) -> bool:
        value = _look_up(meta, self.field)
        values = value if isinstance(value, list) else [value]
        return any(item is not None and _TESTS[self.operator](_text(item), self.wanted) for item in values)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries to list; "" matches all. Rules: C-20."""

    kind: str
    namespace: str
    name: str
    meta: tuple[MetaTest, ...]

    @classmethod
    def parse(cls, kind: str, namespace: str, name: str, meta: Sequence[str]) -> Filter:
        """Raises `typer.BadParameter` for a meta test of another form."""
        return cls(kind, namespace, name, tuple(map(MetaTest.parse, meta)))

    def holds(self, entry: Entry) -> bool:
        globs = (self.kind, entry.kind), (self.namespace, entry.namespace), (self.name, entry.parsed_id.name)
        return all(not glob or fnmatchcase(text, glob) for glob, text in globs) and all(
            test.holds(entry.meta) for test in self.meta
        )


def list_entries(directory: Path, wanted: Filter, form: Form) -> None:
    """Print the entries, sorted by id. Raises `RegistryError` for a broken project."""
    registry = read_registry(directory)
    if registry.errors():
        raise RegistryError(errors=registry.errors())
    for problem in registry.problems:
        logging.getLogger(__name__).warning("%s", problem)
    entries = sorted((entry for entry in registry.entries.values() if wanted.holds(entry)), key=lambda entry: entry.id)
    if form is Form.TABLE:
        _print_table(entries)
    else:
        _print_values([{"id": entry.id, "kind": entry.kind, "meta": entry.meta} for entry in entries], form)


def _print_table(entries: list[Entry]) -> None:
    if not entries:
        data("No entries found")
        return
    id_width = _width([entry.id for entry in entries], "ID", _ID_WIDTH)
    kind_width = _width([entry.kind for entry in entries], "KIND", _KIND_WIDTH)
    data(f"{'ID':{id_width}}  KIND")
    data("-" * (id_width + 2 + kind_width))
    for entry in entries:
        data(f"{_cut(entry.id, id_width):{id_width}}  {_cut(entry.kind, kind_width)}")
    data("")
    data(f"Total: {len(entries)} entries")


def _print_values(values: list[dict[str, Any]], form: Form) -> None:
    if form is Form.JSON:
        data_json(values)
        return
    import yaml

    data(yaml.safe_dump(values, sort_keys=False, allow_unicode=True).rstrip())


def _width(texts: list[str], head: str, most: int) -> int:
    return min(most, max(len(head), *map(len, texts)))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _look_up(meta: dict[str, Any], field: str) -> Any:
    """A meta field by its name, or by a dotted path."""
    if field in meta:
        return meta[field]
    value: Any = meta
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_pattern(operator: str, wanted: str) -> None:
    if operator == "~":
        try:
            re.compile(wanted)
        except re.error as error:
            raise typer.BadParameter(f"--meta: {wanted!r} is not a regular expression: {error}") from None
