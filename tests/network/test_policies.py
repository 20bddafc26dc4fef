"""What else belongs to a `NetworkPolicy`: certificates, nameservers, and how it shows (N-4, N-5)."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from servers import Authority

from wippy_native import Limits, NetworkPolicy

CUT_OFF = b"-----BEGIN CERTIFICATE-----\nMIIB"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"ca": b"garbage"}, "NetworkPolicy(ca=...): it holds no certificate"),
        ({"ca": b""}, "NetworkPolicy(ca=...): it is empty"),
        ({"ca": CUT_OFF}, "NetworkPolicy(ca=...): no PEM"),
        ({"ca": "-----BEGIN CERTIFICATE-----"}, "this is PEM text, a path is expected; give the text as bytes"),
        ({"ca": "missing.pem"}, "NetworkPolicy(ca=...): cannot read 'missing.pem': No such file or directory"),
        ({"ca": "a\0b"}, "NetworkPolicy(ca=...): cannot read 'a\\x00b': embedded null byte"),
        ({"nameservers": ["garbage"]}, 'NetworkPolicy(nameservers=...): "garbage" is no nameserver'),
        ({"nameservers": ["10.0.0.2:0"]}, '"10.0.0.2:0" is no nameserver; write 10.0.0.2, 10.0.0.2:5353'),
    ],
)
def test_what_is_wrong_is_said_at_once(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="NetworkPolicy") as caught:
        NetworkPolicy(**fields)
    assert text in str(caught.value)


def test_every_wrong_pattern_is_named() -> None:
    with pytest.raises(ValueError, match="publc") as caught:
        NetworkPolicy(allow=["publc", "https://fine.com", "ftp://x"], deny=["zzz"])
    places = [line.partition(": ")[0] for line in str(caught.value).splitlines()]
    assert places == [
        "NetworkPolicy(allow=...)[0] 'publc'",
        "NetworkPolicy(allow=...)[2] 'ftp://x'",
        "NetworkPolicy(deny=...)[0] 'zzz'",
    ]


def test_a_file_of_certificates(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    assert NetworkPolicy(ca=path) == NetworkPolicy(ca=authority.pem)
    assert "BEGIN" not in repr(NetworkPolicy(ca=path))


def test_it_is_a_value() -> None:
    policy = NetworkPolicy(allow=["https://a.com"], deny=iter(["b.com"]), nameservers=["10.0.0.2"])
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - our own
    assert len({policy, NetworkPolicy(allow=("https://a.com",), deny=["b.com"], nameservers=("10.0.0.2",))}) == 1


@pytest.mark.parametrize("addresses", ["8.8.8.8", [1], b"8"])
def test_addresses_are_texts(addresses: Any) -> None:
    with pytest.raises(TypeError, match=r"^addresses: expected"):
        NetworkPolicy().allows("https://a.com", addresses)


def test_an_address_that_is_none() -> None:
    with pytest.raises(ValueError, match=r'^addresses: "nope" is no IP address$'):
        NetworkPolicy().allows("https://a.com", ["nope"])
    with pytest.raises(TypeError, match=r"^url: expected a text, got NoneType$"):
        NetworkPolicy().refusal(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("listen://8080", "write listen://127.0.0.1:8080"),
        ("https:/x.y", "write https://x.y"),
        ("https:x.y", "write https://x.y"),
    ],
)
def test_slips_of_the_hand(pattern: str, hint: str) -> None:
    with pytest.raises(ValueError, match="NetworkPolicy") as caught:
        NetworkPolicy(allow=[pattern])
    assert str(caught.value).endswith(hint)


def test_limits_are_numbers_the_core_can_hold() -> None:
    with pytest.raises(ValueError, match="expected a 64-bit integer"):
        Limits(max_total_sockets=2**70)
