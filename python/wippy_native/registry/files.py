"""Reading a definition file: size first, then UTF-8, then YAML or JSON.

A file is looked at before it is opened, so a pipe cannot block the load and a huge file is never read.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from .json_source import parse_json
from .tree import Mark, Node, SourceError, SourceLimits
from .yaml_source import parse_yaml

_START = Mark(1, 1)


@dataclass(frozen=True, slots=True)
class Document:
    """The first document of a file (`root` is None when it is empty) and where a second one starts."""

    root: Node | None
    second: Mark | None = None


def read_definition(path: Path, limits: SourceLimits) -> Document:
    """Parse a `.yaml`, `.yml` or `.json` file. Raises `SourceError`. Rules: R-10."""
    text = read_text(path, limits.max_file_bytes, "a definition file")
    if path.suffix == ".json":
        return Document(parse_json(text, limits))
    return Document(*parse_yaml(text, limits))


def read_text(path: Path, max_bytes: int, what: str) -> str:
    """The UTF-8 text of a regular file of at most `max_bytes`. Raises `SourceError`."""
    return _decode(_read(path, max_bytes, what))


def _read(path: Path, max_bytes: int, what: str) -> bytes:
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise SourceError("not a regular file", _START, "remove it, or put a plain file in its place")
        if info.st_size <= max_bytes:
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)
            if len(content) <= max_bytes:
                return content
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", _START, "check the file's permissions"
        ) from None
    raise SourceError(
        f"{info.st_size} bytes are more than the {max_bytes} {what} may have",
        _START,
        "split it, or move it out of the source directory",
    )


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise SourceError(
            f"not UTF-8: byte 0x{content[error.start]:02x}", Mark(line, column), "save the file as UTF-8"
        ) from None
