"""`Runtime(http=...)`: a Python function in the network's place, N-19."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from network.helpers_http import add_netuse, error_of, request
from servers import Http1Server

from wippy_native import GuestError, HttpError, HttpRequest, HttpResponse, LimitExceeded, NetworkPolicy, Runtime

URL = "https://api.example.com/v1/items?a=%20b"
OPEN = {"allow": ["https://api.example.com", "http://api.example.com"]}
CODES = [
    "DNS-timeout", "destination-not-found", "destination-unavailable", "destination-IP-prohibited",
    "destination-IP-unroutable", "connection-refused", "connection-terminated", "connection-timeout",
    "connection-read-timeout", "connection-write-timeout", "connection-limit-reached", "TLS-protocol-error",
    "TLS-certificate-error", "HTTP-request-denied", "HTTP-response-incomplete", "HTTP-response-timeout",
    "HTTP-protocol-error", "loop-detected", "DNS-error", "HTTP-upgrade-failed", "configuration-error",
    "HTTP-request-length-required", "HTTP-request-method-invalid", "HTTP-request-URI-invalid",
    "HTTP-request-URI-too-long",
]  # fmt: skip

Answering = Callable[[HttpRequest], Any]


class Transport:
    """Answers as told, plain or async, and keeps what it was asked."""

    def __init__(self, answer: Answering | None = None) -> None:
        self.asked: list[HttpRequest] = []
        self._answer = answer or (lambda _: HttpResponse(body="hello"))

    def plain(self, asked: HttpRequest) -> Any:
        self.asked.append(asked)
        return self._answer(asked)

    async def later(self, asked: HttpRequest) -> Any:
        await asyncio.sleep(0)
        return self.plain(asked)


@pytest.fixture(params=["plain", "later"])
def runtime(request: pytest.FixtureRequest, make_runtime: Any) -> Callable[..., Runtime]:
    """Runtimes whose transport is plain, and async."""

    def make(transport: Transport, **options: Any) -> Runtime:
        made: Runtime = make_runtime(http=getattr(transport, request.param), **options)
        return made

    return make


def add(rt: Runtime, method: str = "fetch", **fields: Any) -> Any:
    return add_netuse(rt, method, **{"network": OPEN, **fields})


def test_the_request_is_what_the_guest_said(runtime: Callable[..., Runtime]) -> None:
    """Entry, method, URL, headers in their order, and the whole body; nothing of the network's is added."""
    transport = Transport()
    headers: list[tuple[str, str | bytes]] = [("x-b", "1"), ("x-b", "2"), ("x-a", b"\xff")]
    fetch = add(runtime(transport))
    assert fetch(request(URL, "BREW", headers=headers, body=b"x" * 100_000))["status"] == 200
    (asked,) = transport.asked
    assert (asked.entry, asked.method, asked.url, asked.body) == ("app:fetch", "BREW", URL, b"x" * 100_000)
    assert [field for field in asked.headers if field[0] != "host"] == [("x-b", b"1"), ("x-b", b"2"), ("x-a", b"\xff")]
    assert (asked.header("X-B"), asked.header("x-a"), asked.header("absent")) == ("1", "\xff", None)


def test_the_response_is_what_the_function_said(runtime: Callable[..., Runtime]) -> None:
    body = bytes(range(256)) * 1000
    headers: list[tuple[str, str | bytes]] = [("x-b", "1"), ("x-a", b"\xff"), ("x-b", "2")]
    answer = HttpResponse(418, headers, body, trailers={"x-sum": "9"})
    got = add(runtime(Transport(lambda _: answer)))(request(URL))
    assert (got["status"], got["body"], got["trailers"]) == (418, body, [("x-sum", b"9")])
    assert [value for name, value in got["headers"] if name == "x-b"] == [b"1", b"2"]
    assert ("x-a", b"\xff") in got["headers"]


def test_texts_are_utf8_and_mappings_are_headers(runtime: Callable[..., Runtime]) -> None:
    headers: dict[str, str | bytes] = {"x-a": "1", "x-b": b"2"}
    answer = HttpResponse(headers=headers, body="hällo")
    got = add(runtime(Transport(lambda _: answer)))(request(URL))
    assert (got["status"], got["body"]) == (200, "hällo".encode())
    assert got["headers"] == [("x-a", b"1"), ("x-b", b"2")]


