"""Bodies both ways, streamed and counted, and what follows them: H-81, H-83."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, header, policy, request, soon
from servers import Authority, Greeter, Http1Server, Http2Server, pattern
from servers.fixtures import Serving
from servers.records import TRAILERS

from wippy_native import Function, Runtime

MIB = 1 << 20
RAW_TRAILERS = [(name, value.encode()) for name, value in TRAILERS]


@pytest.fixture
def rt(make_runtime: Any, authority: Authority) -> Runtime:
    runtime: Runtime = make_runtime(network=policy(authority))
    return runtime


@pytest.fixture
def fetch(rt: Runtime) -> Function:
    return add_netuse(rt, "fetch")


@pytest.fixture(params=["http/1.1", "h2"])
def server(request: pytest.FixtureRequest, serving: Serving, authority: Authority) -> Http1Server | Http2Server:
    """Either version, the test's own; it keeps bodies whole."""
    if request.param == "h2":
        return serving(Http2Server(tls=authority.context(alpn=["h2"]), body_cap=64 * MIB))
    return serving(Http1Server(body_cap=64 * MIB))


def inspected(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["status"] == 200
    told: dict[str, Any] = json.loads(answer["body"])
    return told


@pytest.mark.parametrize("size", [0, 1, 4096, 65_535, 65_536, 65_537, 5 * MIB])
def test_a_body_comes_whole(fetch: Function, server: Http1Server | Http2Server, size: int) -> None:
    answer = fetch(request(server.url(f"/bytes/{size}")))
    assert hashlib.sha256(answer["body"]).digest() == hashlib.sha256(pattern(size)).digest()
    assert header(answer, "content-length") == [str(size).encode()]


@pytest.mark.parametrize(("count", "size"), [(0, 1), (1, 1), (1000, 1), (100, 4097), (3, MIB)])
def test_a_chunked_body_comes_whole(fetch: Function, http_server: Http1Server, count: int, size: int) -> None:
    answer = fetch(request(http_server.url(f"/chunked/{count}/{size}")))
    assert answer["body"] == pattern(count * size)
    assert header(answer, "transfer-encoding") == []


def test_a_body_that_ends_with_its_connection(fetch: Function, http_server: Http1Server) -> None:
    assert fetch(request(http_server.url("/no-length")))["body"] == b"hello"


@pytest.mark.parametrize("piece", [1, 1000, 65_536, 10 * MIB])
@pytest.mark.parametrize("declare", [False, True])
def test_a_body_goes_whole(fetch: Function, server: Http1Server | Http2Server, piece: int, declare: bool) -> None:
    """In pieces of any size, with a length or without."""
    body = pattern(3000 if piece == 1 else 3 * MIB)
    headers = [("content-length", str(len(body)))] if declare else []
    answer = fetch(request(server.url("/echo"), "POST", headers=headers, body=body, piece=piece))
    assert answer["body"] == body
    (seen,) = server.requests
    assert (seen.body_length, seen.complete) == (len(body), True)
    assert seen.all("content-length") == [value for _, value in headers]
    chunked = seen.version == "HTTP/1.1" and not declare
    assert seen.all("transfer-encoding") == (["chunked"] if chunked else [])


def test_a_body_longer_than_memory_streams(rt: Runtime, serving: Serving) -> None:
    """Neither side keeps it: the guest has 32 MiB of memory, the body 100."""
    server = serving(Http1Server(body_cap=0))
    limits = {"max_memory_bytes": 32 * MIB}
    assert add_netuse(rt, "get-length", limits=limits)(server.url(f"/bytes/{100 * MIB}")) == 100 * MIB
    add_netuse(rt, "upload", limits=limits)(server.url("/hello"), 100 * MIB, False)
    assert server.requests[-1].body_length == 100 * MIB


def test_an_unread_body_does_not_pile_up(rt: Runtime, serving: Serving) -> None:
    """Who reads little is sent little: nothing but the sockets' buffers stands between."""
    server = serving(Http1Server())
    assert add_netuse(rt, "read-some")(server.url("/endless"), 100_000) >= 100_000
    soon(lambda: server.open == 0, "the end of the connection")
    assert server.body_sent < 32 * MIB


def test_both_ways_at_once(rt: Runtime, http_server: Http1Server) -> None:
    """The answer to a piece comes before the next piece goes."""
    pieces = [b"one", b"", b"x" * 100_000, b"four"]
    echo = add_netuse(rt, "echo-stream")
    assert echo(http_server.url("/duplex"), [b"one", b"x" * 100_000, b"four"]) == [b"one", b"x" * 100_000, b"four"]
    assert b"".join(echo(http_server.url("/duplex"), pieces)) == b"".join(pieces)


def test_an_answer_before_the_request_was_read(rt: Runtime, serving: Serving) -> None:
    server = serving(Http1Server())
    upload = add_netuse(rt, "upload")
    for declare in (True, False):
        assert upload(server.url("/early-answer"), 4 * MIB, declare) == (200, "early")
        assert add_netuse(rt, "get")(server.url("/hello")) == (200, "hello")


def test_trailers_come(fetch: Function, server: Http1Server | Http2Server) -> None:
    answer = fetch(request(server.url("/trailers")))
    assert (answer["body"], answer["trailers"]) == (b"hello", RAW_TRAILERS)


def test_trailers_go(fetch: Function, server: Http1Server | Http2Server) -> None:
    """HTTP/1.1 sends those that the request's head announces, HTTP/2 any."""
    trailers = [("x-checksum", "5d41402a"), ("x-second", "2")]
    headers = [("trailer", "x-checksum, x-second")]
    told = inspected(fetch(request(server.url("/inspect"), "POST", headers=headers, body=b"abc", trailers=trailers)))
    assert (told["body_length"], told["trailers"]) == (3, [list(trailer) for trailer in trailers])
    told = inspected(fetch(request(server.url("/inspect"), "POST", body=b"abc", trailers=trailers)))
    assert told["trailers"] == ([list(trailer) for trailer in trailers] if told["version"] == "HTTP/2" else [])


@pytest.mark.parametrize(
    "name", ["content-length", "transfer-encoding", "host", "trailer", "connection", "authorization"]
)
def test_trailers_that_would_mislead_are_refused(fetch: Function, server: Http1Server | Http2Server, name: str) -> None:
    """RFC 9110, 6.5.1. The request does not come to its end."""
    wanted = request(server.url("/echo"), "POST", headers=[("trailer", name)], body=b"abc", trailers=[(name, "9")])
    assert error_of(fetch, wanted) in ("forbidden", f"HTTP-request-trailer-size({name})")
    assert not any(seen.complete for seen in server.requests)


@pytest.mark.parametrize("name", ["te", "set-cookie", "content-type", "cache-control"])
def test_other_trailers_leave_no_request_waiting(fetch: Function, server: Http1Server | Http2Server, name: str) -> None:
    """Refused, sent or left out: in any case there is an end."""
    wanted = request(
        server.url("/hello"),
        "POST",
        headers=[("trailer", name)],
        body=b"abc",
        trailers=[(name, "x")],
        first_byte_ms=3000,
    )
    outcome = fetch.with_options(raise_err=False)(wanted)
    assert str(outcome) != "Err('connection-read-timeout')"


@pytest.mark.parametrize("path", ["/status/204", "/status/304"])
def test_statuses_without_a_body(fetch: Function, server: Http1Server | Http2Server, path: str) -> None:
    """The connection serves on."""
    answer = fetch(request(server.url(path)))
    assert (str(answer["status"]), answer["trailers"]) == (path[-3:], [])
    if isinstance(server, Http1Server):
        assert answer["body"] == b""
    assert fetch(request(server.url("/hello")))["body"] == b"hello"
    assert server.connections == 1


def test_head_has_the_length_of_what_it_leaves_out(fetch: Function, server: Http1Server | Http2Server) -> None:
    answer = fetch(request(server.url("/bytes/100000"), "HEAD"))
    assert (header(answer, "content-length"), answer["body"]) == ([b"100000"], b"")
    assert fetch(request(server.url("/hello")))["body"] == b"hello"
    assert server.connections == 1


def test_informational_responses_are_passed_over(fetch: Function, http_server: Http1Server) -> None:
    answer = fetch(request(http_server.url("/informational")))
    assert (answer["status"], answer["body"], header(answer, "link")) == (200, b"hello", [])


def test_contents_stay_coded(fetch: Function, http_server: Http1Server) -> None:
    """H-84: what the server says of its bytes stays true."""
    answer = fetch(request(http_server.url("/gzip")))
    assert header(answer, "content-encoding") == [b"gzip"]
    assert gzip.decompress(answer["body"]) == b"hello" * 1000


def test_fields_of_the_connection_are_not_the_guests_to_see(fetch: Function, serving: Serving) -> None:
    """They speak of the connection, which is the host's."""
    fields = b"connection: keep-alive\r\nkeep-alive: timeout=5\r\nproxy-connection: x\r\nupgrade: h2c\r\nx-kept: 1\r\n"
    server = serving(Greeter(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n" + fields + b"\r\n"))
    answer = fetch(request(f"http://127.0.0.1:{server.port}/"))
    assert answer["headers"] == [("content-length", b"0"), ("x-kept", b"1")]


@pytest.mark.parametrize(("declared", "written"), [(10, 5), (10, 0), (200_000, 100_000)])
def test_a_body_shorter_than_it_said(
    rt: Runtime, server: Http1Server | Http2Server, declared: int, written: int
) -> None:
    """The server does not take it for a whole one."""
    code = error_of(add_netuse(rt, "upload-wrong"), server.url("/echo"), declared, written)
    assert code == f"HTTP-request-body-size({written})"
    soon(lambda: isinstance(server, Http2Server) or server.open == 0, "the end of the connection")
    assert not any(seen.complete for seen in server.requests)


@pytest.mark.parametrize(("declared", "written"), [(5, 10), (0, 5), (100_000, 200_000)])
def test_a_body_longer_than_it_said(
    rt: Runtime, server: Http1Server | Http2Server, declared: int, written: int
) -> None:
    """What is too much never becomes the start of another request."""
    upload = add_netuse(rt, "upload-wrong")
    code = error_of(upload, server.url("/echo"), declared, written)
    # The host may have let go of a body that is whole before the guest writes on.
    assert code == "closed" or code.startswith("HTTP-request-body-size(")
    assert upload(server.url("/hello"), 5, 5) == 200
    assert [seen.method for seen in server.requests if seen.target == "/hello"] == ["POST"]
    assert all(seen.body_length <= declared for seen in server.requests if seen.target == "/echo")
    assert server.errors == []


def test_an_abandoned_body(rt: Runtime, server: Http1Server | Http2Server) -> None:
    """Without `finish` it is no whole request, and the connection is not used on."""
    assert error_of(add_netuse(rt, "abandon-upload"), server.url("/echo")) == "HTTP-protocol-error"
    soon(lambda: isinstance(server, Http2Server) or server.open == 0, "the end of the connection")
    assert not any(seen.complete for seen in server.requests)
