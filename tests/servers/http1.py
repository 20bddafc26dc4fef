"""An HTTP/1.1 server that answers, and misbehaves, byte by byte as its routes say (`http1_routes`).

A route is chosen by the target's first segment; what follows are its numbers, as in `/chunked/3/100`.
"""

from __future__ import annotations

import itertools
import ssl

from .connection import Connection, ProtocolError
from .http1_exchange import Exchange
from .http1_routes import NO_ROUTE, ROUTES
from .http1_wire import answer_head, read_head
from .http_server import HttpServer
from .records import BODY_CAP

STALE_AFTER = 0.02


class Http1Server(HttpServer):
    """Does what the path says.

    `close_after` ends a connection after that many requests, as its last answer says. With `stale` answers say that the
    connection stays, and 20 ms later it ends without a word.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        *,
        tls: ssl.SSLContext | None = None,
        close_after: int | None = None,
        stale: bool = False,
        body_cap: int = BODY_CAP,
    ) -> None:
        super().__init__(host, tls=tls, body_cap=body_cap)
        self.close_after = close_after
        self.stale = stale
        self.body_sent = 0
        """Bytes of answers' bodies that the kernel took, framing included: how far an endless one came."""

    def serve(self, connection: Connection) -> None:
        for count in itertools.count(1):
            exchange = self._next(connection)
            if count == self.close_after:
                exchange.keep_alive = False
            self._answer(exchange)
            if self.stale:
                connection.wait(STALE_AFTER)
            if self.stale or not exchange.keep_alive:
                return

    def _next(self, connection: Connection) -> Exchange:
        try:
            request = read_head(connection)
        except ProtocolError:
            connection.send(answer_head(400, [("content-length", "0"), ("connection", "close")]))
            raise
        self.requests.append(request)
        return Exchange(self, connection, request)

    def _answer(self, exchange: Exchange) -> None:
        route = ROUTES.get(exchange.route, NO_ROUTE)
        if route.reads_first:
            exchange.read()
        route.answer(exchange)
