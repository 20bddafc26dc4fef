"""Datagrams of guests: H-76, N-7, N-11, N-15, N-16."""

from __future__ import annotations

import asyncio
import time

import pytest
from conftest import MakeRuntime
from helpers_sockets import ANY, DENIED, LOGGER, OTHER, SocketGuest, needs_ipv6, needs_other
from servers import UdpEchoServer, UdpServer, unused_port
from servers.fixtures import Serving
from servers.udp import bound
from support.guests import built
from support.threads import in_thread

from wippy_native import Err, ImportDenied, Ok, Runtime

V4 = "127.0.0.1"
LARGEST = 65_507
"""Bytes of a datagram over IPv4: the field counts the heads too."""

both_ways = pytest.mark.parametrize("connected", [True, False], ids=["connected", "not-connected"])


@both_ways
def test_an_exchange(rt: Runtime, udp_echo: UdpEchoServer, connected: bool) -> None:
    """H-76: whatever its size."""
    guest = SocketGuest(rt, "loopback")
    for data in (b"x", b"", bytes(range(256)) * 40):
        assert guest("udp-exchange", V4, udp_echo.port, data, connected) == Ok(data)


@both_ways
@needs_ipv6
def test_ipv6(rt: Runtime, serving: Serving, connected: bool) -> None:
    """H-76."""
    server = serving(UdpEchoServer("::1"))
    assert SocketGuest(rt, "loopback")("udp-exchange", "::1", server.port, b"six", connected) == Ok(b"six")


def test_the_largest_datagram(rt: Runtime, udp_echo: UdpEchoServer) -> None:
    """H-76."""
    guest = SocketGuest(rt, "loopback")
    assert guest("udp-exchange", V4, udp_echo.port, b"x" * LARGEST, True) == Ok(b"x" * LARGEST)
    assert guest("udp-exchange", V4, udp_echo.port, b"x" * (LARGEST + 1), True) == Err("datagram-too-large")


def test_a_silent_peer(rt: Runtime, serving: Serving) -> None:
    """H-76: the datagram arrives, and waiting for another is the guest's own. Both ways at once: each waits 2 s."""
    server = serving(UdpServer())
    guest = SocketGuest(rt, "loopback")
    exchange = guest.function("udp-exchange")
    waiting = in_thread(lambda: exchange(V4, server.port, b"one", True))
    assert exchange(V4, server.port, b"two", False) == Err("timeout")
    assert waiting.result(30) == Err("timeout")
    assert sorted(server.received) == [b"one", b"two"]


class ForwardedFirst(UdpServer):
    """Answers twice: from another address first, then from the one that was asked."""

    def _receive(self) -> None:
        while True:
            _, sender = self._socket.recvfrom(1 << 16)
            if self._ending.is_set():
                return
            with bound(OTHER) as stranger:
                stranger.sendto(b"stranger", sender)
            self._socket.sendto(b"asked", sender)


@needs_other
@pytest.mark.parametrize(
    ("allow", "deny"),
    [
        ([V4], []),
        # What opens one port for listening says nothing of the port this socket has.
        ([V4, "listen://127.0.0.1:1"], []),
        ([V4, "listen://*:*"], [OTHER]),
    ],
)
def test_answers_of_strangers_are_dropped(rt: Runtime, serving: Serving, allow: list[str], deny: list[str]) -> None:
    """N-3, N-7, N-12: what comes from where the guest may not send to is not for it, unless it listens there."""
    server = serving(ForwardedFirst())
    assert SocketGuest(rt, *allow, deny=deny)("udp-exchange", V4, server.port, b"x", False) == Ok(b"asked")


@pytest.mark.parametrize(
    ("pattern", "opens"),
    [
        ("udp://127.0.0.1:PORT", True),
        ("udp://127.0.0.1", True),
        ("udp://loopback:PORT-PORT", True),
        ("127.0.0.1:PORT", True),
        ("loopback", True),
        ("127.0.0.0/8", True),
        ("all", True),
        ("tcp://127.0.0.1:PORT", False),
        ("http://127.0.0.1:PORT", False),
        ("https://loopback:*", False),
        ("listen://loopback:*", False),
        ("udp://127.0.0.1:1-1023", False),
        ("public", False),
    ],
)
def test_patterns(rt: Runtime, udp_echo: UdpEchoServer, pattern: str, opens: bool) -> None:
    """N-6, N-11: TCP's patterns are no UDP's."""
    guest = SocketGuest(rt, pattern.replace("PORT", str(udp_echo.port)))
    expected = Ok(b"x") if opens else DENIED
    assert guest("udp-exchange", V4, udp_echo.port, b"x", True) == expected


