//! Addresses, their text, and names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::wasi::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};

pub fn code(code: ErrorCode) -> String {
    code.name().into()
}

pub fn parse(ip: &str) -> Result<IpAddr, String> {
    ip.parse().map_err(|_| "bad-address".into())
}

pub fn socket_address(ip: IpAddr, port: u16) -> IpSocketAddress {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) })
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            let address = (a, b, c, d, e, f, g, h);
            IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 })
        }
    }
}

pub fn family(ip: IpAddr) -> IpAddressFamily {
    if ip.is_ipv4() { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 }
}

pub fn unspecified(family: IpAddressFamily) -> IpAddr {
    match family {
        IpAddressFamily::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        IpAddressFamily::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

pub fn port(address: IpSocketAddress) -> u16 {
    std_address(address).port()
}

pub fn text(address: IpSocketAddress) -> String {
    std_address(address).to_string()
}

fn std_address(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(a) => SocketAddr::new(std_ip(IpAddress::Ipv4(a.address)), a.port),
        IpSocketAddress::Ipv6(a) => SocketAddr::new(std_ip(IpAddress::Ipv6(a.address)), a.port),
    }
}

fn std_ip(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
    }
}

pub fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    let addresses = resolve_addresses(&instance_network(), name).map_err(code)?;
    let ready = addresses.subscribe();
    let mut all = Vec::new();
    loop {
        match addresses.resolve_next_address() {
            Ok(Some(address)) => all.push(std_ip(address)),
            Ok(None) => return Ok(all),
            Err(ErrorCode::WouldBlock) => ready.block(),
            Err(error) => return Err(code(error)),
        }
    }
}
