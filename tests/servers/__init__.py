"""Real servers on loopback, for tests of what guests may reach: HTTP, TLS, TCP, UDP and DNS, well-behaved or not.

Each is used as `with Http1Server() as server:`, or through the fixtures of `servers.fixtures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connection import Connection, Handshake, ProtocolError
from .dns import DnsServer, Query
from .http1 import Http1Server
from .http_server import HttpServer
from .records import Request, pattern
from .tcp import FullServer, Greeter, ResetServer, SilentServer, Sink, TcpEchoServer, unused_port
from .threaded import Server, TcpServer
from .tls import Authority, MuteTlsServer, PlainTextServer
from .udp import UdpEchoServer, UdpServer

if TYPE_CHECKING:
    from .http2 import Http2Server

__all__ = [
    "Authority",
    "Connection",
    "DnsServer",
    "FullServer",
    "Greeter",
    "Handshake",
    "Http1Server",
    "Http2Server",
    "HttpServer",
    "MuteTlsServer",
    "PlainTextServer",
    "ProtocolError",
    "Query",
    "Request",
    "ResetServer",
    "Server",
    "SilentServer",
    "Sink",
    "TcpEchoServer",
    "TcpServer",
    "UdpEchoServer",
    "UdpServer",
    "pattern",
    "unused_port",
]


def __getattr__(name: str) -> Any:
    # Most tests need no `h2`.
    if name == "Http2Server":
        from .http2 import Http2Server

        return Http2Server
    raise AttributeError(name)
