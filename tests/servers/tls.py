"""A certificate authority of the tests' own, and servers that fail before TLS is there."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from pathlib import Path

from .connection import Connection
from .tcp import SilentServer
from .threaded import TcpServer

NAMES = ("localhost", "service.test", "127.0.0.1", "::1")
"""Whom a server is unless the test says otherwise."""
PLAIN_ANSWER = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

# After the start of every certificate that trustme makes.
_PAST = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)


class Authority:
    """Issues certificates that whoever trusts `pem` accepts. One more of these is the one that nobody trusts."""

    def __init__(self) -> None:
        # Only for tests that use TLS.
        import trustme

        self._ca = trustme.CA()

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._ca.cert_pem.bytes()

    def write(self, folder: Path) -> Path:
        """Write its certificate into a folder."""
        path = folder / "ca.pem"
        path.write_bytes(self.pem)
        return path

    def context(
        self,
        *names: str,
        alpn: Sequence[str] = ("http/1.1",),
        expired: bool = False,
        minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> ssl.SSLContext:
        """For a server of these names and addresses (`NAMES`), and of these versions of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._ca.issue_cert(*(names or NAMES), not_after=_PAST if expired else None)
        certificate.configure_cert(context)
        context.minimum_version = minimum
        context.maximum_version = maximum
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client in Python that trusts this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context


class PlainTextServer(TcpServer):
    """Answers whatever comes with plain HTTP: what a client meets that speaks TLS to the wrong port."""

    def serve(self, connection: Connection) -> None:
        connection.read()
        connection.send(PLAIN_ANSWER)


class MuteTlsServer(SilentServer):
    """Never answers the handshake."""
