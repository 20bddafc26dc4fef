"""What guests may take with sockets: N-18."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from conftest import MakeRuntime
from helpers_sockets import DENIED, LOGGER, PATIENCE, Announced, Hall, SocketGuest, tcp_echoed
from servers import Greeter, SilentServer, Sink, TcpEchoServer, UdpEchoServer, UdpServer
from servers.fixtures import Serving
from support.guests import built
from support.threads import eventually, in_thread

from wippy_native import Cancelled, Err, GuestTrap, Limits, Ok, Runtime

V4 = "127.0.0.1"
kinds = pytest.mark.parametrize("kind", ["tcp", "udp"])


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log of the network says so far."""
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def wait_for_the_text(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Reaching a limit is told without the guest waiting for it."""
    eventually(lambda: text in told(caplog), f"{text!r} in the log")


@kinds
def test_open_sockets(rt: Runtime, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """N-18, N-16: so many and no more, in each call; it is told once."""
    guest = SocketGuest(rt, limits={"max_sockets": 5})
    for _ in range(3):
        assert guest("hoard-sockets", kind, 5) == Ok(5)
        assert guest("hoard-sockets", kind, 6) == Err("new-socket-limit after 5")
    wait_for_the_text(caplog, "app:hoard-sockets: the guest is over limits.max_sockets: 5 are allowed")
    assert len(told(caplog)) == 1


def test_the_default(rt: Runtime) -> None:
    """N-18."""
    assert SocketGuest(rt)("hoard-sockets", "tcp", 1000) == Err("new-socket-limit after 64")


@kinds
def test_an_entry_lowers_the_runtimes_limit(make_runtime: MakeRuntime, kind: str) -> None:
    """N-18, F-51: and does not raise it."""
    for wanted, allowed in [(2, 2), (100, 3), (None, 3)]:
        fields: dict[str, Any] = {"limits": {"max_sockets": wanted}} if wanted else {}
        guest = SocketGuest(make_runtime(limits=Limits(max_sockets=3)), **fields)
        assert guest("hoard-sockets", kind, 100) == Err(f"new-socket-limit after {allowed}")


def test_connections(rt: Runtime, serving: Serving) -> None:
    """N-18: they are sockets, and what is refused is not connected."""
    server = serving(SilentServer())
    guest = SocketGuest(rt, "loopback", limits={"max_sockets": 4})
    assert guest("hoard-connections", V4, server.port, 10) == Err("new-socket-limit after 4")
    eventually(lambda: server.connections == 4 and server.open == 0)
    assert guest("hoard-connections", V4, server.port, 4) == Ok(4)


def test_a_socket_that_was_dropped_makes_room(rt: Runtime, tcp_echo: TcpEchoServer, udp_echo: UdpEchoServer) -> None:
    """N-18: in an instance that is kept, and where connecting failed."""
    guest = SocketGuest(rt, f"127.0.0.1:{tcp_echo.port}", f"127.0.0.1:{udp_echo.port}", limits={"max_sockets": 1})
    with guest.function("tcp-exchange").instance() as exchange:
        assert [exchange(V4, tcp_echo.port, b"x") for _ in range(5)] == [Ok(b"x")] * 5
        assert [exchange(V4, 1, b"x") for _ in range(5)] == [DENIED] * 5
        assert exchange(V4, tcp_echo.port, b"x") == Ok(b"x")
    with guest.function("udp-exchange").instance() as exchange:
        assert [exchange(V4, udp_echo.port, b"x", True) for _ in range(5)] == [Ok(b"x")] * 5
    with guest.function("hoard-sockets").instance() as hoard:
        assert [hoard("tcp", 2) for _ in range(3)] == [Err("new-socket-limit after 1")] * 3


def test_accepted_sockets(rt: Runtime, serving: Serving) -> None:
    """N-18: with the listening one, two at a time are enough for any number of clients in turn; one is not."""
    announced = serving(Announced(lambda port: [tcp_echoed(V4, port, b"x") for _ in range(5)]))
    allow = ("listen://loopback:*", "loopback")
    guest = SocketGuest(rt, *allow, limits={"max_sockets": 2})
    assert guest("tcp-serve", V4, 0, 5, V4, announced.port) == Ok(5)
    rt.add_wasm("app:tcp-serve", built("netuse"), "tcp-serve", **guest.fields | {"limits": {"max_sockets": 1}})
    assert guest("tcp-serve", V4, 0, 1, V4, 0) == Err("new-socket-limit")


def test_all_calls_together(make_runtime: MakeRuntime, caplog: pytest.LogCaptureFixture) -> None:
    """N-18: who comes when all sockets are taken is refused, whatever its entry, until some are free again."""
    rt = make_runtime(limits=Limits(max_total_sockets=10))
    guest = SocketGuest(rt, "loopback")
    wait = guest.function("tcp-read-length")

    async def main(hall: Hall) -> None:
        tasks = [asyncio.ensure_future(wait.call_async(V4, hall.port)) for _ in range(10)]
        await asyncio.to_thread(hall.wait_for, 10)
        for kind in ("tcp", "udp"):
            assert await guest.function("hoard-sockets").call_async(kind, 1) == Err("new-socket-limit after 0")
        assert await wait.call_async(V4, hall.port) == Err("new-socket-limit")
        hall.let_go(3)
        done, _ = await asyncio.wait(tasks, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(eventually, lambda: guest("hoard-sockets", "tcp", 3) == Ok(3))
        assert guest("hoard-sockets", "tcp", 4) == Err("new-socket-limit after 3")
        assert done
        hall.let_go()
        assert await asyncio.gather(*tasks) == [Ok(0)] * 10

    with Hall() as hall:
        asyncio.run(main(hall))
    assert guest("hoard-sockets", "udp", 11) == Err("new-socket-limit after 10")
    limit = "Runtime(limits=Limits(max_total_sockets=...)): 10 are allowed"
    wait_for_the_text(caplog, f"app:hoard-sockets: the guest is over {limit}")


def test_calls_that_end_badly_give_everything_back(make_runtime: MakeRuntime, serving: Serving) -> None:
    """N-18, N-20: trapped or cancelled."""
    server = serving(SilentServer())
    rt = make_runtime(limits=Limits(max_total_sockets=4))
    guest = SocketGuest(rt, "loopback")
    trap = guest.function("tcp-connect-then-trap")
    for _ in range(10):
        with pytest.raises(GuestTrap, match="unreachable"):
            trap(V4, server.port)

    async def cancel(hall: Hall) -> None:
        wait = guest.function("tcp-read-length")
        tasks = [asyncio.ensure_future(wait.call_async(V4, hall.port)) for _ in range(4)]
        await asyncio.to_thread(hall.wait_for, 4)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, (asyncio.CancelledError, Cancelled)) for end in ends)

    with Hall() as hall:
        asyncio.run(cancel(hall))
    eventually(lambda: guest("hoard-sockets", "tcp", 4) == Ok(4))


def test_a_hoarder_does_not_affect_others(rt: Runtime, tcp_echo: TcpEchoServer) -> None:
    """N-18: nor other calls of its own function."""
    hoarder = SocketGuest(rt, limits={"max_sockets": 64}).function("hoard-sockets")
    exchange = SocketGuest(rt, "loopback", limits={"max_sockets": 1}).function("tcp-exchange")
    hoarding = [in_thread(lambda: [hoarder("tcp", 1000) for _ in range(20)]) for _ in range(3)]
    assert [exchange(V4, tcp_echo.port, b"x") for _ in range(50)] == [Ok(b"x")] * 50
    for hoard in hoarding:
        assert hoard.result(PATIENCE) == [Err("new-socket-limit after 64")] * 20


def test_received_bytes(rt: Runtime, serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """N-18: of a call; the limit itself is not too much."""
    guest = SocketGuest(rt, "loopback", limits={"max_received_bytes": 100_000})
    fits, over = serving(Greeter(100_000)), serving(Greeter(100_001))
    text = "app:tcp-read-length: the guest is over limits.max_received_bytes: 100000 are allowed"
    for _ in range(2):
        assert guest("tcp-read-length", V4, fits.port) == Ok(100_000)
        answer = guest("tcp-read-length", V4, over.port)
        assert isinstance(answer, Err)
        assert text in answer.value
    wait_for_the_text(caplog, text)
    assert len(told(caplog)) == 1


def test_sent_bytes(rt: Runtime, serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """N-18."""
    sink = serving(Sink())
    guest = SocketGuest(rt, "loopback", limits={"max_sent_bytes": 100_000})
    assert guest("tcp-write-length", V4, sink.port, 100_000) == Ok(100_000)
    answer = guest("tcp-write-length", V4, sink.port, 10_000_000)
    text = "app:tcp-write-length: the guest is over limits.max_sent_bytes: 100000 are allowed"
    assert isinstance(answer, Err)
    assert text in answer.value
    eventually(lambda: len(sink.received) == 2 and sink.open == 0)
    assert sink.received[0] == 100_000 >= sink.received[1]
    wait_for_the_text(caplog, text)


def test_bytes_of_datagrams(rt: Runtime, serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """N-18: what is too much is not sent, nor given to the guest."""
    server = serving(UdpEchoServer())
    for limit in ("max_sent_bytes", "max_received_bytes"):
        guest = SocketGuest(rt, "loopback", limits={limit: 500})
        rt.add_wasm("app:udp-exchange", built("netuse"), "udp-exchange", **guest.fields)
        for connected in (True, False):
            assert guest("udp-exchange", V4, server.port, b"x" * 500, connected) == Ok(b"x" * 500)
            assert guest("udp-exchange", V4, server.port, b"y" * 501, connected) == Err("out-of-memory")
        wait_for_the_text(caplog, f"app:udp-exchange: the guest is over limits.{limit}: 500 are allowed")
    assert [len(datagram) for datagram in server.received] == [500, 500, 500, 501, 500, 501]


def test_bytes_of_accepted_connections(rt: Runtime, serving: Serving) -> None:
    """N-18."""

    def send_much(port: int) -> None:
        # The guest ends while there is input that it did not read: that may show as a reset.
        with contextlib.suppress(ConnectionError):
            assert tcp_echoed(V4, port, b"x" * 1000) == b""

    announced = serving(Announced(send_much))
    guest = SocketGuest(rt, "loopback", "listen://loopback:*", limits={"max_received_bytes": 999})
    answer = guest("tcp-serve", V4, 0, 1, V4, announced.port)
    assert isinstance(answer, Err)
    assert "max_received_bytes" in answer.value


@pytest.mark.parametrize("kept", [True, False])
def test_each_call_starts_anew(rt: Runtime, serving: Serving, kept: bool) -> None:
    """N-18: in an instance that serves several, too."""
    greeter = serving(Greeter(60_000))
    pool = {"type": "lazy", "max_size": 1, "reuse": 100}
    guest = SocketGuest(rt, "loopback", pool=pool, limits={"max_received_bytes": 100_000})
    read = guest.function("tcp-read-length")
    if kept:
        with read.instance() as instance:
            assert [instance(V4, greeter.port) for _ in range(4)] == [Ok(60_000)] * 4
    else:
        assert [read(V4, greeter.port) for _ in range(4)] == [Ok(60_000)] * 4


def test_bytes_of_all_calls(make_runtime: MakeRuntime, serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """N-18: for the life of the runtime, whoever received or sent them."""
    greeter, sink, silent = serving(Greeter(60_000)), serving(Sink()), serving(UdpServer())
    limits = Limits(max_total_received_bytes=100_000, max_total_sent_bytes=100_000)
    guest = SocketGuest(make_runtime(limits=limits), "loopback")
    assert guest("tcp-read-length", V4, greeter.port) == Ok(60_000)
    assert guest("tcp-write-length", V4, sink.port, 60_000) == Ok(60_000)
    for method, arguments, limit in [
        ("tcp-read-length", (greeter.port,), "max_total_received_bytes"),
        ("tcp-write-length", (sink.port, 60_000), "max_total_sent_bytes"),
    ]:
        answer = guest(method, V4, *arguments)
        assert isinstance(answer, Err)
        assert limit in answer.value
        place = f"Runtime(limits=Limits({limit}=...))"
        wait_for_the_text(caplog, f"app:{method}: the guest is over {place}: 100000 are allowed")
    assert guest("udp-exchange", V4, silent.port, b"x" * 60_000, True) == Err("out-of-memory")
    assert SocketGuest(make_runtime(), "loopback")("tcp-read-length", V4, greeter.port) == Ok(60_000)
