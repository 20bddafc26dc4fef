"""HTTP/1.1 as it is on the wire, from the server's side: requests read strictly, and the parts of an answer."""

from __future__ import annotations

from collections.abc import Iterator

from .connection import PIECE, Connection, ProtocolError
from .records import Headers, Request

REASONS = {100: "Continue", 101: "Switching Protocols", 103: "Early Hints", 200: "OK", 302: "Found", 404: "Not Found"}


def read_head(connection: Connection) -> Request:
    """The request line and headers; the end of the connection instead is `Gone`."""
    line = connection.read_line().decode("latin-1")
    match line.split(" "):
        case [method, target, "HTTP/1.1" | "HTTP/1.0" as version]:
            return Request(method, target, version, read_fields(connection), connection.number)
    raise ProtocolError(f"no request line: {line!r}")


def read_fields(connection: Connection) -> Headers:
    """Header or trailer lines, to the empty line."""
    fields: Headers = []
    while line := connection.read_line().decode("latin-1"):
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ProtocolError(f"no header: {line!r}")
        fields.append((name, value.strip(" \t")))
    return fields


def read_body(connection: Connection, request: Request) -> Iterator[bytes]:
    """The body in pieces as they come: chunks of a chunked one. Fills in the trailers."""
    lengths, codings = request.all("content-length"), request.all("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise ProtocolError(f"more than one length: {request.headers}")
    if codings:
        if codings[0].lower() != "chunked":
            raise ProtocolError(f"transfer-encoding {codings[0]}")
        yield from _read_chunks(connection, request)
    elif lengths:
        left = _number(lengths[0], 10)
        while left:
            piece = connection.read_exactly(1) + _ready(connection, left - 1)
            left -= len(piece)
            yield piece


def answer_head(status: int, headers: Headers) -> bytes:
    """A status line and headers."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """A chunk; without data it would be the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Headers | None = None) -> bytes:
    """The end of a chunked body."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in trailers or [])
    return f"0\r\n{fields}\r\n".encode("latin-1")


def _read_chunks(connection: Connection, request: Request) -> Iterator[bytes]:
    while size := _number(connection.read_line().decode("latin-1").partition(";")[0], 16):
        yield connection.read_exactly(size)
        if connection.read_exactly(2) != b"\r\n":
            raise ProtocolError("a chunk longer than its size")
    request.trailers = read_fields(connection)


def _ready(connection: Connection, limit: int) -> bytes:
    return connection.read(min(limit, PIECE)) if limit and connection.wait_for_input(0) else b""


def _number(digits: str, base: int) -> int:
    if not digits or not all(digit in "0123456789abcdef"[:base] for digit in digits.lower()):
        raise ProtocolError(f"no number of base {base}: {digits!r}")
    return int(digits, base)
