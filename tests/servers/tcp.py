"""TCP servers of one behaviour each."""

from __future__ import annotations

import select
import socket
import ssl

from .connection import Connection
from .records import pattern_pieces
from .threaded import Server, TcpServer, listening


class TcpEchoServer(TcpServer):
    """Gives back what it gets; ends its side when the client has ended its own."""

    def serve(self, connection: Connection) -> None:
        while data := connection.read():
            connection.send(data)


class Greeter(TcpServer):
    """Sends a greeting, or that many bytes of the pattern, and ends the connection."""

    def __init__(
        self, greeting: bytes | int = b"hello\n", host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(host, tls=tls)
        self.greeting = greeting

    def serve(self, connection: Connection) -> None:
        pieces = pattern_pieces(self.greeting) if isinstance(self.greeting, int) else [self.greeting]
        for piece in pieces:
            connection.send(piece)


class Sink(TcpServer):
    """Reads to the end of input, and counts; sends nothing."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.received: list[int] = []
        """The bytes of each connection so far, in the order of acceptance."""
        self.finished = 0
        """Connections whose input ended well."""

    def serve(self, connection: Connection) -> None:
        place = len(self.received)
        self.received.append(0)
        while data := connection.read():
            self.received[place] += len(data)
        self.finished += 1


class SilentServer(TcpServer):
    """Accepts, and neither reads nor writes, until the client ends the connection."""

    def serve(self, connection: Connection) -> None:
        connection.wait()


class ResetServer(TcpServer):
    """Ends every connection with RST: when the first bytes have come, or at once, which `connect` itself may report."""

    def __init__(self, host: str = "127.0.0.1", *, after_input: bool = False) -> None:
        super().__init__(host)
        self.after_input = after_input

    def serve(self, connection: Connection) -> None:
        if self.after_input:
            connection.read()
        connection.reset()


class FullServer(Server):
    """Its queue of connections is full, so that connecting to it takes until the client gives up.

    Linux drops what comes for a full queue; the client sends it again after 1, 3, 7... seconds.
    """

    def _listen(self) -> None:
        self._socket = listening(self.host, backlog=0)
        self.port = self._socket.getsockname()[1]
        self._waiting: list[socket.socket] = []
        while self._connects():
            assert len(self._waiting) < 64, "the queue does not fill"

    def _stop(self) -> None:
        for waiting in self._waiting:
            waiting.close()
        self._socket.close()

    def _connects(self) -> bool:
        client = socket.socket(self._socket.family)
        self._waiting.append(client)
        client.setblocking(False)
        client.connect_ex(self.address)
        return bool(select.select([], [client], [], 0.05)[1])


def unused_port(host: str = "127.0.0.1") -> int:
    """A port where nothing listens: connecting to it is refused, unless someone binds it meanwhile."""
    with listening(host) as found:
        return int(found.getsockname()[1])
