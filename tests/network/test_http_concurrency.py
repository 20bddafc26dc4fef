"""Many requests at once: in one call, in many, and within their bounds: N-18."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, policy
from servers import Authority, Http1Server, Http2Server
from servers.fixtures import Serving
from support.threads import eventually, in_thread

from wippy_native import Limits, Runtime

DENIED = "connection-limit-reached"


@pytest.fixture
def rt(make_runtime: Any, authority: Authority) -> Runtime:
    runtime: Runtime = make_runtime(network=policy(authority))
    return runtime


@pytest.fixture(params=["http/1.1", "h2"])
def server(request: pytest.FixtureRequest, serving: Serving, authority: Authority) -> Http1Server | Http2Server:
    """Either version, the test's own."""
    if request.param == "h2":
        return serving(Http2Server(tls=authority.context(alpn=["h2"])))
    return serving(Http1Server())


def test_many_requests_of_a_call_take_the_time_of_one(rt: Runtime, server: Http1Server | Http2Server) -> None:
    """One after the other they would take 25 seconds."""
    get_many = add_netuse(rt, "get-many")
    start = time.monotonic()
    answers = get_many([server.url("/slow/500")] * 50)
    assert time.monotonic() - start < 10
    assert [str(answer) for answer in answers] == ["Ok(200)"] * 50


def test_each_of_many_has_its_own_outcome(rt: Runtime, http_server: Http1Server) -> None:
    paths = ["/status/201", "/reset", "/hello", "/garbage", "/status/404", "/slow/50"] * 5
    answers = add_netuse(rt, "get-many")([http_server.url(path) for path in paths])
    expected = [201, "connection-terminated", 200, "HTTP-protocol-error", 404, 200]
    assert [answer.value for answer in answers] == expected * 5


def test_the_requests_of_a_call_are_bounded(rt: Runtime, server: Http1Server | Http2Server) -> None:
    """N-18: `limits.max_http_requests`. Those within the bound go on."""
    hoard = add_netuse(rt, "hoard-requests", limits={"max_http_requests": 5})
    assert Counter(hoard(server.url("/hang"), 12)) == {"pending": 5, DENIED: 7}
    # Nothing of the call before counts any more.
    assert Counter(hoard(server.url("/hang"), 5)) == {"pending": 5}


def test_a_request_counts_until_its_response_was_read(rt: Runtime, http_server: Http1Server) -> None:
    """N-18: one after the other any number passes."""
    limits = {"max_http_requests": 1}
    assert add_netuse(rt, "get-in-turn", limits=limits)(http_server.url("/bytes/10000"), 20) == 20
    answers = add_netuse(rt, "get-many", limits=limits)([http_server.url("/slow/50")] * 4)
    assert Counter(map(str, answers)) == {"Ok(200)": 1, f"Err('{DENIED}')": 3}


def test_the_requests_of_all_calls_are_bounded(make_runtime: Any, serving: Serving) -> None:
    """N-18: `max_total_http_requests`, over functions and calls; room comes back as they end."""
    rt = make_runtime(network=policy(), limits=Limits(max_total_http_requests=4))
    server = serving(Http1Server())
    slow, other = add_netuse(rt, "get-many"), add_netuse(rt, "get")
    held = in_thread(lambda: slow([server.url("/drip/2/1500")] * 4))
    eventually(lambda: len(server.requests) == 4, "the requests")
    assert error_of(other, server.url("/hello")) == DENIED
    assert [str(answer) for answer in held.result(30)] == ["Ok(200)"] * 4
    assert other(server.url("/hello")) == (200, "hello")


def test_a_call_that_ends_badly_gives_its_room_back(make_runtime: Any, serving: Serving) -> None:
    rt = make_runtime(network=policy(), limits=Limits(max_total_http_requests=1))
    server = serving(Http1Server())
    trap, get = add_netuse(rt, "fetch-then-trap"), add_netuse(rt, "get")
    for _ in range(3):
        with pytest.raises(Exception, match="unreachable"):
            trap(server.url("/hang-body"))
        eventually(lambda: get.with_options(raise_err=False)(server.url("/hello")) is not None)
        assert get(server.url("/hello")) == (200, "hello")


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
def test_waiting_guests_need_no_threads(rt: Runtime, serving: Serving) -> None:
    """300 calls wait on the threads that are there anyway."""
    server = serving(Http1Server())
    add_netuse(rt, "get", pool={"type": "lazy", "max_size": 320})

    def threads() -> int:
        # The server's threads are Python's own.
        return len(list(Path("/proc/self/task").iterdir())) - threading.active_count()

    async def call_all() -> int:
        await rt.call_async("app:get", server.url("/hello"))
        before = threads()
        calls: list[asyncio.Future[Any]] = []
        # No more at a time than the server's queue of connections has room for.
        for count in (100, 200, 300):
            calls += [asyncio.ensure_future(rt.call_async("app:get", server.url("/hang"))) for _ in range(100)]
            while len(server.requests) <= count:
                await asyncio.sleep(0.01)
        grown = threads() - before
        assert await rt.call_async("app:get", server.url("/hello")) == (200, "hello")
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        return grown

    assert asyncio.run(asyncio.wait_for(call_all(), 60)) <= 8
    eventually(lambda: server.open <= 1, "the end of the connections")


def test_calls_of_many_threads_share_the_connections(rt: Runtime, serving: Serving) -> None:
    """Never more connections than calls at once."""
    server = serving(Http1Server())
    get = add_netuse(rt, "get")
    work = [in_thread(lambda: [get(server.url("/hello")) for _ in range(10)]) for _ in range(8)]
    assert [done.result(30) for done in work] == [[(200, "hello")] * 10] * 8
    assert len(server.requests) == 80
    assert server.connections <= 8
