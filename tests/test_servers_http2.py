"""The tests' own servers of HTTP/2."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, Event
from servers import Authority, Http2Server, pattern
from servers.clients import connected, read_all
from servers.fixtures import Serving
from support.threads import eventually


def http2(authority: Authority) -> httpx.Client:
    return httpx.Client(http1=False, http2=True, trust_env=False, verify=authority.client_context())


def test_http2(h2_server: Http2Server, authority: Authority) -> None:
    with http2(authority) as client:
        answer = client.get(h2_server.url("/hello"))
        assert (answer.http_version, answer.text) == ("HTTP/2", "hello")
        assert client.get(h2_server.url("/bytes/3000000")).content == pattern(3_000_000)
        assert client.post(h2_server.url("/echo"), content=pattern(300_000)).content == pattern(300_000)
        assert client.get(h2_server.url("/headers/3/5")).headers["x-2"] == "vvvvv"
        assert client.get(h2_server.url("/nowhere")).status_code == 404
        assert client.head(h2_server.url("/bytes/9")).headers["content-length"] == "9"
        assert client.post(h2_server.url("/inspect?a"), content=b"abc").json()["body_length"] == 3
        assert client.get(h2_server.url("/trailers")).text == "hello"


def test_http2_streams_go_on_beside_each_other(serving: Serving, authority: Authority) -> None:
    server = serving(Http2Server(tls=authority.context(alpn=["h2"])))
    with http2(authority) as client, ThreadPoolExecutor(5) as pool:
        client.get(server.url("/hello"))
        answers = list(pool.map(client.get, [server.url("/slow/300")] * 5))
    assert [answer.text for answer in answers] == ["hello"] * 5
    assert (server.connections, server.most_streams, server.errors) == (1, 5, [])
    assert [request.stream for request in server.requests] == [1, 3, 5, 7, 9, 11]
    assert {request.complete for request in server.requests} == {True}
    assert [handshake.alpn for handshake in server.handshakes] == ["h2"]
    eventually(lambda: server.open == 0)


def test_http2_says_how_many_streams_it_takes(serving: Serving, authority: Authority) -> None:
    server = serving(Http2Server(tls=authority.context(alpn=["h2"]), max_concurrent_streams=2))
    with http2(authority) as client, ThreadPoolExecutor(4) as pool:
        client.get(server.url("/hello"))
        assert len(list(pool.map(client.get, [server.url("/slow/50")] * 4))) == 4
    assert (server.connections, server.most_streams) == (1, 2)


@pytest.mark.parametrize(
    ("path", "events"),
    [
        ("/reset-stream", [("StreamReset", 2)]),
        ("/refuse-stream", [("StreamReset", 7)]),
        ("/goaway", [("ConnectionTerminated", 0)]),
        ("/trailers", [("ResponseReceived", None), ("DataReceived", None), ("TrailersReceived", None)]),
    ],
)
def test_http2_events(serving: Serving, path: str, events: list[tuple[str, int | None]]) -> None:
    """With prior knowledge, as a client of frames sees them."""
    server = serving(Http2Server())
    last = events[-1][0]
    seen = _events(server, path, last)
    assert [
        (type(e).__name__, getattr(e, "error_code", None)) for e in seen if type(e).__name__ in dict(events)
    ] == events
    if path == "/goaway":
        assert isinstance(seen[-1], ConnectionTerminated)
        assert seen[-1].last_stream_id == 0


def test_http2_mistakes_are_noted(serving: Serving) -> None:
    server = serving(Http2Server())
    with connected(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n" * 2)
        read_all(client)
    assert len(server.errors) == 1


def test_http2_resets_of_clients_are_noted(serving: Serving) -> None:
    server = serving(Http2Server())
    with connected(server) as client:
        h2 = _ask(client, server, "/hang")
        h2.reset_stream(1, 8)
        client.sendall(h2.data_to_send())
        eventually(lambda: server.resets == [8])
    eventually(lambda: server.open == 0)
    assert server.errors == []


def _ask(client: socket.socket, server: Http2Server, path: str) -> H2Connection:
    h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
    h2.initiate_connection()
    h2.send_headers(1, [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "x")], end_stream=True)
    client.sendall(h2.data_to_send())
    return h2


def _events(server: Http2Server, path: str, last: str) -> list[Event]:
    seen: list[Event] = []
    with connected(server) as client:
        h2 = _ask(client, server, path)
        while last not in [type(event).__name__ for event in seen]:
            data = client.recv(1 << 16)
            assert data, f"the end instead of {last}"
            seen += h2.receive_data(data)
    return seen
