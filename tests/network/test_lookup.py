"""Names that guests look up, and what a lookup opens: H-77, N-9, N-10, N-13, N-14, N-15."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from conftest import MakeRuntime
from helpers_sockets import DENIED, LOGGER, Answer, SocketGuest, asking
from servers import DnsServer, TcpEchoServer, UdpEchoServer
from servers.fixtures import Serving
from support.guests import built

from wippy_native import Err, ImportDenied, LimitExceeded, NetworkPolicy, Ok, Runtime

V4 = "127.0.0.1"
NAMES = {
    "service.test": ["127.0.0.1", "::1"],
    "v4.test": ["127.0.0.1"],
    "v6.test": ["::1"],
    "alias.test": ["other.test", "127.0.0.1"],
    "public.test": ["8.8.8.8", "2606:4700::1111"],
    "private.test": ["10.0.0.1"],
    "mixed.test": ["10.0.0.1", "127.0.0.1", "169.254.169.254", "8.8.8.8", "fd00::1"],
    "metadata.test": ["169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "xn--bcher-kva.test": ["127.0.0.1"],
    "a.b.test": ["127.0.0.1"],
    "empty.test": [],
    "servfail.test": "servfail",
    "refused.test": "refused",
    "silent.test": "silent",
}


@pytest.fixture
def dns(serving: Serving) -> DnsServer:
    """A server of the test's own, so that it can say what was asked."""
    return serving(DnsServer(NAMES))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("service.test", Ok(["127.0.0.1", "::1"])),
        ("v4.test", Ok(["127.0.0.1"])),
        ("v6.test", Ok(["::1"])),
        ("alias.test", Ok(["127.0.0.1"])),
        ("V4.Test", Ok(["127.0.0.1"])),
        ("v4.test.", Ok(["127.0.0.1"])),
        ("bücher.test", Ok(["127.0.0.1"])),
        ("BÜCHER.test", Ok(["127.0.0.1"])),
        ("xn--bcher-kva.test", Ok(["127.0.0.1"])),
        ("nobody.test", Err("name-unresolvable")),
        ("empty.test", Err("name-unresolvable")),
        ("servfail.test", Err("temporary-resolver-failure")),
        ("refused.test", Err("permanent-resolver-failure")),
    ],
)
def test_answers(make_runtime: MakeRuntime, dns: DnsServer, name: str, answer: object) -> None:
    """H-77."""
    assert SocketGuest(make_runtime(network=asking(dns)), "all")("resolve", name) == answer


def test_both_families_are_asked_for_once_each_time(make_runtime: MakeRuntime, dns: DnsServer) -> None:
    """N-13: nothing is kept."""
    guest = SocketGuest(make_runtime(network=asking(dns)), "all")
    for _ in range(2):
        guest("resolve", "service.test")
    assert [dns.asked("service.test", kind) for kind in ("A", "AAAA")] == [2, 2]
    assert len(dns.queries) == 4


def test_an_answer_too_large_for_a_datagram(make_runtime: MakeRuntime, serving: Serving) -> None:
    """H-77."""
    addresses = [f"127.0.{number // 200}.{number % 200 + 1}" for number in range(300)]
    dns = serving(DnsServer({"large.test": addresses}))
    found = SocketGuest(make_runtime(network=asking(dns)), "all")("resolve", "large.test")
    assert sorted(found.value) == sorted(addresses)


def test_a_server_that_says_nothing(make_runtime: MakeRuntime, dns: DnsServer) -> None:
    """F-51: the call's time ends the wait."""
    resolve = SocketGuest(make_runtime(network=asking(dns)), "all").function("resolve")
    with pytest.raises(LimitExceeded):
        resolve.with_options(timeout=0.2)("silent.test")
    assert dns.asked("silent.test")


def test_lookups_that_were_given_up_are_in_nobodys_way(make_runtime: MakeRuntime, dns: DnsServer) -> None:
    """H-77: one function has a few under way at a time, and the rest wait for their turn."""
    resolve = SocketGuest(make_runtime(network=asking(dns)), "all").function("resolve")

    async def main() -> object:
        silent = resolve.with_options(timeout=0.2)
        given_up = await asyncio.gather(*(silent.call_async("silent.test") for _ in range(40)), return_exceptions=True)
        assert all(isinstance(end, LimitExceeded) for end in given_up)
        return await resolve.with_options(timeout=5).call_async("v4.test")

    assert asyncio.run(main()) == Ok([V4])


