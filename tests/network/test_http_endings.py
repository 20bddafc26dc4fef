"""What is left of requests that did not end as they should: nothing (N-20), and no message that looks whole."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, policy, request, soon
from servers import Authority, DnsServer, Http1Server, Http2Server
from servers.fixtures import Serving

import wippy_native as wippy
from wippy_native import LimitExceeded, Runtime


@pytest.fixture
def rt(make_runtime: Any, authority: Authority) -> Runtime:
    runtime: Runtime = make_runtime(network=policy(authority))
    return runtime


class EarlyAnswers:
    """An HTTP/2 server that answers every request at once, and lets no body in."""

    def __init__(self, authority: Authority) -> None:
        self.context = authority.context(alpn=["h2"])
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.open = 0
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            self.open += 1
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.events import RequestReceived

        protocol = H2Connection(H2Configuration(client_side=False))
        protocol.initiate_connection()
        try:
            with self.context.wrap_socket(connection, server_side=True) as stream:
                stream.sendall(protocol.data_to_send())
                while received := stream.recv(65_536):
                    for event in protocol.receive_data(received):
                        if isinstance(event, RequestReceived):
                            protocol.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
                    stream.sendall(protocol.data_to_send())
        except OSError:
            pass
        finally:
            self.open -= 1

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for thread in self._threads:
            thread.join(10)


@contextmanager
def early_answers(authority: Authority) -> Iterator[EarlyAnswers]:
    server = EarlyAnswers(authority)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)


def test_an_upload_that_its_answer_overtook(rt: Runtime, authority: Authority) -> None:
    """The rest of the body would wait for ever for room, beyond the call and the function."""
    with early_answers(authority) as server:
        upload = add_netuse(rt, "upload", limits={"max_execution_ms": 5000}).with_options(raise_err=False)
        for _ in range(3):
            upload(f"https://127.0.0.1:{server.port}/", 8 << 20, False)
        rt.remove("app:upload")
        soon(lambda: server.open == 0, "the end of the connections")


def test_a_body_cut_off_by_a_limit_is_not_whole(rt: Runtime, serving: Serving) -> None:
    """A guest that is ended in the middle of its body must not have sent a finished one."""
    server = serving(Http1Server())
    for _ in range(10):
        upload = add_netuse(rt, "upload", limits={"max_execution_ms": 60})
        with pytest.raises(LimitExceeded):
            upload(server.url("/echo"), 1 << 30, False)
    soon(lambda: server.open == 0, "the end of the connections")
    assert server.requests
    assert not any(request.complete for request in server.requests)
    server.errors.clear()  # of bodies that break off: that is what was asked for


def test_a_server_that_does_not_answer_the_handshake_holds_nobody_else_up(rt: Runtime, authority: Authority) -> None:
    """Connections to one origin are made in turns; whoever has one may have met a server that is not there."""
    context = authority.context(alpn=["http/1.1"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, mute = listener.getsockname()[1], []

        def serve() -> None:
            mute.append(listener.accept()[0])
            with context.wrap_socket(listener.accept()[0], server_side=True) as stream:
                stream.recv(65_536)
                stream.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        server = threading.Thread(target=serve)
        server.start()
        fetch = add_netuse(rt, "fetch")
        first = threading.Thread(target=error_of, args=(fetch, request(f"https://127.0.0.1:{port}/", connect_ms=3000)))
        first.start()
        soon(lambda: bool(mute), "the first connection")
        second = fetch(request(f"https://127.0.0.1:{port}/", connect_ms=2500))
        assert second["status"] == 200
        first.join(10)
        server.join(10)
        mute[0].close()


def test_a_request_is_made_again_once_at_most(rt: Runtime) -> None:
    """Over connections that were kept and are closed by the time they are used."""
    seen: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            for answers in (True, False):
                received = connection.recv(65_536)
                if not received:
                    return
                seen.append(received.split()[1])
                if answers:
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def serve(listener: socket.socket) -> None:
        threads = []
        try:
            while True:
                threads.append(threading.Thread(target=answer, args=(listener.accept()[0],)))
                threads[-1].start()
        except OSError:
            for thread in threads:
                thread.join(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        many = add_netuse(rt, "get-many")
        assert len(many([f"{url}/a"] * 8)) == 8
        (last,) = many([f"{url}/b"])
        assert last == wippy.Ok(200)  # over a new connection
        assert seen.count(b"/b") == 2
        rt.close()
        listener.shutdown(socket.SHUT_RDWR)
    server.join(10)


def test_trailers_are_limited_like_heads(rt: Runtime, serving: Serving, authority: Authority) -> None:
    """N-18: `limits.max_response_header_bytes` in HTTP/2 too."""
    server = serving(Http2Server(tls=authority.context(alpn=["h2"])))
    fits = add_netuse(rt, "fetch", "app:fits")
    assert fits(request(server.url("/trailers")))["trailers"]
    head = sum(len(name) + len(value) + 4 for name, value in fits(request(server.url("/trailers")))["headers"])
    size = sum(len(name) + len(value) + 4 for name, value in fits(request(server.url("/trailers")))["trailers"])
    assert size > head, "the test needs trailers larger than the head"
    tight = add_netuse(rt, "fetch", limits={"max_response_header_bytes": size - 1})
    assert error_of(tight, request(server.url("/trailers"))).startswith("HTTP-response-trailer-section-size")


def test_idle_connections_make_room(authority: Authority, serving: Serving, tmp_path: Path) -> None:
    """N-18: in a process that may open few files, an idle connection is closed for the one that is needed."""
    import subprocess
    import sys

    server = serving(Http1Server())
    dns = serving(DnsServer(lambda name, qtype, count: ["127.0.0.1"]))
    program = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import wippy_native as wippy
from support.guests import built
policy = wippy.NetworkPolicy(allow=["http://*.test:* in loopback"], nameservers=["127.0.0.1:{dns.port}"])
with wippy.Runtime(network=policy, cache_dir={str(tmp_path)!r}) as rt:
    get = rt.add_wasm("app:get", built("netuse"), "get", imports=["wasi:http", "wasi:sockets", "wasi:clocks"],
                      network={{"allow": ["http://*.test:* in loopback"]}})
    for number in range(100):
        assert get(f"http://n{{number}}.test:{server.port}/hello") == (200, "hello"), number
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")


def test_a_body_for_a_transport_is_limited(make_runtime: Any) -> None:
    """N-19: it is handed over whole."""
    rt = make_runtime(http=lambda request: wippy.HttpResponse(200, (), str(len(request.body))))
    upload = add_netuse(rt, "upload")
    assert upload("http://localhost/", 1 << 20, False) == (200, str(1 << 20))
    assert error_of(upload, "http://localhost/", (64 << 20) + 1, False).startswith("HTTP-request-body-size")


def test_a_transport_hides_no_refusal_of_localhost(make_runtime: Any) -> None:
    """N-9, N-19: its addresses are known without a lookup."""
    rt = make_runtime(http=lambda _: wippy.HttpResponse(200))
    get = add_netuse(rt, "get", network=None)
    assert error_of(get, "http://localhost/") == "HTTP-request-denied"
    assert error_of(get, "http://x.localhost:8080/") == "HTTP-request-denied"
    assert get("http://example.com/") == (200, "")
