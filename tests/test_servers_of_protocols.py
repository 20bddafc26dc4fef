"""The tests' own servers of TLS, HTTP/2, TCP, UDP and DNS."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, Event
from servers import (
    Authority,
    DnsServer,
    FullServer,
    Greeter,
    Http1Server,
    Http2Server,
    MuteTlsServer,
    PlainTextServer,
    ResetServer,
    SilentServer,
    Sink,
    TcpEchoServer,
    TcpServer,
    UdpEchoServer,
    UdpServer,
    pattern,
    unused_port,
)
from servers.fixtures import Serving
from support.threads import eventually


def connected(server: TcpServer | FullServer) -> socket.socket:
    return socket.create_connection(server.address, timeout=10)


def read_all(client: socket.socket) -> bytes:
    with client.makefile("rb") as stream:
        return stream.read()


# --- TLS


def test_tls(tls_server: Http1Server, authority: Authority) -> None:
    with httpx.Client(verify=authority.client_context()) as client:
        assert client.get(tls_server.url("/hello", "localhost")).text == "hello"
        assert client.get(tls_server.url("/bytes/300000")).content == pattern(300_000)
        assert client.get(tls_server.url("/no-length")).text == "hello"


def test_handshakes_are_noted(serving: Serving, authority: Authority) -> None:
    server = serving(Http1Server(tls=authority.context()))
    context = authority.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name in ("service.test", "127.0.0.1"):
        with connected(server) as plain, context.wrap_socket(plain, server_hostname=name) as client:
            assert client.selected_alpn_protocol() == "http/1.1"
        eventually(lambda: server.open == 0)
    told = [(h.connection, h.sni, h.alpn, h.version) for h in server.handshakes]
    assert told == [(1, "service.test", "http/1.1", "TLSv1.3"), (2, None, "http/1.1", "TLSv1.3")]
    assert server.handshake_errors == []


def test_the_end_over_tls_is_notified(tls_server: Http1Server, authority: Authority) -> None:
    """Otherwise a body without a length cannot be told from one cut off."""
    context = authority.client_context()
    with (
        connected(tls_server) as plain,
        context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as client,
    ):
        client.sendall(b"GET /no-length HTTP/1.1\r\n\r\n")
        assert read_all(client) == b"HTTP/1.0 200 OK\r\n\r\nhello"


@pytest.mark.parametrize("path", ["/hang", "/endless"])
def test_what_does_not_end_over_tls(serving: Serving, authority: Authority, path: str) -> None:
    server = serving(Http1Server(tls=authority.context()))
    context = authority.client_context()
    with connected(server) as plain, context.wrap_socket(plain, server_hostname="localhost") as client:
        client.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        eventually(lambda: server.requests)
        assert server.open == 1
    eventually(lambda: server.open == 0)


@pytest.mark.parametrize(
    ("flaw", "why"),
    [
        ("another authority", "unable to get local issuer|self.signed"),
        ("expired", "expired"),
        ("another name", "not valid for 'localhost'"),
        ("old", "version|protocol"),
        ("plain", "WRONG_VERSION_NUMBER|wrong version"),
        ("mute", "timed out"),
    ],
)
def test_no_tls_with(serving: Serving, authority: Authority, flaw: str, why: str) -> None:
    tls12 = ssl.TLSVersion.TLSv1_2
    server: TcpServer
    match flaw:
        case "another authority":
            server = Http1Server(tls=Authority().context())
        case "expired":
            server = Http1Server(tls=authority.context(expired=True))
        case "another name":
            server = Http1Server(tls=authority.context("other.test"))
        case "old":
            server = Http1Server(tls=authority.context(minimum=ssl.TLSVersion.TLSv1_3))
        case "plain":
            server = PlainTextServer()
        case _:
            server = MuteTlsServer()
    serving(server)
    context = authority.client_context()
    if flaw == "old":
        context.maximum_version = tls12
    with connected(server) as plain:
        plain.settimeout(0.1 if flaw == "mute" else 10)
        with pytest.raises(OSError, match=why):
            context.wrap_socket(plain, server_hostname="localhost")
    eventually(lambda: server.open == 0)
    assert server.handshakes == []
    assert len(server.handshake_errors) == (flaw not in ("plain", "mute"))


def test_plain_text_on_a_tls_port(serving: Serving) -> None:
    with connected(serving(PlainTextServer())) as client:
        client.sendall(b"\x16\x03\x01")
        assert read_all(client) == b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def test_the_authority_as_a_file(authority: Authority, tmp_path: Path) -> None:
    path = authority.write(tmp_path)
    assert path.read_bytes() == authority.pem
    assert authority.pem.startswith(b"-----BEGIN CERTIFICATE-----")


def test_a_server_of_tls_ends_while_a_handshake_hangs(authority: Authority) -> None:
    threads = threading.active_count()
    with Http1Server(tls=authority.context()) as server, connected(server):
        eventually(lambda: server.open)
    assert threading.active_count() == threads


# --- HTTP/2


def http2(authority: Authority) -> httpx.Client:
    return httpx.Client(http1=False, http2=True, verify=authority.client_context())


def test_http2(h2_server: Http2Server, authority: Authority) -> None:
    with http2(authority) as client:
        answer = client.get(h2_server.url("/hello"))
        assert (answer.http_version, answer.text) == ("HTTP/2", "hello")
        assert client.get(h2_server.url("/bytes/3000000")).content == pattern(3_000_000)
        assert client.post(h2_server.url("/echo"), content=pattern(300_000)).content == pattern(300_000)
        assert client.get(h2_server.url("/headers/3/5")).headers["x-2"] == "vvvvv"
        assert client.get(h2_server.url("/nowhere")).status_code == 404
        assert client.head(h2_server.url("/bytes/9")).headers["content-length"] == "9"
        assert client.post(h2_server.url("/inspect?a"), content=b"abc").json()["body_length"] == 3
        assert client.get(h2_server.url("/trailers")).text == "hello"


def test_http2_streams_go_on_beside_each_other(serving: Serving, authority: Authority) -> None:
    server = serving(Http2Server(tls=authority.context(alpn=["h2"])))
    with http2(authority) as client, ThreadPoolExecutor(5) as pool:
        client.get(server.url("/hello"))
        start = time.monotonic()
        answers = list(pool.map(client.get, [server.url("/slow/100")] * 5))
        assert time.monotonic() - start < 0.5
    assert [answer.text for answer in answers] == ["hello"] * 5
    assert (server.connections, server.most_streams, server.errors) == (1, 5, [])
    assert [request.stream for request in server.requests] == [1, 3, 5, 7, 9, 11]
    assert {request.complete for request in server.requests} == {True}
    assert [handshake.alpn for handshake in server.handshakes] == ["h2"]
    eventually(lambda: server.open == 0)


def test_http2_says_how_many_streams_it_takes(serving: Serving, authority: Authority) -> None:
    server = serving(Http2Server(tls=authority.context(alpn=["h2"]), max_concurrent_streams=2))
    with http2(authority) as client, ThreadPoolExecutor(4) as pool:
        client.get(server.url("/hello"))
        assert len(list(pool.map(client.get, [server.url("/slow/10")] * 4))) == 4
    assert (server.connections, server.most_streams) == (1, 2)


@pytest.mark.parametrize(
    ("path", "events"),
    [
        ("/reset-stream", [("StreamReset", 2)]),
        ("/refuse-stream", [("StreamReset", 7)]),
        ("/goaway", [("ConnectionTerminated", 0)]),
        ("/trailers", [("ResponseReceived", None), ("DataReceived", None), ("TrailersReceived", None)]),
    ],
)
def test_http2_events(serving: Serving, path: str, events: list[tuple[str, int | None]]) -> None:
    """With prior knowledge, as a client of frames sees them."""
    server = serving(Http2Server())
    last = events[-1][0]
    seen = _events(server, path, last)
    assert [
        (type(e).__name__, getattr(e, "error_code", None)) for e in seen if type(e).__name__ in dict(events)
    ] == events
    if path == "/goaway":
        assert isinstance(seen[-1], ConnectionTerminated)
        assert seen[-1].last_stream_id == 0


def test_http2_mistakes_are_noted(serving: Serving) -> None:
    server = serving(Http2Server())
    with connected(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n" * 2)
        read_all(client)
    assert len(server.errors) == 1


def test_http2_resets_of_clients_are_noted(serving: Serving) -> None:
    server = serving(Http2Server())
    with connected(server) as client:
        h2 = _ask(client, server, "/hang")
        h2.reset_stream(1, 8)
        client.sendall(h2.data_to_send())
        eventually(lambda: server.resets == [8])
    eventually(lambda: server.open == 0)
    assert server.errors == []


def _ask(client: socket.socket, server: Http2Server, path: str) -> H2Connection:
    h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
    h2.initiate_connection()
    h2.send_headers(1, [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "x")], end_stream=True)
    client.sendall(h2.data_to_send())
    return h2


def _events(server: Http2Server, path: str, last: str) -> list[Event]:
    seen: list[Event] = []
    with connected(server) as client:
        h2 = _ask(client, server, path)
        while last not in [type(event).__name__ for event in seen]:
            data = client.recv(1 << 16)
            assert data, f"the end instead of {last}"
            seen += h2.receive_data(data)
    return seen


# --- TCP


def test_tcp_echo(tcp_echo: TcpEchoServer) -> None:
    with connected(tcp_echo) as client:
        client.sendall(b"abc")
        assert client.recv(3) == b"abc"
        client.sendall(b"def")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"def"


def test_greeter(serving: Serving) -> None:
    for greeting, expected in ((b"hi", b"hi"), (300_000, pattern(300_000))):
        with connected(serving(Greeter(greeting))) as client:
            assert read_all(client) == expected


def test_sink(serving: Serving) -> None:
    server = serving(Sink())
    with connected(server) as client:
        client.sendall(bytes(300_000))
        eventually(lambda: server.received == [300_000])
        assert server.finished == 0
    eventually(lambda: server.finished == 1)


def test_silent(serving: Serving) -> None:
    server = serving(SilentServer())
    with connected(server) as client:
        client.settimeout(0.02)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert server.open == 1
    eventually(lambda: server.open == 0)


@pytest.mark.parametrize("after_input", [False, True])
def test_resetter(serving: Serving, after_input: bool) -> None:
    with connected(serving(ResetServer(after_input=after_input))) as client:
        if after_input:
            client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_full_queue(serving: Serving) -> None:
    server = serving(FullServer())
    with pytest.raises(TimeoutError):
        socket.create_connection(server.address, timeout=0.1)


def test_an_unused_port() -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", unused_port()), timeout=10)


# --- UDP


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_udp(serving: Serving, host: str) -> None:
    server = serving(UdpEchoServer(host))
    with _datagrams(server.address) as client:
        for datagram in (b"abc", b"", bytes(9000)):
            client.send(datagram)
            assert client.recv(1 << 16) == datagram
    assert server.received == [b"abc", b"", bytes(9000)]


def test_udp_silence(serving: Serving) -> None:
    server = serving(UdpServer())
    with _datagrams(server.address, timeout=0.03) as client:
        client.send(b"abc")
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert server.received == [b"abc"]


def _datagrams(address: tuple[str, int], timeout: float = 10) -> socket.socket:
    client = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(timeout)
    client.connect(address)
    return client


# --- DNS

A, CNAME, AAAA, HTTPS = 1, 5, 28, 65


def question(name: str, qtype: int = A, extra: bytes = b"") -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    head = struct.pack("!6H", 0xABCD, 0x0100, 1, 0, 0, 1 if extra else 0)
    return head + labels + b"\0" + struct.pack("!HH", qtype, 1) + extra


def ask(server: DnsServer, message: bytes, timeout: float = 10) -> bytes:
    with _datagrams(server.address, timeout) as client:
        client.send(message)
        return client.recv(1 << 16)


def ask_tcp(server: DnsServer, message: bytes) -> bytes:
    with connected(server) as client, client.makefile("rb") as stream:
        client.sendall(len(message).to_bytes(2, "big") + message)
        return stream.read(int.from_bytes(stream.read(2), "big"))


def test_dns_answers(dns_server: DnsServer) -> None:
    name = b"\7service\4test\0"
    got = ask(dns_server, question("Service.Test"))
    section = b"\7Service\4Test\0\0\1\0\1"
    record = name + b"\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1"
    assert got == b"\xab\xcd\x85\x80\0\1\0\1\0\0\0\0" + section + record
    got = ask_tcp(dns_server, question("service.test", AAAA))
    record = name + b"\0\x1c\0\1\0\0\0\0\0\x10" + bytes(15) + b"\1"
    assert got == b"\xab\xcd\x85\x80\0\1\0\1\0\0\0\0" + name + b"\0\x1c\0\1" + record


def test_dns_chain(serving: Serving) -> None:
    server = serving(DnsServer({"alias.test": ["real.test", "127.0.0.1", "::1"]}, ttl=7))
    alias, real = b"\5alias\4test\0", b"\4real\4test\0"
    cname = alias + b"\0\5\0\1\0\0\0\7" + bytes([0, len(real)]) + real
    address = real + b"\0\1\0\1\0\0\0\7\0\4\x7f\0\0\1"
    assert ask(server, question("alias.test"))[12:] == alias + b"\0\1\0\1" + cname + address


@pytest.mark.parametrize(
    ("answer", "qtype", "flags"),
    [("nxdomain", A, 0x8583), ("servfail", A, 0x8582), ("refused", A, 0x8585), ([], A, 0x8580), (["::1"], A, 0x8580),
     (["127.0.0.1"], HTTPS, 0x8580)],
)  # fmt: skip
def test_dns_without_records(serving: Serving, answer: str | list[str], qtype: int, flags: int) -> None:
    asked = question("a.test", qtype)
    assert (
        ask(serving(DnsServer({"a.test": answer})), asked) == struct.pack("!6H", 0xABCD, flags, 1, 0, 0, 0) + asked[12:]
    )


def test_dns_of_an_unknown_name(dns_server: DnsServer) -> None:
    assert ask(dns_server, question("nobody.test"))[3] & 15 == 3


def test_dns_silence(serving: Serving) -> None:
    server = serving(DnsServer({"a.test": "silent"}))
    with pytest.raises(TimeoutError):
        ask(server, question("a.test"), timeout=0.03)
    assert server.asked("a.test", "A") == 1


def test_dns_answers_that_change(serving: Serving) -> None:
    """Counted by name and type, over both transports."""
    server = serving(DnsServer(lambda name, qtype, count: [f"127.0.0.{count + 1}"] if qtype == "A" else []))
    last = [ask(server, question("r.test"))[-1], ask_tcp(server, question("r.test"))[-1]]
    ask(server, question("r.test", AAAA))
    last += [ask(server, question("other.test"))[-1], ask(server, question("R.test"))[-1]]
    assert last == [1, 2, 1, 3]
    assert [(q.name, q.qtype, q.transport) for q in server.queries[1:3]] == [
        ("r.test", "A", "tcp"),
        ("r.test", "AAAA", "udp"),
    ]
    assert (server.asked("r.test"), server.asked("r.test", "A")) == (4, 3)


def test_dns_truncated(serving: Serving) -> None:
    server = serving(DnsServer({"a.test": ["127.0.0.1"]}, truncate=True))
    asked = question("a.test")
    assert ask(server, asked) == struct.pack("!6H", 0xABCD, 0x8780, 1, 0, 0, 0) + asked[12:]
    assert ask_tcp(server, asked).endswith(b"\x7f\0\0\1")


def test_dns_answers_that_do_not_fit(serving: Serving) -> None:
    server = serving(DnsServer({"a.test": [f"127.0.0.{n}" for n in range(100)]}))
    edns = b"\0" + struct.pack("!HHIH", 41, 4096, 0, 0)
    assert ask(server, question("a.test"))[2] & 2
    assert struct.unpack_from("!6H", ask(server, question("a.test", extra=edns)))[3] == 100


@pytest.mark.parametrize("message", [b"abc", bytes(12), question("a.test")[:-2], question("a" * 60)[:30]])
def test_dns_mistakes_are_noted(serving: Serving, message: bytes) -> None:
    server = serving(DnsServer({}))
    with _datagrams(server.address) as client:
        client.send(message)
        eventually(lambda: server.errors)
    assert server.queries == []


def test_dns_leaves_nothing() -> None:
    threads = threading.active_count()
    for host in ("127.0.0.1", "::1"):
        with DnsServer({"a.test": ["::1"]}, host) as server:
            ask(server, question("a.test"))
            ask_tcp(server, question("a.test"))
    assert threading.active_count() == threads