@both_ways
def test_a_refused_datagram_is_told_to_the_guest(
    rt: Runtime, serving: Serving, connected: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """N-15, N-16: by the call that sends it, the first one too, and nothing leaves."""
    server = serving(UdpServer())
    guest = SocketGuest(rt)
    answers = [guest("udp-exchange", V4, server.port, b"x", connected) for _ in range(3)]
    assert answers == [DENIED] * 3
    assert server.received == []
    [text] = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert text.startswith(f"app:udp-exchange: the guest may not send to udp://127.0.0.1:{server.port}: ")
    assert f'[public, "udp://127.0.0.1:{server.port}"]' in text


@both_ways
def test_the_embedder_has_the_last_word(make_runtime: MakeRuntime, serving: Serving, connected: bool) -> None:
    """H-25, N-17: a datagram waits for the answer."""
    server = serving(UdpEchoServer())
    asked: list[str] = []

    def authorize(entry: str, target: str) -> bool:
        asked.append(target)
        time.sleep(0.03)  # Slow enough for a guest that does not wait to go on.
        return len(asked) > 1

    guest = SocketGuest(make_runtime(authorize=authorize), "loopback")
    assert guest("udp-exchange", V4, server.port, b"x", connected) == DENIED
    assert guest("udp-exchange", V4, server.port, b"y", connected) == Ok(b"y")
    assert server.received == [b"y"]
    assert set(asked) == {f"udp://127.0.0.1:{server.port}"}


@both_ways
@pytest.mark.parametrize("address", [ANY, "::", "::ffff:127.0.0.1"])
def test_addresses_that_nobody_sends_to(rt: Runtime, udp_echo: UdpEchoServer, address: str, connected: bool) -> None:
    """H-76, N-8."""
    assert SocketGuest(rt, "all")("udp-exchange", address, udp_echo.port, b"x", connected) == Err("invalid-argument")


@both_ways
@pytest.mark.parametrize("address", ["224.0.0.1", "255.255.255.255", "127.0.0.2", "169.254.169.254"])
def test_addresses_of_many(rt: Runtime, udp_echo: UdpEchoServer, address: str, connected: bool) -> None:
    """N-8, N-15: an open port of one address opens no other, nor groups of them."""
    guest = SocketGuest(rt, f"udp://127.0.0.1:{udp_echo.port}", "private", "public")
    assert guest("udp-exchange", address, udp_echo.port, b"x", connected) == DENIED


def test_nobody_at_the_port(rt: Runtime) -> None:
    """H-76: a connected socket hears of it; port 0 is none."""
    guest = SocketGuest(rt, "loopback")
    assert guest("udp-exchange", V4, unused_port(), b"x", True) == Err("connection-refused")
    assert guest("udp-exchange", V4, 0, b"x", False) == Err("invalid-argument")


def test_undeclared_sockets_trap(rt: Runtime) -> None:
    """H-14, N-1."""
    exchange = rt.add_wasm("app:f", built("netuse"), "udp-exchange", imports=["wasi:io", "wasi:clocks"])
    with pytest.raises(ImportDenied, match="wasi:sockets"):
        exchange(V4, 1, b"x", True)


def test_every_way_of_calling(rt: Runtime, udp_echo: UdpEchoServer) -> None:
    """H-76."""
    exchange = SocketGuest(rt, "loopback").raising("udp-exchange")
    arguments = (V4, udp_echo.port, b"x", True)
    assert rt.call("app:udp-exchange", *arguments) == b"x"
    assert asyncio.run(rt.call_async("app:udp-exchange", *arguments)) == b"x"
    items = [(V4, udp_echo.port, bytes([number]), bool(number % 2)) for number in range(20)]
    assert list(exchange.starmap(items)) == [bytes([number]) for number in range(20)]
