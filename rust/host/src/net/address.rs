//! What kind of place an IP address is.
//!
//! The tables are IANA's special-purpose registries (RFC 6890 and its updates) and the metadata services of the large
//! clouds. An IPv4 address can be written inside an IPv6 one in several ways; all of them are the same place, so every
//! question here is asked about the [`canonical`] form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kinds of places a policy tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Anything on the internet.
    Public,
    Loopback,
    /// RFC 1918 and unique local IPv6 addresses.
    Private,
    LinkLocal,
    /// Carrier-grade NAT (RFC 6598).
    Shared,
    Multicast,
    Broadcast,
    Unspecified,
    Documentation,
    /// What clouds tell their machines, credentials included.
    Metadata,
    /// Everything else that is not on the internet.
    Reserved,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Public => "a public address",
            Kind::Loopback => "a loopback address",
            Kind::Private => "a private address",
            Kind::LinkLocal => "a link-local address",
            Kind::Shared => "an address of carrier-grade NAT",
            Kind::Multicast => "a multicast address",
            Kind::Broadcast => "a broadcast address",
            Kind::Unspecified => "the unspecified address",
            Kind::Documentation => "a documentation address",
            Kind::Metadata => "a cloud metadata address",
            Kind::Reserved => "a reserved address",
        })
    }
}

/// The IPv4 address where an IPv6 one stands for it, else the address itself.
pub fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => embedded(v6).map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// The IPv4 address that packets to this one end at.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        // The unspecified and the loopback address are IPv6's own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // IPv4-compatible (RFC 4291, obsolete), -mapped, -translated (RFC 2765).
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        // NAT64's well-known prefix (RFC 6052).
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        // 6to4 (RFC 3056).
        | [0x2002, high, low, ..] => pair(high, low),
        _ => None,
    }
}

/// The kind of place of an address, however it is written.
pub fn kind(ip: IpAddr) -> Kind {
    let ip = canonical(ip);
    if is_metadata(ip) {
        return Kind::Metadata;
    }
    match ip {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

fn is_metadata(ip: IpAddr) -> bool {
    match ip {
        // AWS, GCP, Azure, OpenStack and others; AWS ECS; AWS EKS; Alibaba; Oracle; Azure's host.
        IpAddr::V4(v4) => matches!(
            v4.octets(),
            [169, 254, 169, 254]
                | [169, 254, 170, 2]
                | [169, 254, 170, 23]
                | [100, 100, 100, 200]
                | [192, 0, 0, 192]
                | [168, 63, 129, 16]
        ),
        // AWS; AWS EKS; GCP.
        IpAddr::V6(v6) => matches!(
            v6.segments(),
            [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x23] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
        ),
    }
}

fn kind_v4(ip: Ipv4Addr) -> Kind {
    match ip.octets() {
        [0, 0, 0, 0] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [169, 254, ..] => Kind::LinkLocal,
        [100, 64..=127, ..] => Kind::Shared,
        [224..=239, ..] => Kind::Multicast,
        [255, 255, 255, 255] => Kind::Broadcast,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Documentation,
        // This network, IETF assignments, the 6to4 relay, benchmarking, class E.
        [0, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [240..=255, ..] => Kind::Reserved,
        _ => Kind::Public,
    }
}

fn kind_v6(ip: Ipv6Addr) -> Kind {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0xfc00..=0xfdff, ..] => Kind::Private,
        // fec0::/10 is link-local's retired neighbour, site-local.
        [0xfe80..=0xfeff, ..] => Kind::LinkLocal,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Kind::Documentation,
        // ISATAP (RFC 5214): a tunnel to the IPv4 address in the last half, whatever the prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Kind::Reserved,
        // Teredo, benchmarking, ORCHID and the rest of IETF's assignments.
        [0x2001, 0..=0x1ff, ..] => Kind::Reserved,
        // What is allocated to the world at all.
        [0x2000..=0x3fff, ..] => Kind::Public,
        // NAT64 of the local network (RFC 8215), discard-only, segment routing, unallocated.
        _ => Kind::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Kind {
        kind(text.parse().expect(text))
    }

    #[test]
    fn every_range_has_its_kind_up_to_its_edges() {
        for (kind, addresses) in [
            (Kind::Unspecified, "0.0.0.0 ::"),
            (Kind::Loopback, "127.0.0.0 127.0.0.1 127.255.255.255 ::1"),
            (Kind::Private, "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255"),
            (Kind::Private, "fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Kind::LinkLocal, "169.254.0.0 169.254.255.255 fe80:: febf:ffff:: fec0::1"),
            (Kind::Shared, "100.64.0.0 100.127.255.255"),
            (Kind::Multicast, "224.0.0.0 239.255.255.255 ff00:: ff02::1 ffff::"),
            (Kind::Broadcast, "255.255.255.255"),
            (Kind::Documentation, "192.0.2.0 198.51.100.255 203.0.113.7 2001:db8:: 3fff::1 3fff:fff::"),
            (Kind::Metadata, "169.254.169.254 169.254.170.2 100.100.100.200 192.0.0.192 168.63.129.16"),
            (Kind::Metadata, "fd00:ec2::254 fd00:ec2::23 fd20:ce::254"),
            (
                Kind::Reserved,
                "0.0.0.1 192.0.0.1 192.88.99.1 198.18.0.0 198.19.255.255 240.0.0.0 255.255.255.254",
            ),
            (Kind::Reserved, "64:ff9b:1::1 100::1 2001::1 2001:1ff:: 5f00::1 4000::1 2a00::5efe:808:808"),
            (
                Kind::Public,
                "9.255.255.255 11.0.0.0 126.255.255.255 128.0.0.0 172.15.0.0 172.32.0.0 192.167.1.1",
            ),
            (
                Kind::Public,
                "100.63.255.255 100.128.0.0 169.253.255.255 223.255.255.255 198.20.0.0 168.63.129.17",
            ),
            (Kind::Public, "2001:200:: 2001:db9:: 2a00:1450:4001::1 3fff:1000:: 2606:4700::1111"),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(of(address), kind, "{address}");
            }
        }
    }

    #[test]
    fn an_address_within_another_is_the_same_place() {
        for inner in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "8.8.8.8", "255.255.255.255"] {
            let v4: Ipv4Addr = inner.parse().unwrap();
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for outer in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 5, 6, 7, 8, 9),
            ] {
                assert_eq!(canonical(IpAddr::V6(outer)), IpAddr::V4(v4), "{outer}");
                assert_eq!(kind(IpAddr::V6(outer)), of(inner), "{outer}");
            }
        }
    }
}
