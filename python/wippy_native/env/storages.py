"""Where environment values are kept: memory, the process, the entry itself, a file, or several of these in order.

A storage answers None for a key it does not have; an empty value counts as not set (K-16), which the caller decides.
Only memory and file storages can be written. A file is read on every access, so that an edit shows at the next call.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..config import environment as config
from ..errors import WippyError
from ..registry.files import read_text
from ..registry.tree import SourceError

_MAX_FILE_BYTES = 4 * 1024 * 1024


class Storage(Protocol):
    """What a variable reads from; `constant` promises that values never change."""

    @property
    def constant(self) -> bool: ...
    def get(self, key: str) -> str | None: ...
    def set(self, key: str, value: str) -> None: ...


Find = Callable[[str], Storage]


def make_storage(settings: config.StorageConfig, root: Path, find: Find) -> Storage:
    """The storage of a valid entry; `find` looks up the parts of a router. Rules: 00 §4.2."""
    match settings.entry.kind:
        case config.MEMORY:
            return MemoryStorage()
        case config.OS:
            return OsStorage()
        case config.STATIC:
            return StaticStorage(settings.values)
        case config.FILE:
            return FileStorage(settings, root)
    return RouterStorage([str(storage) for storage in settings.storages], find)


class _ReadOnly:
    def set(self, key: str, value: str) -> None:
        """Raises `WippyError`: this storage cannot be written."""
        raise WippyError(f"storage is read-only: cannot set {key}", kind="PermissionDenied")


class MemoryStorage:
    """Values set from Python, gone with the runtime."""

    constant = False

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self._values.get(key)

    def set(self, key: str, value: str) -> None:
        self._values[key] = value


class OsStorage(_ReadOnly):
    """The environment of this process."""

    constant = False

    def get(self, key: str) -> str | None:
        return os.environ.get(key)


class StaticStorage(_ReadOnly):
    """Values written in the entry."""

    constant = True

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def get(self, key: str) -> str | None:
        return self._values.get(key)


class FileStorage:
    """`KEY=VALUE` lines; text after `#` is a comment, nothing is quoted. Rules: K-10."""

    constant = False

    def __init__(self, settings: config.StorageConfig, root: Path) -> None:
        self._path = root / settings.file_path
        self._settings = settings
        self._lock = threading.Lock()
        if settings.auto_create and not self._path.exists():
            self._write("")

    def get(self, key: str) -> str | None:
        return _parse(self._text()).get(key)

    def set(self, key: str, value: str) -> None:
        """Replace or append the line of `key`. Raises `WippyError` for a value that would not read back."""
        if value != value.strip() or any(character in value for character in "\n\r#"):
            raise WippyError(f"value of {key} cannot be kept in a file: it has #, a line break or outer blanks")
        with self._lock:
            kept = [line for line in self._text().splitlines() if _key(line) != key]
            self._write("\n".join([*kept, f"{key}={value}", ""]))

    def _text(self) -> str:
        if not self._path.exists():
            return ""
        try:
            return read_text(self._path, _MAX_FILE_BYTES, "an environment file")
        except SourceError as error:
            raise WippyError(f"{self._path}: {error.message}", entry=self._settings.entry.id) from None

    def _write(self, text: str) -> None:
        """Write beside the file and rename, so that a reader never sees half of it."""
        self._path.parent.mkdir(mode=self._settings.dir_mode, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".env-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(self._settings.file_mode)
        Path(name).replace(self._path)


class RouterStorage:
    """Several storages in order; the first that has a key wins, and its value is kept. Rules: K-11, X-8."""

    def __init__(self, storages: list[str], find: Find) -> None:
        self._storages = storages
        self._find = find
        self._cache: dict[str, str] = {}

    @property
    def constant(self) -> bool:
        return all(self._find(storage).constant for storage in self._storages)

    def get(self, key: str) -> str | None:
        if key in self._cache:
            return self._cache[key]
        for storage in self._storages:
            value = self._find(storage).get(key)
            if value:
                self._cache[key] = value
                return value
        return None

    def set(self, key: str, value: str) -> None:
        """Write to the first storage."""
        self._find(self._storages[0]).set(key, value)
        self._cache.pop(key, None)


def _parse(text: str) -> dict[str, str]:
    pairs = (line.partition("#")[0].partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, equals, value in pairs if equals and key.strip()}


def _key(line: str) -> str:
    return line.partition("#")[0].partition("=")[0].strip()
