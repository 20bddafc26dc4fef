"""Wrong patterns, and what is said of them: N-5, N-6."""

from __future__ import annotations

import re

import pytest

from wippy_native import NetworkPolicy

FORMS = (
    "write scheme://host[:port] (https://api.example.com), *.example.com, a block (10.0.0.0/8), or one of public, "
    "private, loopback, metadata, all"
)
SCHEMES = "use http, https, tcp, udp or listen: "
PORTS = "ports are 1 to 65535, a range of them (8000-8100), or * for all"
STARS = "a * stands for a whole host, or for what is below a name: *.example.com"
BITS = "the number behind / says how many bits are fixed: 10.0.0.0/8, fd00::/8"
LISTEN = "a guest listens at addresses: listen://127.0.0.1:8080, listen://loopback:*"
WITHIN = "`in` says which addresses a name may have: https://db.example.com in private"
RANGES = "write public, private, loopback, metadata, all, or a block such as 10.0.0.0/8"
IPV4 = "write the IPv4 form, which stands for every spelling: "

# Pattern, what is wrong, what would be right.
WRONG = [
    ("", "the pattern is empty", FORMS),
    (" \t\n", "the pattern is empty", FORMS),
    ("x" * 401, "the pattern has 401 characters, at most 400 make sense", FORMS),
    ("ftp://x", 'unknown scheme "ftp"', f"{SCHEMES}https://x"),
    ("ws://x:80", 'unknown scheme "ws"', f"{SCHEMES}https://x:80"),
    ("://x", 'unknown scheme ""', f"{SCHEMES}https://x"),
    ("*://x", 'unknown scheme "*"', f"{SCHEMES}https://x"),
    ("x:0", '"0" is no port', PORTS),
    ("x:", '"" is no port', PORTS),
    ("x:99999", '"99999" is no port', PORTS),
    ("x:65536", '"65536" is no port', PORTS),
    ("x:http", '"http" is no port', PORTS),
    ("x:+80", '"+80" is no port', PORTS),
    ("x:８０", '"８０" is no port', PORTS),  # noqa: RUF001
    ("x:80,443", '"80,443" is no port', PORTS),
    ("x:1-", '"" is no port', PORTS),
    ("x:-1", '"" is no port', PORTS),
    ("x:0-80", '"0" is no port', PORTS),
    ("x:9-1", "the ports 9-1 are none", "write 1-9"),
    ("[::1]:", '"" is no port', PORTS),
    ("a*b.com", '"a*b.com" has a * where none can be', STARS),
    ("*.*.com", '"*.*.com" has a * where none can be', STARS),
    ("**", '"**" has a * where none can be', STARS),
    ("*x.com", '"*x.com" has a * where none can be', STARS),
    ("x.*", '"x.*" has a * where none can be', STARS),
    ("https://10.0.0.*", '"10.0.0.*" has a * where none can be', STARS),
    ("*.", '"*." is no host name', FORMS),
    ("https://", '"" is no host name', FORMS),
    ("a b.com", '"a b.com" is no host name', FORMS),
    ("x.com, y.com", '"x.com, y.com" is no host name', FORMS),
    ("x\\y", '"x\\y" is no host name', FORMS),
    ("x?y", '"x?y" is no host name', FORMS),
    ("x\0y", '"x\0y" is no host name', FORMS),
    ("xn--a", '"xn--a" is no host name', FORMS),
    ("256.1.1.1", '"256.1.1.1" is no host name', FORMS),
    ("1.2.3.4.5", '"1.2.3.4.5" is no host name', FORMS),
    ("fe80::1%eth0", '"fe80::1%eth0" is no host name', FORMS),
    ("[::1", '"[::1" has no ]', "write [2001:db8::1]:443"),
    ("[::1]x", '"x" follows the brackets', "write [::1]:443"),
    ("[]", '"" stands in brackets', "brackets are for IPv6 addresses: [2001:db8::1]:443"),
    ("10.0.0.1/8", "10.0.0.1/8 has bits set behind its prefix", "write 10.0.0.0/8 or 10.0.0.1"),
    ("fd00::1/8", "fd00::1/8 has bits set behind its prefix", "write fd00::/8 or fd00::1"),
    ("10.0.0.0/33", '"10.0.0.0/33" is no block of addresses', BITS),
    ("fd00::/200", '"fd00::/200" is no block of addresses', BITS),
    ("10.0.0.0/", '"10.0.0.0/" is no block of addresses', BITS),
    ("10.0.0.0/255.0.0.0", '"10.0.0.0/255.0.0.0" is no block of addresses', BITS),
    ("127.1", '"127.1" is an address', "write 127.0.0.1"),
    ("0x7f.1", '"0x7f.1" is an address', "write 127.0.0.1"),
    ("2130706433", '"2130706433" is an address', "write 127.0.0.1"),
    ("127.0.0.1.", '"127.0.0.1." is an address', "write 127.0.0.1"),
    ("127。0。0。1", '"127。0。0。1" is an address', "write 127.0.0.1"),
    ("::ffff:10.0.0.1", "::ffff:10.0.0.1 is an IPv4 address within IPv6", f"{IPV4}10.0.0.1"),
    ("[64:ff9b::a00:1]", "64:ff9b::a00:1 is an IPv4 address within IPv6", f"{IPV4}10.0.0.1"),
    ("2002:a00:1::", "2002:a00:1:: is an IPv4 address within IPv6", f"{IPV4}10.0.0.1"),
    ("listen://localhost:80", '"listen://localhost:80" names no address', LISTEN),
    ("listen://*.x.com:80", '"listen://*.x.com:80" names no address', LISTEN),
    (
        "https://10.0.0.0/8 in private",
        "https://10.0.0.0/8 is a set of addresses already",
        WITHIN,
    ),
    ("public in private", "public is a set of addresses already", WITHIN),
    ("x in nowhere", '"nowhere" behind `in` is no set of addresses', RANGES),
    ("x in localhost", '"localhost" behind `in` is no set of addresses', RANGES),
    ("x in private in public", '"private in public" behind `in` is no set of addresses', RANGES),
]


