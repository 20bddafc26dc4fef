"""What holds for every pattern and every address: N-3, N-4, N-6, N-8, N-9."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from hypothesis import example, given
from hypothesis import strategies as st

from wippy_native import NetworkPolicy
from wippy_native._border import NetworkRules

PIECES = [
    "://",
    "*.",
    "*",
    "[",
    "]",
    ":",
    "/",
    "-",
    " in ",
    ".",
    "@",
    "%",
    "::",
    "ffff",
    "xn--",
    "http",
    "listen",
    "all",
]
TEXTS = st.text() | st.lists(
    st.sampled_from([*PIECES, "10.0.0.0", "8", "0", "65536", "x", "é", "。", "private"]), max_size=8
).map("".join)

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda text: text[2:4] != "--")
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(".".join).filter(lambda name: not name.endswith("localhost"))
PORTS = st.integers(1, 65535)
IPV4 = st.ip_addresses(v=4).map(str)
BLOCKS = st.builds(
    lambda address, bits: ipaddress.ip_network((address, bits), strict=False),
    st.ip_addresses(v=4),
    st.integers(1, 32),
)
PUBLIC = "8.8.8.8"


@given(TEXTS)
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    """N-5: with list, index, text, problem and hint."""
    try:
        NetworkRules(["x.com", text], [])
    except ValueError as error:
        ((list_, index, pattern, problem, hint),) = error.args[0]
        assert (list_, index, pattern) == ("allow", 1, text)
        assert problem
        assert hint


@given(TEXTS, st.sampled_from(["", "http://", "tcp://"]))
@example("[::1].x", "http://")
def test_any_text_is_a_url_or_is_refused(text: str, scheme: str) -> None:
    """N-7: and no text leads to loopback, named or not, by default."""
    try:
        NetworkPolicy().allows(scheme + text)
        assert not NetworkPolicy(deny=["all"]).allows(scheme + text)
    except ValueError as error:
        assert "names no place" in str(error)  # noqa: PT017 - not every text is refused


@dataclass(frozen=True)
class Place:
    """A place, and the pattern of just it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def neighbours(self) -> list[Place]:
        # HTTP is a kind of TCP, so that other schemes are taken from those that are no kind of each other.
        others = {
            "http": ["https", "tcp", "udp"],
            "https": ["http", "tcp", "udp"],
            "tcp": ["udp"],
            "udp": ["tcp", "http"],
        }
        return [
            replace(self, port=self.port % 65535 + 1),
            *(replace(self, scheme=scheme) for scheme in others[self.scheme]),
        ]


PLACES = st.builds(Place, st.sampled_from(["http", "https", "tcp", "udp"]), NAMES, PORTS)


@given(PLACES)
def test_a_name_opens_itself_and_nothing_beside_it(place: Place) -> None:
    """N-6."""
    policy = NetworkPolicy(allow=[str(place)])
    assert policy.allows(str(place), [PUBLIC])
    assert policy.allows(str(replace(place, host=place.host.upper() + ".")), [PUBLIC])
    siblings = [f"x{place.host}", f"x.{place.host}", f"{place.host}.x", place.host.partition(".")[2]]
    for other in [*place.neighbours(), *(replace(place, host=host) for host in siblings)]:
        assert not policy.allows(str(other), [PUBLIC]), other
    # Nor the addresses that it has, under no name.
    assert not policy.allows(str(replace(place, host=PUBLIC)))


@given(PLACES, LABELS)
def test_a_wildcard_opens_what_is_below(place: Place, label: str) -> None:
    """N-6."""
    policy = NetworkPolicy(allow=[str(replace(place, host=f"*.{place.host}"))])
    below = replace(place, host=f"{label}.{place.host}")
    assert policy.allows(str(below), [PUBLIC])
    assert policy.allows(str(replace(below, host=f"a.{below.host}")), [PUBLIC])
    siblings = [place.host, f"{label}{place.host}", f"{label}-{place.host}", f"{below.host}.9evil"]
    for other in [*below.neighbours(), *(replace(place, host=host) for host in siblings)]:
        assert not policy.allows(str(other), [PUBLIC]), other


@given(NAMES, PORTS, PORTS, PORTS)
def test_a_range_of_ports(name: str, one: int, two: int, port: int) -> None:
    """N-6: both ends are of it."""
    first, last = sorted((one, two))
    policy = NetworkPolicy(allow=[f"{name}:{first}-{last}"])
    assert policy.allows(f"http://{name}:{first}")
    assert policy.allows(f"http://{name}:{last}")
    assert policy.allows(f"http://{name}:{port}") == (first <= port <= last)


@given(BLOCKS, IPV4)
def test_a_block_opens_its_addresses(block: ipaddress.IPv4Network, address: str) -> None:
    """N-6, N-10: to themselves, and to no name."""
    policy = NetworkPolicy(allow=[str(block)])
    assert policy.allows(f"http://{block[0]}")
    assert policy.allows(f"tcp://{block[-1]}:1")
    for outside in (int(block[0]) - 1, int(block[-1]) + 1):
        if 0 <= outside < 2**32:
            assert not policy.allows(f"http://{ipaddress.IPv4Address(outside)}")
    assert policy.allows(f"http://{address}") == (ipaddress.ip_address(address) in block)
    assert not policy.allows("http://x.example", [str(block[0])])


