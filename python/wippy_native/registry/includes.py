"""`file://` values: a string that names a file of the source tree becomes that file's text.

A value may come from a stranger, so the file must lie inside the source root once every symlink is followed, be a
regular file and have a bounded size. Someone who can change the tree while it loads is trusted: between the look and
the read the file could be swapped, but only by who could have written the definition as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .files import read_text
from .tree import SourceError, SourceLimits

SCHEME = "file://"


class IncludeError(ValueError):
    """Why a `file://` value cannot be replaced; a text of R-19, and advice."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Includer:
    """Replaces `file://` values of one definition file: `base` is its directory, `root` the source root."""

    root: Path
    base: Path
    limits: SourceLimits
    texts: dict[Path, str] = field(default_factory=dict)

    def replaced(self, value: Any) -> Any:
        """`value` with every `file://` string in it replaced. Raises `IncludeError`. Rules: R-18, R-19."""
        if isinstance(value, str):
            return self.read(value) if value.startswith(SCHEME) else value
        if isinstance(value, dict):
            return {key: self.replaced(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.replaced(item) for item in value]
        return value

    def path_of(self, value: Any) -> Path | None:
        """The file that `value` names, None for what is no `file://` string. Raises `IncludeError`. Rules: R-19."""
        if not isinstance(value, str) or not value.startswith(SCHEME):
            return None
        return self._inside(self._named(value))

    def read(self, url: str) -> str:
        """The text of the file a `file://` value names. Raises `IncludeError`. Rules: R-18, R-19."""
        named = self._named(url)
        return self._text(named, self._inside(named))

    def _named(self, url: str) -> str:
        named = url.removeprefix(SCHEME)
        if not named.strip("/"):
            raise IncludeError("empty file path in file:// URL", "write file://<path beside this file>")
        if "\0" in named:
            raise IncludeError(f"invalid file path: {named!r}", "a path has no NUL character")
        return named

    def _inside(self, named: str) -> Path:
        start = self.root if named.startswith("/") else self.base
        try:
            path = (start / named.lstrip("/")).resolve()
            root = self.root.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise IncludeError(f"invalid file path: {named}", str(error)) from None
        if not path.is_relative_to(root):
            raise IncludeError(
                f"path traversal detected in file path: {named}",
                "the file must be inside the source directory, symlinks followed",
            )
        return path

    def _text(self, named: str, path: Path) -> str:
        """A file that is named often is read and held once; all together are bounded."""
        if path in self.texts:
            return self.texts[path]
        text = self._read(named, path)
        if sum(map(len, self.texts.values())) + len(text) > self.limits.max_included_total:
            raise IncludeError(
                f"failed to read file {named}: the files named here hold more than {self.limits.max_included_total} "
                "characters together",
                "split the definition file, or load large data at run time from a mount",
            )
        self.texts[path] = text
        return text

    def _read(self, named: str, path: Path) -> str:
        try:
            return read_text(path, self.limits.max_included_bytes, "an included file")
        except SourceError as error:
            raise IncludeError(
                f"failed to read file {named}: {error.message}",
                "a path is relative to this file, or to the source directory with file:///",
            ) from None