def refused(pattern: str) -> str:
    """What is said of a pattern."""
    with pytest.raises(ValueError, match=r"NetworkPolicy\(allow=...\)\[0\]") as error:
        NetworkPolicy(allow=[pattern])
    return str(error.value).removeprefix(f"NetworkPolicy(allow=...)[0] {pattern!r}: ")


@pytest.mark.parametrize(("pattern", "problem", "hint"), WRONG)
def test_wrong_pattern(pattern: str, problem: str, hint: str) -> None:
    """N-5: what is wrong, and the right form."""
    assert refused(pattern) == f"{problem}; {hint}"


@pytest.mark.parametrize(
    ("pattern", "problem", "advice"),
    [
        ("https://x/path", "is a path", "https://x"),
        ("https://x/", "is a path", "https://x"),
        ("http://x:8080/path", "is a path", "http://x:8080"),
        ("https://*.x.com/path", "is a path", "https://*.x.com"),
        ("x.com/path", "is a path", "x.com"),
        ("https://user@x", "holds a user name", "https://x"),
        ("https://user:password@x", "holds a user name", "https://x"),
        ("https://user:password@x:8443", "holds a user name", "https://x:8443"),
        ("https://127.1", "is an address", "https://127.0.0.1"),
        ("tcp://0x7f.1:22", "is an address", "tcp://127.0.0.1:22"),
        ("https://10.0.0.1/8", "has bits set", "https://10.0.0.0/8"),
        ("::ffff:10.0.0.0/104", "is an IPv4 address within IPv6", "10.0.0.0/8"),
        ("::ffff:0:0/96", "is an IPv4 address within IPv6", "0.0.0.0/0"),
        ("https://[::ffff:10.0.0.1]:8443", "is an IPv4 address within IPv6", "https://10.0.0.1:8443"),
        ("fd00::/8:443", "", "[fd00::/8]:443"),
        ("10.0.0/24", "", "10.0.0.0/24"),
        (".example.com", "", "*.example.com"),
        ("https://.example.com", "", "https://*.example.com"),
    ],
)
def test_advice_is_a_pattern_that_opens_no_more(pattern: str, problem: str, advice: str) -> None:
    """N-5: who does what the hint says loses neither scheme nor port, which would open all of them."""
    said = refused(pattern)
    assert problem in said
    hint = said.rpartition("; ")[2]
    assert re.search(rf"(?<!\S){re.escape(advice)}(?!\S)", hint), hint
    NetworkPolicy(allow=[advice])


