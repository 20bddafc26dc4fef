"""A request of HTTP/1.1 and the ways to answer it, for the routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from .connection import Connection
from .http1_wire import answer_head, chunk, last_chunk, read_body
from .records import Headers, Request

if TYPE_CHECKING:
    from .http1 import Http1Server


class Exchange:
    """A request and the way to answer it. What it sends as a body is dropped where none is allowed."""

    def __init__(self, server: Http1Server, connection: Connection, request: Request) -> None:
        self.server = server
        self.connection = connection
        self.request = request
        self.keep_alive = request.version == "HTTP/1.1" and (request.header("connection") or "").lower() != "close"
        """Whether another request may follow; routes that end the connection say no."""
        parts = urlsplit(request.target)
        # Of `/chunked/3/100`: the route, and its numbers.
        self.route, *self.segments = parts.path.removeprefix("/").split("/")
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._bodiless = request.method == "HEAD"

    @property
    def numbers(self) -> list[int]:
        """The numbers in the path."""
        return [int(segment) for segment in self.segments]

    @property
    def expects(self) -> bool:
        """Whether the client waits to be asked for the body."""
        return (self.request.header("expect") or "").lower() == "100-continue"

    def pieces(self) -> Iterator[bytes]:
        """The request's body while it comes; asks for it if the client waits to be asked."""
        if self.expects:
            self.connection.send(answer_head(100, []))
        for piece in read_body(self.connection, self.request):
            self.request.add_body(piece, self.server.body_cap)
            yield piece
        self.request.complete = True

    def read(self) -> None:
        """The whole body, of which `request` keeps the start."""
        for _ in self.pieces():
            pass

    def answer(self, body: bytes = b"", status: int = 200, headers: Headers | None = None) -> None:
        """A whole answer, with a length."""
        if status < 200 or status in (204, 304):
            self._bodiless = True
            self.head(headers, status)
        else:
            self.head([("content-length", str(len(body))), *(headers or [])], status)
            self.send(body)

    def head(self, headers: Headers | None = None, status: int = 200) -> None:
        """The head alone."""
        ends = [] if self.keep_alive else [("connection", "close")]
        self.connection.send(answer_head(status, [*ends, *(headers or [])]))

    def send(self, data: bytes) -> None:
        """Bytes of the body as they are."""
        if data and not self._bodiless:
            self.connection.send(data)
            self.server.body_sent += len(data)

    def chunked(self, chunks: Iterable[bytes], trailers: Headers | None = None, headers: Headers | None = None) -> None:
        """A whole answer in chunks."""
        self.head([("transfer-encoding", "chunked"), *(headers or [])])
        if self._bodiless:
            return
        for data in chunks:
            self.send(chunk(data))
        self.send(last_chunk(trailers))
