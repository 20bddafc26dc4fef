//! UDP, as client and as server.

use crate::names::{self, code};
use crate::streams;
use crate::tcp;
use crate::wasi::io::poll;
use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use crate::wasi::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use crate::wasi::sockets::udp_create_socket::create_udp_socket;

const PATIENCE_MS: u32 = 2000;

pub fn create(family: IpAddressFamily) -> Result<UdpSocket, String> {
    create_udp_socket(family).map_err(code)
}

fn bound(family: IpAddressFamily, address: IpSocketAddress) -> Result<UdpSocket, String> {
    let socket = create(family)?;
    socket.start_bind(&instance_network(), address).map_err(code)?;
    loop {
        match socket.finish_bind() {
            Ok(()) => return Ok(socket),
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            Err(error) => return Err(code(error)),
        }
    }
}

fn bound_to(ip: &str, port: u16) -> Result<UdpSocket, String> {
    let ip = names::parse(ip)?;
    bound(names::family(ip), names::socket_address(ip, port))
}

fn local_port(socket: &UdpSocket) -> Result<u16, String> {
    socket.local_address().map(names::port).map_err(code)
}

fn send(to: &OutgoingDatagramStream, data: Vec<u8>, remote: Option<IpSocketAddress>) -> Result<(), String> {
    while to.check_send().map_err(code)? == 0 {
        to.subscribe().block();
    }
    match to.send(&[OutgoingDatagram { data, remote_address: remote }]).map_err(code)? {
        1 => Ok(()),
        sent => Err(format!("sent {sent}")),
    }
}

pub fn bind(ip: &str, port: u16) -> Result<u16, String> {
    local_port(&bound_to(ip, port)?)
}

pub fn exchange(ip: &str, port: u16, data: Vec<u8>, connected: bool) -> Result<Vec<u8>, String> {
    let ip = names::parse(ip)?;
    let remote = names::socket_address(ip, port);
    let family = names::family(ip);
    let socket = bound(family, names::socket_address(names::unspecified(family), 0))?;
    let (of_stream, of_datagram) = if connected { (Some(remote), None) } else { (None, Some(remote)) };
    let (incoming, outgoing) = socket.stream(of_stream).map_err(code)?;
    send(&outgoing, data, of_datagram)?;
    receive_soon(&incoming)
}

fn receive_soon(from: &IncomingDatagramStream) -> Result<Vec<u8>, String> {
    let (ready, timer) = (from.subscribe(), streams::timer(PATIENCE_MS));
    loop {
        if let Some(datagram) = from.receive(1).map_err(code)?.pop() {
            return Ok(datagram.data);
        }
        if timer.ready() {
            return Err("timeout".into());
        }
        poll::poll(&[&ready, &timer]);
    }
}

pub fn serve(ip: &str, port: u16, count: u32, announce_ip: &str, announce_port: u16) -> Result<u32, String> {
    let socket = bound_to(ip, port)?;
    let (incoming, outgoing) = socket.stream(None).map_err(code)?;
    tcp::announce(local_port(&socket)?, announce_ip, announce_port)?;
    let mut served = 0;
    while served < count {
        incoming.subscribe().block();
        for datagram in incoming.receive(1).map_err(code)? {
            send(&outgoing, datagram.data, Some(datagram.remote_address))?;
            served += 1;
        }
    }
    Ok(served)
}
