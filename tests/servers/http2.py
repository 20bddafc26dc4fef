"""An HTTP/2 server, over TLS with ALPN or with prior knowledge. Imports `h2`, so only tests of HTTP/2 do.

One thread a connection: it waits for input or for the next answer that is due, whichever is first. Bodies go out as
flow control lets them.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError as H2Error
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes, Settings

from .connection import Connection, ProtocolError
from .http_server import HttpServer
from .records import BODY_CAP, TRAILERS, Headers, Request, pattern


class Http2Server(HttpServer):
    """Answers a request when it is complete.

    /hello, /echo, /inspect, /status/N, /bytes/N, /headers/N/SIZE and /slow/MS are those of HTTP/1.1.
    /trailers: `hello` and two trailers. /hang: no answer. /reset-stream: RST_STREAM with INTERNAL_ERROR.
    /refuse-stream: RST_STREAM with REFUSED_STREAM. /goaway: GOAWAY that says the request was not seen, then the end.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        *,
        tls: ssl.SSLContext | None = None,
        max_concurrent_streams: int = 100,
        body_cap: int = BODY_CAP,
    ) -> None:
        super().__init__(host, tls=tls, body_cap=body_cap)
        self.max_concurrent_streams = max_concurrent_streams
        self.most_streams = 0
        """The greatest number of streams open at once on one connection."""
        self.resets: list[int] = []
        """Error codes of the streams that clients reset."""

    def serve(self, connection: Connection) -> None:
        try:
            _Session(self, connection).run()
        except H2Error as error:
            raise ProtocolError(str(error)) from error


@dataclass
class _Outgoing:
    """What of an answer's body is still to be sent."""

    body: memoryview
    trailers: Headers


class _Session:
    """A connection's streams."""

    def __init__(self, server: Http2Server, connection: Connection) -> None:
        self.server = server
        self.connection = connection
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
        limits = {SettingCodes.MAX_CONCURRENT_STREAMS: server.max_concurrent_streams}
        self.h2.local_settings = Settings(client=False, initial_values=limits)
        self.open: dict[int, Request] = {}
        self.outgoing: dict[int, _Outgoing] = {}
        self.ended = False
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def run(self) -> None:
        self.h2.initiate_connection()
        while not self.ended:
            self._flush()
            if self.connection.wait_for_input(self._pause()):
                self._read()
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
        self._flush()

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Do it later, while other streams go on."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), work))

    def answer(
        self, stream: int, body: bytes = b"", *, status: int = 200, headers: Headers | None = None,
        trailers: Headers | None = None,
    ) -> None:  # fmt: skip
        """A whole answer, unless the client has given the request up."""
        request = self.open.get(stream)
        if request is None:
            return
        sized = [] if trailers else [("content-length", str(len(body)))]
        body = b"" if request.method == "HEAD" else body
        self.h2.send_headers(stream, [(":status", str(status)), *sized, *(headers or [])])
        self.outgoing[stream] = _Outgoing(memoryview(body), trailers or [])
        self._pump(stream)

    def reset(self, stream: int, code: ErrorCodes) -> None:
        """End a stream without an answer."""
        self.h2.reset_stream(stream, code)
        self.open.pop(stream, None)

    def _pause(self) -> float | None:
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _flush(self) -> None:
        self.connection.send(self.h2.data_to_send())

    def _read(self) -> None:
        data = self.connection.read()
        if not data:
            self.ended = True
        try:
            came = self.h2.receive_data(data)
        except H2Error:
            # With the GOAWAY that says why.
            self._flush()
            raise
        # After its GOAWAY nothing may be sent, not even answers to what came with it.
        if any(isinstance(event, events.ConnectionTerminated) for event in came):
            self.ended = True
            return
        for event in came:
            # A client may reset a stream in the same breath as it asks.
            with contextlib.suppress(StreamClosedError):
                self._take(event)

    def _take(self, event: events.Event) -> None:
        match event:
            case events.RequestReceived(stream_id=int(stream), headers=list(fields)):
                self._open(stream, _texts(fields))
            case events.DataReceived(stream_id=int(stream), data=bytes(data)):
                if stream in self.open:
                    self.open[stream].add_body(data, self.server.body_cap)
                self.h2.acknowledge_received_data(event.flow_controlled_length or 0, stream)
            case events.TrailersReceived(stream_id=int(stream), headers=list(fields)):
                self.open[stream].trailers = _texts(fields)
            case events.StreamEnded(stream_id=int(stream)):
                self.open[stream].complete = True
                _answer(self, stream, self.open[stream])
            case events.StreamReset(stream_id=int(stream), error_code=code):
                self.server.resets.append(int(code or 0))
                self.open.pop(stream, None)
                self.outgoing.pop(stream, None)
            case events.WindowUpdated() | events.RemoteSettingsChanged():
                for stream in list(self.outgoing):
                    self._pump(stream)

    def _open(self, stream: int, fields: Headers) -> None:
        named = dict(fields)
        request = Request(named[":method"], named.get(":path", ""), "HTTP/2", fields, self.connection.number, stream)
        self.open[stream] = request
        self.server.requests.append(request)
        self.server.most_streams = max(self.server.most_streams, len(self.open))

    def _pump(self, stream: int) -> None:
        outgoing = self.outgoing[stream]
        while outgoing.body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                return
            self.h2.send_data(stream, outgoing.body[:room].tobytes())
            outgoing.body = outgoing.body[room:]
        if outgoing.trailers:
            self.h2.send_headers(stream, outgoing.trailers, end_stream=True)
        else:
            self.h2.end_stream(stream)
        del self.outgoing[stream], self.open[stream]


def _texts(fields: Iterable[tuple[str | bytes, str | bytes]]) -> Headers:
    return [(_text(name), _text(value)) for name, value in fields]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _answer(session: _Session, stream: int, request: Request) -> None:
    route, *segments = request.target.partition("?")[0].removeprefix("/").split("/")
    numbers = [int(segment) for segment in segments if segment.isdigit()]
    match route, numbers:
        case "hello", []:
            session.answer(stream, b"hello")
        case "echo", []:
            session.answer(stream, request.body)
        case "inspect", []:
            session.answer(stream, request.as_json(), headers=[("content-type", "application/json")])
        case "status", [status]:
            session.answer(stream, b"status %d" % status, status=status)
        case "bytes", [size]:
            session.answer(stream, pattern(size))
        case "headers", [count, size]:
            fields = [(f"x-{index}", "v" * size) for index in range(count)]
            session.answer(stream, b"hello", headers=fields)
        case "slow", [milliseconds]:
            session.after(milliseconds / 1000, lambda: session.answer(stream, b"hello"))
        case "trailers", []:
            session.answer(stream, b"hello", headers=[("trailer", "x-checksum, x-second")], trailers=TRAILERS)
        case "hang", []:
            pass
        case "reset-stream", []:
            session.reset(stream, ErrorCodes.INTERNAL_ERROR)
        case "refuse-stream", []:
            session.reset(stream, ErrorCodes.REFUSED_STREAM)
        case "goaway", []:
            session.h2.close_connection(last_stream_id=stream - 2 if stream > 1 else 0)
            session.ended = True
        case _:
            session.answer(stream, b"no such route", status=404)
