"""The tests' own servers of DNS."""

from __future__ import annotations

import struct

import pytest
from servers import DnsServer
from servers.clients import connected, datagrams, leaving_no_thread
from servers.fixtures import Serving
from support.threads import eventually

A, AAAA, HTTPS = 1, 28, 65


def question(name: str, qtype: int = A, extra: bytes = b"") -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    head = struct.pack("!6H", 0xABCD, 0x0100, 1, 0, 0, 1 if extra else 0)
    return head + labels + b"\0" + struct.pack("!HH", qtype, 1) + extra


def ask(server: DnsServer, message: bytes, timeout: float = 10) -> bytes:
    with datagrams(server.address, timeout) as client:
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
    with datagrams(server.address) as client:
        client.send(message)
        eventually(lambda: server.errors)
    assert server.queries == []


def test_dns_leaves_nothing() -> None:
    for host in ("127.0.0.1", "::1"):
        with leaving_no_thread(), DnsServer({"a.test": ["::1"]}, host) as server:
            ask(server, question("a.test"))
            ask_tcp(server, question("a.test"))
