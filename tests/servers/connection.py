"""A client's connection: reading by lines and lengths, waiting without missing the client's end, every kind of end.

Reading and writing block. What waits for time instead waits for the client's end too, so that a connection the client
gave up is never open for longer than that takes to arrive.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass

PIECE = 1 << 16
MAX_LINE = 1 << 20

# The end of the client's output; where there is no such event, its complete end is seen all the same.
_CLIENT_END = getattr(select, "POLLRDHUP", 0)


class ProtocolError(Exception):
    """The client sent what the protocol does not allow."""


class Gone(ConnectionError):
    """The client ended the connection, or the server is ending."""


@dataclass(frozen=True)
class Handshake:
    """What a TLS handshake agreed upon."""

    connection: int
    sni: str | None
    alpn: str | None
    version: str | None


class _NamedSocket(ssl.SSLSocket):
    """Remembers the name the client asked for, which `ssl` only tells a callback."""

    sni: str | None = None


def _note_name(tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    assert isinstance(tls, _NamedSocket)
    tls.sni = name


class Connection:
    """One accepted socket, buffered; used by one thread, apart from `interrupt`."""

    def __init__(self, accepted: socket.socket, number: int) -> None:
        self.number = number
        """Counted from 1, in the order of acceptance."""
        self.sent = 0
        """Bytes handed to the kernel, or to TLS."""
        self._socket = accepted
        self._buffer = bytearray()
        self._interrupted = False

    def wrap(self, context: ssl.SSLContext) -> None:
        """Put TLS around it; nothing is sent yet."""
        context.sslsocket_class = _NamedSocket
        context.sni_callback = _note_name
        self._socket = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)

    def shake_hands(self) -> Handshake:
        """Do the TLS handshake."""
        tls = self._socket
        assert isinstance(tls, _NamedSocket)
        self._check()
        tls.do_handshake()
        return Handshake(self.number, tls.sni, tls.selected_alpn_protocol(), tls.version())

    def read(self, limit: int = PIECE) -> bytes:
        """What has come, at most `limit` bytes; nothing at the end of input."""
        if not self._buffer:
            return self._socket.recv(limit)
        data = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return data

    def read_exactly(self, size: int) -> bytes:
        """That many bytes; an early end of input is `Gone`."""
        while len(self._buffer) < size:
            self._fill()
        return self.read(size) if size else b""

    def read_line(self) -> bytes:
        """A line without its CRLF; an end of input is `Gone`."""
        start = 0
        while (end := self._buffer.find(b"\r\n", start)) < 0:
            if len(self._buffer) > MAX_LINE:
                raise ProtocolError(f"a line of more than {MAX_LINE} bytes")
            start = max(0, len(self._buffer) - 1)
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def send(self, data: bytes) -> None:
        """Send all of it, as fast as the client takes it."""
        self._socket.sendall(data)
        self.sent += len(data)

    def wait(self, seconds: float | None = None) -> None:
        """Let time pass; `Gone` as soon as the client ends its side, even with input that nobody read."""
        self._poll(_CLIENT_END, seconds)

    def wait_for_input(self, seconds: float | None) -> bool:
        """Whether there is something to read, or the end of it, within that time."""
        if self._buffer or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            return True
        return self._poll(select.POLLIN, seconds)

    def end_output(self) -> None:
        """Say that no more follows: TLS's close notification, then FIN."""
        if isinstance(self._socket, ssl.SSLSocket):
            # Without time to wait for the client's notification, this sends ours alone.
            self._socket.settimeout(0)
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()
        self._shut(socket.SHUT_WR)

    def reset(self) -> None:
        """End it with RST, what was sent but not delivered dropped."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """End it well, with FIN: unread input would turn it into RST, and take the answer with it."""
        if self._socket.fileno() < 0:
            return
        self.end_output()
        with contextlib.suppress(OSError):
            self._socket.setblocking(False)
            while socket.socket.recv(self._socket, PIECE):
                pass
        self._socket.close()

    def interrupt(self) -> None:
        """Wake whoever reads, writes or waits, from another thread."""
        self._interrupted = True
        self._shut(socket.SHUT_RDWR)

    def _fill(self) -> None:
        data = self._socket.recv(PIECE)
        if not data:
            raise Gone("the input ends early" if self._buffer else "the input ends")
        self._buffer += data

    def _poll(self, events: int, seconds: float | None) -> bool:
        poll = select.poll()
        poll.register(self._socket, events)
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            found = poll.poll(None if left is None else left * 1000)
            self._check()
            if not found:
                return False
            if events & select.POLLIN:
                return True
            raise Gone("the client has gone")

    def _check(self) -> None:
        if self._interrupted:
            raise Gone("the server ends")

    def _shut(self, how: int) -> None:
        # Of the plain socket: the TLS one's would drop the TLS state that another thread may be using.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, how)
