"""Connections are kept for a function, and for nobody and nothing else: N-20."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, policy, request, soon
from servers import Authority, Http1Server, Http2Server
from servers.fixtures import Serving

from wippy_native import GuestTrap, LimitExceeded, Runtime


@pytest.fixture
def rt(make_runtime: Any, authority: Authority) -> Runtime:
    runtime: Runtime = make_runtime(network=policy(authority))
    return runtime


@pytest.fixture(params=["http/1.1", "tls", "h2"])
def server(request: pytest.FixtureRequest, serving: Serving, authority: Authority) -> Http1Server | Http2Server:
    """Each way to speak HTTP, the test's own."""
    if request.param == "h2":
        return serving(Http2Server(tls=authority.context(alpn=["h2"])))
    return serving(Http1Server(tls=authority.context() if request.param == "tls" else None))


def test_one_connection_serves_a_call(rt: Runtime, server: Http1Server | Http2Server) -> None:
    assert add_netuse(rt, "get-in-turn")(server.url("/bytes/1000"), 50) == 50
    assert (server.connections, len(server.requests)) == (1, 50)


def test_one_connection_serves_many_calls(rt: Runtime, server: Http1Server | Http2Server) -> None:
    """Instances come and go; the connection is the function's."""
    get = add_netuse(rt, "get")
    for _ in range(20):
        assert get(server.url("/hello")) == (200, "hello")
    assert server.connections == 1


def test_functions_share_no_connection(rt: Runtime, server: Http1Server | Http2Server) -> None:
    """What one may reach, and what it did with a connection, stays its own."""
    one, two = (add_netuse(rt, "get", id) for id in ("app:one", "app:two"))
    for _ in range(3):
        one(server.url("/hello"))
        two(server.url("/hello"))
    assert server.connections == 2
    assert Counter(seen.connection for seen in server.requests) == {1: 3, 2: 3}


@pytest.mark.parametrize("path", ["/connection-close", "/no-length"])
def test_a_connection_that_the_server_ends(rt: Runtime, serving: Serving, path: str) -> None:
    server = serving(Http1Server())
    assert add_netuse(rt, "get-in-turn")(server.url(path), 5) == 5
    assert (server.connections, len(server.requests)) == (5, 5)
    soon(lambda: server.open == 0, "the end of the connections")


def test_a_connection_that_ends_after_some_requests(rt: Runtime, serving: Serving) -> None:
    server = serving(Http1Server(close_after=3))
    assert add_netuse(rt, "get-in-turn")(server.url("/hello"), 9) == 9
    assert (server.connections, len(server.requests)) == (3, 9)


@pytest.mark.parametrize("tls", [False, True])
def test_connections_that_went_stale(rt: Runtime, serving: Serving, authority: Authority, tls: bool) -> None:
    """The server ends them without a word: no request is lost, and none comes twice."""
    server = serving(Http1Server(tls=authority.context() if tls else None, stale=True))
    get = add_netuse(rt, "get")
    for index in range(10):
        assert get(server.url(f"/status/200?{index}"))[0] == 200
        soon(lambda: server.open == 0, "the end of the connection")
    assert [seen.target for seen in server.requests] == [f"/status/200?{index}" for index in range(10)]


def test_bodies_are_not_sent_twice(rt: Runtime, serving: Serving) -> None:
    server = serving(Http1Server(stale=True))
    fetch = add_netuse(rt, "fetch")
    for index in range(10):
        body = b"body %d" % index
        assert fetch(request(server.url(f"/echo?{index}"), "POST", body=body))["body"] == body
        soon(lambda: server.open == 0, "the end of the connection")
    assert [seen.target for seen in server.requests] == [f"/echo?{index}" for index in range(10)]


def test_an_unread_body_ends_its_connection(rt: Runtime, serving: Serving) -> None:
    """What is left of it would be taken for the next response."""
    server = serving(Http1Server())
    read_some = add_netuse(rt, "read-some")
    for count in (1, 2, 3):
        assert read_some(server.url("/bytes/50000000"), 1000) >= 1000
        assert server.connections == count
        soon(lambda: server.open == 0, "the end of the connection")


def test_an_unread_body_ends_its_stream(rt: Runtime, serving: Serving, authority: Authority) -> None:
    """Other streams of the connection go on."""
    server = serving(Http2Server(tls=authority.context(alpn=["h2"])))
    read_some = add_netuse(rt, "read-some")
    for count in (1, 2, 3):
        assert read_some(server.url("/bytes/50000000"), 1000) >= 1000
        soon(partial(_has_resets, server, count), "the end of the stream")
    assert server.connections == 1


