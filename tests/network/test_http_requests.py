"""What goes out is what the guest said, and nothing besides: H-80 to H-84."""

from __future__ import annotations

import json
from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, header, policy, request
from servers import Authority, Http1Server, Http2Server
from servers.fixtures import Serving

from wippy_native import Function, Runtime

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW", "M-SEARCH", "brew"]
FORBIDDEN = ["host", "connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection", "http2-settings"]
# The library refuses some texts, the host what is left.
NO_ORIGIN = ("HTTP-request-URI-invalid", "set-authority")


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


@pytest.mark.parametrize("method", METHODS)
def test_every_method_arrives_as_it_is(fetch: Function, server: Http1Server | Http2Server, method: str) -> None:
    assert fetch(request(server.url("/hello"), method))["status"] == 200
    (seen,) = server.requests
    assert seen.method == method


def test_connect_is_refused(fetch: Function, server: Http1Server | Http2Server) -> None:
    """H-82: a tunnel would carry what no policy sees."""
    assert error_of(fetch, request(server.url("/hello"), "CONNECT")) == "HTTP-request-method-invalid"
    assert server.connections == 0


@pytest.mark.parametrize(
    "target", ["/inspect?a=%20b&a=2&c", "/inspect?", "/inspect?a=b?c=/../e", "//inspect//", "/%2e%2e/x", "/a/../b;c=d"]
)
def test_the_target_is_kept_verbatim(fetch: Function, server: Http1Server | Http2Server, target: str) -> None:
    fetch(request(server.url(target)))
    (seen,) = server.requests
    assert seen.target == target


def test_a_query_without_a_path_has_the_root_before_it(fetch: Function, http_server: Http1Server) -> None:
    answer = fetch(request(f"http://127.0.0.1:{http_server.port}?a=b", headers=[("x-test", "query-alone")]))
    assert answer["status"] == 404
    (seen,) = [seen for seen in http_server.requests if seen.header("x-test") == "query-alone"]
    assert seen.target == "/?a=b"


def test_a_request_without_a_path_is_one_for_the_root(fetch: Function, server: Http1Server | Http2Server) -> None:
    """RFC 9110, 4.2.3: an empty path is the root."""
    assert fetch(request(server.url("")))["status"] == 404
    (seen,) = server.requests
    assert seen.target == "/"


def test_headers_keep_their_order_and_repetitions(fetch: Function, server: Http1Server | Http2Server) -> None:
    """Names come in lower case; bytes of a value are not judged."""
    sent: list[tuple[str, str | bytes]] = [
        ("x-b", "1"),
        ("x-c", b"caf\xe9 \xff"),
        ("x-b", "3"),
        ("x-a", ""),
        ("x-d", "4"),
        ("user-agent", "me"),
    ]
    fetch(request(server.url("/hello"), headers=sent))
    (seen,) = server.requests
    own = [(name, value) for name, value in seen.headers if not name.startswith(":") and name != "host"]
    assert own == [
        ("x-b", "1"), ("x-b", "3"), ("x-c", "caf\xe9 \xff"), ("x-a", ""), ("x-d", "4"), ("user-agent", "me"),
    ]  # fmt: skip


def test_nothing_is_added_but_the_host(fetch: Function, http_server: Http1Server, authority: Authority) -> None:
    """No user agent, no accepted encodings; the host says the port where it is not the scheme's own."""
    answer = json.loads(fetch(request(http_server.url("/inspect")))["body"])
    assert answer["headers"] == [["host", f"127.0.0.1:{http_server.port}"]]
    with Http2Server(tls=authority.context(alpn=["h2"])) as h2:
        answer = json.loads(fetch(request(h2.url("/inspect", "localhost")))["body"])
        expected = {":method": "GET", ":scheme": "https", ":authority": f"localhost:{h2.port}", ":path": "/inspect"}
        assert {name: value for name, value in answer["headers"]} == expected  # noqa: C416 - lists to a dict


@pytest.mark.parametrize("name", [*FORBIDDEN, *(name.title() for name in FORBIDDEN)])
def test_headers_of_the_connection_are_the_hosts(rt: Runtime, name: str) -> None:
    """H-83: fields that say how a message is framed, or where it goes, are not the guest's to set."""
    assert error_of(add_netuse(rt, "try-header"), name, b"x") == "forbidden"


@pytest.mark.parametrize(
    ("name", "value"), [("a b", b""), ("", b"x"), (":path", b"/"), ("a", b"1\r\nb: 2"), ("a", b"\0")]
)
def test_headers_that_are_none_are_refused(rt: Runtime, name: str, value: bytes) -> None:
    """Nobody smuggles a line."""
    assert error_of(add_netuse(rt, "try-header"), name, value) == "invalid-syntax"


@pytest.mark.parametrize("lengths", [["3", "4"], ["3", "3"], ["3, 4"], ["x"], ["-1"], ["+3"], ["0x3"], [str(1 << 64)]])
def test_a_request_has_one_length(fetch: Function, server: Http1Server | Http2Server, lengths: list[str]) -> None:
    """H-83: two parsers would see two requests."""
    headers = [("content-length", length) for length in lengths]
    assert error_of(fetch, request(server.url("/echo"), "POST", headers=headers, body=b"abc")) == "invalid-syntax"
    assert server.connections == 0


