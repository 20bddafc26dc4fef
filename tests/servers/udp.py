"""UDP servers: one that gives back what it gets, and one that says nothing."""

from __future__ import annotations

import socket

from .threaded import Server

MAX_DATAGRAM = 1 << 16


def bound(host: str, port: int = 0) -> socket.socket:
    """A datagram socket at a port, a free one unless said."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


class UdpServer(Server):
    """Notes the datagrams it gets in `received`, and answers none."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__(host)
        self.received: list[bytes] = []

    def answer(self, datagram: bytes) -> bytes | None:
        """What to send back, if anything."""
        return None

    def _listen(self) -> None:
        self._socket = bound(self.host)
        self.port = self._socket.getsockname()[1]
        self._start_thread(self._receive)

    def _stop(self) -> None:
        # A datagram to wake the thread; closing the socket would not.
        with bound(self.host) as waker:
            waker.sendto(b"", self.address)
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while True:
            datagram, sender = self._socket.recvfrom(MAX_DATAGRAM)
            if self._ending.is_set():
                return
            self.received.append(datagram)
            answer = self.answer(datagram)
            if answer is not None:
                self._socket.sendto(answer, sender)


class UdpEchoServer(UdpServer):
    """Gives every datagram back."""

    def answer(self, datagram: bytes) -> bytes:
        return datagram
