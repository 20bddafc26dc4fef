"""`Runtime(authorize=...)` and the network: N-17, H-25."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from conftest import MakeRuntime
from servers import DnsServer, Http1Server, TcpEchoServer, UdpEchoServer
from support.parties import EVERYTHING, add_user, told

from wippy_native import Err, HttpResponse, NetworkPolicy, Ok, Runtime


class Hook:
    """Notes what it is asked."""

    def __init__(self, answer: Callable[[str, str], Any]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answer = answer

    def __call__(self, entry: str, target: str) -> Any:
        self.asked.append((entry, target))
        return self.answer(entry, target)


class Places:
    """Exports of the guest with arguments that work, and what is asked about them."""

    def __init__(self, http: int, tcp: int, udp: int) -> None:
        self.calls: dict[str, tuple[str, tuple[Any, ...], list[str]]] = {
            "http": ("get", (f"http://127.0.0.1:{http}/hello?a=b",), [f"http://127.0.0.1:{http}/hello?a=b"]),
            "http name": ("get", (f"http://V4.test:{http}/hello",), [f"http://v4.test:{http}/hello"]),
            "http number": ("get", (f"http://2130706433:{http}/hello",), [f"http://127.0.0.1:{http}/hello"]),
            "tcp": ("tcp-exchange", ("127.0.0.1", tcp, b"hi"), [f"tcp://127.0.0.1:{tcp}"]),
            "tcp IPv6": ("tcp-exchange", ("::1", tcp, b"hi"), [f"tcp://[::1]:{tcp}"]),
            "udp": ("udp-exchange", ("127.0.0.1", udp, b"hi", True), [f"udp://127.0.0.1:{udp}"]),
            "listen": ("tcp-bind", ("127.0.0.1", 0), ["listen://127.0.0.1:0"]),
            "listen udp": ("udp-bind", ("127.0.0.1", 0), ["listen://127.0.0.1:0"]),
            "dns": ("resolve", ("V4.test",), ["dns://v4.test"]),
            "dns and tcp": ("tcp-connect-name", ("v4.test", tcp, b"hi"), ["dns://v4.test", f"tcp://127.0.0.1:{tcp}"]),
        }


CASES = list(Places(0, 0, 0).calls)


@pytest.fixture
def places(http_server: Http1Server, tcp_echo: TcpEchoServer, udp_echo: UdpEchoServer) -> Places:
    return Places(http_server.port, tcp_echo.port, udp_echo.port)


@pytest.fixture
def open_runtime(make_runtime: MakeRuntime, dns_server: DnsServer) -> Callable[[Any], Runtime]:
    """A runtime whose policy allows everything, with the given hook."""
    policy = NetworkPolicy(allow=EVERYTHING, nameservers=[f"127.0.0.1:{dns_server.port}"])
    return lambda hook: make_runtime(network=policy, authorize=hook)


@pytest.mark.parametrize("case", [case for case in CASES if case != "tcp IPv6"])
def test_it_is_asked(open_runtime: Callable[[Any], Runtime], places: Places, case: str) -> None:
    """N-17: the entry, and the URL of the request or of the address."""
    method, arguments, targets = places.calls[case]
    hook = Hook(lambda *_: True)
    assert isinstance(add_user(open_runtime(hook), method, EVERYTHING)(*arguments), Ok)
    # A socket may be asked about again for each thing it does.
    assert list(dict.fromkeys(hook.asked)) == [("app:f", target) for target in targets]


@pytest.mark.parametrize("case", CASES)
def test_it_refuses(
    open_runtime: Callable[[Any], Runtime], places: Places, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    """N-15 to N-17: with the code of a refusal; logged once."""
    method, arguments, targets = places.calls[case]
    hook = Hook(lambda *_: False)
    call = add_user(open_runtime(hook), method, EVERYTHING)
    code = "HTTP-request-denied" if method == "get" else "access-denied"
    assert [call(*arguments), call(*arguments)] == [Err(code)] * 2
    assert set(hook.asked) == {("app:f", targets[0])}
    (text,) = told(caplog)
    assert text.startswith("app:f: the guest may not ")
    shown = targets[0].partition("?")[0]  # what follows may be a secret
    assert text.endswith(f"{shown}: Runtime(authorize=...) refuses it")


@pytest.mark.parametrize("answer", [None, 0, "", []])
def test_only_true_allows(open_runtime: Callable[[Any], Runtime], places: Places, answer: object) -> None:
    """H-25."""
    method, arguments, _ = places.calls["tcp"]
    call = add_user(open_runtime(lambda *_: answer), method, EVERYTHING)
    assert call(*arguments) == Err("access-denied")


def test_it_decides_target_by_target(open_runtime: Callable[[Any], Runtime], http_server: Http1Server) -> None:
    """N-17: one URL and not another of the same server."""
    url = f"http://127.0.0.1:{http_server.port}"
    hook = Hook(lambda _, target: target.endswith("/hello"))
    get = add_user(open_runtime(hook), "get", EVERYTHING)
    assert get(f"{url}/hello") == Ok((200, "hello"))
    assert get(f"{url}/status/200") == Err("HTTP-request-denied")
    assert get(f"{url}/hello") == Ok((200, "hello"))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("by", ["entry", "operator"])
def test_it_cannot_widen(make_runtime: MakeRuntime, dns_server: DnsServer, places: Places, case: str, by: str) -> None:
    """N-4, N-17: it has the last word, which is a no, and is not asked about what the policies refuse."""
    method, arguments, _ = places.calls[case]
    hook = Hook(lambda *_: True)
    deny = ["all", "listen://all"]
    policy = NetworkPolicy(
        allow=EVERYTHING, deny=deny if by == "operator" else (), nameservers=[f"127.0.0.1:{dns_server.port}"]
    )
    rt = make_runtime(network=policy, authorize=hook)
    answer = add_user(rt, method, EVERYTHING, deny if by == "entry" else ())(*arguments)
    assert answer == Err("HTTP-request-denied" if method == "get" else "access-denied")
    assert hook.asked == []


class PolicyDown(Exception):
    pass


@pytest.mark.parametrize("case", CASES)
def test_a_hook_that_raises_refuses(
    open_runtime: Callable[[Any], Runtime],
    places: Places,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    """N-17: it is reported as Python reports what nobody can catch, and the guest goes on."""
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: reported.append(unraisable.exc_value))

    def fail(entry: str, target: str) -> bool:
        raise PolicyDown(f"{entry} {target}")

    method, arguments, targets = places.calls[case]
    answer = add_user(open_runtime(fail), method, EVERYTHING)(*arguments)
    assert answer == Err("HTTP-request-denied" if method == "get" else "access-denied")
    assert {str(error) for error in reported} == {f"app:f {targets[0]}"}
    assert all(isinstance(error, PolicyDown) for error in reported)
    assert len(told(caplog)) == 1


def test_a_hook_of_the_wrong_shape(
    open_runtime: Callable[[Any], Runtime], places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N-17: never taken for a yes."""
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: reported.append(unraisable.exc_value))
    method, arguments, _ = places.calls["tcp"]
    call = add_user(open_runtime(lambda: True), method, EVERYTHING)
    assert call(*arguments) == Err("access-denied")
    assert [type(error) for error in reported] == [TypeError]


def test_an_async_hook_is_refused() -> None:
    """A coroutine is true: it would allow everything."""

    async def hook(entry: str, target: str) -> bool:
        return False

    with pytest.raises(TypeError, match="expected a plain function, got an async one"):
        Runtime(authorize=hook)  # type: ignore[arg-type]


def test_an_answer_to_wait_for_refuses(make_runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def later() -> bool:
        return True

    failures: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: failures.append(unraisable.exc_value))
    rt = make_runtime(authorize=lambda *_: later(), http=lambda _: HttpResponse(200))
    get = add_user(rt, "get", EVERYTHING)
    assert get("http://example.com/") == Err("HTTP-request-denied")
    (failure,) = failures
    assert "returned an awaitable" in str(failure)
