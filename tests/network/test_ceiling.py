"""The entry's policy under the operator's, and what is logged of refusals: N-1 to N-4, N-10, N-15, N-16."""

from __future__ import annotations

import logging

import pytest
from conftest import MakeRuntime
from servers import DnsServer, Http1Server, TcpEchoServer, UdpEchoServer
from servers.fixtures import Serving
from support.parties import EVERYTHING, LOGGER, add_user, told

from wippy_native import Err, NetworkPolicy, Ok, Runtime

REFUSED = Err("HTTP-request-denied")
DEFAULT = "what is not said otherwise is open to public addresses only"

# What a party says of a place, and whether that opens it.
OF_ENTRY = {
    "nothing": ([], [], False),
    "the place": (["{here}"], [], True),
    "its kind": (["loopback"], [], True),
    "another port": (["http://127.0.0.1:1"], [], False),
    "public places": (["public", "*"], [], False),
    "the place, denied": (["{here}"], ["{here}"], False),
    "everything but its block": (["all"], ["127.0.0.0/8"], False),
    "everything but TCP": (["all"], ["tcp://all"], False),
}
OF_OPERATOR = {
    "no policy": None,
    "nothing": ([], [], False),
    "the place": (["{here}"], [], True),
    "everything": (["all"], [], True),
    "another place": (["https://example.com"], [], False),
    "everything but the place": (["all"], ["{here}"], False),
    "everything but its kind": (["all"], ["loopback"], False),
}


@pytest.mark.parametrize("operator", OF_OPERATOR)
@pytest.mark.parametrize("entry", OF_ENTRY)
def test_both_must_allow(make_runtime: MakeRuntime, http_server: Http1Server, entry: str, operator: str) -> None:
    """N-3, N-4: a denial of either wins; without a policy of the operator the entry's wish is granted."""

    def patterns(texts: list[str]) -> list[str]:
        return [text.format(here=f"http://127.0.0.1:{http_server.port}") for text in texts]

    allow, deny, opens = OF_ENTRY[entry]
    policy, ceiling_opens = None, True
    if (said := OF_OPERATOR[operator]) is not None:
        policy, ceiling_opens = NetworkPolicy(allow=patterns(said[0]), deny=patterns(said[1])), said[2]
    before = len(http_server.requests)
    get = add_user(make_runtime(network=policy), "get", patterns(allow), patterns(deny))
    answer = get(f"http://127.0.0.1:{http_server.port}/hello")
    if opens and ceiling_opens:
        assert answer == Ok((200, "hello"))
    else:
        assert answer == REFUSED
        assert len(http_server.requests) == before


@pytest.mark.parametrize(
    ("entry", "operator", "is_open"),
    [
        # The parties may open it in different ways.
        (["http://v4.test:{port} in loopback"], ["loopback"], True),
        (["loopback"], ["http://v4.test:{port} in 127.0.0.0/8"], True),
        (["*.test in 127.0.0.1"], ["* in loopback"], True),
        # A block opens no lookups (N-10), a name no addresses that are not public (N-9).
        (["http://v4.test:{port} in loopback"], ["127.0.0.0/8"], False),
        (["127.0.0.0/8"], ["http://v4.test:{port} in loopback"], False),
        (["http://v4.test:{port} in loopback"], ["http://v4.test:{port}"], False),
        (["http://v4.test:{port}"], ["http://v4.test:{port} in loopback"], False),
        (["http://v4.test:{port}", "127.0.0.1"], ["all"], True),
    ],
)
def test_both_must_allow_name_and_address(
    make_runtime: MakeRuntime,
    http_server: Http1Server,
    dns_server: DnsServer,
    entry: list[str],
    operator: list[str],
    is_open: bool,
) -> None:
    """N-4, N-9, N-10."""
    entry, operator = ([text.format(port=http_server.port) for text in texts] for texts in (entry, operator))
    rt = make_runtime(network=NetworkPolicy(allow=operator, nameservers=[f"127.0.0.1:{dns_server.port}"]))
    answer = add_user(rt, "get", entry)(f"http://v4.test:{http_server.port}/hello")
    assert answer == (Ok((200, "hello")) if is_open else REFUSED)