def test_a_server_that_is_not_there(make_runtime: MakeRuntime, serving: Serving, dns: DnsServer) -> None:
    """H-77: the next one answers; if none is left, it may work later."""
    gone = serving(DnsServer({}))
    gone.close()
    assert SocketGuest(make_runtime(network=asking(gone, dns)), "all")("resolve", "v4.test") == Ok([V4])
    answer = SocketGuest(make_runtime(network=asking(gone)), "all")("resolve", "v4.test")
    assert answer == Err("temporary-resolver-failure")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("8.8.8.8", "8.8.8.8"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_literals_come_back_unasked(make_runtime: MakeRuntime, dns: DnsServer, text: str, address: str) -> None:
    """N-8, N-14: whatever is allowed, and it opens nothing."""
    guest = SocketGuest(make_runtime(network=asking(dns)), "v4.test")
    assert guest("resolve", text) == Ok([address])
    assert dns.queries == []
    assert guest("tcp-connect-name", text, 80, b"") == DENIED


@pytest.mark.parametrize("name", ["mapped.test", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]"])
def test_no_mapped_addresses(make_runtime: MakeRuntime, dns: DnsServer, name: str) -> None:
    """H-77: `resolve-next-address` never returns them; the guest could not connect to one."""
    assert SocketGuest(make_runtime(network=asking(dns)), "all")("resolve", name) == Ok([V4])


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "a.b.localhost"])
def test_localhost_is_not_asked_anywhere(make_runtime: MakeRuntime, dns: DnsServer, name: str) -> None:
    """N-9: not with any pattern that opens it."""
    for allow in ("loopback", "127.0.0.0/8", "localhost", "*.localhost", "all"):
        opens = allow not in ("localhost", "*.localhost") or ("*" in allow) == ("a.b" in name)
        answer = SocketGuest(make_runtime(network=asking(dns)), allow)("resolve", name)
        found = [V4] if "/" in allow else [V4, "::1"]
        assert answer == (Ok(found) if opens else DENIED), allow
    assert dns.queries == []


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "a b", "a/b", "v4.test:80", "1.2.3.4.5", "fe80::1%1", "a..b",
        pytest.param("x" * 64, id="a label of 64"), pytest.param("y." * 130, id="260 characters"),
    ],
)  # fmt: skip
def test_no_names(make_runtime: MakeRuntime, dns: DnsServer, name: str) -> None:
    """H-77: what can be no name is not asked for, and is not to be tried again."""
    assert SocketGuest(make_runtime(network=asking(dns)), "all")("resolve", name) == Err("invalid-argument")
    assert dns.queries == []


@pytest.mark.parametrize(
    ("pattern", "opens"),
    [
        ("v4.test in loopback", True),
        ("V4.TEST in loopback", True),
        ("*.test in loopback", True),
        ("* in loopback", True),
        ("tcp://v4.test:99 in 127.0.0.0/8", True),
        ("udp://v4.test:53 in loopback", True),
        ("loopback", True),
        ("all", True),
        ("v4.test", False),
        ("v4.test in private", False),
        ("v4.test in ::1", False),
        ("*.v4.test in loopback", False),
        ("tcp://test in loopback", False),
        ("http://v4.test in loopback", False),
        ("https://*.test:443 in loopback", False),
        ("127.0.0.1", False),
        ("127.0.0.0/8", False),
        ("0.0.0.0/0", False),
        ("tcp://127.0.0.1:*", False),
        ("listen://*:*", False),
        ("metadata", False),
    ],
)
def test_patterns(make_runtime: MakeRuntime, dns: DnsServer, pattern: str, opens: bool) -> None:
    """N-9, N-10: blocks open no lookup, words do; HTTP's patterns are for HTTP."""
    answer = SocketGuest(make_runtime(network=asking(dns)), pattern)("resolve", "v4.test")
    assert answer == (Ok([V4]) if opens else DENIED)


@pytest.mark.parametrize("pattern", ["127.0.0.0/8", "metadata", "other.test", "https://v4.test", "listen://*:*"])
def test_a_name_that_nothing_opens_is_not_asked_for(make_runtime: MakeRuntime, dns: DnsServer, pattern: str) -> None:
    """N-10: its owner does not hear of it."""
    assert SocketGuest(make_runtime(network=asking(dns)), pattern)("resolve", "v4.test") == DENIED
    assert dns.queries == []


