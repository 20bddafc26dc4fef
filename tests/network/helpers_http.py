"""The guest that asks for what it is told, and the requests it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from servers import Authority, DnsServer
from support.guests import built
from support.threads import eventually

from wippy_native import Err, Function, NetworkPolicy, Runtime

IMPORTS = ("wasi:io", "wasi:clocks", "wasi:http", "wasi:sockets")
ALLOWED = ("loopback", "http://*.test:* in loopback", "https://*.test:* in loopback")
"""What the guests of these tests may reach, for the entry as for the operator."""
AT_ONCE = 5.0
"""Seconds within which what is closed at once is closed: idle connections live longer."""


def policy(authority: Authority | None = None, dns: DnsServer | None = None, **fields: Any) -> NetworkPolicy:
    """Loopback, a test's names, its certificates and its nameserver."""
    nameservers = [f"{dns.host}:{dns.port}"] if dns else []
    ca = authority.pem if authority else None
    return NetworkPolicy(**{"allow": ALLOWED, "ca": ca, "nameservers": nameservers, **fields})


def add_netuse(rt: Runtime, method: str, id: str = "", **fields: Any) -> Function:
    """Add a method of the guest, which may reach loopback unless the test says otherwise."""
    fields = {"imports": IMPORTS, "network": {"allow": list(ALLOWED)}, **fields}
    return rt.add_wasm(id or f"app:{method}", built("netuse"), method, **fields)


def request(
    url: str,
    method: str = "GET",
    *,
    headers: Iterable[tuple[str, str | bytes]] = (),
    body: bytes | None = None,
    piece: int = 0,
    trailers: Iterable[tuple[str, str | bytes]] = (),
    connect_ms: int | None = None,
    first_byte_ms: int | None = None,
    between_bytes_ms: int | None = None,
) -> dict[str, Any]:
    """The argument of `fetch`."""
    return {
        "method": method,
        "url": url,
        "headers": _raw(headers),
        "body": body,
        "piece": piece,
        "trailers": _raw(trailers),
        "connect-timeout-ms": connect_ms,
        "first-byte-timeout-ms": first_byte_ms,
        "between-bytes-timeout-ms": between_bytes_ms,
    }


def error_of(fn: Function, *arguments: Any) -> Any:
    """What a method's `err` holds; a success is a failure of the test."""
    outcome = fn.with_options(raise_err=False)(*arguments)
    assert isinstance(outcome, Err), outcome
    return outcome.value


def soon(condition: Callable[[], object], what: str) -> None:
    """As `eventually`, but before idle connections end by themselves."""
    start = time.monotonic()
    eventually(lambda: condition() or time.monotonic() - start > AT_ONCE, what)
    assert condition(), f"{what} did not come about within {AT_ONCE} seconds"


def header(response: dict[str, Any], name: str) -> list[bytes]:
    """The values of a response's header."""
    return [value for key, value in response["headers"] if key == name]


def _raw(fields: Iterable[tuple[str, str | bytes]]) -> list[tuple[str, bytes]]:
    return [(name, value.encode("latin-1") if isinstance(value, str) else value) for name, value in fields]
