"""The `fs.directory` entries of one runtime, as host directories.

Relative directories are tried against the project's root (R-38). Reading a module goes through `read`, which follows
every symlink first and refuses to leave the directory; the content hash of the entry is what a later swap of the file
would have to match.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from .config.filesystem import DirectoryConfig


class FileProblem(Exception):
    """A file or directory cannot be used; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Filesystem:
    """One directory of the host."""

    config: DirectoryConfig
    directory: Path

    def read(self, path: str, max_bytes: int) -> bytes:
        """The bytes of a file below the directory; a leading `/` is its root.

        Raises `FileProblem` with the texts of F-6, or when the file is larger than `max_bytes`. Rules: F-6, K-1, K-3.
        """
        try:
            return self._read(self._inside(path), path, max_bytes)
        except OSError as error:
            raise self._cannot_open(path, error.strerror or str(error)) from None

    def _inside(self, path: str) -> Path:
        if not self.config.readable:
            raise self._cannot_open(path, f"mode {self.config.mode:04o} of the filesystem does not allow reading")
        try:
            found = (self.directory / path.lstrip("/")).resolve()
        except (RuntimeError, ValueError) as error:
            raise self._cannot_open(path, str(error)) from None
        if not found.is_relative_to(self.directory.resolve()):
            raise self._cannot_open(path, "it leaves the filesystem")
        return found

    def _read(self, found: Path, path: str, max_bytes: int) -> bytes:
        info = found.stat()
        if not stat.S_ISREG(info.st_mode):
            raise self._cannot_open(path, "not a regular file")
        if info.st_size > max_bytes:
            raise FileProblem(
                f"failed to read wasm module from filesystem: {path}: {info.st_size} bytes, {max_bytes} are allowed",
                "raise Limits.max_module_bytes if the module may be that large",
            )
        return found.read_bytes()

    def _cannot_open(self, path: str, why: str) -> FileProblem:
        return FileProblem(f"failed to open file: {path}: {why}", f"looked below {self.directory}")


def open_directory(config: DirectoryConfig, root: Path) -> Filesystem:
    """The filesystem of a valid entry. Raises `FileProblem`. Rules: K-2, K-7, R-38."""
    directory = root / config.directory
    try:
        if config.auto_init and not directory.exists():
            directory.mkdir(mode=config.mode, parents=True, exist_ok=True)
        if directory.is_dir():
            return Filesystem(config, directory)
    except OSError as error:
        raise FileProblem(f"failed to open directory: {directory}: {error.strerror or error}") from None
    what = "not a directory" if directory.exists() else "no such directory"
    hint = "create it, or set auto_init: true" if what == "no such directory" else "name a directory"
    if config.directory.startswith("~") or "$" in config.directory:
        hint = "~ and $NAME are not replaced here: write the path out"
    raise FileProblem(f"failed to open directory: {directory}: {what}", f"{hint}; relative to {root}")
