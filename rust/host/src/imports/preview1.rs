//! `wasi_snapshot_preview1` for core modules, under the same groups as components (F-17, H-4).
//!
//! Preview 1 is one namespace, so a group that is not declared is refused function by function, with the errno for
//! missing capabilities: clocks and random numbers. Arguments, environment, streams and directories are refused by
//! being absent.

use wasmtime::{Engine, ExternType, Linker, Module, Val};

use super::stubs::ungranted;
use crate::error::Failure;
use crate::groups::{Grants, Group};
use crate::state::State;

const NAMESPACE: &str = "wasi_snapshot_preview1";
/// The errno `notcapable`.
const NOT_CAPABLE: i32 = 76;
/// What each group opens here.
const GUARDED: &[(Group, &[&str])] =
    &[(Group::Clocks, &["clock_time_get", "clock_res_get", "poll_oneoff"]), (Group::Random, &["random_get"])];

/// Whether instances of `module` need a preview 1 context.
pub fn is_used(module: &Module, grants: &Grants) -> bool {
    grants.preview1() && module.imports().any(|import| import.module() == NAMESPACE)
}

/// The linker of one core module: preview 1 where it is granted, stubs for every other function.
pub fn linker(engine: &Engine, module: &Module, grants: &Grants) -> Result<Linker<State>, Failure> {
    let failed = |error: wasmtime::Error| Failure::load(format!("failed to compile wasm module: {error:#}"));
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    if is_used(module, grants) {
        wasmtime_wasi::p1::add_to_linker_async(&mut linker, State::preview1).map_err(failed)?;
    }
    for import in module.imports() {
        let (namespace, name) = (import.module(), import.name());
        let ExternType::Func(ty) = import.ty() else {
            let what = import.ty();
            let text =
                format!("failed to compile wasm module: unresolved import \"{namespace}#{name}\": {what:?}");
            return Err(Failure::load(text));
        };
        if namespace == NAMESPACE && grants.preview1() {
            if is_refused(name, grants) {
                linker
                    .func_new(NAMESPACE, name, ty, |_, _, results| {
                        results[0] = Val::I32(NOT_CAPABLE);
                        Ok(())
                    })
                    .map_err(failed)?;
            }
        } else {
            let denied = ungranted(namespace, name);
            linker
                .func_new(namespace, name, ty, move |_, _, _| Err(denied.clone().into()))
                .map_err(failed)?;
        }
    }
    Ok(linker)
}

fn is_refused(function: &str, grants: &Grants) -> bool {
    GUARDED.iter().any(|(group, functions)| functions.contains(&function) && !grants.has(*group))
}
