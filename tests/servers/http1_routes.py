"""What the HTTP/1.1 server's paths do. The docstring of a route is what its test asserts.

A route gets its request with the body read, unless it says otherwise.
"""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .http1_exchange import Exchange
from .http1_wire import chunk, last_chunk
from .records import TRAILERS, pattern, pattern_pieces

Answer = Callable[[Exchange], None]


@dataclass(frozen=True)
class Route:
    """How a path answers, and whether the body is read before."""

    answer: Answer
    reads_first: bool


ROUTES: dict[str, Route] = {}


def _route(name: str, *, reads_first: bool = True) -> Callable[[Answer], Answer]:
    def add(answer: Answer) -> Answer:
        ROUTES[name] = Route(answer, reads_first)
        return answer

    return add


@_route("hello")
def hello(x: Exchange) -> None:
    """`/hello`: 200 and `hello`."""
    x.answer(b"hello")


@_route("echo")
def echo(x: Exchange) -> None:
    """`/echo`: the request's body, as far as the server keeps it, and its content type."""
    kind = x.request.header("content-type")
    x.answer(x.request.body, headers=[("content-type", kind)] if kind else [])


@_route("inspect")
def inspect(x: Exchange) -> None:
    """`/inspect`: JSON of method, target, version, headers, body_length and trailers."""
    x.answer(x.request.as_json(), headers=[("content-type", "application/json")])


@_route("status")
def status(x: Exchange) -> None:
    """`/status/N`: that status, the body `status N`."""
    (code,) = x.numbers
    x.answer(b"status %d" % code, code)


@_route("headers")
def headers(x: Exchange) -> None:
    """`/headers/N/SIZE`: `x-0` to `x-N-1`, each of SIZE times `v`."""
    count, size = x.numbers
    x.answer(b"hello", headers=[(f"x-{index}", "v" * size) for index in range(count)])


@_route("bytes")
def sized(x: Exchange) -> None:
    """`/bytes/N`: the pattern, with its length."""
    (size,) = x.numbers
    x.head([("content-length", str(size))])
    for piece in pattern_pieces(size):
        x.send(piece)


@_route("chunked")
def chunked(x: Exchange) -> None:
    """`/chunked/N/SIZE`: the pattern in N chunks of SIZE."""
    count, size = x.numbers
    x.chunked(pattern(size, index * size) for index in range(count))


@_route("slow")
def slow(x: Exchange) -> None:
    """`/slow/MS`: `hello` after that time, the head included."""
    (milliseconds,) = x.numbers
    x.connection.wait(milliseconds / 1000)
    x.answer(b"hello")


@_route("drip")
def drip(x: Exchange) -> None:
    """`/drip/N/MS`: N chunks `drop 0` to `drop N-1`, one a line, that time between two."""
    count, milliseconds = x.numbers

    def drops() -> Iterator[bytes]:
        for index in range(count):
            if index:
                x.connection.wait(milliseconds / 1000)
            yield b"drop %d\n" % index

    x.chunked(drops())


@_route("trailers")
def trailers(x: Exchange) -> None:
    """`/trailers`: `hello` in a chunk, and two trailers."""
    x.chunked([b"hello"], TRAILERS, [("trailer", "x-checksum, x-second")])


@_route("redirect")
def redirect(x: Exchange) -> None:
    """`/redirect?to=URL`: 302, or `&status=N`, to there."""
    x.answer(status=int(x.query.get("status", "302")), headers=[("location", x.query["to"])])


@_route("gzip")
def gzipped(x: Exchange) -> None:
    """`/gzip`: a thousand `hello`, compressed."""
    x.answer(gzip.compress(b"hello" * 1000, mtime=0), headers=[("content-encoding", "gzip")])


@_route("close-early")
def close_early(x: Exchange) -> None:
    """`/close-early/N`: says 1000 bytes, and ends the connection after N."""
    (size,) = x.numbers
    x.head([("content-length", "1000")])
    x.send(pattern(size))
    x.keep_alive = False


