//! `wippy_native._core`: the border between Python and [`wippy_host`].
//!
//! Conversion and lock work, nothing else: every decision is made on one of the two sides. No function here runs guest
//! code while it holds Python's lock, and no Python code runs on a guest's stack.

#![deny(unsafe_op_in_unsafe_fn)]

mod asking;
mod batch;
mod bridge;
mod callee;
mod command;
mod engine;
mod errors;
mod function;
mod home;
mod hooks;
mod instance;
mod lua;
mod module;
mod network;
mod output;
mod pending;
mod scope;
mod spec;
mod stats;
mod table;
mod values;

use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pymodule]
mod _core {
    use super::*;

    #[pymodule_export]
    use super::batch::Batch;
    #[pymodule_export]
    use super::bridge::Bridge;
    #[pymodule_export]
    use super::command::run_command;
    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::function::FunctionBase;
    #[pymodule_export]
    use super::hooks::exiting;
    #[pymodule_export]
    use super::instance::InstanceBase;
    #[pymodule_export]
    use super::lua::LuaModule;
    #[pymodule_export]
    use super::module::{Module, describe};
    #[pymodule_export]
    use super::network::{Network, NetworkRules, NetworkSpec, check_network};
    #[pymodule_export]
    use super::pending::Pending;
    #[pymodule_export]
    use super::scope::Scope;
    #[pymodule_export]
    use super::spec::FunctionSpec;
    #[pymodule_export]
    use super::table::Table;
    #[pymodule_export]
    use super::values::{ErrValue, OkValue, SomeValue, Variant};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("BUILD", build(module.py())?)
    }
}

fn build(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let build = PyDict::new(py);
    build.set_item("profile", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    build.set_item("rustc", env!("WIPPY_RUSTC"))?;
    build.set_item("wasmtime", env!("WIPPY_WASMTIME"))?;
    build.set_item("target", env!("WIPPY_TARGET"))?;
    Ok(build)
}
