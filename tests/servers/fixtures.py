"""Servers as fixtures: shared ones where a test asks and looks at the answer, `serving` where it counts or changes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from . import Authority, DnsServer, Http1Server, Server, TcpEchoServer, UdpEchoServer

if TYPE_CHECKING:
    from . import Http2Server

S = TypeVar("S", bound=Server)

LOOPBACK = ["127.0.0.1", "::1"]
SHARED_NAMES = {
    "service.test": LOOPBACK,
    "v4.test": ["127.0.0.1"],
    "v6.test": ["::1"],
    "alias.test": ["v4.test", "127.0.0.1"],
}


class Serving(Protocol):
    """Starts a server that ends with the test."""

    def __call__(self, server: S) -> S: ...


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Start servers of the test's own: `server = serving(Http1Server(close_after=1))`."""
    with contextlib.ExitStack() as stack:

        def serve(server: S) -> S:
            stack.enter_context(server)
            return server

        yield serve


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority of the shared servers' certificates."""
    return Authority()


@pytest.fixture(scope="session")
def http_server() -> Iterator[Http1Server]:
    """HTTP/1.1 without TLS. Its `requests` and counts are those of every test so far."""
    with Http1Server() as server:
        yield server


@pytest.fixture(scope="session")
def tls_server(authority: Authority) -> Iterator[Http1Server]:
    """HTTP/1.1 with TLS, as `localhost`, `service.test` and loopback's addresses."""
    with Http1Server(tls=authority.context()) as server:
        yield server


@pytest.fixture(scope="session")
def h2_server(authority: Authority) -> Iterator[Http2Server]:
    """HTTP/2 with TLS, of the same names."""
    from . import Http2Server

    with Http2Server(tls=authority.context(alpn=["h2"])) as server:
        yield server


@pytest.fixture(scope="session")
def dns_server() -> Iterator[DnsServer]:
    """Knows `SHARED_NAMES`."""
    with DnsServer(SHARED_NAMES) as server:
        yield server


@pytest.fixture(scope="session")
def tcp_echo() -> Iterator[TcpEchoServer]:
    """Gives back what it gets."""
    with TcpEchoServer() as server:
        yield server


@pytest.fixture(scope="session")
def udp_echo() -> Iterator[UdpEchoServer]:
    """Gives every datagram back."""
    with UdpEchoServer() as server:
        yield server
