"""Guests that wait for others, and addresses that they choose for themselves: H-75, H-76, N-12."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from conftest import MakeRuntime
from helpers_sockets import (
    ANY,
    DENIED,
    LOGGER,
    OTHER,
    Announced,
    SocketGuest,
    needs_ipv6,
    needs_other,
    tcp_echoed,
    udp_echoed,
)
from servers import TcpEchoServer, unused_port
from servers.fixtures import Serving

from wippy_native import Err, NetworkPolicy, Ok, Runtime

V4 = "127.0.0.1"
ECHOES: dict[str, Callable[[str, int, bytes], bytes]] = {"tcp-serve": tcp_echoed, "udp-serve": udp_echoed}
both_kinds = pytest.mark.parametrize("kind", ["tcp", "udp"])


@both_kinds
def test_a_chosen_address_needs_listen(rt: Runtime, kind: str) -> None:
    """N-12: reaching an address is not waiting there; not even the word for everything."""
    guest = SocketGuest(rt, "all", "tcp://loopback:*", "udp://loopback:*", "*")
    for address, port in [(V4, 0), (V4, unused_port()), (ANY, unused_port()), (OTHER, 0)]:
        assert guest(f"{kind}-bind", address, port) == DENIED, (address, port)


@both_kinds
@needs_ipv6
def test_a_chosen_ipv6_address_needs_listen(make_runtime: MakeRuntime, kind: str) -> None:
    """N-12."""
    assert SocketGuest(make_runtime(), "all")(f"{kind}-bind", "::1", 0) == DENIED
    assert isinstance(SocketGuest(make_runtime(), "listen://[::1]:*")(f"{kind}-bind", "::1", 0), Ok)
    assert isinstance(SocketGuest(make_runtime(), "listen://loopback:*")(f"{kind}-bind", "::1", 0), Ok)


@both_kinds
@pytest.mark.parametrize("address", [ANY, "::"])
def test_what_every_socket_does_needs_nothing(rt: Runtime, kind: str, address: str) -> None:
    """N-12: the unspecified address and a port of the system's choice."""
    answer = SocketGuest(rt)(f"{kind}-bind", address, 0)
    assert isinstance(answer, Ok)
    assert answer.value > 0


@pytest.mark.parametrize(("address", "port"), [(ANY, 0), ("::", 0), (V4, 0), (V4, 1)])
def test_listening_needs_listen(rt: Runtime, address: str, port: int) -> None:
    """N-12: where binding was free, listening still is not."""
    assert SocketGuest(rt, "all", "* in loopback")("tcp-serve", address, port, 0, V4, 0) == DENIED


@pytest.mark.parametrize(
    ("patterns", "address", "port", "opens"),
    [
        (["listen://127.0.0.1:PORT"], V4, "PORT", True),
        (["listen://127.0.0.1:PORT-PORT"], V4, "PORT", True),
        (["listen://127.0.0.1:1024-65535"], V4, "PORT", True),
        (["listen://127.0.0.1:*"], V4, 0, True),
        (["listen://127.0.0.1"], V4, 0, True),
        (["listen://loopback:*"], V4, 0, True),
        pytest.param(["listen://loopback:*"], OTHER, 0, True, marks=needs_other),
        pytest.param(["listen://127.0.0.0/8:*"], OTHER, "PORT", True, marks=needs_other),
        (["listen://*:*"], V4, 0, True),
        (["listen://all"], V4, "PORT", True),
        (["listen://127.0.0.1:PORT"], V4, 0, False),
        (["listen://127.0.0.1:PORT"], OTHER, "PORT", False),
        (["listen://127.0.0.1:1-1023"], V4, "PORT", False),
        (["listen://127.0.0.1:1-65535"], V4, 0, False),
        (["listen://loopback:*"], ANY, "PORT", False),
        (["listen://loopback:*"], ANY, 0, False),
        (["listen://private:*"], V4, 0, False),
        (["tcp://127.0.0.1:PORT", "udp://127.0.0.1:PORT"], V4, "PORT", False),
    ],
)
def test_patterns(rt: Runtime, patterns: list[str], address: str, port: int | str, opens: bool) -> None:
    """N-6, N-12."""
    free = unused_port()
    wanted = free if port == "PORT" else port
    guest = SocketGuest(rt, *(pattern.replace("PORT", str(free)) for pattern in patterns))
    assert guest("tcp-serve", address, wanted, 0, V4, 0) == (Ok(0) if opens else DENIED)


@both_kinds
@pytest.mark.parametrize("denial", ["listen://*:*", "listen://127.0.0.1:*", "127.0.0.1", "loopback", "all"])
def test_denials_win(rt: Runtime, kind: str, denial: str) -> None:
    """N-3: a denial without a scheme is one of listening too."""
    assert SocketGuest(rt, "listen://loopback:*", deny=[denial])(f"{kind}-bind", V4, 0) == DENIED


def test_the_operator_has_the_ceiling(make_runtime: MakeRuntime) -> None:
    """N-4, N-12."""
    for policy, opens in [
        (NetworkPolicy(allow=["all"]), False),
        (NetworkPolicy(), False),
        (NetworkPolicy(allow=["listen://loopback:*"]), True),
        (NetworkPolicy(allow=["listen://loopback:*"], deny=["listen://127.0.0.1:*"]), False),
    ]:
        answer = SocketGuest(make_runtime(network=policy), "listen://*:*")("tcp-serve", V4, 0, 0, V4, 0)
        assert answer == (Ok(0) if opens else DENIED), policy


