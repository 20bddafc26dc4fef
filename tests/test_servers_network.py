"""The tests' own servers of TCP and UDP."""

from __future__ import annotations

import socket

import pytest
from servers import (
    FullServer,
    Greeter,
    ResetServer,
    Server,
    SilentServer,
    Sink,
    TcpEchoServer,
    UdpEchoServer,
    UdpServer,
    pattern,
    unused_port,
)
from servers.clients import connected, datagrams, read_all
from servers.fixtures import Serving
from support.threads import eventually


def test_tcp_echo(tcp_echo: TcpEchoServer) -> None:
    with connected(tcp_echo) as client:
        client.sendall(b"abc")
        assert client.recv(3) == b"abc"
        client.sendall(b"def")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"def"


def test_greeter(serving: Serving) -> None:
    for greeting, expected in ((b"hi", b"hi"), (300_000, pattern(300_000))):
        with connected(serving(Greeter(greeting))) as client:
            assert read_all(client) == expected


def test_sink(serving: Serving) -> None:
    server = serving(Sink())
    with connected(server) as client:
        client.sendall(bytes(300_000))
        eventually(lambda: server.received == [300_000])
        assert server.finished == 0
    eventually(lambda: server.finished == 1)


def test_silent(serving: Serving) -> None:
    server = serving(SilentServer())
    with connected(server) as client:
        client.settimeout(0.02)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert server.open == 1
    eventually(lambda: server.open == 0)


@pytest.mark.parametrize("after_input", [False, True])
def test_resetter(serving: Serving, after_input: bool) -> None:
    server = serving(ResetServer(after_input=after_input))
    # At once may be before the client knows that it is connected.
    with pytest.raises(ConnectionResetError):
        _ask(server, b"x" if after_input else b"")


def _ask(server: Server, data: bytes) -> bytes:
    with connected(server) as client:
        client.sendall(data)
        return client.recv(1)


def test_a_full_queue(serving: Serving) -> None:
    server = serving(FullServer())
    with pytest.raises(TimeoutError):
        socket.create_connection(server.address, timeout=0.1)


def test_an_unused_port() -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", unused_port()), timeout=10)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_udp(serving: Serving, host: str) -> None:
    server = serving(UdpEchoServer(host))
    with datagrams(server.address) as client:
        for datagram in (b"abc", b"", bytes(9000)):
            client.send(datagram)
            assert client.recv(1 << 16) == datagram
    assert server.received == [b"abc", b"", bytes(9000)]


def test_udp_silence(serving: Serving) -> None:
    server = serving(UdpServer())
    with datagrams(server.address, timeout=0.03) as client:
        client.send(b"abc")
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert server.received == [b"abc"]
