"""What the tests of `wasi:sockets` share: the guest `netuse` under a network block, and what it says of its sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import pytest
from servers import Connection, TcpServer
from servers.threaded import listening
from support.guests import built

from wippy_native import Err, Function, FunctionNotFound, NetworkPolicy, Ok, Runtime

ANY = "0.0.0.0"  # noqa: S104 - what every socket that goes out is bound to
OTHER = "127.0.0.9"
"""Another loopback address."""
LOGGER = "wippy_native.network"
# The guest asks `wasi:http` what an error of a stream means.
IMPORTS = ("wasi:sockets", "wasi:http", "wasi:io", "wasi:clocks")
PATIENCE = 15.0
"""Seconds after which a call is stopped that should have ended by itself."""
DENIED = Err("access-denied")

# What comes back of a `result<T, string>`.
Answer = Ok[Any] | Err[Any]


class SocketGuest:
    """Calls methods of `netuse` whose entries allow and deny this; the results are `Ok` or `Err`."""

    def __init__(self, rt: Runtime, *allow: str, deny: Iterable[str] = (), **fields: Any) -> None:
        self.rt = rt
        block = {"allow": list(allow), "deny": list(deny)}
        self.fields = {"imports": IMPORTS, "network": block, **fields}

    def __call__(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        return self.function(method)(*arguments, **keywords)

    def function(self, method: str) -> Function:
        """A method that returns `Ok` or `Err`."""
        return self.raising(method).with_options(raise_err=False, timeout=PATIENCE)

    def raising(self, method: str) -> Function:
        """A method as users have it: an error is a `GuestError`."""
        id = f"app:{method}"
        try:
            found = self.rt.function(id)
        except FunctionNotFound:
            found = self.rt.add_wasm(id, built("netuse"), method, **self.fields)
        assert isinstance(found, Function)
        return found


def asking(*servers: Any, allow: Iterable[str] = ("all", "listen://*"), deny: Iterable[str] = ()) -> NetworkPolicy:
    """An operator who looks names up at these servers, and leaves the rest to the entries."""
    nameservers = [f"{server.host}:{server.port}" for server in servers]
    return NetworkPolicy(allow=allow, deny=deny, nameservers=nameservers)


class Announced(TcpServer):
    """Reads the port that a guest announces, and works with it as the guest's client."""

    def __init__(self, work: Callable[[int], Any], host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.work = work
        self.results: list[Any] = []

    def serve(self, connection: Connection) -> None:
        text = b""
        while data := connection.read():
            text += data
        self.results.append(self.work(int(text)))


class Dripper(TcpServer):
    """Sends a byte now and then until the client has gone: a client that ended its output shows its end in no other
    way."""

    def serve(self, connection: Connection) -> None:
        while not self._ending.wait(0.02):
            connection.send(b".")


class Hall:
    """A listening socket whose connections no thread serves: clients connect, and wait until they are let go."""

    def __init__(self) -> None:
        self._socket = listening("127.0.0.1", backlog=512)
        self._socket.settimeout(PATIENCE)
        self.port = self._socket.getsockname()[1]
        self._waiting: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        self._socket.close()

    def wait_for(self, count: int) -> None:
        """Until so many more clients are there."""
        for _ in range(count):
            self._waiting.append(self._socket.accept()[0])

    def let_go(self, count: int | None = None) -> None:
        """End that many connections, or all."""
        gone, self._waiting = self._waiting[:count], self._waiting[len(self._waiting[:count]) :]
        for connection in gone:
            connection.close()


def tcp_echoed(host: str, port: int, data: bytes, source: str | None = None) -> bytes:
    """What a TCP server says to this."""
    own = (source, 0) if source else None
    with socket.create_connection((host, port), timeout=10, source_address=own) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            return answer.read()


def udp_echoed(host: str, port: int, data: bytes, patience: float = 10) -> bytes:
    """What a UDP server says to this."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.sendto(data, (host, port))
        return client.recv(1 << 16)


def _has(address: str) -> bool:
    try:
        with closing(listening(address)):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not _has("::1"), reason="this machine has no IPv6")
needs_other = pytest.mark.skipif(not _has(OTHER), reason="this system has one loopback address only")
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts what /proc tells of the process")


def descriptors() -> int:
    """The process's open descriptors."""
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    """The process's threads, those of the core included."""
    return len(list(Path("/proc/self/task").iterdir()))
