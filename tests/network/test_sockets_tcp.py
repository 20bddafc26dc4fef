"""TCP connections of guests: H-75, N-1 to N-3, N-7, N-8, N-11, N-15, N-16."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import MakeRuntime
from helpers_sockets import ANY, DENIED, LOGGER, SocketGuest, needs_ipv6
from servers import FullServer, ResetServer, Sink, TcpEchoServer, unused_port
from servers.fixtures import Serving
from support.guests import built
from support.threads import eventually

from wippy_native import Err, GuestError, ImportDenied, LimitExceeded, NetworkPolicy, Ok, Runtime
from wippy_native.cli import main

V4 = "127.0.0.1"


def test_an_exchange(rt: Runtime, tcp_echo: TcpEchoServer) -> None:
    """H-75."""
    guest = SocketGuest(rt, "loopback")
    data = bytes(range(256)) * 1000
    assert guest("tcp-exchange", V4, tcp_echo.port, data) == Ok(data)
    assert guest("tcp-exchange", V4, tcp_echo.port, b"") == Ok(b"")
    assert guest("tcp-half-close", V4, tcp_echo.port) == Ok(b"")
    assert guest("tcp-connect", V4, tcp_echo.port) == Ok(None)


@needs_ipv6
def test_ipv6(rt: Runtime, serving: Serving) -> None:
    """H-75."""
    server = serving(TcpEchoServer("::1"))
    guest = SocketGuest(rt, "loopback")
    assert guest("tcp-exchange", "::1", server.port, b"six") == Ok(b"six")
    assert dict(guest("tcp-options", "::1", server.port).value)["address-family"] == "ipv6"


def test_half_close_still_reads(rt: Runtime, serving: Serving) -> None:
    """H-75: a server that reads to the end before it ends its side."""
    sink = serving(Sink())
    guest = SocketGuest(rt, "loopback")
    assert guest("tcp-write-length", V4, sink.port, 300_000) == Ok(300_000)
    eventually(lambda: sink.finished == 1)
    assert sink.received == [300_000]


def test_options(rt: Runtime, tcp_echo: TcpEchoServer) -> None:
    """H-75."""
    options = dict(SocketGuest(rt, "loopback")("tcp-options", V4, tcp_echo.port).value)
    sizes = {name: int(options.pop(f"{name}-buffer-size")) for name in ("receive", "send")}
    # Systems round them up.
    assert all(size >= 65_536 for size in sizes.values())
    assert options == {
        "keep-alive-enabled": "true", "keep-alive-idle-time": "30000000000", "keep-alive-interval": "10000000000",
        "keep-alive-count": "4", "hop-limit": "33", "address-family": "ipv4", "is-listening": "false",
        "remote-address": f"{V4}:{tcp_echo.port}", "local-address": "ok",
    }  # fmt: skip


def test_error_codes_of_the_network(rt: Runtime, serving: Serving) -> None:
    """H-75."""
    guest = SocketGuest(rt, "loopback")
    assert guest("tcp-connect", V4, unused_port()) == Err("connection-refused")
    assert guest("tcp-connect", V4, 0) == Err("invalid-argument")
    reset = serving(ResetServer(after_input=True))
    assert isinstance(guest("tcp-exchange", V4, reset.port, b"x"), Err)


@pytest.mark.parametrize("address", [ANY, "::", "::ffff:127.0.0.1", "::127.0.0.1", "224.0.0.1", "255.255.255.255"])
def test_addresses_that_nobody_connects_to(rt: Runtime, tcp_echo: TcpEchoServer, address: str) -> None:
    """H-75, N-8: other spellings of loopback are none, even where everything is open."""
    assert SocketGuest(rt, "all")("tcp-connect", address, tcp_echo.port) == Err("invalid-argument")


def test_a_server_that_does_not_accept(rt: Runtime, serving: Serving) -> None:
    """F-51: waiting for a connection ends with the call."""
    full = serving(FullServer())
    connect = SocketGuest(rt, "loopback").function("tcp-connect")
    with pytest.raises(LimitExceeded):
        connect.with_options(timeout=0.2)(V4, full.port)


DEFAULT_REFUSES = [
    "127.0.0.1", "127.8.9.10", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.1.1",
    "fe80::1", "100.64.0.1", "100.100.100.200", "fd00:ec2::254", "fd00::1", "192.0.2.1", "198.18.0.1", "240.0.0.1",
    "64:ff9b::7f00:1", "2002:7f00:1::",
]  # fmt: skip


def test_by_default_nothing_but_public_addresses(rt: Runtime, tcp_echo: TcpEchoServer) -> None:
    """N-7, N-8: neither as TCP nor as UDP, without a block and with the word."""
    for allow in ([], ["public"]):
        guest = SocketGuest(rt, *allow)
        for method, more in (("tcp-connect", ()), ("udp-exchange", (b"x", True))):
            rt.add_wasm(f"app:{method}", built("netuse"), method, **guest.fields)
            answers = {address: guest(method, address, tcp_echo.port, *more) for address in DEFAULT_REFUSES}
            assert answers == dict.fromkeys(DEFAULT_REFUSES, DENIED)


@pytest.mark.parametrize(
    ("pattern", "opens"),
    [
        ("tcp://127.0.0.1:PORT", True),
        ("tcp://127.0.0.1", True),
        ("tcp://127.0.0.1:*", True),
        ("127.0.0.1:PORT", True),
        ("127.0.0.1", True),
        ("127.0.0.0/8", True),
        ("tcp://127.0.0.0/8:PORT", True),
        ("tcp://loopback:1-65535", True),
        ("tcp://127.0.0.1:PORT-PORT", True),
        ("tcp://loopback", True),
        ("all", True),
        ("tcp://all:PORT", True),
        ("* in loopback", True),
        ("tcp://*:PORT in 127.0.0.0/30", True),
        ("tcp://localhost", False),
        ("udp://127.0.0.1:PORT", False),
        ("http://127.0.0.1:PORT", False),
        ("https://127.0.0.1:PORT", False),
        ("listen://127.0.0.1:PORT", False),
        ("tcp://127.0.0.1:1-1023", False),
        ("tcp://127.0.0.2:PORT", False),
        ("tcp://127.0.0.1:1", False),
        ("127.1.0.0/16", False),
        ("private", False),
        ("metadata", False),
        ("public", False),
        ("*", False),
        ("* in private", False),
    ],
)
def test_patterns(rt: Runtime, tcp_echo: TcpEchoServer, pattern: str, opens: bool) -> None:
    """N-2, N-6, N-9, N-11: what opens a TCP connection, and that HTTP's patterns do not."""
    guest = SocketGuest(rt, pattern.replace("PORT", str(tcp_echo.port)))
    expected = Ok(None) if opens else DENIED
    assert guest("tcp-connect", V4, tcp_echo.port) == expected


