"""The tests' own HTTP/1.1 server: what each route sends, byte by byte, and what the server notes."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest
from servers import Http1Server, Server, pattern
from servers.clients import leaving_no_thread
from servers.fixtures import Serving
from support.threads import eventually

HEAD = b"HTTP/1.1 200 OK\r\n"
HELLO = HEAD + b"content-length: 5\r\n\r\nhello"
HELLO_CHUNKS = b"\r\n\r\n5\r\nhello\r\n0\r\n"

# What stays open after the answer, and what ends with it.
KEPT = {
    "/hello": HELLO,
    "/echo": HEAD + b"content-length: 0\r\n\r\n",
    "/status/418": b"HTTP/1.1 418 Status\r\ncontent-length: 10\r\n\r\nstatus 418",
    "/status/204": b"HTTP/1.1 204 Status\r\n\r\n",
    "/headers/2/3": HEAD + b"content-length: 5\r\nx-0: vvv\r\nx-1: vvv\r\n\r\nhello",
    "/bytes/300": HEAD + b"content-length: 300\r\n\r\n" + pattern(300),
    "/chunked/2/3": HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\n\0\1\2\r\n3\r\n\3\4\5\r\n0\r\n\r\n",
    "/slow/1": HELLO,
    "/drip/2/1": HEAD + b"transfer-encoding: chunked\r\n\r\n7\r\ndrop 0\n\r\n7\r\ndrop 1\n\r\n0\r\n\r\n",
    "/trailers": HEAD + b"transfer-encoding: chunked\r\ntrailer: x-checksum, x-second" + HELLO_CHUNKS
    + b"x-checksum: 5d41402a\r\nx-second: 2\r\n\r\n",
    "/redirect?to=http%3A%2F%2Fa%2F": b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: http://a/\r\n\r\n",
    "/redirect?to=/b&status=307": b"HTTP/1.1 307 Status\r\ncontent-length: 0\r\nlocation: /b\r\n\r\n",
    "/hang-body": HEAD + b"content-length: 1000\r\n\r\n",
    "/both-lengths": HEAD + b"content-length: 3\r\ntransfer-encoding: chunked" + HELLO_CHUNKS + b"\r\n",
    "/two-lengths": HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "/informational": b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n" + HELLO,
    "/duplex": HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "/early-answer": HEAD + b"content-length: 5\r\n\r\nearly",
    "/cookies": HEAD + b"content-length: 5\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2; HttpOnly\r\n\r\nhello",
    "/upgrade": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
    "/nowhere": b"HTTP/1.1 404 Not Found\r\ncontent-length: 13\r\n\r\nno such route",
}  # fmt: skip
ENDING = {
    "/close-early/0": HEAD + b"content-length: 1000\r\n\r\n",
    "/close-early/4": HEAD + b"content-length: 1000\r\n\r\n\0\1\2\3",
    "/garbage": b"NOT HTTP\r\n\r\n",
    "/no-length": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "/connection-close": HEAD + b"connection: close\r\ncontent-length: 5\r\n\r\nhello",
}


class Client:
    """A plain socket that says and expects bytes."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection(server.address, timeout=10)

    def close(self) -> None:
        self.socket.close()

    def ask(self, target: str, *headers: str, method: str = "GET", body: bytes = b"") -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode() + body)

    def expect(self, data: bytes) -> None:
        got = b""
        while len(got) < len(data) and (more := self.socket.recv(len(data) - len(got))):
            got += more
        assert got == data

    def silent(self, seconds: float = 0.03) -> None:
        self.socket.settimeout(seconds)
        with pytest.raises(TimeoutError):
            self.socket.recv(1)
        self.socket.settimeout(10)

    def expect_end(self) -> None:
        assert self.socket.recv(1) == b""