@pytest.mark.parametrize(
    ("allow", "answer"),
    [
        ([], Ok(["8.8.8.8"])),
        (["public"], Ok(["8.8.8.8"])),
        (["mixed.test"], Ok(["8.8.8.8"])),
        (["loopback"], Ok(["127.0.0.1"])),
        (["mixed.test in loopback"], Ok(["127.0.0.1"])),
        (["mixed.test", "127.0.0.1"], Ok(["127.0.0.1", "8.8.8.8"])),
        (["private"], Ok(["10.0.0.1", "fd00::1"])),
        (["mixed.test in 10.0.0.0/24"], Ok(["10.0.0.1"])),
        (["mixed.test in fc00::/7"], Ok(["fd00::1"])),
        (["mixed.test in metadata"], Ok(["169.254.169.254"])),
        (["mixed.test in 192.168.0.0/16"], DENIED),
        (["all"], Ok(sorted(NAMES["mixed.test"]))),
    ],
)
def test_only_what_may_be_reached_comes_back(
    make_runtime: MakeRuntime, dns: DnsServer, allow: list[str], answer: Answer
) -> None:
    """N-9, N-13; nothing left is a refusal."""
    found = SocketGuest(make_runtime(network=asking(dns)), *allow)("resolve", "mixed.test")
    assert (Ok(sorted(found.value)) if isinstance(found, Ok) else found) == answer


def test_a_lookup_opens_its_addresses(
    make_runtime: MakeRuntime, dns: DnsServer, tcp_echo: TcpEchoServer, udp_echo: UdpEchoServer
) -> None:
    """N-14: to the call that looked it up, and to no other. N-9: at the ports of the pattern."""
    port = tcp_echo.port
    guest = SocketGuest(make_runtime(network=asking(dns)), f"tcp://*.test:{port} in loopback")
    assert guest("tcp-connect-name", "v4.test", port, b"x") == Ok(b"x")
    assert guest("tcp-exchange", V4, port, b"x") == DENIED
    assert guest("tcp-connect-name", "v4.test", udp_echo.port, b"x") == DENIED
    assert guest("tcp-connect-name", "v6.test", udp_echo.port, b"x") == DENIED
    assert dns.asked("v4.test", "A") == 2


@pytest.mark.parametrize("pattern", ["localhost", "tcp://localhost:PORT", "localhost in 127.0.0.0/8", "loopback"])
def test_localhost_is_reached_by_its_name(rt: Runtime, tcp_echo: TcpEchoServer, pattern: str) -> None:
    """N-9, N-14."""
    guest = SocketGuest(rt, pattern.replace("PORT", str(tcp_echo.port)))
    assert guest("tcp-connect-name", "localhost", tcp_echo.port, b"x") == Ok(b"x")


@pytest.mark.parametrize("kept", ["reuse", "instance"])
def test_every_call_looks_up_again(
    make_runtime: MakeRuntime, dns: DnsServer, tcp_echo: TcpEchoServer, kept: str
) -> None:
    """N-14: a later call in the same instance too."""
    pool = {"type": "lazy", "max_size": 1, "reuse": 100} if kept == "reuse" else {"type": "inline"}
    guest = SocketGuest(make_runtime(network=asking(dns)), "v4.test in loopback", pool=pool)
    connect = guest.function("tcp-connect-name")
    with contextlib.ExitStack() as stack:
        call = connect if kept == "reuse" else stack.enter_context(connect.instance())
        # A literal is looked up without opening anything: the connection is what the policy says of the address.
        answers = [call(name, tcp_echo.port, b"x") for name in ("v4.test", V4, "v4.test")]
    assert answers == [Ok(b"x"), DENIED, Ok(b"x")]
    assert dns.asked("v4.test", "A") == 2


def test_a_name_that_changes_its_address(make_runtime: MakeRuntime, serving: Serving, tcp_echo: TcpEchoServer) -> None:
    """N-13: what it had before does not matter."""
    answers = [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]]
    dns = serving(DnsServer(lambda name, qtype, count: answers[count]))
    guest = SocketGuest(make_runtime(network=asking(dns)), "rebinding.test in loopback")
    told = [guest("tcp-connect-name", "rebinding.test", tcp_echo.port, b"x") for _ in answers]
    assert told == [Ok(b"x"), DENIED, DENIED, Ok(b"x")]


