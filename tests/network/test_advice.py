"""What the log advises works, and opens no more than was asked for: N-16."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from servers import DnsServer, Http1Server, TcpEchoServer, UdpEchoServer
from support.parties import EVERYTHING, Parties, told

from wippy_native import Err, NetworkPolicy


class Ports(NamedTuple):
    http: int
    tcp: int
    udp: int
    dns: int


@pytest.fixture
def ports(http_server: Http1Server, tcp_echo: TcpEchoServer, udp_echo: UdpEchoServer, dns_server: DnsServer) -> Ports:
    return Ports(http_server.port, tcp_echo.port, udp_echo.port, dns_server.port)


# An export with its arguments, and how many lines of the log are to be obeyed where a list has nothing of it: a name
# that may not be looked up has no addresses to tell of yet.
CALLS: dict[str, tuple[str, tuple[Any, ...], int]] = {
    "http address": ("get", ("http://127.0.0.1:{http}/hello",), 1),
    "http number": ("get", ("http://2130706433:{http}/hello",), 1),
    "http mapped address": ("get", ("http://[::ffff:127.0.0.1]:{http}/hello",), 1),
    "http localhost": ("get", ("http://localhost:{http}/hello",), 1),
    "http name": ("get", ("http://v4.test:{http}/hello",), 2),
    "http alias": ("get", ("http://ALIAS.test.:{http}/hello",), 2),
    "tcp address": ("tcp-exchange", ("127.0.0.1", "{tcp}", b"hi"), 1),
    "tcp localhost": ("tcp-connect-name", ("localhost", "{tcp}", b"hi"), 1),
    "tcp name": ("tcp-connect-name", ("v4.test", "{tcp}", b"hi"), 2),
    "lookup": ("resolve", ("v4.test",), 2),
    "udp address": ("udp-exchange", ("127.0.0.1", "{udp}", b"hi", True), 1),
    "bind tcp": ("tcp-bind", ("127.0.0.1", 0), 1),
    "bind udp": ("udp-bind", ("127.0.0.1", 0), 1),
    "listen": ("tcp-serve", ("127.0.0.1", 0, 0, "127.0.0.1", 0), 1),
    "listen everywhere": ("tcp-serve", ("0.0.0.0", 0, 0, "127.0.0.1", 0), 1),  # noqa: S104
}


def parties(case: str, ports: Ports) -> Parties:
    method, templates, _ = CALLS[case]
    filled = [text.format(**ports._asdict()) if isinstance(text, str) else text for text in templates]
    arguments = tuple(int(text) if str(text).isdigit() else text for text in filled)
    return Parties(method, arguments, nameservers=(f"127.0.0.1:{ports.dns}",))


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("party", ["entry", "operator"])
@pytest.mark.parametrize("has_list", [False, True])
def test_it_works(ports: Ports, caplog: pytest.LogCaptureFixture, case: str, party: str, has_list: bool) -> None:
    """N-16: obeyed to the letter, by the party that refused."""
    told_to = parties(case, ports)
    listed = ("https://listed.example",) if has_list else ()
    told_to.entry, told_to.operator = (listed, EVERYTHING) if party == "entry" else (EVERYTHING, listed)
    obeyed = told_to.call_until_it_works(caplog)
    assert obeyed == (CALLS[case][2] if has_list else 1)
    # Nobody was told to change what was no obstacle.
    assert EVERYTHING in (told_to.entry, told_to.operator)


@pytest.mark.parametrize("case", CALLS)
def test_it_works_where_both_refuse(ports: Ports, caplog: pytest.LogCaptureFixture, case: str) -> None:
    """N-16: one after the other."""
    assert parties(case, ports).call_until_it_works(caplog) == 2


ADDRESSES = [
    "10.0.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.51.100.1",
    "240.0.0.1",
    "fd00::1",
    "fe80::1",
    "2001:db8::1",
    "64:ff9b:1::1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.1.1",
    "::a00:1",
    "::ffff:0:100.64.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:6440:1::",
]


@pytest.fixture(scope="module")
def names() -> Iterator[DnsServer]:
    """`nN.test` has the Nth of `ADDRESSES`."""
    with DnsServer({f"n{index}.test": [address] for index, address in enumerate(ADDRESSES)}) as server:
        yield server


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("is_named", [False, True])
def test_it_opens_just_the_place(
    names: DnsServer, caplog: pytest.LogCaptureFixture, address: str, is_named: bool
) -> None:
    """N-8, N-16: the pattern is one, and opens the address however it is written; nothing is connected with here."""
    host = f"n{ADDRESSES.index(address)}.test" if is_named else f"[{address}]" if ":" in address else address
    url = f"http://{host}:8080/"
    told_to = Parties("get", (url,), operator=EVERYTHING, nameservers=(f"127.0.0.1:{names.port}",))
    assert told_to.call() == Err("HTTP-request-denied")
    (line,) = told(caplog)
    told_to.obey(line)
    public, pattern = told_to.entry
    assert public == "public"
    policy = NetworkPolicy(allow=[pattern])
    answers = [address] if is_named else []
    assert policy.allows(url, answers)
    assert not policy.allows(url.replace("8080", "8081"), answers)
    assert not policy.allows(url.replace("http", "https"), answers)
    assert not policy.allows(url, ["127.0.0.1"]) or not is_named
    assert not policy.allows("http://127.0.0.1:8080")