@pytest.mark.parametrize("code", CODES)
def test_an_error_comes_by_its_name(make_runtime: Any, code: str) -> None:
    """The guest gets the code itself where it is one that needs nothing besides."""

    def fail(_: HttpRequest) -> HttpResponse:
        raise HttpError(code)

    assert error_of(add(make_runtime(http=fail), "get"), URL) == code


def test_a_code_may_have_a_message(runtime: Callable[..., Runtime]) -> None:
    def fail(_: HttpRequest) -> HttpResponse:
        raise HttpError("the disk is gone", code="connection-refused")

    assert error_of(add(runtime(Transport(fail)), "get"), URL) == "connection-refused"


def test_a_code_needs_no_message(runtime: Callable[..., Runtime]) -> None:
    def fail(_: HttpRequest) -> HttpResponse:
        raise HttpError(code="connection-refused")

    assert error_of(add(runtime(Transport(fail)), "get"), URL) == "connection-refused"


def test_other_texts_are_internal_errors(runtime: Callable[..., Runtime]) -> None:
    def fail(_: HttpRequest) -> HttpResponse:
        raise HttpError("out of luck")

    assert error_of(add(runtime(Transport(fail)), "get"), URL) == "internal-error(out of luck)"


def test_an_exception_is_an_internal_error(runtime: Callable[..., Runtime]) -> None:
    """The guest lives on; what it gets names the exception."""

    def fail(_: HttpRequest) -> HttpResponse:
        raise KeyError("missing")

    outcome = error_of(add(runtime(Transport(fail)), "get"), URL)
    assert outcome.startswith("internal-error(")
    assert "missing" in outcome


@pytest.mark.parametrize("answer", [None, "hello", b"hello", 200, (200, "hello"), {"status": 200}])
def test_what_is_no_response_is_an_error(runtime: Callable[..., Runtime], answer: Any) -> None:
    """It teaches what to return."""
    outcome = error_of(add(runtime(Transport(lambda _: answer)), "get"), URL)
    assert "HttpResponse" in outcome
    assert type(answer).__name__ in outcome


@pytest.mark.parametrize(
    "answer",
    [
        HttpResponse(99),
        HttpResponse(1000),
        HttpResponse(-1),
        HttpResponse(headers={"a b": "1"}),
        HttpResponse(headers={"a": "1\r\nb: 2"}),
        HttpResponse(trailers={"": "1"}),
        HttpResponse(headers=[("a",)]),  # type: ignore[list-item]
        HttpResponse(headers={"a": 1}),  # type: ignore[arg-type]
        HttpResponse(status="200"),  # type: ignore[arg-type]
        # No seven zeros.
        HttpResponse(body=7),  # type: ignore[arg-type]
        HttpResponse(headers={"a": "\u2713"}),
    ],
)
def test_a_response_that_is_wrong_is_an_error(make_runtime: Any, answer: HttpResponse) -> None:
    """In the guest, not in the process."""
    outcome = error_of(add(make_runtime(http=lambda _: answer), "get"), URL)
    assert outcome.startswith("internal-error(")


def test_the_policy_speaks_first(runtime: Callable[..., Runtime]) -> None:
    """N-3, N-4: what the network would refuse, a stand-in refuses too."""
    transport = Transport()
    rt = runtime(transport, network=NetworkPolicy(deny=["http://api.example.com"]))
    get = add(rt, "get")
    for url in ("http://other.example.com/", "http://api.example.com/", "http://127.0.0.1/"):
        assert error_of(get, url) == "HTTP-request-denied"
    assert transport.asked == []
    assert get(URL) == (200, "hello")


def test_no_network_is_touched(runtime: Callable[..., Runtime], http_server: Http1Server) -> None:
    """Neither the server nor a nameserver: the names of `.invalid` have no address."""
    before = http_server.connections
    get = add(runtime(Transport()), "get", network={"allow": ["loopback", "https://nowhere.invalid"]})
    assert get(http_server.url("/status/404")) == (200, "hello")
    assert get("https://nowhere.invalid/") == (200, "hello")
    assert http_server.connections == before