Connect = Callable[[Server], Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    made: list[Client] = []

    def connect(server: Server) -> Client:
        made.append(Client(server))
        return made[-1]

    yield connect
    for client in made:
        client.close()


@pytest.mark.parametrize("path", KEPT)
def test_answers(http_server: Http1Server, connect: Connect, path: str) -> None:
    client = connect(http_server)
    client.ask(path)
    client.expect(KEPT[path])
    client.silent(0.005)


@pytest.mark.parametrize("path", ENDING)
def test_answers_that_end_the_connection(http_server: Http1Server, connect: Connect, path: str) -> None:
    client = connect(http_server)
    client.ask(path)
    client.expect(ENDING[path])
    client.expect_end()


@pytest.mark.parametrize(
    "path", ["/hello", "/bytes/9", "/trailers", "/endless", "/two-lengths", "/close-early/4", "/gzip"]
)
def test_head_has_no_body(http_server: Http1Server, connect: Connect, path: str) -> None:
    client = connect(http_server)
    client.ask(path, "Connection: close", method="HEAD")
    answer = client.socket.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nconnection: close\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


def test_gzip(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    client.ask("/gzip", "Connection: close")
    head, _, body = client.socket.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert gzip.decompress(body) == b"hello" * 1000


def test_reset(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    client.ask("/reset")
    with pytest.raises(ConnectionResetError):
        client.socket.recv(1)


@pytest.mark.parametrize(
    "path", ["/hang", "/unread", "/hang-body", "/slow/60000", "/drip/2/60000", "/endless", "/head-flood"]
)
def test_what_does_not_end_ends_with_the_client(serving: Serving, connect: Connect, path: str) -> None:
    server = serving(Http1Server())
    client = connect(server)
    client.ask(path)
    eventually(lambda: server.requests)
    assert server.open == 1
    client.close()
    eventually(lambda: server.open == 0)
    assert server.errors == []


@pytest.mark.parametrize("path", ["/hang", "/unread", "/hang-body", "/slow/60000", "/endless", "/head-flood", "/hello"])
def test_what_does_not_end_ends_with_the_server(connect: Connect, path: str) -> None:
    with leaving_no_thread(), Http1Server() as server:
        connect(server).ask(path)
        eventually(lambda: server.requests)
    assert server.open == 0
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_nothing_is_sent_while_it_hangs(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    client.ask("/hang")
    client.silent()


def test_slow(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    start = time.monotonic()
    client.ask("/slow/60")
    client.expect(HELLO)
    assert time.monotonic() - start >= 0.06


def test_endless_with_back_pressure(serving: Serving, connect: Connect) -> None:
    """What nobody reads is not sent; what is read is the pattern."""
    server = serving(Http1Server())
    client = connect(server)
    client.ask("/endless")
    client.expect(HEAD + b"transfer-encoding: chunked\r\n\r\n4000\r\n" + pattern(0x4000) + b"\r\n4000\r\n")
    sent = -1
    while sent != server.body_sent:
        sent = server.body_sent
        time.sleep(0.03)
    assert sent < 1 << 26
    client.expect(pattern(0x4000, 0x4000))


def test_head_flood(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    client.ask("/head-flood")
    client.expect(HEAD + b"".join(b"x-%d: %b\r\n" % (index, b"v" * 100) for index in range(10_000)))


def test_duplex(http_server: Http1Server, connect: Connect) -> None:
    """Each chunk comes back before the next is sent."""
    client = connect(http_server)
    client.ask("/duplex", "Transfer-Encoding: chunked", method="POST")
    client.expect(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    for piece in (b"one", b"three"):
        wire = b"%x\r\n%b\r\n" % (len(piece), piece)
        client.socket.sendall(wire)
        client.expect(wire)
    client.socket.sendall(b"0\r\n\r\n")
    client.expect(b"0\r\n\r\n")


def test_duplex_with_a_length(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    client.ask("/duplex", "Content-Length: 5", method="POST", body=b"on")
    client.expect(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\non\r\n")
    client.socket.sendall(b"ely")
    client.expect(b"3\r\nely\r\n0\r\n\r\n")


def test_early_answer(http_server: Http1Server, connect: Connect) -> None:
    """It comes before the body; the connection stays in step."""
    client = connect(http_server)
    client.ask("/early-answer", "Content-Length: 5", method="POST")
    client.expect(KEPT["/early-answer"])
    client.socket.sendall(b"hello")
    client.ask("/hello")
    client.expect(HELLO)


def test_a_client_that_waits_to_be_asked(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    client.ask("/echo", "Expect: 100-continue", "Content-Length: 2", method="POST")
    client.expect(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.socket.sendall(b"ok")
    client.expect(HEAD + b"content-length: 2\r\n\r\nok")


def test_upgrade(http_server: Http1Server, connect: Connect) -> None:
    client = connect(http_server)
    client.ask("/upgrade", "Connection: upgrade", "Upgrade: echo", body=b"ear")
    client.expect(KEPT["/upgrade"] + b"ear")
    client.socket.sendall(b"ly")
    client.expect(b"ly")


def test_requests_are_noted_as_they_came(serving: Serving, connect: Connect) -> None:
    server = serving(Http1Server(body_cap=4))
    client = connect(server)
    body = b"3;x=y\r\nabc\r\n3\r\ndef\r\n0\r\nX-Sum: 1\r\n\r\n"
    client.ask("/echo?a=%2F#b", "X-Two: 1", "x-two:  2 ", "Transfer-Encoding: chunked", method="PUT", body=body)
    client.expect(HEAD + b"content-length: 4\r\n\r\nabcd")
    (request,) = server.requests
    assert (request.method, request.target, request.version) == ("PUT", "/echo?a=%2F#b", "HTTP/1.1")
    assert request.headers == [("Host", "x"), ("X-Two", "1"), ("x-two", "2"), ("Transfer-Encoding", "chunked")]
    assert (request.body, request.body_length, request.trailers) == (b"abcd", 6, [("X-Sum", "1")])
    assert (request.connection, request.complete) == (1, True)


def test_a_body_cut_short(serving: Serving, connect: Connect) -> None:
    server = serving(Http1Server())
    client = connect(server)
    client.ask("/echo", "Content-Length: 9", method="POST", body=b"half")
    client.socket.shutdown(socket.SHUT_WR)
    client.expect_end()
    (request,) = server.requests
    assert (request.body, request.complete) == (b"half", False)


@pytest.mark.parametrize(
    "head", [b"what", b"GET / HTTP/2", b"GET / HTTP/1.1\r\nno colon", b"GET / HTTP/1.1\r\nspace : x"]
)
def test_a_bad_head_is_answered_and_noted(serving: Serving, connect: Connect, head: bytes) -> None:
    server = serving(Http1Server())
    client = connect(server)
    client.socket.sendall(head + b"\r\n\r\n")
    client.expect(b"HTTP/1.1 400 Status\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    client.expect_end()
    assert (len(server.errors), server.requests) == (1, [])


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Content-Length: +1"], b""),
        (["Content-Length: 1", "Transfer-Encoding: chunked"], b""),
        (["Transfer-Encoding: gzip"], b""),
        (["Transfer-Encoding: chunked"], b"1\r\nabc"),
        (["Transfer-Encoding: chunked"], b"0x1\r\na\r\n"),
    ],
)
def test_a_bad_body_ends_the_connection_and_is_noted(
    serving: Serving, connect: Connect, headers: list[str], body: bytes
) -> None:
    server = serving(Http1Server())
    client = connect(server)
    client.ask("/hello", *headers, method="POST", body=body)
    client.expect_end()
    assert (len(server.errors), [request.complete for request in server.requests]) == (1, [False])


def test_connections_are_counted(serving: Serving) -> None:
    server = serving(Http1Server())
    with httpx.Client(trust_env=False) as client:
        for _ in range(3):
            client.get(server.url("/hello"))
        assert (server.connections, server.open) == (1, 1)
        client.get(server.url("/connection-close"))
        client.get(server.url("/hello"))
        assert server.connections == 2
        eventually(lambda: server.open == 1)
    eventually(lambda: server.open == 0)
    assert [request.connection for request in server.requests] == [1, 1, 1, 1, 2]


def test_close_after(serving: Serving, connect: Connect) -> None:
    server = serving(Http1Server(close_after=2))
    client = connect(server)
    client.ask("/hello")
    client.expect(HELLO)
    client.ask("/hello")
    client.expect(ENDING["/connection-close"])
    client.expect_end()


def test_stale(serving: Serving, connect: Connect) -> None:
    """The answer does not say that the connection ends."""
    server = serving(Http1Server(stale=True))
    client = connect(server)
    client.ask("/hello")
    client.expect(HELLO)
    client.silent(0.001)
    client.expect_end()
    assert (len(server.requests), server.open) == (1, 0)


def test_inspect_with_httpx(http_server: Http1Server) -> None:
    with httpx.Client(trust_env=False) as client:
        told = client.post(http_server.url("/inspect?q=1"), content=iter([b"ab", b"c"])).json()
    assert (told["method"], told["target"], told["body_length"]) == ("POST", "/inspect?q=1", 3)
    assert ["Transfer-Encoding", "chunked"] in told["headers"]


def test_large_bodies(http_server: Http1Server) -> None:
    body = pattern(3_000_000)
    with httpx.Client(trust_env=False) as client:
        assert client.get(http_server.url("/bytes/3000000")).content == body
        assert client.post(http_server.url("/duplex"), content=body[:100_000]).content == body[:100_000]


def test_ipv6(serving: Serving) -> None:
    server = serving(Http1Server("::1"))
    told = httpx.get(server.url("/inspect"), trust_env=False).json()
    assert told["headers"][0] == ["Host", f"[::1]:{server.port}"]


def test_many_servers_leave_nothing() -> None:
    with leaving_no_thread():
        for _ in range(20):
            with Http1Server() as server, closing(Client(server)) as client:
                client.ask("/hello")
                client.expect(HELLO)