def spellings(address: ipaddress.IPv4Address) -> list[str]:
    """An address in the notations of URLs, within IPv6 and without."""
    number = int(address)
    high, low = number >> 16, number & 0xFFFF
    within = [
        f"::ffff:{high:x}:{low:x}",
        f"::ffff:{address}",
        f"::ffff:0:{high:x}:{low:x}",
        f"64:ff9b::{high:x}:{low:x}",
        f"2002:{high:x}:{low:x}::",
        f"2002:{high:x}:{low:x}:1:2:3:4:5",
    ]
    # The unspecified and the loopback address are IPv6's own.
    if number > 1:
        within.append(f"::{high:x}:{low:x}")
    return [str(number), f"0x{number:x}", f"0{number:o}", f"{address}.", *(f"[{text}]" for text in within)]


PATTERNS = st.sampled_from(
    ["public", "private", "loopback", "metadata", "all", "*", "http://10.0.0.0/7", "* in private"]
)
ANY_KIND = st.ip_addresses(v=4) | st.sampled_from(
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "8.8.8.8"]  # noqa: S104
).map(ipaddress.IPv4Address)


@given(ANY_KIND, st.lists(PATTERNS, max_size=2), st.lists(PATTERNS, max_size=1))
def test_every_spelling_has_the_same_verdict(address: ipaddress.IPv4Address, allow: list[str], deny: list[str]) -> None:
    """N-8."""
    policy = NetworkPolicy(allow=[*allow, "*.x.example in private"], deny=deny)
    expected = policy.allows(f"http://{address}")
    for spelling in spellings(address):
        assert policy.allows(f"http://{spelling}") == expected, spelling
        if spelling.startswith("["):
            name = "http://a.x.example"
            assert policy.allows(name, [spelling[1:-1]]) == policy.allows(name, [str(address)]), spelling


@given(BLOCKS, st.integers(0, 2**32 - 1))
def test_a_denied_block_is_denied_in_every_spelling(block: ipaddress.IPv4Network, offset: int) -> None:
    """N-3, N-8."""
    policy = NetworkPolicy(allow=["all"], deny=[str(block)])
    for spelling in spellings(block[offset % block.num_addresses]):
        assert not policy.allows(f"http://{spelling}"), spelling
        assert not policy.allows(f"udp://{spelling}:53"), spelling


ALL_PATTERNS = st.one_of(
    PATTERNS,
    NAMES,
    NAMES.map("*.{}".format),
    PLACES.map(str),
    BLOCKS.map(str),
    st.builds("{} in {}".format, NAMES, BLOCKS | st.sampled_from(["private", "loopback", "public", "all"])),
)
ANSWERS = st.lists(st.ip_addresses().map(str), max_size=3)


@given(ALL_PATTERNS, PLACES, ANSWERS)
def test_the_same_pattern_denied_opens_nothing(pattern: str, place: Place, answers: list[str]) -> None:
    """N-3."""
    # Every address is told, since a policy that denies addresses cannot judge a name alone.
    policy = NetworkPolicy(allow=[pattern], deny=[pattern])
    for url in (str(place), f"{place.scheme}://{PUBLIC}:{place.port}", "http://10.0.0.1", f"https://{pattern}"):
        try:
            assert not policy.allows(url, answers or [PUBLIC])
        except ValueError as error:
            assert url.endswith(pattern), error  # noqa: PT017 - not every pattern makes a URL


@given(st.lists(ALL_PATTERNS, max_size=3), st.lists(ALL_PATTERNS, max_size=2), ALL_PATTERNS, PLACES, ANSWERS)
def test_denials_only_narrow(allow: list[str], deny: list[str], more: str, place: Place, answers: list[str]) -> None:
    """N-3."""
    narrower = NetworkPolicy(allow=allow, deny=[*deny, more])
    if narrower.allows(str(place), answers):
        assert NetworkPolicy(allow=allow, deny=deny).allows(str(place), answers)


@given(st.lists(ALL_PATTERNS, min_size=1, max_size=3), ALL_PATTERNS, PLACES, ANSWERS)
def test_allowing_more_only_widens(allow: list[str], more: str, place: Place, answers: list[str]) -> None:
    """N-2: once there is a list."""
    if NetworkPolicy(allow=allow).allows(str(place), answers):
        assert NetworkPolicy(allow=[*allow, more]).allows(str(place), answers)


@given(ALL_PATTERNS, PLACES, ANSWERS)
def test_nothing_opens_listening_by_accident(pattern: str, place: Place, answers: list[str]) -> None:
    """N-12."""
    url = f"listen://{answers[0] if answers and ':' not in answers[0] else PUBLIC}:{place.port}"
    assert not NetworkPolicy(allow=[pattern]).allows(url)
    assert not NetworkPolicy().allows(url)
