"""The `wasi` block: arguments, working directory, environment and mounts of a guest."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from ..registry.references import EntryId
from .fields import Fields

KNOWN = ("args", "cwd", "env", "mounts")
ENV_KNOWN = ("id", "name", "required")
MOUNT_KNOWN = ("fs", "guest", "read_only")


@dataclass(frozen=True, slots=True)
class EnvMapping:
    """The variable `id` of the env registry, as the guest's `name`. Rules: H-40, H-41."""

    id: EntryId
    name: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """The filesystem `fs` at the guest's absolute path `guest`. Rules: H-50, H-52."""

    fs: EntryId
    guest: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class WasiConfig:
    """The block, with ids completed by the entry's namespace (R-7)."""

    args: tuple[str, ...] = ()
    cwd: str = ""
    env: tuple[EnvMapping, ...] = ()
    mounts: tuple[Mount, ...] = ()


def decode_wasi(fields: Fields) -> WasiConfig:
    """Read the block. Raises `ConfigError`. Rules: F-3, R-7."""
    namespace = fields.entry.namespace
    return WasiConfig(
        fields.strings("args"),
        fields.string("cwd"),
        tuple(
            EnvMapping(item.id("id").within(namespace), item.string("name").strip(), item.boolean("required"))
            for item in fields.maps("env")
        ),
        tuple(
            Mount(item.id("fs").within(namespace), item.string("guest").strip(), item.boolean("read_only"))
            for item in fields.maps("mounts")
        ),
    )


def validate_wasi(wasi: WasiConfig, fields: Fields) -> None:
    """Raises `ConfigError` with the texts of 01 §6, in the order of F-60."""
    if wasi.cwd and not wasi.cwd.startswith("/"):
        raise fields.invalid("cwd", "wasi.cwd must be absolute", f'start it with a slash: "/{wasi.cwd}"')
    _validate_env(wasi, list(fields.maps("env")))
    _validate_mounts(wasi, list(fields.maps("mounts")))


def _validate_env(wasi: WasiConfig, fields: list[Fields]) -> None:
    seen: set[str] = set()
    for mapping, at in zip(wasi.env, fields, strict=True):
        if not mapping.id.name:
            raise at.invalid("id", "wasi.env[].id is required", "name an env.variable entry: namespace:name")
        if not mapping.name:
            raise at.invalid("name", "wasi.env[].name is required", "name the variable as the guest sees it")
        if mapping.name in seen:
            raise at.invalid("name", "wasi.env[].name must be unique", f"{mapping.name} is set above as well")
        seen.add(mapping.name)


def _validate_mounts(wasi: WasiConfig, fields: list[Fields]) -> None:
    seen: set[str] = set()
    for mount, at in zip(wasi.mounts, fields, strict=True):
        if not mount.fs.name:
            raise at.invalid("fs", "wasi.mounts[].fs is required", "name an fs.directory entry: namespace:name")
        if not mount.guest:
            raise at.invalid("guest", "wasi.mounts[].guest is required", "give the guest's path: /data")
        if not mount.guest.startswith("/"):
            hint = f'start it with a slash: "/{mount.guest}"'
            raise at.invalid("guest", "wasi.mounts[].guest must be absolute", hint)
        cleaned = clean(mount.guest)
        if cleaned in seen:
            raise at.invalid("guest", "wasi.mounts[].guest must be unique", f"{cleaned} is mounted above as well")
        seen.add(cleaned)


def clean(guest: str) -> str:
    """An absolute guest path without `.`, `..`, doubled and trailing slashes."""
    return posixpath.normpath("/" + guest.lstrip("/"))