def test_every_way_to_call(runtime: Callable[..., Runtime]) -> None:
    """`call`, `call_async`, `map`, and many requests of one call."""
    transport = Transport(lambda asked: HttpResponse(body=asked.url.rpartition("/")[2]))
    rt = runtime(transport)
    get, get_many = add(rt, "get"), add(rt, "get-many")
    urls = [f"https://api.example.com/{index}" for index in range(20)]
    expected = [(200, str(index)) for index in range(20)]
    assert [rt.call("app:get", url) for url in urls] == expected
    assert list(get.map(urls)) == expected
    assert [str(answer) for answer in get_many(urls)] == ["Ok(200)"] * 20

    async def call_all() -> list[Any]:
        return list(await asyncio.gather(*(rt.call_async("app:get", url) for url in urls)))

    assert asyncio.run(call_all()) == expected


def test_async_functions_run_on_the_callers_loop(make_runtime: Any) -> None:
    loops: list[Any] = []

    async def answer(_: HttpRequest) -> HttpResponse:
        loops.append(asyncio.get_running_loop())
        return HttpResponse()

    rt = make_runtime(http=answer)
    add(rt, "get")

    async def call() -> None:
        await rt.call_async("app:get", URL)
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(call())


def test_requests_wait_together(make_runtime: Any) -> None:
    """Async answers of one call are under way at once: each waits for the last."""
    waiting: list[int] = []
    all_there = asyncio.Event()

    async def answer(_: HttpRequest) -> HttpResponse:
        waiting.append(1)
        if len(waiting) == 10:
            all_there.set()
        await all_there.wait()
        return HttpResponse()

    rt = make_runtime(http=answer)
    add(rt, "get-many")

    async def call() -> Any:
        return await asyncio.wait_for(rt.call_async("app:get-many", [URL] * 10), 20)

    assert [str(answer) for answer in asyncio.run(call())] == ["Ok(200)"] * 10


def test_a_response_that_does_not_come(make_runtime: Any) -> None:
    """The call's time ends the wait, and the guest's own does."""
    ended = threading.Event()

    def never(_: HttpRequest) -> HttpResponse:
        ended.wait(30)
        return HttpResponse()

    rt = make_runtime(http=never)
    assert error_of(add(rt), request(URL, first_byte_ms=50)) == "connection-read-timeout"
    with pytest.raises(LimitExceeded):
        add(rt, "get").with_options(timeout=0.1)(URL)
    assert error_of(add(rt, "get", limits={"max_response_ms": 50}), URL) == "HTTP-response-timeout"
    ended.set()


def test_limits_hold_all_the_same(runtime: Callable[..., Runtime]) -> None:
    """N-18."""
    rt = runtime(Transport(lambda asked: HttpResponse(body=bytes(len(asked.body) or 1001))))
    limits = {"max_response_body_bytes": 1000, "max_sent_bytes": 500}
    fetch = add(rt, limits=limits)
    assert error_of(fetch, request(URL)) == "HTTP-response-body-size(1001)"
    assert error_of(fetch, request(URL, "POST", body=bytes(501))).startswith("HTTP-request-body-size(")
    assert len(fetch(request(URL, "POST", body=bytes(500)))["body"]) == 500


def test_it_may_call_guests(make_runtime: Any) -> None:
    """Python code that answers is a caller like any other."""

    def answer(asked: HttpRequest) -> HttpResponse:
        if asked.url.endswith("/end"):
            return HttpResponse(body="end")
        return HttpResponse(body=rt.call("app:get", "https://api.example.com/end")[1])

    rt = make_runtime(http=answer)
    assert add(rt, "get")(URL) == (200, "end")


def test_what_cannot_answer_is_refused(make_runtime: Any) -> None:
    with pytest.raises(TypeError, match="http: expected a function, got str"):
        make_runtime(http="https://proxy.example.com")


def test_errors_reach_the_caller(make_runtime: Any) -> None:
    def fail(_: HttpRequest) -> HttpResponse:
        raise HttpError("connection-refused")

    with pytest.raises(GuestError) as caught:
        add(make_runtime(http=fail), "get")(URL)
    assert caught.value.value == "connection-refused"
