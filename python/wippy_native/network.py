"""What guests may reach on the network, as the operator of a runtime says it; and stand-ins for the network in tests.

An entry's `network` block and the runtime's `NetworkPolicy` are judged by the core. `request` and `response_parts` are
called by it, for `Runtime(http=...)`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .limits import Limits

if TYPE_CHECKING:
    from ._border import Network, NetworkRules, NetworkSpec

Headers = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
RawHeaders = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """The ceiling for all entries of a runtime: no entry reaches what this does not open, whatever it asks for.

    A non-empty `allow` is the whole list of what may be reached; an empty one opens public addresses. `deny` wins over
    both policies. Patterns are `scheme://host[:port]`, `*.example.com`, blocks of addresses, and the words `public`,
    `private`, `loopback`, `metadata` and `all`; docs/network.md has the whole grammar.

    Raises `ValueError` for a wrong pattern or certificate file, `TypeError` for another type.
    Rules: N-1 to N-20.
    """

    allow: Iterable[str] = ()
    """What may be reached."""
    deny: Iterable[str] = ()
    """What may not, in any case."""
    ca: str | os.PathLike[str] | bytes | None = field(default=None, repr=False)
    """Certificates to trust besides the platform's: the path of a PEM file, or its bytes."""
    nameservers: Iterable[str] = ()
    """Whom to ask for the addresses of names, `10.0.0.2` or `10.0.0.2:5353`; the operating system if empty."""

    def __post_init__(self) -> None:
        for name in ("allow", "deny", "nameservers"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        object.__setattr__(self, "ca", _certificates(self.ca))
        from ._border import check_network

        check_network(self.ca if isinstance(self.ca, bytes) else None, list(self.nameservers))
        self._rules()

    def allows(self, url: str, addresses: Iterable[str] = ()) -> bool:
        """Whether this policy lets a guest reach `url`: https://api.example.com, tcp://10.0.0.5:5432.

        `addresses` are those that its name resolves to; without them only what can be told by the name counts.
        Raises `ValueError` for a text that names no place.

        >>> NetworkPolicy(allow=["https://*.example.com"]).allows("https://api.example.com")
        True
        >>> NetworkPolicy(allow=["https://*.example.com"]).allows("https://api.example.com", ["10.0.0.1"])
        False
        """
        return self.refusal(url, addresses) is None

    def refusal(self, url: str, addresses: Iterable[str] = ()) -> str | None:
        """Why `allows` says no; None where it says yes."""
        if not isinstance(url, str):
            raise TypeError(f"url: expected a text, got {type(url).__name__}")
        return self._rules().refusal(url, list(_texts("addresses", addresses)))

    def _rules(self) -> NetworkRules:
        try:
            return rules(self.allow, self.deny)
        except ValueError as error:
            wrong = [
                f"NetworkPolicy({list_}=...)[{index}] {pattern!r}: {problem}; {hint}"
                for list_, index, pattern, problem, hint in error.args[0]
            ]
            raise ValueError("\n".join(wrong)) from None


def rules(allow: Iterable[str], deny: Iterable[str]) -> NetworkRules:
    """The rules of one party. Raises `ValueError` with a list of (list, index, pattern, problem, hint)."""
    from ._border import NetworkRules

    # A lone surrogate is in no host's name, and the core takes whole texts only.
    whole = [[text.encode("utf-8", "replace").decode() for text in patterns] for patterns in (allow, deny)]
    return NetworkRules(*whole)


def network_spec(allow: Iterable[str], deny: Iterable[str], limits: Limits) -> NetworkSpec:
    """What an entry says of the network, and the limits that hold for it."""
    from ._border import NetworkSpec

    return NetworkSpec(
        rules(allow, deny),
        max_sockets=limits.max_sockets,
        max_http_requests=limits.max_http_requests,
        max_received_bytes=limits.max_received_bytes,
        max_sent_bytes=limits.max_sent_bytes,
        max_response_header_bytes=limits.max_response_header_bytes,
        max_response_body_bytes=limits.max_response_body_bytes,
        max_response_ms=limits.max_response_ms,
    )


def core_network(policy: NetworkPolicy | None, limits: Limits, http: Transport | None) -> Network:
    """The network of a runtime. Raises `RegistryError` for certificates or nameservers that cannot be used."""
    from ._border import Network

    return Network(
        ceiling=None if policy is None else policy._rules(),
        ca=policy.ca if policy is not None and isinstance(policy.ca, bytes) else b"",
        nameservers=[] if policy is None else list(policy.nameservers),
        http=http,
        max_total_sockets=limits.max_total_sockets,
        max_total_http_requests=limits.max_total_http_requests,
        max_total_received_bytes=limits.max_total_received_bytes,
        max_total_sent_bytes=limits.max_total_sent_bytes,
    )


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"{_named(name)}: expected a list of texts, got {type(value).__name__}")
    items = tuple(value)
    for item in items:
        if not isinstance(item, str):
            raise TypeError(f"{_named(name)}: expected texts, got {type(item).__name__}")
    return items


def _named(name: str) -> str:
    return name if name == "addresses" else f"NetworkPolicy({name}=...)"


def _certificates(value: str | os.PathLike[str] | bytes | None) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"NetworkPolicy(ca=...): expected a path or bytes, got {type(value).__name__}")
    if "-----BEGIN" in os.fspath(value):
        raise ValueError("NetworkPolicy(ca=...): this is PEM text, a path is expected; give the text as bytes")
    try:
        return Path(value).read_bytes()
    except (OSError, ValueError) as error:  # a path with a NUL character is a ValueError
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"NetworkPolicy(ca=...): cannot read {os.fspath(value)!r}: {why}") from None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A guest's request, as `Runtime(http=...)` gets it."""

    entry: str
    """The id of the entry whose guest makes it."""
    method: str
    url: str
    headers: RawHeaders
    """In their order, names in lower case; a name may stand several times."""
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, decoded as Latin-1; None if there is none."""
        wanted = name.lower()
        return next((value.decode("latin-1") for found, value in self.headers if found == wanted), None)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What `Runtime(http=...)` answers. `body` as a string is sent as UTF-8."""

    status: int = 200
    headers: Headers = ()
    body: bytes | str = b""
    trailers: Headers = ()


Transport = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


def request(entry: str, method: str, url: str, headers: list[tuple[str, bytes]], body: bytes) -> HttpRequest:
    """Called by the core."""
    return HttpRequest(entry, method, url, tuple(headers), body)


def response_parts(response: Any) -> tuple[int, list[tuple[str, bytes]], bytes, list[tuple[str, bytes]]]:
    """Called by the core. Raises `TypeError` for what is no `HttpResponse`."""
    if not isinstance(response, HttpResponse):
        raise TypeError(f"Runtime(http=...) returned {type(response).__name__}; return an HttpResponse")
    body = response.body.encode() if isinstance(response.body, str) else bytes(memoryview(response.body))
    return response.status, list(_fields(response.headers)), body, list(_fields(response.trailers))


def _fields(headers: Headers) -> Iterator[tuple[str, bytes]]:
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        yield name, value.encode("latin-1") if isinstance(value, str) else bytes(memoryview(value))
