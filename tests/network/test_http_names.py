"""Names become addresses once a connection, and exactly those that pass are dialled: N-9, N-13."""

from __future__ import annotations

from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, policy, request
from servers import Authority, DnsServer, Http1Server, TcpEchoServer, unused_port
from servers.fixtures import Serving

from wippy_native import Runtime

ONLY_V4 = ["http://*.test:* in 127.0.0.1"]
# Never routed (RFC 5737): whoever dialled it would wait.
ELSEWHERE = "192.0.2.1"
PUBLIC = "93.184.216.34"


def runtime(make_runtime: Any, dns: DnsServer, **fields: Any) -> Runtime:
    made: Runtime = make_runtime(network=policy(dns=dns, **fields))
    return made


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("nxdomain", "DNS-error(NXDOMAIN)"),
        ("servfail", "DNS-error(SERVFAIL)"),
        ("refused", "DNS-error(REFUSED)"),
        ([], "DNS-error(NXDOMAIN)"),
    ],
)
def test_names_without_addresses(make_runtime: Any, serving: Serving, answer: Any, code: str) -> None:
    """The code has the name of the nameserver's own (RFC 2136, 2.2)."""
    dns = serving(DnsServer({"name.test": answer}))
    get = add_netuse(runtime(make_runtime, dns), "get")
    assert error_of(get, "http://name.test:1/") == code


def test_a_nameserver_that_is_silent(make_runtime: Any, serving: Serving) -> None:
    dns = serving(DnsServer({"name.test": "silent"}))
    get = add_netuse(runtime(make_runtime, dns), "get")
    assert error_of(get, "http://name.test:1/") == "DNS-timeout"


def test_a_lookup_is_part_of_connecting(make_runtime: Any, serving: Serving) -> None:
    """The guest's own time for it ends the wait."""
    dns = serving(DnsServer({"name.test": "silent"}))
    fetch = add_netuse(runtime(make_runtime, dns), "fetch")
    assert error_of(fetch, request("http://name.test:1/", connect_ms=100)) == "connection-timeout"


def test_one_lookup_a_connection(make_runtime: Any, serving: Serving) -> None:
    """N-13: for each new connection one question of each family; none for a kept connection."""
    server = serving(Http1Server())
    dns = serving(DnsServer({"name.test": ["127.0.0.1"]}))
    rt = runtime(make_runtime, dns)
    get = add_netuse(rt, "get")
    for _ in range(3):
        get(server.url("/hello", "name.test"))
    assert (server.connections, dns.asked("name.test", "A"), dns.asked("name.test", "AAAA")) == (1, 1, 1)
    for count in (2, 3):
        get(server.url("/connection-close", "name.test"))
        get(server.url("/hello", "name.test"))
        assert (server.connections, dns.asked("name.test", "A")) == (count, count)


def test_an_address_that_changes_between_the_looks(make_runtime: Any, serving: Serving) -> None:
    """N-13: what was judged is what is dialled. A second look would see the other address, in either order."""
    server = serving(Http1Server())

    def first_refused(name: str, qtype: str, count: int) -> list[str]:
        return [ELSEWHERE if count % 2 == 0 else "127.0.0.1"]

    dns = serving(DnsServer(first_refused))
    get = add_netuse(runtime(make_runtime, dns, allow=ONLY_V4), "get")
    url = server.url("/connection-close", "name.test")
    for asked in (1, 3, 5):
        assert error_of(get, url) == "HTTP-request-denied"
        assert dns.asked("name.test", "A") == asked
        assert get(url) == (200, "hello")
        assert dns.asked("name.test", "A") == asked + 1
    assert server.connections == 3


def test_a_name_that_moves_into_loopback(make_runtime: Any, serving: Serving) -> None:
    """N-7, N-9: a public name that is rebound leads nowhere, whatever it was before."""
    server = serving(Http1Server())

    def answers(name: str, qtype: str, count: int) -> list[str]:
        return ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"]  # noqa: S104

    dns = serving(DnsServer(answers))
    rt = runtime(make_runtime, dns, allow=["http://*.test:*"])
    get = add_netuse(rt, "get", network={"allow": ["http://*.test:*"]})
    for _ in range(3):
        assert error_of(get, server.url("/hello", "name.test")) == "HTTP-request-denied"
    assert (server.connections, dns.asked("name.test", "A")) == (0, 3)


