"""What goes wrong comes to the guest as the error codes of `wasi:http`, and in time: H-81, N-15, N-18."""

from __future__ import annotations

from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, policy, request, soon
from servers import (
    Authority,
    FullServer,
    Greeter,
    Http1Server,
    Http2Server,
    MuteTlsServer,
    PlainTextServer,
    ResetServer,
    unused_port,
)
from servers.fixtures import Serving

from wippy_native import Function, Runtime

CUT = "HTTP-response-incomplete"
GONE = "connection-terminated"
WRONG = "HTTP-protocol-error"


@pytest.fixture
def rt(make_runtime: Any, authority: Authority) -> Runtime:
    runtime: Runtime = make_runtime(network=policy(authority))
    return runtime


@pytest.fixture
def fetch(rt: Runtime) -> Function:
    return add_netuse(rt, "fetch")


@pytest.fixture(params=["http/1.1", "h2"])
def server(request: pytest.FixtureRequest, serving: Serving, authority: Authority) -> Http1Server | Http2Server:
    """Either version, the test's own."""
    if request.param == "h2":
        return serving(Http2Server(tls=authority.context(alpn=["h2"])))
    return serving(Http1Server())


def test_nobody_listens(fetch: Function) -> None:
    assert error_of(fetch, request(f"http://127.0.0.1:{unused_port()}/")) == "connection-refused"


@pytest.mark.parametrize("after_input", [False, True])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_reset(fetch: Function, serving: Serving, after_input: bool, scheme: str) -> None:
    server = serving(ResetServer(after_input=after_input))
    assert error_of(fetch, request(f"{scheme}://127.0.0.1:{server.port}/")) == GONE


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", GONE),
        (b"HTTP/1.1 200 O", GONE),
        (b"HTTP/1.1 200 OK\r\nx-header: ", GONE),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", WRONG),
        (b"HTTP/1.1 two hundred\r\n\r\n", WRONG),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", WRONG),
        (b"HTTP/1.1 200 OK\r\na: 1\r\n b: folded\r\n\r\n", WRONG),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", WRONG),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\nhello", WRONG),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", CUT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", CUT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", CUT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", CUT),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", CUT),
    ],
)
def test_answers_that_are_none(fetch: Function, serving: Serving, answer: bytes, code: str) -> None:
    server = serving(Greeter(answer))
    assert error_of(fetch, request(f"http://127.0.0.1:{server.port}/")) == code


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/garbage", WRONG),
        ("/reset", GONE),
        ("/close-early/0", CUT),
        ("/close-early/999", CUT),
        ("/both-lengths", WRONG),
        ("/two-lengths", WRONG),
        ("/upgrade", "HTTP-upgrade-failed"),
        ("/head-flood", "HTTP-response-header-section-size"),
        ("/headers/257/1", "HTTP-response-header-section-size"),
    ],
)
def test_answers_that_break_off_or_mislead(fetch: Function, serving: Serving, path: str, code: str) -> None:
    """Their connection is not used on."""
    server = serving(Http1Server())
    assert error_of(fetch, request(server.url(path))) == code
    soon(lambda: server.open == 0, "the end of the connection")
    assert fetch(request(server.url("/hello")))["body"] == b"hello"


@pytest.mark.parametrize("path", ["/reset-stream", "/refuse-stream", "/goaway"])
def test_streams_that_the_server_ends(fetch: Function, serving: Serving, authority: Authority, path: str) -> None:
    """The next request is served, over the same connection where there is one left."""
    server = serving(Http2Server(tls=authority.context(alpn=["h2"])))
    assert error_of(fetch, request(server.url(path))) in (WRONG, GONE)
    assert fetch(request(server.url("/hello")))["body"] == b"hello"
    assert server.connections == (2 if path == "/goaway" else 1)


@pytest.mark.parametrize(("path", "fits"), [("/headers/10/50", True), ("/headers/10/400", False)])
def test_the_size_of_a_head(rt: Runtime, server: Http1Server | Http2Server, path: str, fits: bool) -> None:
    """N-18: `limits.max_response_header_bytes`."""
    fetch = add_netuse(rt, "fetch", limits={"max_response_header_bytes": 2000})
    if fits:
        assert fetch(request(server.url(path)))["status"] == 200
    else:
        assert error_of(fetch, request(server.url(path))).startswith("HTTP-response-header-section-size")


@pytest.mark.parametrize("path", ["/bytes/1001", "/bytes/10000000"])
def test_the_size_of_a_body(rt: Runtime, server: Http1Server | Http2Server, path: str) -> None:
    """N-18: `limits.max_response_body_bytes`, to the byte."""
    length = add_netuse(rt, "get-length", limits={"max_response_body_bytes": 1000})
    assert error_of(length, server.url(path)).startswith("HTTP-response-body-size(")
    assert length(server.url("/bytes/1000")) == 1000