@pytest.mark.parametrize("method", ["tcp-serve", "udp-serve"])
def test_a_service(rt: Runtime, serving: Serving, method: str) -> None:
    """N-12: a guest serves clients of this machine, at an address of which only listening is open but for one port."""
    echo = ECHOES[method]
    announced = serving(Announced(lambda port: [echo(V4, port, b"%d" % number) for number in range(3)]))
    guest = SocketGuest(rt, "listen://loopback:*", f"tcp://127.0.0.1:{announced.port}", "udp://127.0.0.1")
    assert guest(method, V4, 0, 3, V4, announced.port) == Ok(3)
    announced.close()
    assert announced.results == [[b"0", b"1", b"2"]]


@needs_ipv6
@pytest.mark.parametrize("method", ["tcp-serve", "udp-serve"])
def test_a_service_over_ipv6(rt: Runtime, serving: Serving, method: str) -> None:
    """N-12."""
    echo = ECHOES[method]
    announced = serving(Announced(lambda port: echo("::1", port, b"six")))
    guest = SocketGuest(rt, "listen://loopback:*", "loopback")
    assert guest(method, "::1", 0, 1, V4, announced.port) == Ok(1)
    announced.close()
    assert announced.results == [b"six"]


def test_udp_clients_are_answered_where_the_guest_may_send(rt: Runtime, serving: Serving) -> None:
    """N-12: it hears from everybody, and answers whom it may reach."""

    def ask(port: int) -> None:
        with pytest.raises(TimeoutError):
            udp_echoed(V4, port, b"x", patience=0.2)

    announced = serving(Announced(ask))
    guest = SocketGuest(rt, "listen://loopback:*", f"tcp://127.0.0.1:{announced.port}")
    serve = guest.function("udp-serve").with_options(timeout=3)
    assert serve(V4, 0, 2, V4, announced.port) == DENIED


@needs_other
@pytest.mark.parametrize("by", ["entry", "operator"])
def test_clients_at_denied_addresses_are_not_served(make_runtime: MakeRuntime, serving: Serving, by: str) -> None:
    """N-3, N-4: a denial is one of both directions, whoever else allows nothing of the kind."""
    policy = NetworkPolicy(allow=["all", "listen://*:*"], deny=[OTHER] if by == "operator" else [])
    rt = make_runtime(network=policy)

    def knock(port: int) -> list[bytes]:
        heard = []
        for text, source in [(b"denied", OTHER), (b"welcome", None)]:
            with contextlib.suppress(OSError):
                heard.append(tcp_echoed(V4, port, text, source=source))
        return heard

    announced = serving(Announced(knock))
    guest = SocketGuest(rt, "listen://loopback:*", "127.0.0.1", deny=[OTHER] if by == "entry" else [])
    assert guest("tcp-serve", V4, 0, 1, V4, announced.port) == Ok(1)
    announced.close()
    assert announced.results[0][-1:] == [b"welcome"]
    assert b"denied" not in announced.results[0]


def test_a_port_that_is_taken(rt: Runtime, tcp_echo: TcpEchoServer) -> None:
    """H-75."""
    assert SocketGuest(rt, "listen://loopback:*")("tcp-bind", V4, tcp_echo.port) == Err("address-in-use")


def test_an_address_of_another_machine(rt: Runtime) -> None:
    """H-75."""
    answer = SocketGuest(rt, "listen://*:*")("tcp-bind", "192.0.2.1", 0)
    assert answer == Err("address-not-bindable")


@needs_other
def test_a_chosen_address_to_connect_from(make_runtime: MakeRuntime, tcp_echo: TcpEchoServer) -> None:
    """N-12: both ends need their pattern."""
    for allow, opens in [
        (["loopback"], False),
        (["listen://loopback:*"], False),
        (["loopback", "listen://loopback:*"], True),
        (["loopback", "listen://127.0.0.1:*"], False),
    ]:
        answer = SocketGuest(make_runtime(), *allow)("tcp-bind-connect", OTHER, 0, V4, tcp_echo.port)
        assert answer == (Ok(None) if opens else DENIED), allow
    # Which needs none is the one that every connection has.
    assert SocketGuest(make_runtime(), "loopback")("tcp-bind-connect", ANY, 0, V4, tcp_echo.port) == Ok(None)


def test_a_refusal_has_the_line_that_allows_it(rt: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """N-16: for a chosen port, and for one of the system's choice."""
    port = unused_port()
    guest = SocketGuest(rt, "loopback")
    assert guest("tcp-bind", V4, port) == DENIED
    assert guest("udp-bind", V4, 0) == DENIED
    texts = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    lines = [json.loads(text[text.index("allow: ") + 7 : -1]) for text in texts]
    assert lines == [[f"listen://127.0.0.1:{port}"], ["listen://127.0.0.1:*"]]
    assert "may not listen at" in texts[0]


def test_the_line_for_a_port_of_the_systems_choice_works_again(
    make_runtime: MakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    """N-16: the next time the system chooses another."""
    for _ in range(2):
        assert SocketGuest(make_runtime(), "loopback")("tcp-serve", ANY, 0, 0, V4, 0) == DENIED
    lines = {text[text.index("allow: ") :] for text in caplog.messages}
    assert lines == {'allow: ["listen://0.0.0.0:*"]}'}


def test_the_embedder_has_the_last_word(make_runtime: MakeRuntime) -> None:
    """H-25, N-17."""
    asked: list[str] = []

    def authorize(entry: str, target: str) -> bool:
        asked.append(target)
        return False

    guest = SocketGuest(make_runtime(authorize=authorize), "listen://loopback:*")
    port = unused_port()
    assert guest("tcp-bind", V4, port) == DENIED
    assert asked == [f"listen://127.0.0.1:{port}"]