@pytest.mark.parametrize(
    ("denial", "closes"),
    [
        ("tcp://127.0.0.1:PORT", True),
        ("127.0.0.0/8", True),
        ("loopback", True),
        ("*", True),
        ("all", True),
        ("* in loopback", True),
        ("tcp://loopback:1", False),
        ("udp://loopback", False),
        ("https://127.0.0.1:PORT", False),
        ("public", False),
    ],
)
def test_denials_win(rt: Runtime, tcp_echo: TcpEchoServer, denial: str, closes: bool) -> None:
    """N-3: in whichever order, however specific."""
    allow = (f"tcp://127.0.0.1:{tcp_echo.port}", "loopback")
    guest = SocketGuest(rt, *allow, deny=[denial.replace("PORT", str(tcp_echo.port))])
    assert guest("tcp-connect", V4, tcp_echo.port) == (DENIED if closes else Ok(None))


def test_the_operator_has_the_ceiling(make_runtime: MakeRuntime, tcp_echo: TcpEchoServer) -> None:
    """N-3, N-4: both must open a target; neither may deny it."""
    port = tcp_echo.port
    for policy, entry, opens in [
        (NetworkPolicy(allow=["loopback"]), ["loopback"], True),
        (NetworkPolicy(allow=["loopback"]), [], False),
        (NetworkPolicy(), ["loopback"], False),
        (NetworkPolicy(allow=["private"]), ["all"], False),
        (NetworkPolicy(allow=["all"], deny=[f"tcp://*:{port}"]), ["loopback"], False),
        (NetworkPolicy(allow=[f"http://127.0.0.1:{port}"]), ["loopback"], False),
    ]:
        answer = SocketGuest(make_runtime(network=policy), *entry)("tcp-connect", V4, port)
        assert answer == (Ok(None) if opens else DENIED), policy