def test_all_that_comes_in_a_call(rt: Runtime, server: Http1Server | Http2Server) -> None:
    """N-18: `limits.max_received_bytes` counts the bodies of one call together."""
    in_turn = add_netuse(rt, "get-in-turn", limits={"max_received_bytes": 1200})
    for _ in range(2):
        assert in_turn(server.url("/bytes/400"), 3) == 3
    assert error_of(in_turn, server.url("/bytes/401"), 3) == "HTTP-response-body-size(401)"


@pytest.mark.parametrize("declare", [False, True])
def test_all_that_goes_in_a_call(rt: Runtime, server: Http1Server | Http2Server, declare: bool) -> None:
    """N-18: `limits.max_sent_bytes`. The server does not take what came for all."""
    upload = add_netuse(rt, "upload", limits={"max_sent_bytes": 1000})
    assert upload(server.url("/hello"), 1000, declare) == (200, "hello")
    assert error_of(upload, server.url("/echo"), 1001, declare).startswith("HTTP-request-body-size(")
    soon(lambda: isinstance(server, Http2Server) or server.open == 0, "the end of the connection")
    assert not any(seen.complete for seen in server.requests if seen.target == "/echo")


@pytest.mark.parametrize("path", ["/hang", "/hang-body", "/drip/1000/20", "/endless"])
def test_the_time_of_a_response(rt: Runtime, serving: Serving, path: str) -> None:
    """N-18: `limits.max_response_ms`, whether the server is silent, slow or never done."""
    server = serving(Http1Server())
    length = add_netuse(rt, "get-length", limits={"max_response_ms": 150})
    assert error_of(length, server.url(path)) == "HTTP-response-timeout"
    soon(lambda: server.open == 0, "the end of the connection")


@pytest.mark.parametrize("kind", [FullServer, MuteTlsServer])
def test_a_connection_that_takes_too_long(fetch: Function, serving: Serving, kind: Any) -> None:
    """The handshake of TLS is part of it."""
    server = serving(kind())
    scheme = "https" if kind is MuteTlsServer else "http"
    wanted = request(f"{scheme}://127.0.0.1:{server.port}/", connect_ms=100)
    assert error_of(fetch, wanted) == "connection-timeout"


def test_a_head_that_takes_too_long(fetch: Function, server: Http1Server | Http2Server) -> None:
    """The connection, or the stream, is given up."""
    assert error_of(fetch, request(server.url("/hang"), first_byte_ms=100)) == "connection-read-timeout"
    soon(lambda: server.resets if isinstance(server, Http2Server) else server.open == 0, "the end of the request")


def test_a_pause_that_takes_too_long(fetch: Function, serving: Serving) -> None:
    server = serving(Http1Server())
    for path in ("/hang-body", "/drip/3/60000"):
        assert error_of(fetch, request(server.url(path), between_bytes_ms=100)) == "connection-read-timeout"
    soon(lambda: server.open == 0, "the end of the connections")
    answer = fetch(request(server.url("/drip/5/20"), first_byte_ms=20_000, between_bytes_ms=20_000))
    assert answer["body"].count(b"\n") == 5


def test_a_server_that_does_not_read(fetch: Function, serving: Serving) -> None:
    server = serving(Http1Server())
    wanted = request(server.url("/unread"), "POST", body=bytes(1 << 24), piece=1 << 16, first_byte_ms=200)
    assert error_of(fetch, wanted) == "connection-read-timeout"
    soon(lambda: server.open == 0, "the end of the connection")


def test_certificates_of_others(fetch: Function, serving: Serving, authority: Authority) -> None:
    """Unknown authority, another name, over: none of them is asked anything."""
    contexts = [Authority().context(), authority.context("else.test"), authority.context(expired=True)]
    for context in contexts:
        server = serving(Http1Server(tls=context))
        assert error_of(fetch, request(server.url("/hello"))) == "TLS-certificate-error"
        assert (server.requests, server.handshakes) == ([], [])


def test_the_operators_authority_alone_makes_the_difference(
    make_runtime: Any, tls_server: Http1Server, authority: Authority
) -> None:
    """N-4: `NetworkPolicy(ca=...)`; without it the test's authority is unknown."""
    get = add_netuse(make_runtime(network=policy()), "get")
    assert error_of(get, tls_server.url("/hello")) == "TLS-certificate-error"
    assert add_netuse(make_runtime(network=policy(authority)), "get")(tls_server.url("/hello")) == (200, "hello")


def test_plain_text_where_tls_was_meant(fetch: Function, serving: Serving) -> None:
    server = serving(PlainTextServer())
    assert error_of(fetch, request(f"https://127.0.0.1:{server.port}/")) == "TLS-protocol-error"


def test_tls_where_plain_text_was_meant(fetch: Function, tls_server: Http1Server) -> None:
    url = f"http://127.0.0.1:{tls_server.port}/hello"
    assert error_of(fetch, request(url)) in (WRONG, GONE)


def test_the_end_of_the_connection_instead_of_a_handshake(fetch: Function, serving: Serving) -> None:
    server = serving(Greeter(b""))
    assert error_of(fetch, request(f"https://127.0.0.1:{server.port}/")) == GONE
