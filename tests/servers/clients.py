"""Plain clients, for tests of the servers themselves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .threaded import Server


def connected(server: Server) -> socket.socket:
    """A connection to a server."""
    return socket.create_connection(server.address, timeout=10)


def read_all(client: socket.socket) -> bytes:
    """What comes to the end of input."""
    with client.makefile("rb") as stream:
        return stream.read()


def datagrams(address: tuple[str, int], timeout: float = 10) -> socket.socket:
    """A datagram socket that talks to an address."""
    client = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(timeout)
    client.connect(address)
    return client


@contextmanager
def leaving_no_thread() -> Iterator[None]:
    """What its block started has ended at its end. Shared servers' threads come and go besides."""
    before = set(threading.enumerate())
    yield
    assert not set(threading.enumerate()) - before
