"""The tests' own servers of TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
from servers import Authority, Http1Server, MuteTlsServer, PlainTextServer, TcpServer, pattern
from servers.clients import connected, leaving_no_thread, read_all
from servers.fixtures import Serving
from support.threads import eventually


def test_tls(tls_server: Http1Server, authority: Authority) -> None:
    with httpx.Client(trust_env=False, verify=authority.client_context()) as client:
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
    with leaving_no_thread(), Http1Server(tls=authority.context()) as server, connected(server):
        eventually(lambda: server.open)