def test_a_refusal_is_told_once_with_the_line_that_allows_it(
    rt: Runtime, tcp_echo: TcpEchoServer, caplog: pytest.LogCaptureFixture
) -> None:
    """N-16: and that line does."""
    guest = SocketGuest(rt)
    assert [guest("tcp-connect", V4, tcp_echo.port) for _ in range(3)] == [DENIED] * 3
    [text] = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert text.startswith(f"app:tcp-connect: the guest may not reach tcp://127.0.0.1:{tcp_echo.port}: ")
    assert "127.0.0.1 is a loopback address" in text
    allow = yaml.safe_load(text[text.index("{allow: ") :])["allow"]
    assert allow == ["public", f"tcp://127.0.0.1:{tcp_echo.port}"]
    again = SocketGuest(rt, *allow)
    rt.add_wasm("app:tcp-connect", built("netuse"), "tcp-connect", **again.fields)
    assert again("tcp-connect", V4, tcp_echo.port) == Ok(None)


def test_the_embedder_has_the_last_word(make_runtime: MakeRuntime, tcp_echo: TcpEchoServer) -> None:
    """H-25, N-17."""
    asked: list[tuple[str, str]] = []

    def authorize(entry: str, target: str) -> bool:
        asked.append((entry, target))
        return len(asked) > 1

    guest = SocketGuest(make_runtime(authorize=authorize), "loopback")
    answers = [guest("tcp-connect", V4, tcp_echo.port) for _ in range(2)]
    assert answers == [DENIED, Ok(None)]
    assert asked == [("app:tcp-connect", f"tcp://127.0.0.1:{tcp_echo.port}")] * 2


def test_undeclared_sockets_trap(rt: Runtime, tcp_echo: TcpEchoServer) -> None:
    """H-14, N-1: the import is there, and nobody may call it."""
    connect = rt.add_wasm("app:f", built("netuse"), "tcp-connect", imports=["wasi:http", "wasi:io", "wasi:clocks"])
    with pytest.raises(ImportDenied, match="wasi:sockets"):
        connect(V4, tcp_echo.port)


def test_every_way_of_calling(rt: Runtime, serving: Serving) -> None:
    """H-75: `call`, `call_async`, `map` and an error as an exception."""
    server = serving(TcpEchoServer())
    guest = SocketGuest(rt, "loopback")
    guest.raising("tcp-exchange")
    arguments: tuple[Any, ...] = (V4, server.port, b"x")
    assert rt.call("app:tcp-exchange", *arguments) == b"x"
    assert asyncio.run(rt.call_async("app:tcp-exchange", *arguments)) == b"x"
    items = [(V4, server.port, bytes([number])) for number in range(30)]
    assert list(guest.raising("tcp-exchange").starmap(items)) == [bytes([number]) for number in range(30)]
    with pytest.raises(GuestError) as caught:
        rt.call("app:tcp-exchange", V4, unused_port(), b"x")
    assert caught.value.value == "connection-refused"


ENTRY = """\
namespace: app
entries:
  - {{name: guests, kind: fs.directory, directory: {directory}}}
  - name: net
    kind: function.wasm
    fs: guests
    path: netuse.wasm
    hash: {hash}
    method: tcp-connect
    imports: [wasi:sockets, wasi:http, wasi:io, wasi:clocks]
    network:
      allow: ["{pattern}"]
"""


def write(root: Path, pattern: str) -> str:
    """A project with one entry that uses sockets."""
    guest = built("netuse")
    digest = f"sha256:{hashlib.sha256(guest.read_bytes()).hexdigest()}"
    text = ENTRY.format(directory=guest.parent, hash=digest, pattern=pattern)
    (root / "_index.yaml").write_text(text, encoding="utf-8")
    return str(root)


def test_the_command_knows_sockets(tmp_path: Path, tcp_echo: TcpEchoServer, capsys: pytest.CaptureFixture[str]) -> None:
    """C-17, N-1: check, list, inspect and call."""
    project = ["-C", write(tmp_path, f"tcp://127.0.0.1:{tcp_echo.port}")]
    assert main([*project, "check"]) == 0
    told = capsys.readouterr()
    assert "no problems" in told.err
    assert f"tcp://127.0.0.1:{tcp_echo.port}" in told.out
    assert main([*project, "list"]) == 0
    assert "app:net" in capsys.readouterr().out
    assert main([*project, "inspect", "app:net"]) == 0
    assert "wasi:sockets" in capsys.readouterr().out
    assert main([*project, "call", "app:net", V4, str(tcp_echo.port)]) == 0


def test_a_wrong_pattern_is_an_error_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """N-5."""
    assert main(["-C", write(tmp_path, "tpc://127.0.0.1:1"), "check"]) == 1
    told = capsys.readouterr()
    assert "_index.yaml:12" in told.out + told.err
    assert 'unknown scheme "tpc"' in told.out + told.err
