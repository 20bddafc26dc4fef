"""However a call ends, nothing of its sockets is left: N-20. And what waiting costs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from conftest import MakeRuntime
from helpers_sockets import PATIENCE, Dripper, Hall, SocketGuest, asking, descriptors, needs_proc, threads
from servers import DnsServer, SilentServer, TcpEchoServer, TcpServer, UdpEchoServer, UdpServer, unused_port
from servers.fixtures import Serving
from support.threads import eventually, in_thread

from wippy_native import Cancelled, Err, GuestTrap, LimitExceeded, Ok, Runtime, WippyError

V4 = "127.0.0.1"


def wait_for_the_end(server: TcpServer, connections: int = 1) -> None:
    """Until the server has seen so many connections, and the end of all."""
    eventually(lambda: server.connections == connections and server.open == 0, "the end of the connections")


def test_return(rt: Runtime, serving: Serving) -> None:
    """N-20."""
    server = serving(SilentServer())
    assert SocketGuest(rt, "loopback")("hoard-connections", V4, server.port, 5) == Ok(5)
    wait_for_the_end(server, 5)


def test_return_in_an_instance_that_is_kept(rt: Runtime, serving: Serving) -> None:
    """N-20, F-38a: while the instance lives on."""
    server = serving(SilentServer())
    with SocketGuest(rt, "loopback").function("hoard-connections").instance() as hoard:
        for number in range(1, 4):
            assert hoard(V4, server.port, 2) == Ok(2)
            wait_for_the_end(server, 2 * number)


def test_trap(rt: Runtime, serving: Serving) -> None:
    """N-20."""
    server = serving(SilentServer())
    with pytest.raises(GuestTrap, match="unreachable"):
        SocketGuest(rt, "loopback")("tcp-connect-then-trap", V4, server.port)
    wait_for_the_end(server)


def test_timeout(rt: Runtime, serving: Serving) -> None:
    """N-20, F-51: waiting for the network ends with the call's time."""
    server = serving(Dripper())
    read = SocketGuest(rt, "loopback").function("tcp-read-length")
    with pytest.raises(LimitExceeded):
        read.with_options(timeout=0.3)(V4, server.port)
    # The time may have been over before it was accepted.
    eventually(lambda: server.open == 0)


def test_the_entrys_own_time(rt: Runtime, serving: Serving) -> None:
    """N-20, F-50."""
    server = serving(Dripper())
    read = SocketGuest(rt, "loopback", limits={"max_execution_ms": 300}).function("tcp-read-length")
    with pytest.raises(LimitExceeded):
        read.with_options(timeout=None)(V4, server.port)
    eventually(lambda: server.open == 0)


def test_cancelling(rt: Runtime, serving: Serving) -> None:
    """N-20, F-49."""
    server = serving(Dripper())
    read = SocketGuest(rt, "loopback").function("tcp-read-length")

    async def main() -> None:
        task = asyncio.ensure_future(read.call_async(V4, server.port))
        await asyncio.to_thread(eventually, lambda: server.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_for_the_end, server)

    asyncio.run(main())


def test_cancelling_while_connecting_listening_or_looking_up(make_runtime: MakeRuntime, serving: Serving) -> None:
    """N-20, F-49: whatever it waits for."""
    dns, silent = serving(DnsServer({"silent.test": "silent"})), serving(UdpServer())
    guest = SocketGuest(make_runtime(network=asking(dns)), "all", "listen://loopback:*")

    async def main() -> None:
        waits: list[tuple[str, tuple[object, ...], Callable[[], object]]] = [
            ("resolve", ("silent.test",), lambda: dns.queries),
            ("udp-exchange", (V4, silent.port, b"x", True), lambda: silent.received),
        ]
        with Hall() as hall:
            port = unused_port()
            tasks = [asyncio.ensure_future(guest.function(name).call_async(*args)) for name, args, _ in waits]
            tasks.append(asyncio.ensure_future(guest.function("tcp-serve").call_async(V4, port, 1, V4, hall.port)))
            await asyncio.to_thread(hall.wait_for, 1)
            for _, _, begun in waits:
                await asyncio.to_thread(eventually, begun)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        # The port is free again, so the listening socket is gone.
        serve = guest.function("tcp-serve")
        await asyncio.to_thread(eventually, lambda: serve(V4, port, 0, V4, 0) == Ok(0))

    asyncio.run(main())


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "not-connected"])
def test_nothing_is_sent_after_the_end(make_runtime: MakeRuntime, serving: Serving, connected: bool) -> None:
    """N-17, N-20: what waited for the embedder's word when its call ended stays where it is."""
    server = serving(UdpEchoServer())
    asked, answer = threading.Event(), threading.Event()

    def authorize(entry: str, target: str) -> bool:
        if not asked.is_set():
            asked.set()
            answer.wait(PATIENCE)
        return True

    guest = SocketGuest(make_runtime(authorize=authorize), "loopback")
    exchange = guest.function("udp-exchange")
    with pytest.raises(LimitExceeded):
        exchange.with_options(timeout=0.5)(V4, server.port, b"late", connected)
    assert asked.is_set()
    answer.set()
    assert exchange(V4, server.port, b"next", connected) == Ok(b"next")
    assert server.received == [b"next"]


