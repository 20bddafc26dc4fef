//! Stand-ins for imports nobody granted: they load, and trap when called (H-13).
//!
//! Interpreted guests (Python, JavaScript) and everything built with the preview 1 adapter import most of WASI whatever
//! their source uses; they must load without declaring it.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};

use crate::error::UngrantedImport;
use crate::groups::{Grants, Group};
use crate::state::State;

/// What calling this import raises.
pub fn ungranted(interface: &str, function: &str, grants: &Grants) -> UngrantedImport {
    let group = Group::of_interface(interface);
    UngrantedImport {
        interface: interface.to_owned(),
        function: function.to_owned(),
        group: group.map_or(String::new(), |group| group.name().to_owned()),
        unsupported: group.is_some_and(|group| grants.has(group) && !group.is_supported()),
    }
}

pub fn link(linker: &mut Linker<State>, component: &Component, grants: &Grants) -> wasmtime::Result<()> {
    let engine = component.engine().clone();
    for (name, item) in component.component_type().imports(&engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => stub(&mut linker.root(), "$root", name, grants)?,
            ComponentItem::ComponentInstance(instance) if !is_linked(name, grants) => {
                let mut target = linker.instance(name)?;
                for (export, item) in instance.exports(&engine) {
                    match item.ty {
                        ComponentItem::ComponentFunc(_) => stub(&mut target, name, export, grants)?,
                        // Dropping a handle that was never handed out cannot happen; it is harmless all the same.
                        ComponentItem::Resource(_) => {
                            target.resource(export, ResourceType::host::<()>(), |_, _| Ok(()))?;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Interfaces the other files of this folder linked.
fn is_linked(interface: &str, grants: &Grants) -> bool {
    grants.open(interface) && Group::of_interface(interface).is_some_and(Group::is_supported)
}

fn stub(
    target: &mut LinkerInstance<'_, State>,
    interface: &str,
    function: &str,
    grants: &Grants,
) -> wasmtime::Result<()> {
    let denied = ungranted(interface, function, grants);
    target.func_new(function, move |_, _, _, _| Err(denied.clone().into()))
}
