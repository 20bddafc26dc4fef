"""Typed reading of an entry's fields, and the errors about them.

A `Fields` is one map of an entry together with its path, so that an error can say which field of which entry is wrong
and point at its line. Null counts as absent everywhere, as in the platform's own decoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import ConfigError
from ..registry.entries import Entry, Step
from ..registry.references import EntryId, parse_id
from ..registry.tree import describe
from ..suggest import did_you_mean
from .hints import type_hint

T = TypeVar("T")
_INT64 = 2**63
# The platform's decoders of these kinds say what they decode. Rules: F-3.
_INNER = {
    **dict.fromkeys(("function.wasm", "function.wat"), "failed to unpack wasm config: "),
    **dict.fromkeys(("function.lua", "library.lua"), "failed to unpack lua config: "),
}


@dataclass(frozen=True, slots=True)
class Fields:
    """One map of an entry's data, at `path`."""

    entry: Entry
    values: Mapping[str, Any]
    path: tuple[Step, ...] = ()

    @classmethod
    def of(cls, entry: Entry) -> Fields:
        """The top-level fields. Raises `ConfigError` when the data is not a map."""
        if not isinstance(entry.data, Mapping):
            raise decode_error(entry, (), f"expected map, got {describe(entry.data)}", "write fields as key: value")
        return cls(entry, entry.data)

    def string(self, name: str, default: str = "") -> str:
        return self._typed(name, str, "string", default)

    def boolean(self, name: str, default: bool = False) -> bool:
        return self._typed(name, bool, "bool", default)

    def integer(self, name: str, default: int = 0) -> int:
        value = self._typed(name, int, "integer", default)
        if not -_INT64 <= value < _INT64:
            raise self.wrong(name, "expected a 64-bit integer, got a longer one")
        return value

    def fields(self, name: str) -> Fields:
        """A nested map; an absent one reads as empty."""
        return Fields(self.entry, self._typed(name, Mapping, "map", {}), (*self.path, name))

    def items(self, name: str) -> Iterator[tuple[int, Any]]:
        """A list's items with their index; an absent list reads as empty."""
        yield from enumerate(self._typed(name, (list, tuple), "list", []))

    def maps(self, name: str) -> Iterator[Fields]:
        """A list of maps."""
        for index, value in self.items(name):
            path = (*self.path, name, index)
            if not isinstance(value, Mapping):
                hint = type_hint(dotted(path), "map", value)
                raise decode_error(self.entry, path, f"{dotted(path)}: expected map, got {describe(value)}", hint)
            yield Fields(self.entry, value, path)

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self._string_item(name, index, value) for index, value in self.items(name))

    def id(self, name: str) -> EntryId:
        """An id, as text or as a map of `ns` and `name`; both parts empty when absent. Rules: R-2, R-4."""
        return self.id_of(self.values.get(name), (*self.path, name))

    def ids(self, name: str) -> tuple[EntryId, ...]:
        """A list of ids."""
        return tuple(self.id_of(value, (*self.path, name, index)) for index, value in self.items(name))

    def id_of(self, value: Any, path: tuple[Step, ...]) -> EntryId:
        """The id a value at `path` holds. Rules: R-2, R-4."""
        if value is None:
            return EntryId("", "")
        if isinstance(value, str):
            return parse_id(value.strip())
        if isinstance(value, Mapping):
            parts = Fields(self.entry, value, path)
            return EntryId(parts.string("ns"), parts.string("name"))
        raise decode_error(
            self.entry,
            path,
            f"{dotted(path)}: expected id (string or map), got {describe(value)}",
            "write namespace:name",
        )

    def wrong(self, name: str, text: str, hint: str = "") -> ConfigError:
        """The error for a field of the wrong type. Rules: F-3."""
        path = (*self.path, name)
        return decode_error(self.entry, path, f"{dotted(path)}: {text}", hint)

    def invalid(self, name: Step, text: str, hint: str = "") -> ConfigError:
        """The error for a field with a wrong value; `text` is the rule's. Rules: F-2."""
        return invalid(self.entry, (*self.path, name), text, hint)

    def unknown(self, known: Iterable[str]) -> Iterator[tuple[tuple[Step, ...], str]]:
        """Path and suggestion of each field nothing reads. Rules: R-21."""
        known = tuple(known)
        for name in self.values:
            if name not in known:
                yield (*self.path, name), did_you_mean(str(name), known)

    def _typed(self, name: str, wanted: Any, word: str, default: T) -> T:
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise self.wrong(
                name, f"expected {word}, got {_shown(value)}", type_hint(dotted((*self.path, name)), word, value)
            )
        return value  # type: ignore[no-any-return]

    def _string_item(self, name: str, index: int, value: Any) -> str:
        if isinstance(value, str):
            return value
        path = (*self.path, name, index)
        text = f"{dotted(path)}: expected string, got {_shown(value)}"
        raise decode_error(self.entry, path, text, type_hint(dotted(path), "string", value))


def dotted(path: Iterable[Step]) -> str:
    """A path as people write it: `wasi.env[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def required(fields: Fields, name: str, value: str, hint: str) -> None:
    """Raises `ConfigError` for a text that is missing or blank. Rules: F-1."""
    if not value.strip():
        raise fields.invalid(name, f"{name} is required", hint)


def invalid(entry: Entry, path: tuple[Step, ...], text: str, hint: str = "") -> ConfigError:
    """A field has a value that is not allowed. Rules: F-2, R-36."""
    message = (
        f"operation failed for entry {entry.id}: failed to unpack {entry.kind} config: invalid configuration: {text}"
    )
    return ConfigError.of(entry.problem("error", message, path, hint))


def decode_error(entry: Entry, path: tuple[Step, ...], text: str, hint: str = "") -> ConfigError:
    """A field has a value of the wrong type. Rules: F-3, R-36."""
    inner = _INNER.get(entry.kind, "")
    message = f"operation failed for entry {entry.id}: failed to unpack {entry.kind} config: {inner}{text}"
    return ConfigError.of(entry.problem("error", message, path, hint))


def _shown(value: Any) -> str:
    """A value's type, and the value where it is short."""
    if isinstance(value, (str, int, float)) and len(str(value)) <= 40 and not isinstance(value, bool):
        return f"{describe(value)} {value!r}"
    return describe(value)
