"""`env.storage.*` and `env.variable` entries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..registry.entries import Entry
from ..registry.references import EntryId
from .fields import Fields
from .filesystem import octal_text, parse_mode

STORAGE, VARIABLE = "env.storage.", "env.variable"
MEMORY, OS, STATIC = "env.storage.memory", "env.storage.os", "env.storage.static"
FILE, ROUTER = "env.storage.file", "env.storage.router"
STORAGES = (MEMORY, OS, STATIC, FILE, ROUTER)
KNOWN = {
    MEMORY: (),
    OS: (),
    STATIC: ("values",),
    FILE: ("file_path", "auto_create", "file_mode", "dir_mode"),
    ROUTER: ("storages",),
    VARIABLE: ("variable", "storage", "default", "readonly"),
}
_NAME = re.compile(r"[A-Za-z0-9_]*")
_NAME_TEXT = (
    "invalid environment variable name: must only contain alphanumeric characters (a-z, A-Z, 0-9) and underscores"
)


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """A valid storage; which fields count depends on its kind."""

    entry: Entry
    values: dict[str, str]
    file_path: str = ""
    auto_create: bool = False
    file_mode: int = 0o644
    dir_mode: int = 0o755
    storages: tuple[EntryId, ...] = ()


@dataclass(frozen=True, slots=True)
class VariableConfig:
    """A valid variable. `key` is what is looked up in its storage. Rules: K-14."""

    entry: Entry
    variable: str
    storage: EntryId
    default: str
    readonly: bool

    @property
    def key(self) -> str:
        return self.variable or self.entry.id


def parse_storage(entry: Entry) -> StorageConfig:
    """The configuration of a storage. Raises `ConfigError`. Rules: 00 §4.2, K-10, K-11."""
    fields = Fields.of(entry)
    if entry.kind == STATIC:
        values = fields.fields("values")
        return StorageConfig(entry, {name: values.string(name) for name in values.values})
    if entry.kind == FILE:
        return _file(fields)
    if entry.kind == ROUTER:
        return StorageConfig(entry, {}, storages=_router(fields))
    return StorageConfig(entry, {})


def parse_variable(entry: Entry) -> VariableConfig:
    """The configuration of a variable. Raises `ConfigError`. Rules: K-12, K-13, K-14."""
    fields = Fields.of(entry)
    config = VariableConfig(
        entry,
        fields.string("variable"),
        fields.id("storage"),
        fields.string("default"),
        fields.boolean("readonly"),
    )
    if not _NAME.fullmatch(config.variable):
        raise fields.invalid("variable", _NAME_TEXT, f'variable is "{config.variable}"')
    _whole_id(fields, "storage", config.storage, ())
    return config


def _file(fields: Fields) -> StorageConfig:
    path, auto_create = fields.string("file_path"), fields.boolean("auto_create")
    modes = octal_text(fields, "file_mode") or "0644", octal_text(fields, "dir_mode") or "0755"
    if not path.strip():
        raise fields.invalid("file_path", "file path must not be empty", "give a path, relative to the project's root")
    file_mode, dir_mode = parse_mode(fields, "file_mode", modes[0]), parse_mode(fields, "dir_mode", modes[1])
    return StorageConfig(fields.entry, {}, path, auto_create, file_mode, dir_mode)


def _router(fields: Fields) -> tuple[EntryId, ...]:
    storages = fields.ids("storages")
    if not storages:
        text = "router storage must have at least one storage"
        raise fields.invalid("storages", text, "list the ids of env.storage.* entries, first match first")
    for index, storage in enumerate(storages):
        _whole_id(fields, "storages", storage, (index,))
    return storages


def _whole_id(fields: Fields, name: str, found: EntryId, rest: tuple[int, ...]) -> None:
    """Storages are named by full ids only; a bare name is not completed. Rules: K-13."""
    if not found.namespace or not found.name:
        at = Fields(fields.entry, fields.values, (*fields.path, name)) if rest else fields
        text = "invalid storage ID format, must have both namespace and name"
        hint = f"name an env.storage.* entry in {name}; write namespace:name"
        if found.name:
            hint = f'{name} is "{found.name}"; write the whole id: "{found.within(fields.entry.namespace)}"'
        elif found.namespace:
            hint = f'{name} is "{found}"; write namespace:name'
        raise at.invalid(rest[0] if rest else name, text, hint)
