//! Stand-ins for imports nobody granted: they load, and trap when called (H-13).
//!
//! Interpreted guests (Python, JavaScript) and everything built with the preview 1 adapter import most of WASI whatever
//! their source uses; they must load without declaring it.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};
use wasmtime_wasi::p2::bindings::{cli, filesystem, io};

use crate::error::UngrantedImport;
use crate::groups::{Grants, Group, without_version};
use crate::state::State;

/// What calling this import raises.
pub fn ungranted(interface: &str, function: &str) -> UngrantedImport {
    let group = Group::of_interface(interface);
    UngrantedImport {
        interface: interface.to_owned(),
        function: function.to_owned(),
        group: group.map_or(String::new(), |group| group.name().to_owned()),
    }
}

pub fn link(linker: &mut Linker<State>, component: &Component, grants: &Grants) -> wasmtime::Result<()> {
    let engine = component.engine().clone();
    let resources = linked_resources(component, grants);
    for (name, item) in component.component_type().imports(&engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => stub(&mut linker.root(), "$root", name)?,
            ComponentItem::ComponentInstance(instance) if !is_linked(name, grants) => {
                let mut target = linker.instance(name)?;
                for (export, item) in instance.exports(&engine) {
                    match item.ty {
                        ComponentItem::ComponentFunc(_) => stub(&mut target, name, export)?,
                        ComponentItem::Resource(ty) => resource(&mut target, export, ty, &resources)?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The resource types of linked interfaces: as the component sees them, and as the host defines them.
fn linked_resources(component: &Component, grants: &Grants) -> Vec<(ResourceType, ResourceType)> {
    let engine = component.engine();
    let mut found = Vec::new();
    for (interface, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        if !is_linked(interface, grants) {
            continue;
        }
        for (name, item) in instance.exports(engine) {
            if let ComponentItem::Resource(ty) = item.ty
                && let Some(host) = host_resource(without_version(interface), name)
            {
                found.push((ty, host));
            }
        }
    }
    found
}

/// The host's type of a resource, where the interface defines it and does not merely use it.
fn host_resource(interface: &str, name: &str) -> Option<ResourceType> {
    Some(match (interface, name) {
        ("wasi:io/error", "error") => ResourceType::host::<io::error::Error>(),
        ("wasi:io/poll", "pollable") => ResourceType::host::<io::poll::Pollable>(),
        ("wasi:io/streams", "input-stream") => ResourceType::host::<io::streams::InputStream>(),
        ("wasi:io/streams", "output-stream") => ResourceType::host::<io::streams::OutputStream>(),
        ("wasi:filesystem/types", "descriptor") => ResourceType::host::<filesystem::types::Descriptor>(),
        ("wasi:filesystem/types", "directory-entry-stream") => {
            ResourceType::host::<filesystem::types::DirectoryEntryStream>()
        }
        ("wasi:cli/terminal-input", "terminal-input") => {
            ResourceType::host::<cli::terminal_input::TerminalInput>()
        }
        ("wasi:cli/terminal-output", "terminal-output") => {
            ResourceType::host::<cli::terminal_output::TerminalOutput>()
        }
        _ => return None,
    })
}

/// An interface nobody serves may use the resources of one that is served: then they must be the very same type. Its
/// own resources are never handed out, so dropping one cannot happen.
fn resource(
    target: &mut LinkerInstance<'_, State>,
    name: &str,
    ty: ResourceType,
    linked: &[(ResourceType, ResourceType)],
) -> wasmtime::Result<()> {
    let host = linked.iter().find(|(seen, _)| *seen == ty).map(|(_, host)| *host);
    target.resource(name, host.unwrap_or_else(ResourceType::host::<()>), |_, _| Ok(()))
}

/// Interfaces the other files of this folder linked.
fn is_linked(interface: &str, grants: &Grants) -> bool {
    grants.open(interface)
}

fn stub(target: &mut LinkerInstance<'_, State>, interface: &str, function: &str) -> wasmtime::Result<()> {
    let denied = ungranted(interface, function);
    target.func_new(function, move |_, _, _, _| Err(denied.clone().into()))
}
