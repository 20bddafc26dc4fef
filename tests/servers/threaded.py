"""Servers on threads: bound to a free port of loopback while their block runs, and nothing of them left after it.

Threads, not asyncio: a server that misbehaves on purpose reads as the list of what it does. A thread that waits is
woken by shutting its socket down, which other threads may do at any time.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from .connection import Connection, Handshake, ProtocolError

ENDING = 10.0
"""Seconds after which a thread that did not end is a mistake of the server's."""


class Server(ABC):
    """Something that listens while its block runs."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        """Known from the start of the block on."""
        self.errors: list[str] = []
        """What clients did that they must not do."""
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.host, self.port

    def close(self) -> None:
        """End its threads and sockets; again, it does nothing."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._stop()
        for thread in self._threads:
            thread.join(ENDING)
            assert not thread.is_alive(), f"{thread.name} does not end"

    @abstractmethod
    def _listen(self) -> None:
        """Bind, and start threads."""

    @abstractmethod
    def _stop(self) -> None:
        """Close what listens, and wake every thread."""

    def _start_thread(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        # A server of a whole test run has had many connections.
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        name = f"{type(self).__name__} {work.__name__.strip('_')}"
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread


class TcpServer(Server):
    """Accepts connections, and serves each on a thread of its own; with TLS if it has a context."""

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(host)
        self.tls = tls
        self.connections = 0
        """Connections so far, those that failed their handshake included."""
        self.handshakes: list[Handshake] = []
        self.handshake_errors: list[str] = []
        self._numbers = itertools.count(1)
        self._open: set[Connection] = set()
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._open)

    @abstractmethod
    def serve(self, connection: Connection) -> None:
        """Talk to a client; the connection is closed at the end, and an end of the client's ends this too."""

    def _listen(self) -> None:
        self._socket = listening(self.host, self.port)
        self.port = self._socket.getsockname()[1]
        self._acceptor = self._start_thread(self._accept)

    def _stop(self) -> None:
        # The connection that says to stop; closing the socket would not wake `accept`.
        with contextlib.suppress(OSError):
            socket.create_connection(self.address, timeout=ENDING).close()
        self._acceptor.join(ENDING)
        self._socket.close()
        with self._lock:
            for connection in self._open:
                connection.interrupt()

    def _accept(self) -> None:
        while True:
            accepted, _ = self._socket.accept()
            if self._ending.is_set():
                accepted.close()
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted, next(self._numbers))
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            self._start_thread(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        try:
            if self._shake_hands(connection):
                self.serve(connection)
        except ProtocolError as error:
            self.errors.append(f"connection {connection.number}: {error}")
        except OSError:
            pass  # The client has gone, or the server ends.
        finally:
            # Before it closes: a client that saw the end must find it counted.
            with self._lock:
                self._open.discard(connection)
                connection.close()

    def _shake_hands(self, connection: Connection) -> bool:
        if self.tls is None:
            return True
        try:
            with self._lock:
                connection.wrap(self.tls)
            self.handshakes.append(connection.shake_hands())
        except OSError as error:
            if not self._ending.is_set():
                self.handshake_errors.append(str(error))
            return False
        return True


def listening(host: str, port: int = 0, backlog: int = 128) -> socket.socket:
    """A socket that listens at a port, a free one unless said."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)