def test_closing_the_runtime(make_runtime: MakeRuntime, serving: Serving) -> None:
    """N-20: calls that wait end, and their connections with them."""
    server = serving(Dripper())
    rt = make_runtime()
    read = SocketGuest(rt, "loopback").function("tcp-read-length")
    calls = [in_thread(lambda: read(V4, server.port)) for _ in range(3)]
    eventually(lambda: server.open == 3)
    rt.close(wait=0)
    wait_for_the_end(server, 3)
    for call in calls:
        with pytest.raises(Cancelled):
            call.result(PATIENCE)


@needs_proc
def test_no_descriptor_is_left(rt: Runtime, serving: Serving) -> None:
    """N-20: however many calls there were."""
    silent, echo, udp = serving(SilentServer()), serving(TcpEchoServer()), serving(UdpServer())
    guest = SocketGuest(rt, f"127.0.0.1:{echo.port}", f"127.0.0.1:{silent.port}", f"127.0.0.1:{udp.port}")

    def use() -> None:
        assert guest("tcp-exchange", V4, echo.port, b"x") == Ok(b"x")
        assert isinstance(guest("tcp-connect", V4, 1), Err)
        assert guest("hoard-sockets", "udp", 10) == Ok(10)
        assert guest("hoard-sockets", "tcp", 65) == Err("new-socket-limit after 64")
        assert guest("hoard-connections", V4, silent.port, 3) == Ok(3)
        assert isinstance(guest("tcp-serve", V4, 0, 1, V4, 0), Err)
        with pytest.raises(GuestTrap):
            guest("tcp-connect-then-trap", V4, silent.port)
        with pytest.raises(LimitExceeded):
            guest.function("udp-exchange").with_options(timeout=0.001)(V4, udp.port, b"x", True)

    # What the process opens once, and keeps.
    use()
    eventually(lambda: silent.open == 0 and echo.open == 0)
    before = descriptors()
    for _ in range(40):
        use()
    eventually(lambda: silent.open == 0 and echo.open == 0)
    eventually(lambda: descriptors() <= before, "the end of the descriptors")


@needs_proc
def test_guests_that_wait_need_no_threads(rt: Runtime) -> None:
    """H-75: 200 at once, and each gets its answer."""
    guest = SocketGuest(rt, "loopback", pool={"type": "lazy", "max_size": 200})
    read = guest.function("tcp-read-length")

    async def main(hall: Hall) -> None:
        assert isinstance(await read.call_async(V4, unused_port()), Err)
        before = threads()
        tasks = [asyncio.ensure_future(read.call_async(V4, hall.port)) for _ in range(200)]
        await asyncio.to_thread(hall.wait_for, 200)
        # Those of `to_thread` and of the core's few workers, whatever the number of calls.
        assert threads() < before + 40
        assert not any(task.done() for task in tasks)
        hall.let_go()
        assert await asyncio.gather(*tasks) == [Ok(0)] * 200

    with Hall() as hall:
        asyncio.run(main(hall))


def test_an_ending_leaves_others_alone(rt: Runtime, serving: Serving) -> None:
    """N-20: one call trapped, the other one waits on."""
    server = serving(SilentServer())
    guest = SocketGuest(rt, "loopback")
    with Hall() as hall:
        waiting = in_thread(lambda: guest("tcp-read-length", V4, hall.port))
        hall.wait_for(1)
        for _ in range(5):
            with pytest.raises(WippyError):
                guest("tcp-connect-then-trap", V4, server.port)
        wait_for_the_end(server, 5)
        assert not waiting.done()
        hall.let_go()
        assert waiting.result(PATIENCE) == Ok(0)
