"""`fs.directory` entries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..registry.entries import Entry
from .fields import Fields

KIND = "fs.directory"
KNOWN = ("directory", "auto_init", "mode", "base")
BASES = ("project", "module")
_READ, _EXECUTE = 0o444, 0o111


@dataclass(frozen=True, slots=True)
class DirectoryConfig:
    """A valid entry; `mode` has its execute bits completed (K-1)."""

    entry: Entry
    directory: str
    auto_init: bool
    mode: int

    @property
    def readable(self) -> bool:
        return bool(self.mode & 0o400)

    @property
    def writable(self) -> bool:
        return bool(self.mode & 0o200)


def parse_directory(entry: Entry) -> DirectoryConfig:
    """The configuration of an entry. Raises `ConfigError`. Rules: 00 §4.1, K-1."""
    fields = Fields.of(entry)
    directory, auto_init, base = fields.string("directory"), fields.boolean("auto_init"), fields.string("base")
    mode = octal_text(fields, "mode")
    if not directory.strip():
        raise fields.invalid("directory", "directory path is required", "give a path, relative to the project's root")
    if "\0" in directory:
        raise fields.invalid("directory", "directory path is required", "a path has no NUL character")
    bits = parse_mode(fields, "mode", mode or "0755")
    if base and base not in BASES:
        hint = f'base is "{base}"; use one of {", ".join(BASES)}'
        raise fields.invalid("base", "invalid directory base", hint)
    return DirectoryConfig(entry, directory, auto_init, _with_execute(bits))


def octal_text(fields: Fields, name: str) -> str:
    """A mode as it was typed. YAML reads an unquoted 0755 as the number 493, so the text is what counts.

    An integer from Python (`0o755`) is its own octal text.
    """
    value, typed = fields.values.get(name), fields.entry.text_at((*fields.path, name))
    if isinstance(value, int) and not isinstance(value, bool):
        return typed or f"{value:o}"
    if isinstance(value, float) and typed and typed.isdecimal():
        return typed  # 0999 is no octal number, so YAML takes it for another
    return fields.string(name)


def parse_mode(fields: Fields, name: str, text: str) -> int:
    """Permission bits from octal text. Raises `ConfigError`. Rules: 00 §4.1."""
    digits = text.strip().removeprefix("0o")
    if not re.fullmatch(r"[0-7]{1,5}", digits) or int(digits, 8) > 0o7777:
        hint = f'{name} is "{text}"; use octal digits, 0 to 7, such as "0755"'
        raise fields.invalid(name, "invalid file mode format", hint)
    return int(digits, 8)


def _with_execute(mode: int) -> int:
    """Directories need execute bits to be read: 0444 becomes 0555. Rules: K-1."""
    return mode | _EXECUTE if mode & _READ == _READ and not mode & _EXECUTE else mode
