"""How places are spelled, and what the default policy says of each: N-7 to N-9."""

# ruff: noqa: RUF001 - ambiguous characters are what some of the tests are about

from __future__ import annotations

import ipaddress

import pytest

from wippy_native import NetworkPolicy

PUBLIC_ONLY = NetworkPolicy()
LOOPBACK = "a loopback address"
METADATA = "a cloud metadata address"

# Hosts that are addresses, and the kind of place that each is.
ADDRESSES = [
    # One address in every notation of IPv4 ...
    ("127.0.0.1", LOOPBACK),
    ("127.255.255.254", LOOPBACK),
    ("127.1", LOOPBACK),
    ("127.0.1", LOOPBACK),
    ("2130706433", LOOPBACK),
    ("0x7f.1", LOOPBACK),
    ("0x7F000001", LOOPBACK),
    ("0177.0.0.1", LOOPBACK),
    ("017700000001", LOOPBACK),
    ("127.0.0x0.00001", LOOPBACK),
    ("127.0.0.1.", LOOPBACK),
    ("127.1.", LOOPBACK),
    # ... and within IPv6: mapped, NAT64, 6to4, compatible, translated.
    ("[::1]", LOOPBACK),
    ("[0:0:0:0:0:0:0:1]", LOOPBACK),
    ("[0000::0001]", LOOPBACK),
    ("[::ffff:127.0.0.1]", LOOPBACK),
    ("[::FFFF:127.0.0.1]", LOOPBACK),
    ("[::ffff:7f00:1]", LOOPBACK),
    ("[0:0:0:0:0:ffff:7f00:0001]", LOOPBACK),
    ("[64:ff9b::7f00:1]", LOOPBACK),
    ("[64:ff9b::127.0.0.1]", LOOPBACK),
    ("[2002:7f00:1::]", LOOPBACK),
    ("[2002:7f00:1:1:2:3:4:5]", LOOPBACK),
    ("[::127.0.0.1]", LOOPBACK),
    ("[::ffff:0:127.0.0.1]", LOOPBACK),
    ("10.0.0.1", "a private address"),
    ("0xa.1", "a private address"),
    ("172.16.0.1", "a private address"),
    ("172.31.255.255", "a private address"),
    ("192.168.1.1", "a private address"),
    ("0300.0250.1", "a private address"),
    ("[::ffff:10.0.0.1]", "a private address"),
    ("[2002:a00:1::]", "a private address"),
    ("[fc00::1]", "a private address"),
    ("[fdff::1]", "a private address"),
    ("169.254.1.1", "a link-local address"),
    ("[fe80::1]", "a link-local address"),
    ("[fec0::1]", "a link-local address"),
    ("100.64.0.1", "an address of carrier-grade NAT"),
    ("100.127.255.255", "an address of carrier-grade NAT"),
    ("224.0.0.1", "a multicast address"),
    ("[ff02::1]", "a multicast address"),
    ("255.255.255.255", "a broadcast address"),
    ("4294967295", "a broadcast address"),
    ("0.0.0.0", "the unspecified address"),  # noqa: S104
    ("0", "the unspecified address"),
    ("0x", "the unspecified address"),
    ("[::]", "the unspecified address"),
    ("[::ffff:0.0.0.0]", "the unspecified address"),
    ("192.0.2.1", "a documentation address"),
    ("198.51.100.1", "a documentation address"),
    ("203.0.113.1", "a documentation address"),
    ("[2001:db8::1]", "a documentation address"),
    ("169.254.169.254", METADATA),
    ("2852039166", METADATA),
    ("0xA9FEA9FE", METADATA),
    ("169.254.43518", METADATA),
    ("0251.0376.0251.0376", METADATA),
    ("[::ffff:a9fe:a9fe]", METADATA),
    ("[64:ff9b::a9fe:a9fe]", METADATA),
    ("[fd00:ec2::254]", METADATA),
    ("[fd20:ce::254]", METADATA),
    ("169.254.170.2", METADATA),
    ("100.100.100.200", METADATA),
    ("192.0.0.192", METADATA),
    ("168.63.129.16", METADATA),
    ("0.0.0.1", "a reserved address"),
    ("240.0.0.1", "a reserved address"),
    ("198.18.0.1", "a reserved address"),
    ("192.88.99.1", "a reserved address"),
    # ISATAP, whatever is in its prefix and in its last half; Teredo; NAT64 of the local network; unallocated.
    ("[2a00::5efe:808:808]", "a reserved address"),
    ("[2a00::200:5efe:7f00:1]", "a reserved address"),
    ("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "a reserved address"),
    ("[64:ff9b:1::7f00:1]", "a reserved address"),
    ("[4000::1]", "a reserved address"),
]
PUBLIC = [
    "8.8.8.8",
    "0x08080808",
    "134744072",
    "1.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "11.0.0.1",
    "169.253.0.1",
    "223.255.255.255",
    "[2606:4700::1111]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::808:808]",
    "[2002:808:808::1]",
]


def _is_answer(host: str) -> bool:
    """Whether it is written as resolvers write addresses."""
    try:
        return bool(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return False


@pytest.mark.parametrize(("host", "kind"), ADDRESSES)
def test_address_that_is_not_public(host: str, kind: str) -> None:
    """N-7, N-8: refused whatever reaches it; `all` opens it, in every spelling."""
    for url in (f"http://{host}", f"HTTPS://{host}:8443/x?y", f"tcp://{host}:22", f"udp://{host}:53"):
        refusal = PUBLIC_ONLY.refusal(url)
        assert refusal is not None, url
        assert refusal.startswith("nothing allows it (")
        assert refusal.endswith(f" is {kind})")
        assert NetworkPolicy(allow=["all"]).allows(url)
        assert not NetworkPolicy(allow=["all"], deny=["all"]).allows(url)


@pytest.mark.parametrize(("host", "kind"), [row for row in ADDRESSES if _is_answer(row[0])])
def test_name_of_an_address_that_is_not_public(host: str, kind: str) -> None:
    """N-7, N-9: a name is no way around, neither by default nor when it is listed."""
    address = host.strip("[]")
    for policy in (PUBLIC_ONLY, NetworkPolicy(allow=["https://x.example"]), NetworkPolicy(allow=["*"])):
        refusal = policy.refusal("https://x.example", [address])
        assert refusal is not None
        assert refusal.endswith(f" is {kind})")
    assert NetworkPolicy(allow=["x.example in all"]).allows("https://x.example", [address])


@pytest.mark.parametrize("host", PUBLIC)
def test_public_address(host: str) -> None:
    """N-7, N-8."""
    for url in (f"http://{host}", f"https://{host}:8443/", f"tcp://{host}:22", f"udp://{host}:53"):
        assert PUBLIC_ONLY.refusal(url) is None
        assert NetworkPolicy(allow=["public"]).allows(url)
        assert not NetworkPolicy(allow=["private", "loopback", "metadata"]).allows(url)
        assert not NetworkPolicy(deny=["public"]).allows(url)
    assert not PUBLIC_ONLY.allows(f"listen://{host}:80")


# Nobody agrees on what these mean, or they mean nothing.
UNUSABLE = [
    "",
    "://",
    "http",
    "http://",
    "http:///x.com",
    "http://:80",
    "http://.",
    "http:x.com",
    "//x.com",
    "x.com",
    "x.com:80",
    "ftp://x.com",
    "file:///etc/passwd",
    " http://x.com",
    "http://x.com ",
    "http://x .com",
    "http://x\t.com",
    "http://x.com\r\nhost: y",
    "http://x.com\0",
    # User names.
    "http://public.com@127.0.0.1",
    "http://127.0.0.1@public.com",
    "http://public.com:80@127.0.0.1",
    "http://user:password@public.com",
    "http://@public.com",
    "http://:@public.com",
    "http://public.com%40127.0.0.1",
    # Backslashes.
    "http:\\\\127.0.0.1",
    "http://public.com\\@127.0.0.1",
    "http://127.0.0.1\\@public.com",
    "http://public.com\\.evil.com",
    # Escapes and zones.
    "http://%31%32%37.0.0.1",
    "http://127%2e0.0.1",
    "http://loc%61lhost",
    "http://public.com%00.evil.com",
    "http://[fe80::1%eth0]",
    "http://[fe80::1%25eth0]",
    "http://[::1%25lo]",
    # Ports.
    "http://x.com:",
    "http://127.0.0.1:",
    "http://[::1]:",
    "http://x.com:0",
    "http://x.com:65536",
    "http://x.com:99999999999999999999",
    "http://x.com:-1",
    "http://x.com:+80",
    "http://x.com:8a",
    "http://x.com:80:90",
    "https://127.0.0.1:443x",
    "tcp://x.com",
    "tcp://x.com:0",
    "tcp://x.com:65536",
    "udp://x.com",
    # Numbers that are no addresses.
    "http://256.1.1.1",
    "http://1.2.3.4.5",
    "http://1.2.3.256",
    "http://08.1.1.1",
    "http://4294967296",
    "http://0x100000000",
    "http://127.0.0.1..",
    # Brackets.
    "http://[::1",
    "http://::1",
    "http://::1:80",
    "http://[]",
    "http://[[::1]]",
    "http://[v1.x]",
    "http://[::ffff:127.1]",
    "http://[127.0.0.1]",
    "http://[x.com]",
    "http://[::1].evil.com",
    # Names.
    "http://x.com..",
    "http://xn--a",
]


@pytest.mark.parametrize("url", UNUSABLE)
def test_unusable_url(url: str) -> None:
    """It names no place, which is no verdict."""
    for policy in (PUBLIC_ONLY, NetworkPolicy(allow=["all"]), NetworkPolicy(deny=["all"])):
        with pytest.raises(ValueError, match="names no place; write scheme://host:port with http, https, tcp, udp"):
            policy.allows(url)


@pytest.mark.parametrize(
    "host",
    [
        "１２７.０.０.１",
        "127。0。0。1",
        "127．0．0．1",
        "127｡0｡0｡1",
        "①②⑦.0.0.1",
        "𝟏𝟐𝟕.0.0.1",
        "ⓛocalhost",
        "ｌｏｃａｌｈｏｓｔ",
        "127\u00ad.0.0.1",
        "127.0.0.\u200b1",
        "169。254。169。254",
        "１0.0.0.1",
    ],
)
def test_characters_that_look_or_count_like_others(host: str) -> None:
    """N-8: what becomes an address when Unicode is folded is that address, or nothing at all."""
    try:
        allowed = PUBLIC_ONLY.allows(f"http://{host}", ["127.0.0.1"])
    except ValueError:
        allowed = False
    assert not allowed


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "LocalHost.", "app.localhost", "a.b.LocalHost."])
def test_localhost_is_loopback(host: str) -> None:
    """N-9: without being told its addresses, since nobody is asked."""
    url = f"http://{host}"
    for policy in (
        PUBLIC_ONLY,
        NetworkPolicy(allow=["public", "private", "metadata"]),
        NetworkPolicy(deny=["loopback"]),
    ):
        refusal = policy.refusal(url)
        assert refusal is not None
        assert "is a loopback address" in refusal
    for pattern in ("loopback", "127.0.0.1", "::1", "127.0.0.0/8", "all", "http://loopback"):
        assert NetworkPolicy(allow=[pattern]).allows(url), pattern


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("localhost", "http://localhost:8080", True),
        ("localhost", "http://app.localhost", False),
        ("*.localhost", "http://app.localhost", True),
        ("*.localhost", "http://localhost", False),
        ("LOCALHOST.", "http://localhost", True),
        ("localhost", "http://127.0.0.1", False),
        ("localhost", "http://localhost.example.com", False),
        ("*", "http://localhost", False),
    ],
)
def test_pattern_with_localhost(pattern: str, url: str, expected: bool) -> None:
    """N-9: it opens loopback, to itself."""
    assert NetworkPolicy(allow=[pattern]).allows(url, ["127.0.0.1", "::1"]) is expected


def test_unicode_names_in_urls() -> None:
    """N-6: a URL with a Unicode name is the one of its punycode, as patterns are."""
    policy = NetworkPolicy(allow=["https://bücher.example"])
    assert policy.allows("https://bücher.example")
    assert not policy.allows("https://bucher.example")


@pytest.mark.parametrize("addresses", [["x"], ["127.1"], ["10.0.0.1/8"], ["[::1]"], [""]])
def test_addresses_that_are_none(addresses: list[str]) -> None:
    with pytest.raises(ValueError, match="IP"):
        PUBLIC_ONLY.allows("http://x.com", addresses)
