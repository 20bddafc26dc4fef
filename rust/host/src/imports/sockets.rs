//! `wasi:sockets`: TCP, UDP and name lookup where the policy lets the entry go (H-75 to H-78).
//!
//! Sockets are the library's. It asks us about every address before it uses one; names are looked up by our own
//! resolver, and what sockets are open and what they carry is counted.

mod counted;
mod lookup;
mod quotas;

use std::net::SocketAddr;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::LinkOptions;
use wasmtime_wasi::p2::bindings::sockets::{
    instance_network, network, tcp, tcp_create_socket, udp, udp_create_socket,
};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSockets, WasiSocketsView as _};

use super::Wanted;
use crate::net::guest::{GuestNetwork, Wish};
use crate::net::pattern::Scheme;
use crate::state::State;

pub use quotas::OpenSockets;

/// The version the library's bindings are made for; the linker serves every other 0.2 from it.
macro_rules! interface {
    ($name:literal) => {
        concat!("wasi:sockets/", $name, "@0.2.12")
    };
}
use interface;

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    if wanted.has("wasi:sockets/network") {
        let options = LinkOptions::default();
        network::add_to_linker::<State, WasiSockets>(linker, &(&options).into(), State::sockets)?;
    }
    if wanted.has("wasi:sockets/instance-network") {
        instance_network::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    }
    if wanted.has("wasi:sockets/tcp") {
        tcp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    }
    if wanted.has("wasi:sockets/tcp-create-socket") {
        tcp_create_socket::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    }
    if wanted.has("wasi:sockets/udp") {
        udp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    }
    if wanted.has("wasi:sockets/udp-create-socket") {
        udp_create_socket::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    }
    if wanted.has("wasi:sockets/ip-name-lookup") {
        lookup::link(linker)?;
    }
    linker.allow_shadowing(true);
    quotas::link(linker, wanted)?;
    linker.allow_shadowing(false);
    Ok(())
}

pub fn prepare(builder: &mut WasiCtxBuilder, guest: &Arc<GuestNetwork>) {
    let guest = Arc::clone(guest);
    builder.allow_tcp(true).allow_udp(true).socket_addr_check(move |address, purpose| {
        let guest = Arc::clone(&guest);
        Box::pin(async move { may_use(&guest, address, purpose).await })
    });
}

async fn may_use(guest: &GuestNetwork, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    match purpose {
        SocketAddrUse::TcpConnect => guest.may_connect(Scheme::Tcp, address).await,
        SocketAddrUse::UdpSend => guest.may_connect(Scheme::Udp, address).await,
        SocketAddrUse::UdpReceive => guest.may_receive(address),
        // What every socket does that goes out, by itself or because WASI asks for it.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind
            if address.ip().is_unspecified() && address.port() == 0 =>
        {
            true
        }
        SocketAddrUse::TcpBind => guest.may_listen(address, Wish::BindTcp).await,
        SocketAddrUse::UdpBind => guest.may_listen(address, Wish::BindUdp).await,
        SocketAddrUse::TcpListen => guest.may_listen(address, Wish::Listen).await,
        SocketAddrUse::TcpAccept => guest.may_accept(address),
    }
}
