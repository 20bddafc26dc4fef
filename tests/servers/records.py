"""What servers note of the requests they get, and bodies that are known by their length."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

Headers = list[tuple[str, str]]

BODY_CAP = 1 << 20
"""Bytes of a request's body that are kept."""

TRAILERS: Headers = [("x-checksum", "5d41402a"), ("x-second", "2")]
"""What `/trailers` sends after its body."""

# 251 is prime: a piece that is lost, doubled or misplaced shows.
_PATTERN = bytes(range(251)) * 512


def pattern(size: int, start: int = 0) -> bytes:
    """The bytes `start` to `start + size` of the body every server sends where it is asked for a number of bytes."""
    return b"".join(pattern_pieces(size, start))


def pattern_pieces(size: int, start: int = 0) -> Iterator[bytes]:
    """The same in pieces, for bodies that fit nowhere."""
    while size:
        offset = start % 251
        piece = _PATTERN[offset : offset + size]
        yield piece
        size -= len(piece)
        start += len(piece)


@dataclass
class Request:
    """A request, noted when its head is read; the rest is filled in as it comes."""

    method: str
    target: str
    """As on the wire; in HTTP/2, `:path`."""
    version: str
    headers: Headers
    """In the order and spelling received; in HTTP/2 with the pseudo-headers."""
    connection: int
    """The number of its connection, from 1."""
    stream: int = 0
    """The HTTP/2 stream."""
    body: bytes = b""
    """Its start, up to the server's `body_cap`."""
    body_length: int = 0
    """All of what came."""
    trailers: Headers = field(default_factory=list)
    complete: bool = False
    """Whether the body came to its end."""

    def header(self, name: str) -> str | None:
        """The only header of that name; a mistake if there are several."""
        values = self.all(name)
        assert len(values) < 2, f"{len(values)} headers {name}: {values}"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """The values of a header, as often as it came."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def add_body(self, piece: bytes, cap: int) -> None:
        """Note a piece of the body."""
        self.body += piece[: max(0, cap - len(self.body))]
        self.body_length += len(piece)

    def as_json(self) -> bytes:
        """What `/inspect` answers."""
        told = {"method": self.method, "target": self.target, "version": self.version, "headers": self.headers}
        return json.dumps(told | {"body_length": self.body_length, "trailers": self.trailers}).encode()