@_route("hang")
def hang(x: Exchange) -> None:
    """`/hang`: no answer, until the client ends the connection."""
    x.connection.wait()


@_route("unread", reads_first=False)
def unread(x: Exchange) -> None:
    """`/unread`: no answer either, and the request's body is not read."""
    x.connection.wait()


@_route("hang-body")
def hang_body(x: Exchange) -> None:
    """`/hang-body`: a head that says 1000 bytes, and none of them."""
    x.head([("content-length", "1000")])
    x.connection.wait()


@_route("garbage")
def garbage(x: Exchange) -> None:
    """`/garbage`: something that is no HTTP, and the end."""
    x.connection.send(b"NOT HTTP\r\n\r\n")
    x.keep_alive = False


@_route("reset")
def reset(x: Exchange) -> None:
    """`/reset`: RST instead of an answer."""
    x.connection.reset()
    x.keep_alive = False


@_route("both-lengths")
def both_lengths(x: Exchange) -> None:
    """`/both-lengths`: a chunked `hello` with a content-length of 3 besides."""
    x.head([("content-length", "3"), ("transfer-encoding", "chunked")])
    x.send(chunk(b"hello") + last_chunk())


@_route("two-lengths")
def two_lengths(x: Exchange) -> None:
    """`/two-lengths`: content-lengths of 5 and 6, six bytes."""
    x.head([("content-length", "5"), ("content-length", "6")])
    x.send(b"hello!")


@_route("no-length")
def no_length(x: Exchange) -> None:
    """`/no-length`: an answer of HTTP/1.0, which ends with the connection."""
    x.connection.send(b"HTTP/1.0 200 OK\r\n\r\n")
    x.send(b"hello")
    x.keep_alive = False


@_route("connection-close")
def connection_close(x: Exchange) -> None:
    """`/connection-close`: says that the connection ends, and ends it."""
    x.keep_alive = False
    x.answer(b"hello")


@_route("endless")
def endless(x: Exchange) -> None:
    """`/endless`: the pattern in chunks, as long and as fast as the client reads."""
    x.chunked(pattern(1 << 14, start) for start in itertools.count(0, 1 << 14))


@_route("head-flood")
def head_flood(x: Exchange) -> None:
    """`/head-flood`: header lines without end."""
    x.connection.send(b"HTTP/1.1 200 OK\r\n")
    for index in itertools.count():
        x.connection.send(b"x-%d: %b\r\n" % (index, b"v" * 100))


@_route("informational")
def informational(x: Exchange) -> None:
    """`/informational`: 103, then `hello`."""
    x.connection.send(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")
    x.answer(b"hello")


@_route("duplex", reads_first=False)
def duplex(x: Exchange) -> None:
    """`/duplex`: answers at once, and gives back each piece of the body as it comes, as a chunk."""
    x.chunked(x.pieces())


@_route("early-answer", reads_first=False)
def early_answer(x: Exchange) -> None:
    """`/early-answer`: `early` before the request's body is read; then reads it."""
    # Who waits to be asked for the body has the answer, and may send it or not.
    x.keep_alive = x.keep_alive and not x.expects
    x.answer(b"early")
    if x.keep_alive:
        x.read()


@_route("cookies")
def cookies(x: Exchange) -> None:
    """`/cookies`: two headers `set-cookie`."""
    x.answer(b"hello", headers=[("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; HttpOnly")])


@_route("upgrade")
def upgrade(x: Exchange) -> None:
    """`/upgrade`: 101 to the protocol `echo`, which gives back what it gets."""
    x.connection.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
    while data := x.connection.read():
        x.connection.send(data)
    x.keep_alive = False


def _no_route(x: Exchange) -> None:
    x.answer(b"no such route", 404)


NO_ROUTE = Route(_no_route, reads_first=True)
