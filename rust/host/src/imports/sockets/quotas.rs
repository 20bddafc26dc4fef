//! The functions of `wasi:sockets` that open sockets or move data, with what guests may take in front of them.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp::{
    HostIncomingDatagramStream as _, HostOutgoingDatagramStream as _, HostUdpSocket, IncomingDatagram,
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView as _;

use super::{counted, interface};
use crate::imports::Wanted;
use crate::net::pattern::Scheme;
use crate::net::quota::{Over, Permit};
use crate::state::State;

/// As many as the library permits at a time.
const DATAGRAMS: usize = 16;

/// Room for each open socket, by its handle in the instance's table.
pub type OpenSockets = HashMap<u32, Permit>;

type Store<'a> = StoreContextMut<'a, State>;
type Family = (IpAddressFamily,);
type OfTcp = (Resource<TcpSocket>,);
type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);
type Accepted = (Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>);
type Receive = (Resource<IncomingDatagramStream>, u64);
type Send = (Resource<OutgoingDatagramStream>, Vec<OutgoingDatagram>);

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    if wanted.has("wasi:sockets/tcp-create-socket") {
        let mut instance = linker.instance(interface!("tcp-create-socket"))?;
        instance.func_wrap("create-tcp-socket", |mut store: Store<'_>, (family,): Family| {
            Ok((create_tcp(store.data_mut(), family)?,))
        })?;
    }
    if wanted.has("wasi:sockets/udp-create-socket") {
        let mut instance = linker.instance(interface!("udp-create-socket"))?;
        instance.func_wrap_async("create-udp-socket", |mut store: Store<'_>, (family,): Family| {
            Box::new(async move { Ok((create_udp(store.data_mut(), family).await?,)) })
        })?;
    }
    if wanted.has("wasi:sockets/tcp") {
        link_tcp(linker)?;
    }
    if wanted.has("wasi:sockets/udp") {
        link_udp(linker)?;
    }
    Ok(())
}

fn link_tcp(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(interface!("tcp"))?;
    instance.resource("tcp-socket", ResourceType::host::<TcpSocket>(), |mut store: Store<'_>, rep| {
        HostTcpSocket::drop(&mut store.data_mut().sockets(), Resource::new_own(rep))?;
        store.data_mut().open_sockets().remove(&rep);
        Ok(())
    })?;
    instance.func_wrap("[method]tcp-socket.finish-connect", |mut store: Store<'_>, (socket,): OfTcp| {
        Ok((finish_connect(store.data_mut(), socket)?,))
    })?;
    instance.func_wrap("[method]tcp-socket.accept", |mut store: Store<'_>, (socket,): OfTcp| {
        Ok((accept(store.data_mut(), socket)?,))
    })
}

fn link_udp(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(interface!("udp"))?;
    instance.resource("udp-socket", ResourceType::host::<UdpSocket>(), |mut store: Store<'_>, rep| {
        HostUdpSocket::drop(&mut store.data_mut().sockets(), Resource::new_own(rep))?;
        store.data_mut().open_sockets().remove(&rep);
        Ok(())
    })?;
    instance.func_wrap(
        "[method]incoming-datagram-stream.receive",
        |mut store: Store<'_>, (stream, most): Receive| Ok((receive(store.data_mut(), stream, most)?,)),
    )?;
    instance.func_wrap_async(
        "[method]outgoing-datagram-stream.send",
        |mut store: Store<'_>, (stream, datagrams): Send| {
            Box::new(async move { Ok((send(store.data_mut(), stream, datagrams).await?,)) })
        },
    )
}

/// The inner error is the guest's, the outer one ends it.
type Answer<T> = wasmtime::Result<Result<T, ErrorCode>>;

fn answer<T>(result: SocketResult<T>) -> Answer<T> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}

/// A socket that cannot be made for a reason that has no code: the process has no descriptor left.
fn made<T>(result: SocketResult<T>) -> Answer<T> {
    let unknown = |code| if code == ErrorCode::Unknown { ErrorCode::NewSocketLimit } else { code };
    Ok(answer(result)?.map_err(unknown))
}

fn permit(state: &State) -> Result<Permit, ErrorCode> {
    let guest = state.network();
    guest.access.within(guest.meter.socket()).map_err(|_| ErrorCode::NewSocketLimit)
}

fn create_tcp(state: &mut State, family: IpAddressFamily) -> Answer<Resource<TcpSocket>> {
    let permit = match permit(state) {
        Ok(permit) => permit,
        Err(code) => return Ok(Err(code)),
    };
    let created = made(tcp_create_socket::Host::create_tcp_socket(&mut state.sockets(), family))?;
    if let Ok(socket) = &created {
        state.open_sockets().insert(socket.rep(), permit);
    }
    Ok(created)
}

async fn create_udp(state: &mut State, family: IpAddressFamily) -> Answer<Resource<UdpSocket>> {
    let permit = match permit(state) {
        Ok(permit) => permit,
        Err(code) => return Ok(Err(code)),
    };
    let created = made(udp_create_socket::Host::create_udp_socket(&mut state.sockets(), family).await)?;
    if let Ok(socket) = &created {
        state.open_sockets().insert(socket.rep(), permit);
    }
    Ok(created)
}

fn finish_connect(state: &mut State, socket: Resource<TcpSocket>) -> Answer<Streams> {
    let connected = answer(state.sockets().finish_connect(socket))?;
    if let Ok((input, output)) = &connected {
        let guest = Arc::clone(state.network());
        counted::count(state.sockets().table, &guest, input, output)?;
    }
    Ok(connected)
}

fn accept(state: &mut State, socket: Resource<TcpSocket>) -> Answer<Accepted> {
    let permit = match permit(state) {
        Ok(permit) => permit,
        Err(code) => return Ok(Err(code)),
    };
    let accepted = answer(state.sockets().accept(socket))?;
    if let Ok((socket, input, output)) = &accepted {
        state.open_sockets().insert(socket.rep(), permit);
        let guest = Arc::clone(state.network());
        counted::count(state.sockets().table, &guest, input, output)?;
    }
    Ok(accepted)
}

fn receive(
    state: &mut State,
    stream: Resource<IncomingDatagramStream>,
    most: u64,
) -> Answer<Vec<IncomingDatagram>> {
    let received = answer(state.sockets().receive(stream, most))?;
    let bytes = received.iter().flatten().map(|datagram| datagram.data.len()).sum();
    Ok(within(state, state.network().meter.receive(bytes)).and(received))
}

async fn send(
    state: &mut State,
    stream: Resource<OutgoingDatagramStream>,
    datagrams: Vec<OutgoingDatagram>,
) -> Answer<u64> {
    // The library asks in the background, and what it is told there does not reach the guest.
    let guest = Arc::clone(state.network());
    // More than it lets a guest send at a time, and refuses.
    let asked = if datagrams.len() > DATAGRAMS { &[] } else { &datagrams[..] };
    for address in asked.iter().filter_map(|datagram| datagram.remote_address) {
        if !guest.may_connect(Scheme::Udp, address.into()).await {
            return Ok(Err(ErrorCode::AccessDenied));
        }
    }
    let bytes = datagrams.iter().map(|datagram| datagram.data.len()).sum();
    if let Err(code) = within(state, state.network().meter.send(bytes)) {
        return Ok(Err(code));
    }
    answer(state.sockets().send(stream, datagrams))
}

/// Datagrams over a limit: the guest's buffers, so to speak, are full.
fn within(state: &State, counted: Result<(), Over>) -> Result<(), ErrorCode> {
    state.network().access.within(counted).map_err(|_| ErrorCode::OutOfMemory)
}