@pytest.mark.parametrize(
    ("denial", "looked_up", "connected"),
    [
        ("v4.test", False, False),
        ("*.test", False, False),
        ("*", False, False),
        ("all", False, False),
        ("127.0.0.1", False, False),
        ("loopback", False, False),
        ("v4.test in loopback", False, False),
        ("v4.test in private", True, True),
        ("tcp://v4.test:PORT", True, False),
        ("tcp://127.0.0.1:PORT", True, False),
        ("tcp://127.0.0.0/8", True, False),
        ("v4.test:1", True, True),
        ("other.test", True, True),
        ("udp://v4.test", True, True),
    ],
)
def test_denials(
    make_runtime: MakeRuntime, dns: DnsServer, tcp_echo: TcpEchoServer, denial: str, looked_up: bool, connected: bool
) -> None:
    """N-3: of the name, or of an address behind it; what is denied for one use may still be looked up for another."""
    deny = [denial.replace("PORT", str(tcp_echo.port))]
    guest = SocketGuest(make_runtime(network=asking(dns)), "*.test in loopback", "loopback", deny=deny)
    assert guest("resolve", "v4.test") == (Ok([V4]) if looked_up else DENIED)
    answer = guest("tcp-connect-name", "v4.test", tcp_echo.port, b"x")
    assert answer == (Ok(b"x") if connected else DENIED)


def test_a_denied_name_is_not_asked_for(make_runtime: MakeRuntime, dns: DnsServer) -> None:
    """N-3, N-4: by the entry or by the operator."""
    for policy, deny in [(asking(dns), ["v4.test"]), (asking(dns, deny=["*.test"]), [])]:
        assert SocketGuest(make_runtime(network=policy), "all", deny=deny)("resolve", "V4.test.") == DENIED
    assert dns.queries == []


def test_the_operator_has_the_ceiling(make_runtime: MakeRuntime, dns: DnsServer) -> None:
    """N-4: for the name and for its addresses."""
    for allow, answer in [
        (["v4.test in loopback"], Ok([V4])),
        (["loopback"], Ok([V4])),
        (["v4.test"], DENIED),
        (["other.test in loopback"], DENIED),
        (["127.0.0.1"], DENIED),
        ([], DENIED),
    ]:
        guest = SocketGuest(make_runtime(network=asking(dns, allow=allow)), "all")
        assert guest("resolve", "v4.test") == answer, allow


def test_a_refusal_is_told(make_runtime: MakeRuntime, dns: DnsServer, caplog: pytest.LogCaptureFixture) -> None:
    """N-16: before and after it was looked up, once each, with lines that open it."""
    guest = SocketGuest(make_runtime(network=asking(dns)), "public")
    for _ in range(2):
        assert guest("resolve", "v4.test") == DENIED
    other = SocketGuest(make_runtime(network=asking(dns)), "other.test")
    assert other("resolve", "v4.test") == DENIED
    texts = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert len(texts) == 2
    assert "may not look up v4.test: " in texts[0]
    assert "it resolves to 127.0.0.1, a loopback address" in texts[0]
    assert texts[0].endswith('network: {allow: ["tcp://v4.test in loopback"]}')
    assert texts[1].endswith('network: {allow: ["tcp://v4.test"]}')
    assert SocketGuest(make_runtime(network=asking(dns)), "tcp://v4.test in loopback")("resolve", "v4.test") == Ok([V4])


def test_the_embedder_has_the_last_word(make_runtime: MakeRuntime, dns: DnsServer) -> None:
    """H-25, N-17: before the name is asked for."""
    asked: list[tuple[str, str]] = []

    def authorize(entry: str, target: str) -> bool:
        asked.append((entry, target))
        return False

    assert SocketGuest(make_runtime(network=asking(dns), authorize=authorize), "all")("resolve", "v4.test") == DENIED
    assert asked == [("app:resolve", "dns://v4.test")]
    assert dns.queries == []


def test_undeclared_lookups_trap(rt: Runtime) -> None:
    """H-14."""
    resolve = rt.add_wasm("app:f", built("netuse"), "resolve", imports=["wasi:io"])
    with pytest.raises(ImportDenied, match="wasi:sockets"):
        resolve("localhost")


def test_the_system_is_asked_without_nameservers(make_runtime: MakeRuntime) -> None:
    """H-77: `.invalid` is no name anywhere (RFC 6761)."""
    guest = SocketGuest(make_runtime(network=NetworkPolicy(allow=["all"])), "all")
    assert guest("resolve", "nobody.invalid") in (Err("name-unresolvable"), Err("temporary-resolver-failure"))


def test_many_at_once(make_runtime: MakeRuntime, dns: DnsServer) -> None:
    """H-77."""
    resolve = SocketGuest(make_runtime(network=asking(dns)), "all").function("resolve")

    async def main() -> object:
        return await asyncio.gather(*(resolve.call_async("v4.test") for _ in range(100)))

    assert asyncio.run(main()) == [Ok([V4])] * 100