@pytest.mark.parametrize("path", ["*", "http://other.test/", "hello", "/a b", "/a\r\nx: y", "/a\nb", "/\0"])
def test_targets_of_another_form_are_refused(rt: Runtime, serving: Serving, path: str) -> None:
    """The absolute form would name another origin than the one that was judged."""
    server = serving(Http1Server())
    try_request = add_netuse(rt, "try-request")
    for method in ("GET", "OPTIONS"):
        assert error_of(try_request, method, "http", f"127.0.0.1:{server.port}", path) == "set-path"
    assert server.connections == 0


@pytest.mark.parametrize("form", ["user@{}", "user:secret@{}", "@{}", "{}@evil.test", "localhost@{}"])
def test_user_information_is_refused(rt: Runtime, serving: Serving, form: str) -> None:
    """What one parser takes for a user another takes for the host."""
    server = serving(Http1Server())
    place = form.format(f"127.0.0.1:{server.port}")
    assert error_of(add_netuse(rt, "try-request"), "GET", "http", place, "/") in NO_ORIGIN
    assert server.connections == 0


@pytest.mark.parametrize("port", ["99999", "65536", "", "-1", "8x", "0x50", "+80", " 80"])
def test_a_port_that_is_none_is_refused(rt: Runtime, port: str) -> None:
    """It does not become the scheme's own: the guest would reach another server than it said."""
    outcome = error_of(add_netuse(rt, "try-request"), "GET", "http", f"127.0.0.1:{port}", "/")
    assert outcome in NO_ORIGIN


@pytest.mark.parametrize(
    "place", ["", "127.0.0.1/x", "127.0.0.1?x", "127.0.0.1#x", "a b", "[::1", "::1", "127.0.0.1\r\n"]
)
def test_an_authority_that_is_none_is_refused(rt: Runtime, place: str) -> None:
    outcome = error_of(add_netuse(rt, "try-request"), "GET", "http", place, "/")
    assert outcome in (*NO_ORIGIN, "HTTP-request-denied")


@pytest.mark.parametrize("scheme", ["ftp", "file", "ws", "h2c"])
def test_other_schemes_are_refused(rt: Runtime, serving: Serving, scheme: str) -> None:
    server = serving(Http1Server())
    outcome = error_of(add_netuse(rt, "try-request"), "GET", scheme, f"127.0.0.1:{server.port}", "/")
    assert outcome in ("HTTP-request-URI-invalid", "HTTP-protocol-error", "set-scheme")
    assert server.connections == 0


@pytest.mark.parametrize("method", ["G T", "", "GET\r\nx: y", "GET /other HTTP/1.1\r\n"])
def test_methods_that_are_none_are_refused(rt: Runtime, method: str) -> None:
    assert error_of(add_netuse(rt, "try-request"), method, "http", "127.0.0.1:1", "/") == "set-method"


def test_redirects_are_the_guests_affair(fetch: Function, serving: Serving) -> None:
    """H-84: what a policy allows says nothing of where that place points to."""
    server, other = serving(Http1Server()), serving(Http1Server())
    for status in (301, 302, 303, 307, 308):
        answer = fetch(request(server.url(f"/redirect?to={other.url('/hello')}&status={status}")))
        assert (answer["status"], header(answer, "location")) == (status, [other.url("/hello").encode()])
    assert (len(server.requests), other.connections) == (5, 0)


def test_cookies_are_not_kept(fetch: Function, serving: Serving) -> None:
    """H-84."""
    server = serving(Http1Server())
    assert header(fetch(request(server.url("/cookies"))), "set-cookie") == [b"a=1; Path=/", b"b=2; HttpOnly"]
    fetch(request(server.url("/hello")))
    assert server.requests[1].header("cookie") is None


@pytest.mark.parametrize("spelled", [str.upper, str.lower])
def test_proxies_of_the_environment_are_not_honoured(
    monkeypatch: pytest.MonkeyPatch, make_runtime: Any, serving: Serving, authority: Authority, spelled: Any
) -> None:
    """H-84: a proxy would connect where the policy does not see it."""
    proxy = serving(Http1Server())
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(spelled(name), proxy.url())
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    get = add_netuse(make_runtime(network=policy(authority)), "get")
    for server in (serving(Http1Server()), serving(Http1Server(tls=authority.context()))):
        assert get(server.url("/hello")) == (200, "hello")
        assert server.requests[0].target == "/hello"
    assert proxy.connections == 0


def test_the_server_is_asked_by_the_name_the_guest_used(
    make_runtime: Any, serving: Serving, authority: Authority, dns_server: Any
) -> None:
    """Its host header, and the name of the TLS handshake."""
    get = add_netuse(make_runtime(network=policy(authority, dns_server)), "get")
    server = serving(Http1Server(tls=authority.context()))
    assert get(server.url("/hello", "service.test")) == (200, "hello")
    assert server.requests[0].header("host") == f"service.test:{server.port}"
    assert [handshake.sni for handshake in server.handshakes] == ["service.test"]