def test_a_name_that_may_not_be_reached_is_not_looked_up(
    make_runtime: MakeRuntime, dns_server: DnsServer, caplog: pytest.LogCaptureFixture
) -> None:
    """N-10: its owner would learn of it."""
    policy = NetworkPolicy(allow=["all"], deny=["*.denied.test"], nameservers=[f"127.0.0.1:{dns_server.port}"])
    rt = make_runtime(network=policy)
    for index, (name, allow) in enumerate([("secret.denied.test", ["all"]), ("unlisted.test", ["127.0.0.0/8"])]):
        assert add_user(rt, "get", allow, id=f"app:get{index}")(f"http://{name}/") == REFUSED
        assert add_user(rt, "resolve", allow, id=f"app:resolve{index}")(name) == Err("access-denied")
        assert dns_server.asked(name) == 0
    assert len(told(caplog)) == 4


# The log.


@pytest.mark.parametrize(
    ("allow", "deny", "operator", "expected"),
    [
        ([], [], None, f'{DEFAULT} (127.0.0.1 is a loopback address); {{entry}}[public, "{{here}}"]}}'),
        (
            ["x.com"],
            [],
            None,
            'nothing in the entry\'s network.allow opens it (127.0.0.1 is a loopback address); {entry}["{here}"]}',
        ),
        (["all"], ["loopback"], None, 'the entry\'s network.deny has "loopback"'),
        (
            ["all"],
            [],
            NetworkPolicy(),
            f'{DEFAULT} (127.0.0.1 is a loopback address); {{operator}}"public" and "{{here}}" to {{list}}',
        ),
        (
            ["all"],
            [],
            NetworkPolicy(allow=["x.com"]),
            (
                "nothing in NetworkPolicy(allow=...) opens it (127.0.0.1 is a loopback address); "
                '{operator}"{here}" to {list}'
            ),
        ),
        (["all"], [], NetworkPolicy(allow=["all"], deny=["127.0.0.1"]), 'NetworkPolicy(deny=...) has "127.0.0.1"'),
        # The entry's comes first where both refuse.
        (["all"], ["loopback"], NetworkPolicy(deny=["all"]), 'the entry\'s network.deny has "loopback"'),
    ],
)
def test_what_is_logged(
    make_runtime: MakeRuntime,
    http_server: Http1Server,
    caplog: pytest.LogCaptureFixture,
    allow: list[str],
    deny: list[str],
    operator: NetworkPolicy | None,
    expected: str,
) -> None:
    """N-16: who refuses it and why, and the line to add; once, however often it is tried."""
    here = f"http://127.0.0.1:{http_server.port}"
    get = add_user(make_runtime(network=operator), "get", allow, deny)
    assert [get(f"{here}/{path}") for path in ("a", "b", "a")] == [REFUSED] * 3
    for text, meaning in {
        "{entry}": "to allow it, add to the entry: network: {allow: ",
        "{operator}": "to allow it, add ",
        "{list}": "NetworkPolicy(allow=[...])",
        "{here}": here,
    }.items():
        expected = expected.replace(text, meaning)
    assert told(caplog) == [f"app:f: the guest may not reach {here}: {expected}"]
    (record,) = caplog.records
    assert (record.name, record.levelno, record.__dict__["entry"]) == (LOGGER, logging.WARNING, "app:f")