@pytest.mark.parametrize(
    "pattern", ["x..com", "..x.com", "x.com;y", '"x.com"', "'x.com'", "!x.com", "x.com..", "[x.com]", "x%2ecom"]
)
def test_what_can_be_no_name_is_no_pattern(pattern: str) -> None:
    """N-5: as a denial it would deny nothing, and nobody would know."""
    refused(pattern)


def test_length_is_counted_in_characters() -> None:
    assert refused("é" * 401).startswith("the pattern has 401 characters")


@pytest.mark.parametrize("pattern", ["\ud800", "x\udfff.com", "https://\ud800 in private"])
def test_lone_surrogates(pattern: str) -> None:
    """No text at all, which is said of the pattern and not of some unpacking."""
    with pytest.raises(ValueError, match=r"NetworkPolicy\(allow=...\)\[0\]"):
        NetworkPolicy(allow=[pattern])


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "https://*:*",
        "x:80",
        "http://x",
        "localhost",
        "X.COM.",
        "  x.com  ",
        "a_b.x.com",
        "bücher.example",
        "*.bücher.example",
        "HTTPS://x.com:1-65535",
        "tcp://x.com:080",
        "public",
        "PUBLIC",
        "https://private:8443",
        "10.0.0.0/8",
        "10.0.0.1/32",
        "0.0.0.0/0",
        "::/0",
        "::1",
        "[::1]",
        "[::1]:80",
        "[fd00::/8]:5432-5433",
        "tcp://10.0.0.0/8:5432",
        "listen://127.0.0.1:8080",
        "listen://*:*",
        "listen://loopback",
        "tcp://x in private",
        "x.com  in  10.0.0.0/8",
        "*.x.com:443 in [fd00::/8]",
        "* in loopback",
        "x.com in ::1",
        f"{'a' * 63}.{'b' * 63}.{'c' * 63}.com",
    ],
)
def test_right_pattern(pattern: str) -> None:
    """N-6."""
    assert NetworkPolicy(allow=[pattern], deny=[pattern]).allow == (pattern,)


def test_the_first_wrong_one_is_named() -> None:
    """With its list and its place there."""
    with pytest.raises(ValueError, match=r"^NetworkPolicy\(allow=\.\.\.\)\[1\] 'x:0': "):
        NetworkPolicy(allow=["x.com", "x:0", ""], deny=["y:0"])
    with pytest.raises(ValueError, match=r"^NetworkPolicy\(deny=\.\.\.\)\[2\] 'y:0': "):
        NetworkPolicy(allow=["x.com"], deny=["x.com", "y.com", "y:0"])


@pytest.mark.parametrize("name", ["allow", "deny", "nameservers"])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x.com", "expected a list of texts, got str"),
        (b"x.com", "expected a list of texts, got bytes"),
        ({"x.com": 1}, "expected a list of texts, got dict"),
        (5, "expected a list of texts, got int"),
        (None, "expected a list of texts, got NoneType"),
        ([5], "expected texts, got int"),
        (["x.com", None], "expected texts, got NoneType"),
    ],
)
def test_lists_of_other_types(name: str, value: object, text: str) -> None:
    with pytest.raises(TypeError, match=rf"^NetworkPolicy\({name}=\.\.\.\): {text}$"):
        NetworkPolicy(**{name: value})  # type: ignore[arg-type]


def test_lists_of_any_kind() -> None:
    """They are kept as they were, whatever happens to the caller's."""
    texts = ["x.com"]
    policy = NetworkPolicy(allow=texts, deny=iter(["y.com"]))
    texts.append("z.com")
    assert (policy.allow, policy.deny) == (("x.com",), ("y.com",))
    assert not policy.allows("https://z.com")
