"""`http_client` of scripts under the policies of the network: L-33, L-36, N-1 to N-20."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from conftest import MakeRuntime
from network.helpers_http import ALLOWED, policy
from servers import Authority, DnsServer, Http1Server
from servers.fixtures import Serving
from support.scripts import add_script

from wippy_native import HttpRequest, HttpResponse, LimitExceeded, Limits, NetworkPolicy, Runtime

GET = """
local r, e = http_client.request(...)
if e then return {error = e:kind(), message = e:message()} end
return {status = r.status_code, body = r.body, size = r.body_size, url = r.url, cookies = r.cookies}
"""


@pytest.fixture
def rt(make_runtime: Any, authority: Authority, dns_server: DnsServer) -> Runtime:
    runtime: Runtime = make_runtime(network=policy(authority, dns_server))
    return runtime


def requests_of(rt: Runtime, **fields: Any) -> Any:
    """A function that makes a request."""
    return add_script(rt, GET, **{"network": {"allow": list(ALLOWED)}, **fields})


def test_requests(rt: Runtime, http_server: Http1Server, tls_server: Http1Server) -> None:
    """Plain and over TLS, by address and by name; a status of an error is an answer."""
    ask = requests_of(rt)
    for url in (http_server.url("/hello"), tls_server.url("/hello"), tls_server.url("/hello", "service.test")):
        answer = ask("GET", url)
        assert (answer["status"], answer["body"], answer["size"], answer["url"]) == (200, "hello", 5, url)
    assert (ask("GET", http_server.url("/status/404"))["status"]) == 404
    assert set(ask("GET", http_server.url("/cookies"))["cookies"])


def test_what_is_sent(rt: Runtime, http_server: Http1Server) -> None:
    ask = requests_of(rt)
    url = http_server.url("/inspect")
    options = {"headers": {"X-A": "1"}, "query": {"q": "a b"}, "cookies": {"c": "d"}, "body": b"\xff\x00"}
    told = json.loads(ask("POST", url, options)["body"])
    headers = {name.lower(): value for name, value in told["headers"]}
    assert (told["method"], told["body_length"], headers["x-a"], headers["cookie"]) == ("POST", 2, "1", "c=d")
    assert told["target"].startswith("/inspect?q=a")
    assert ask("PUT", http_server.url("/echo"), {"body": b"\xff\x00"})["body"] == b"\xff\x00"
    form = json.loads(ask("POST", url, {"form": {"a": "1&2"}})["body"])
    assert ["content-type", "application/x-www-form-urlencoded"] in form["headers"]
    basic = json.loads(ask("GET", url, {"auth": {"user": "u", "pass": "p"}})["body"])
    assert ["authorization", "Basic dTpw"] in basic["headers"]


@pytest.mark.parametrize("entry", [None, {"allow": ["https://api.example.com"]}, {"deny": ["loopback"]}])
def test_what_the_entry_does_not_allow(rt: Runtime, serving: Serving, entry: dict[str, Any] | None) -> None:
    """L-36, N-1: nothing is sent."""
    server = serving(Http1Server())
    answer = requests_of(rt, network=entry)("GET", server.url("/hello"))
    assert answer["error"] == "PermissionDenied"
    assert answer["message"].startswith("not allowed: ")
    assert server.connections == 0


def test_the_operator_is_a_ceiling(make_runtime: MakeRuntime, serving: Serving) -> None:
    """N-4: whatever the entry asks for."""
    server = serving(Http1Server())
    for network in (None, NetworkPolicy(), NetworkPolicy(allow=["all"], deny=["loopback"])):
        ask = requests_of(make_runtime(network=network), network={"allow": ["all"]} if network else None)
        for host in ("127.0.0.1", "localhost", "[::1]"):
            assert ask("GET", server.url("/hello", host))["error"] == "PermissionDenied"
    assert server.connections == 0


def test_redirects(rt: Runtime, serving: Serving, http_server: Http1Server) -> None:
    """L-36: followed, each judged; credentials stay with their origin; not for ever."""
    ask = requests_of(rt)
    target = http_server.url("/hello")
    answer = ask("GET", http_server.url(f"/redirect?to={target}"))
    assert (answer["status"], answer["body"], answer["url"]) == (200, "hello", target)
    secret = serving(Http1Server())
    only = requests_of(rt, network={"allow": [f"http://127.0.0.1:{http_server.port}"]})
    assert only("GET", http_server.url(f"/redirect?to={secret.url('/hello')}"))["error"] == "PermissionDenied"
    assert secret.connections == 0
    options = {"headers": {"Authorization": "x", "X-Mine": "y"}, "cookies": {"c": "d"}}
    ask = requests_of(rt)
    told = json.loads(ask("GET", http_server.url(f"/redirect?to={secret.url('/inspect')}"), options)["body"])
    names = {name.lower() for name, _ in told["headers"]}
    assert "x-mine" in names
    assert not names & {"authorization", "cookie"}
    for bad in ("file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://u:p@127.0.0.1/"):
        assert "error" in ask("GET", http_server.url(f"/redirect?to={bad}"))


def test_a_row_of_redirects_ends(make_runtime: MakeRuntime) -> None:
    """L-36: after ten."""
    asked: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        asked.append(request.url)
        return HttpResponse(302, headers={"location": f"/{len(asked)}"})

    rt = make_runtime(http=answer)
    told = requests_of(rt, network=None)("GET", "http://service.example/0")
    assert "redirects" in told["message"]
    assert asked == [f"http://service.example/{index}" for index in range(11)]


@pytest.mark.parametrize("path", ["/hang", "/hang-body", "/slow/60000", "/drip/1000/50"])
def test_timeouts(rt: Runtime, http_server: Http1Server, path: str) -> None:
    """L-33: seconds; the call goes on."""
    begin = time.monotonic()
    assert requests_of(rt)("GET", http_server.url(path), {"timeout": 0.1})["error"] == "Timeout"
    assert time.monotonic() - begin < 5
    with pytest.raises(LimitExceeded):
        requests_of(rt).with_options(timeout=0.1)("GET", http_server.url(path))


@pytest.mark.parametrize("path", ["/garbage", "/reset", "/close-early/5", "/head-flood"])
def test_servers_that_break(rt: Runtime, http_server: Http1Server, path: str) -> None:
    answer = requests_of(rt)("GET", http_server.url(path), {"timeout": 5})
    assert answer["error"] in ("Unavailable", "Internal", "Invalid", "RateLimited")
    assert requests_of(rt)("GET", http_server.url("/hello"))["body"] == "hello"


def test_bodies_have_bounds(make_runtime: MakeRuntime, authority: Authority, http_server: Http1Server) -> None:
    """F-52, L-36."""
    rt = make_runtime(network=policy(authority), limits=Limits(max_received_bytes=5000))
    ask = requests_of(rt)
    assert ask("GET", http_server.url("/bytes/1000"))["size"] == 1000
    assert "error" in ask("GET", http_server.url("/bytes/100000"))
    rt = make_runtime(network=policy(authority))
    assert "error" in requests_of(rt)("GET", http_server.url("/endless"), {"max_response_body": 1000, "timeout": 20})


def test_many_at_once(rt: Runtime, http_server: Http1Server) -> None:
    """L-36: more than are sent at a time."""
    body = """
      local url, done = (...), channel.new(40)
      for i = 1, 40 do coroutine.spawn(function() done:send(http_client.get(url) or false) end) end
      local good = 0
      for i = 1, 40 do local r = done:receive() if r and r.body == "hello" then good = good + 1 end end
      local batch = {}
      for i = 1, 20 do batch[i] = {"GET", url} end
      return {good, #(http_client.request_batch(batch))}
    """
    f = add_script(rt, body, network={"allow": list(ALLOWED)})
    assert f.with_options(timeout=20)(http_server.url("/slow/5")) == [40, 20]


def test_a_call_that_ends_ends_its_requests(rt: Runtime, serving: Serving) -> None:
    """F-49: and the next call is fine."""
    server = serving(Http1Server())
    source = """
      local http, time = require("http_client"), require("time")
      return function(url)
        coroutine.spawn(function() http.get(url) end)
        time.sleep("50ms")
        return "over"
      end
    """
    f = rt.add_lua("app:g", source, modules=["http_client", "time"], network={"allow": list(ALLOWED)})
    for _ in range(3):
        assert f(server.url("/hang")) == "over"
