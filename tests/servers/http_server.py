"""What the servers of both versions of HTTP share."""

from __future__ import annotations

import ssl

from .records import BODY_CAP, Request
from .threaded import TcpServer


class HttpServer(TcpServer):
    """Notes every request in `requests` as soon as its head is there, before any of the answer is sent."""

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None, body_cap: int = BODY_CAP) -> None:
        super().__init__(host, tls=tls)
        self.body_cap = body_cap
        self.requests: list[Request] = []

    def url(self, path: str = "/", host: str | None = None) -> str:
        """The URL of a path; with a host name of the client's choice."""
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{name}:{self.port}{path}"
