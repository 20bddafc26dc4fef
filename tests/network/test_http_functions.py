"""`wasi:http` in JavaScript, in kept, reused and ready instances, in calls of others, and undeclared."""

from __future__ import annotations

import json
from typing import Any

import pytest
from network.helpers_http import ALLOWED, IMPORTS, add_netuse, error_of, policy, request, soon
from servers import Authority, DnsServer, Http1Server
from servers.fixtures import Serving
from support.guests import built

from wippy_native import Function, ImportDenied, NetworkPolicy, Runtime

JS_IMPORTS = ("wasi:cli", "wasi:io", "wasi:clocks", "wasi:random", "wasi:http", "wasi:filesystem")
REUSE = {"type": "lazy", "max_size": 1, "reuse": 100}


@pytest.fixture
def rt(make_runtime: Any, authority: Authority, dns_server: DnsServer) -> Runtime:
    runtime: Runtime = make_runtime(network=policy(authority, dns_server))
    return runtime


def add_js(rt: Runtime, method: str, **fields: Any) -> Function:
    fields = {"imports": JS_IMPORTS, "network": {"allow": list(ALLOWED)}, **fields}
    return rt.add_wasm(f"app:{method}", built("jsfetch"), method, **fields)


def test_fetch_of_javascript(rt: Runtime, http_server: Http1Server, tls_server: Http1Server) -> None:
    """Plain and over TLS, by address and by name."""
    fetch = add_js(rt, "fetch-text")
    for url in (http_server.url("/hello"), tls_server.url("/hello"), tls_server.url("/hello", "service.test")):
        assert fetch(url) == (200, "hello")
    assert fetch(http_server.url("/status/404")) == (404, "status 404")


def test_fetch_of_javascript_over_http2(rt: Runtime, h2_server: Any) -> None:
    assert add_js(rt, "fetch-text")(h2_server.url("/hello")) == (200, "hello")


def test_post_of_javascript(rt: Runtime, http_server: Http1Server, tls_server: Http1Server) -> None:
    post = add_js(rt, "post-json")
    for server in (http_server, tls_server):
        assert json.loads(post(server.url("/echo"), '{"a": ["\u2713"]}')) == {"a": ["\u2713"]}
        told = json.loads(post(server.url("/inspect"), "{}"))
        assert told["method"] == "POST"
        assert ["content-type", "application/json"] in told["headers"]


def test_javascript_meets_the_policy(rt: Runtime, serving: Serving) -> None:
    """N-15: its `fetch` throws."""
    server = serving(Http1Server())
    fetch = add_js(rt, "fetch-text", network={"allow": ["https://api.example.com"]})
    assert error_of(fetch, server.url("/hello"))
    assert server.connections == 0


def test_undeclared_it_is_denied(rt: Runtime, serving: Serving) -> None:
    """H-80: a network block opens nothing without the declaration."""
    server = serving(Http1Server())
    undeclared = tuple(group for group in IMPORTS if group != "wasi:http")
    get = add_netuse(rt, "get", imports=undeclared)
    with pytest.raises(ImportDenied, match="wasi:http"):
        get(server.url("/hello"))
    assert server.connections == 0


def test_without_policies_public_addresses_are_open(make_runtime: Any, serving: Serving) -> None:
    """N-7: loopback is none."""
    server = serving(Http1Server())
    for options in ({}, {"network": NetworkPolicy()}):
        get = add_netuse(make_runtime(**options), "get", network=None)
        for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0"):  # noqa: S104
            assert error_of(get, server.url("/hello", host)) == "HTTP-request-denied"
    assert server.connections == 0


def test_reused_instances_start_at_nothing(rt: Runtime, serving: Serving) -> None:
    """N-18: what one call received or sent is none of the next one's, also after a call that went over."""
    server = serving(Http1Server())
    limits = {"max_received_bytes": 1000, "max_sent_bytes": 1000}
    length = add_netuse(rt, "get-length", pool=REUSE, limits=limits)
    for _ in range(3):
        assert length(server.url("/bytes/1000")) == 1000
        assert error_of(length, server.url("/bytes/1001")) == "HTTP-response-body-size(1001)"
    upload = add_netuse(rt, "upload", pool=REUSE, limits={"max_sent_bytes": 1000})
    for _ in range(3):
        assert upload(server.url("/hello"), 1000, True) == (200, "hello")


def test_reused_instances_keep_connections_but_no_requests(rt: Runtime, serving: Serving) -> None:
    """N-20: what a call left open is closed with it, although its instance lives."""
    server = serving(Http1Server())
    get = add_netuse(rt, "get", pool=REUSE)
    for _ in range(5):
        assert get(server.url("/hello")) == (200, "hello")
    assert server.connections == 1
    hoard = add_netuse(rt, "hoard-requests", pool=REUSE, limits={"max_http_requests": 3})
    for _ in range(3):
        assert sorted(hoard(server.url("/hang"), 4)) == ["connection-limit-reached", "pending", "pending", "pending"]
        soon(lambda: server.open == 1, "the end of the requests")


def test_ready_instances(rt: Runtime, http_server: Http1Server) -> None:
    get = add_netuse(rt, "get", pool={"type": "lazy", "max_size": 4, "warm_start": True})
    for _ in range(10):
        assert get(http_server.url("/hello")) == (200, "hello")


def test_ready_instances_count_for_themselves(rt: Runtime, http_server: Http1Server) -> None:
    """N-18: made before their call, they are its own."""
    pool = {"type": "lazy", "max_size": 4, "warm_start": True}
    length = add_netuse(rt, "get-length", pool=pool, limits={"max_received_bytes": 1000})
    for _ in range(5):
        assert length(http_server.url("/bytes/1000")) == 1000
        assert error_of(length, http_server.url("/bytes/1001")).startswith("HTTP-response-body-size(")


def test_an_instance_of_the_callers(rt: Runtime, serving: Serving) -> None:
    server = serving(Http1Server())
    length = add_netuse(rt, "get-length", limits={"max_received_bytes": 1000})
    with length.instance() as instance:
        for _ in range(3):
            assert instance(server.url("/bytes/1000")) == 1000
    assert server.connections == 1


def test_batches(rt: Runtime, serving: Serving) -> None:
    server = serving(Http1Server())
    get = add_netuse(rt, "get")
    urls = [server.url(f"/status/{200 + index}") for index in range(3)] * 10
    assert [status for status, _ in get.map(urls)] == [200, 201, 202] * 10
    assert len(server.requests) == 30


def test_calls_within_calls_of_python(rt: Runtime, http_server: Http1Server) -> None:
    """A registered function may call a guest that asks."""
    add_netuse(rt, "get")

    @rt.register("app:ask")
    def ask(path: str) -> str:
        return str(rt.call("app:get", http_server.url(path))[1])

    assert rt.call("app:ask", "/hello") == "hello"


def test_responses_longer_than_a_guest_wants(rt: Runtime, serving: Serving) -> None:
    """N-20: a body that nobody read holds nothing up."""
    server = serving(Http1Server())
    read_some = add_netuse(rt, "read-some")
    for _ in range(5):
        assert read_some(server.url("/endless"), 1) >= 1
    fetch = add_netuse(rt, "fetch")
    assert fetch(request(server.url("/hello")))["body"] == b"hello"
    soon(lambda: server.open == 1, "the end of the connections")
