//! The import groups, one file each, all of one shape.
//!
//! * `link` adds the interfaces of the group that this component imports and this entry declares;
//! * `prepare` gives one instance what its entry configures.
//!
//! What nobody linked is stubbed afterwards ([`stubs`]): it loads, and traps when it is called (H-13). Nothing is
//! shared between linkers, so one entry's declarations never reach another.

pub mod cli;
pub mod clocks;
pub mod filesystem;
pub mod funcs;
pub mod http;
pub mod io;
pub mod preview1;
pub mod random;
pub mod sockets;
pub mod stubs;

use std::collections::BTreeSet;

use wasmtime::component::{Component, Linker};

use crate::groups::{Grants, without_version};
use crate::state::State;

/// The interfaces, without their versions, that a component both imports and may use.
pub struct Wanted(BTreeSet<String>);

impl Wanted {
    pub fn new(component: &Component, grants: &Grants) -> Self {
        // Interfaces without functions count too: they hold the resource types of others.
        let imported = component.component_type();
        let imported = imported.imports(component.engine()).map(|(name, _)| name);
        Wanted(
            imported.filter(|name| grants.open(name)).map(|name| without_version(name).to_owned()).collect(),
        )
    }

    pub fn has(&self, interface: &str) -> bool {
        self.0.contains(interface)
    }

    pub fn any_of_package(&self, package: &str) -> bool {
        self.0.iter().any(|interface| interface.starts_with(package))
    }

    /// Whether a call may have to wait, and so needs a fiber.
    pub fn can_wait(&self) -> bool {
        ["wasi:io/poll", "wasi:io/streams", "wasi:filesystem/types", funcs::INTERFACE]
            .iter()
            .any(|interface| self.has(interface))
            || self.network()
    }

    /// Whether an instance may reach out.
    pub fn network(&self) -> bool {
        self.any_of_package("wasi:sockets/") || self.any_of_package("wasi:http/")
    }

    /// Whether an instance needs a WASI context at all.
    pub fn wasi(&self) -> bool {
        self.any_of_package("wasi:")
    }
}

/// The linker of one entry: what it declares, and stubs for the rest.
pub fn linker(component: &Component, grants: &Grants) -> wasmtime::Result<(Linker<State>, Wanted)> {
    let wanted = Wanted::new(component, grants);
    let mut linker = Linker::new(component.engine());
    io::link(&mut linker, &wanted)?;
    cli::link(&mut linker, &wanted)?;
    clocks::link(&mut linker, &wanted)?;
    filesystem::link(&mut linker, &wanted)?;
    random::link(&mut linker, &wanted)?;
    sockets::link(&mut linker, &wanted)?;
    http::link(&mut linker, &wanted)?;
    funcs::link(&mut linker, &wanted)?;
    stubs::link(&mut linker, component, grants)?;
    Ok((linker, wanted))
}