@pytest.mark.parametrize(
    ("method", "arguments", "allow", "expected"),
    [
        (
            "get",
            ("http://v4.test/",),
            [],
            (
                f"reach http://v4.test:80: {DEFAULT} (it resolves to 127.0.0.1, a loopback address); "
                '+[public, "http://v4.test in loopback"]}'
            ),
        ),
        (
            "get",
            ("https://[::1]:8443/",),
            [],
            f'reach https://[::1]:8443: {DEFAULT} (::1 is a loopback address); +[public, "https://[::1]:8443"]}}',
        ),
        (
            "get",
            ("https://10.0.0.1/",),
            ["x.com"],
            (
                "reach https://10.0.0.1:443: nothing in the entry's network.allow opens it "
                '(10.0.0.1 is a private address); +["https://10.0.0.1"]}'
            ),
        ),
        (
            "get",
            ("http://v4.test/",),
            ["x.com"],
            'reach http://v4.test:80: nothing in the entry\'s network.allow opens it; +["http://v4.test"]}',
        ),
        (
            "get",
            ("http://meta.test/",),
            [],
            (
                f"reach http://meta.test:80: {DEFAULT} (it resolves to 169.254.169.254, a cloud metadata address); "
                '+[public, "http://meta.test in 169.254.169.254"]}'
            ),
        ),
        (
            "tcp-connect",
            ("10.0.0.1", 5432),
            [],
            f'reach tcp://10.0.0.1:5432: {DEFAULT} (10.0.0.1 is a private address); +[public, "tcp://10.0.0.1:5432"]}}',
        ),
        (
            "tcp-connect",
            ("fd00::1", 5432),
            [],
            f'reach tcp://[fd00::1]:5432: {DEFAULT} (fd00::1 is a private address); +[public, "tcp://[fd00::1]:5432"]}}',
        ),
        (
            "udp-exchange",
            ("10.0.0.1", 53, b"", True),
            [],
            f'send to udp://10.0.0.1:53: {DEFAULT} (10.0.0.1 is a private address); +[public, "udp://10.0.0.1:53"]}}',
        ),
        (
            "tcp-connect-name",
            ("v4.test", 22, b""),
            [],
            (
                f"look up v4.test: {DEFAULT} (it resolves to 127.0.0.1, a loopback address); "
                '+[public, "tcp://v4.test in loopback"]}'
            ),
        ),
        (
            "resolve",
            ("v4.test",),
            ["https://v4.test"],
            'look up v4.test: nothing in the entry\'s network.allow opens it; +["tcp://v4.test"]}',
        ),
        (
            "tcp-connect-name",
            ("v4.test", 22, b""),
            ["tcp://v4.test:23 in loopback"],
            (
                "reach tcp://v4.test:22: nothing in the entry's network.allow opens it "
                '(it resolves to 127.0.0.1, a loopback address); +["tcp://v4.test:22 in loopback"]}'
            ),
        ),
        (
            "tcp-bind",
            ("127.0.0.1", 0),
            ["loopback"],
            (
                "listen at listen://127.0.0.1:0: nothing in the entry's network.allow opens it "
                '(127.0.0.1 is a loopback address); +["listen://127.0.0.1:*"]}'
            ),
        ),
        (
            "udp-bind",
            ("127.0.0.1", 9),
            [],
            (
                f"listen at listen://127.0.0.1:9: {DEFAULT} (127.0.0.1 is a loopback address); "
                '+[public, "listen://127.0.0.1:9"]}'
            ),
        ),
    ],
)
def test_what_is_logged_of_a_place(
    serving_names: Runtime,
    caplog: pytest.LogCaptureFixture,
    method: str,
    arguments: tuple[object, ...],
    allow: list[str],
    expected: str,
) -> None:
    """N-15, N-16."""
    call = add_user(serving_names, method, allow)
    code = "HTTP-request-denied" if method == "get" else "access-denied"
    assert [call(*arguments), call(*arguments)] == [Err(code)] * 2
    expected = expected.replace("+[", "to allow it, add to the entry: network: {allow: [")
    assert told(caplog) == [f"app:f: the guest may not {expected}"]


@pytest.fixture
def serving_names(make_runtime: MakeRuntime, serving: Serving) -> Runtime:
    """A runtime that allows everything, with a nameserver."""
    server = serving(DnsServer({"v4.test": ["127.0.0.1"], "meta.test": ["169.254.169.254"]}))
    policy = NetworkPolicy(allow=EVERYTHING, nameservers=[f"127.0.0.1:{server.port}"])
    return make_runtime(network=policy)


def test_each_function_and_each_target_is_told_of(rt: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """N-16: once a function and target, not once a process."""
    first, second = add_user(rt, "get", id="app:one"), add_user(rt, "get", id="app:two")
    for get in (first, second, first):
        for port in (8001, 8002):
            assert get(f"http://127.0.0.1:{port}/") == REFUSED
    heads = [text.partition(": what")[0] for text in told(caplog)]
    assert heads == [
        f"app:{name}: the guest may not reach http://127.0.0.1:{port}"
        for name in ("one", "two")
        for port in (8001, 8002)
    ]


def test_what_is_allowed_is_not_told_of(
    rt: Runtime, tcp_echo: TcpEchoServer, udp_echo: UdpEchoServer, caplog: pytest.LogCaptureFixture
) -> None:
    """N-16, N-4."""
    tcp = add_user(rt, "tcp-exchange", [f"tcp://127.0.0.1:{tcp_echo.port}"], id="app:tcp")
    udp = add_user(rt, "udp-exchange", [f"udp://127.0.0.1:{udp_echo.port}"], id="app:udp")
    assert tcp("127.0.0.1", tcp_echo.port, b"hi") == Ok(b"hi")
    assert udp("127.0.0.1", udp_echo.port, b"hi", False) == Ok(b"hi")
    assert told(caplog) == []