@pytest.mark.parametrize("answers", [["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::1", "127.0.0.1"]])
def test_of_mixed_answers_only_the_open_ones_are_dialled(
    make_runtime: Any, serving: Serving, answers: list[str]
) -> None:
    """N-13: the others count for nothing."""
    server = serving(Http1Server())
    dns = serving(DnsServer({"name.test": answers}))
    rt = runtime(make_runtime, dns, allow=ONLY_V4)
    assert add_netuse(rt, "get")(server.url("/hello", "name.test")) == (200, "hello")


def test_a_refused_address_is_not_even_tried(make_runtime: Any, serving: Serving) -> None:
    """N-13: it listens, and hears nothing."""
    forbidden = serving(TcpEchoServer("::1"))
    dns = serving(DnsServer({"name.test": ["::1", "127.0.0.1"], "only6.test": ["::1"]}))
    get = add_netuse(runtime(make_runtime, dns, allow=ONLY_V4), "get")
    for name, code in (("name.test", "connection-refused"), ("only6.test", "HTTP-request-denied")):
        assert error_of(get, f"http://{name}:{forbidden.port}/") == code
    assert forbidden.connections == 0


def test_the_next_address_is_tried(make_runtime: Any, serving: Serving) -> None:
    """127.0.0.9 is loopback, where nothing listens at that port."""
    server = serving(Http1Server())
    dns = serving(DnsServer({"name.test": ["127.0.0.9", "127.0.0.8", "127.0.0.1"]}))
    get = add_netuse(runtime(make_runtime, dns), "get")
    assert get(server.url("/hello", "name.test")) == (200, "hello")
    assert error_of(get, f"http://name.test:{unused_port()}/") == "connection-refused"


def test_a_server_of_the_other_family(make_runtime: Any, serving: Serving) -> None:
    server = serving(Http1Server("::1"))
    dns = serving(DnsServer({"name.test": ["127.0.0.1", "::1"]}))
    get = add_netuse(runtime(make_runtime, dns), "get")
    assert get(server.url("/hello", "name.test")) == (200, "hello")
    assert get(server.url("/hello")) == (200, "hello")


def test_a_chain_of_names_and_an_answer_over_tcp(make_runtime: Any, serving: Serving) -> None:
    server = serving(Http1Server())
    dns = serving(DnsServer({"name.test": ["middle.test", "end.example", "127.0.0.1"]}, truncate=True))
    get = add_netuse(runtime(make_runtime, dns), "get")
    assert get(server.url("/hello", "name.test")) == (200, "hello")
    assert {query.transport for query in dns.queries} == {"udp", "tcp"}


def test_localhost_is_not_looked_up(make_runtime: Any, serving: Serving, authority: Authority) -> None:
    """N-9: it is loopback, and nobody is asked."""
    dns = serving(DnsServer({}))
    rt = make_runtime(network=policy(authority, dns))
    get = add_netuse(rt, "get")
    for server in (serving(Http1Server()), serving(Http1Server("::1")), serving(Http1Server(tls=authority.context()))):
        assert get(server.url("/hello", "localhost")) == (200, "hello")
    assert dns.queries == []


@pytest.mark.parametrize("name", ["NAME.test", "name.test."])
def test_other_spellings_are_the_same_name(make_runtime: Any, serving: Serving, name: str) -> None:
    server = serving(Http1Server())
    dns = serving(DnsServer({"name.test": ["127.0.0.1"]}))
    get = add_netuse(runtime(make_runtime, dns), "get")
    assert get(server.url("/hello", name)) == (200, "hello")
    assert server.requests[0].header("host") == f"name.test:{server.port}"  # as it was judged


def test_a_name_out_of_reach_is_not_looked_up(make_runtime: Any, serving: Serving) -> None:
    """N-15: nobody learns from the question what a guest tried to say."""
    dns = serving(DnsServer({"secret.example": [PUBLIC]}))
    get = add_netuse(runtime(make_runtime, dns, allow=ONLY_V4), "get")
    assert error_of(get, "http://secret.example/") == "HTTP-request-denied"
    assert dns.queries == []