def test_streams_share_a_connection(rt: Runtime, serving: Serving, authority: Authority) -> None:
    """HTTP/2: as soon as the server is known to speak it, one connection is enough."""
    server = serving(Http2Server(tls=authority.context(alpn=["h2"])))
    get_many = add_netuse(rt, "get-many")
    get_many([server.url("/hello")])
    assert {str(answer) for answer in get_many([server.url("/slow/300")] * 50)} == {"Ok(200)"}
    assert (server.connections, server.most_streams) == (1, 50)


def test_the_servers_bound_on_streams_is_kept(rt: Runtime, serving: Serving, authority: Authority) -> None:
    """More wait for their turn."""
    server = serving(Http2Server(tls=authority.context(alpn=["h2"]), max_concurrent_streams=3))
    get_many = add_netuse(rt, "get-many")
    get_many([server.url("/hello")])
    assert {str(answer) for answer in get_many([server.url("/slow/10")] * 20)} == {"Ok(200)"}
    assert server.most_streams <= 3
    assert server.errors == []


@pytest.mark.parametrize("ends", ["close", "remove", "replace"])
def test_idle_connections_end_with_their_function(rt: Runtime, server: Http1Server | Http2Server, ends: str) -> None:
    """Also while somebody still holds the function."""
    get = add_netuse(rt, "get")
    get(server.url("/hello"))
    assert server.open == 1
    if ends == "close":
        rt.close()
    elif ends == "remove":
        rt.remove("app:get")
    else:
        add_netuse(rt, "get")
    soon(lambda: server.open == 0, "the end of the connection")
    del get


def test_idle_connections_end_with_their_runtime(
    make_runtime: Any, authority: Authority, server: Http1Server | Http2Server
) -> None:
    with make_runtime(network=policy(authority)) as rt:
        add_netuse(rt, "get")(server.url("/hello"))
    del rt
    soon(lambda: server.open == 0, "the end of the connection")


def _has_resets(server: Http2Server, count: int) -> bool:
    return len(server.resets) == count


def in_use(server: Http1Server | Http2Server) -> bool:
    """Whether something that a call opened is still there; a connection of HTTP/2 alone is none."""
    return not server.resets if isinstance(server, Http2Server) else server.open > 0


def test_a_trap_ends_what_was_in_use(rt: Runtime, server: Http1Server | Http2Server) -> None:
    with pytest.raises(GuestTrap):
        add_netuse(rt, "fetch-then-trap")(server.url("/bytes/50000000"))
    soon(lambda: not in_use(server), "the end of the request")


def test_a_timeout_ends_what_was_in_use(rt: Runtime, server: Http1Server | Http2Server) -> None:
    spin = add_netuse(rt, "fetch-then-spin")
    with pytest.raises(LimitExceeded):
        spin.with_options(timeout=0.5)(server.url("/bytes/50000000"))
    assert len(server.requests) == 1
    soon(lambda: not in_use(server), "the end of the request")


def test_a_timeout_ends_waiting(rt: Runtime, server: Http1Server | Http2Server) -> None:
    get = add_netuse(rt, "get")
    with pytest.raises(LimitExceeded):
        get.with_options(timeout=0.5)(server.url("/hang"))
    assert len(server.requests) == 1
    soon(lambda: not in_use(server), "the end of the request")


def test_a_cancelled_call_ends_what_was_in_use(rt: Runtime, server: Http1Server | Http2Server) -> None:
    add_netuse(rt, "get")

    async def cancel() -> None:
        call = asyncio.ensure_future(rt.call_async("app:get", server.url("/hang")))
        while not server.requests:
            await asyncio.sleep(0.005)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(asyncio.wait_for(cancel(), 20))
    soon(lambda: not in_use(server), "the end of the request")


def test_a_blocked_upload_ends_with_its_call(rt: Runtime, serving: Serving) -> None:
    """The server does not read, so that writing to it never ends."""
    server = serving(Http1Server())
    upload = add_netuse(rt, "upload")
    with pytest.raises(LimitExceeded):
        upload.with_options(timeout=0.5)(server.url("/unread"), 1 << 28, False)
    soon(lambda: server.open == 0, "the end of the connection")


def test_a_request_after_one_that_failed(rt: Runtime, serving: Serving) -> None:
    """A connection that broke is not used again."""
    server = serving(Http1Server())
    get = add_netuse(rt, "get")
    for path in ("/reset", "/garbage", "/close-early/10"):
        error_of(get, server.url(path))
        assert get(server.url("/hello")) == (200, "hello")
