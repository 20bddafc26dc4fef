//! `wasi:sockets/ip-name-lookup`: through the runtime's resolver, with what the policy refuses left out.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::vec;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::interface;
use crate::net::guest::NoAddress;
use crate::net::resolve::Unresolved;
use crate::net::target::HostName;
use crate::state::State;

type Found = Result<vec::IntoIter<IpAddr>, ErrorCode>;

/// A lookup, and the addresses that were not asked for yet.
enum Lookup {
    UnderWay(AbortOnDropJoinHandle<Found>),
    Done(Found),
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        if let Lookup::UnderWay(task) = self {
            *self = Lookup::Done(task.await);
        }
    }
}

type Asked = (Resource<Network>, String);
type OfLookup = (Resource<Lookup>,);

pub fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(interface!("ip-name-lookup"))?;
    instance.resource(
        "resolve-address-stream",
        ResourceType::host::<Lookup>(),
        |mut store: StoreContextMut<'_, State>, rep| {
            store.data_mut().ctx().table.delete(Resource::<Lookup>::new_own(rep))?;
            Ok(())
        },
    )?;
    instance.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (network, name): Asked| {
            store.data_mut().ctx().table.get(&network)?;
            Ok((start(store.data_mut(), &name)?,))
        },
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: StoreContextMut<'_, State>, (lookup,): OfLookup| {
            let lookup = store.data_mut().ctx().table.get_mut(&lookup)?;
            Ok((next(lookup),))
        },
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: StoreContextMut<'_, State>, (lookup,): OfLookup| {
            let pollable: Resource<DynPollable> = subscribe(store.data_mut().ctx().table, lookup)?;
            Ok((pollable,))
        },
    )
}

fn start(state: &mut State, name: &str) -> wasmtime::Result<Result<Resource<Lookup>, ErrorCode>> {
    let bare = name.parse::<Ipv6Addr>().map(|ip| HostName::from(IpAddr::V6(ip))).ok();
    let Some(host) = bare.or_else(|| HostName::parse(name)) else {
        return Ok(Err(ErrorCode::InvalidArgument));
    };
    let guest = Arc::clone(state.network());
    let task = spawn(async move {
        let found = guest.look_up(host).await.map_err(|none| error_code(&none))?;
        Ok(found.into_iter())
    });
    Ok(Ok(state.ctx().table.push(Lookup::UnderWay(task))?))
}

fn next(lookup: &mut Lookup) -> Result<Option<IpAddress>, ErrorCode> {
    match lookup {
        Lookup::UnderWay(_) => Err(ErrorCode::WouldBlock),
        Lookup::Done(Ok(addresses)) => Ok(addresses.next().map(IpAddress::from)),
        Lookup::Done(Err(code)) => Err(*code),
    }
}

fn error_code(none: &NoAddress) -> ErrorCode {
    match none {
        NoAddress::Refused => ErrorCode::AccessDenied,
        NoAddress::Unresolved(Unresolved::NoSuchName) => ErrorCode::NameUnresolvable,
        NoAddress::Unresolved(Unresolved::Temporary | Unresolved::TimedOut) => {
            ErrorCode::TemporaryResolverFailure
        }
        NoAddress::Unresolved(Unresolved::Failed(_)) => ErrorCode::PermanentResolverFailure,
    }
}
