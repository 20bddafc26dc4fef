//! `_core.run_command`: a command component or preview 1 command on the process's own streams.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use wippy_host::call::{Caller, Options};
use wippy_host::error::{Abort, Failure, What};
use wippy_host::function::Function;
use wippy_host::groups::{Grants, Group};
use wippy_host::imports::cli::Stdin;
use wippy_host::imports::filesystem::Mount;
use wippy_host::limits::InstanceLimits;
use wippy_host::module::{Code, Module as HostModule};
use wippy_host::net::access::NetworkSpec;
use wippy_host::net::{Network, NetworkOptions};
use wippy_host::spec::{Env, Spec};
use wippy_host::streams::Output;
use wippy_host::table::{Log, Table, TreeLimits};
use wippy_host::values::Arguments;
use wippy_host::values::ResultStyle;
use wippy_lua::host::Level;
use wippy_lua::value::Value;

use crate::engine::Engine;
use crate::errors::raise;
use crate::hooks::{Signals, interrupt};
use crate::module::Module;

/// What a command gets: everything but functions and the network.
const GROUPS: [Group; 5] = [Group::Cli, Group::Io, Group::Clocks, Group::Filesystem, Group::Random];

#[pyfunction]
#[pyo3(signature = (
    engine, module, *, args=vec![], env=vec![], mounts=vec![], stdin=None, max_execution_ms=0,
    max_memory_bytes=1 << 32
))]
#[expect(clippy::too_many_arguments, reason = "one keyword a field, as Python has it")]
pub fn run_command(
    py: Python<'_>,
    engine: &Engine,
    module: &Module,
    args: Vec<String>,
    env: Vec<(String, String)>,
    mounts: Vec<(PathBuf, String, bool)>,
    stdin: Option<PyBackedBytes>,
    max_execution_ms: u64,
    max_memory_bytes: u64,
) -> PyResult<i32> {
    let _ = engine;
    let mounts = mounts.into_iter().map(|(host, guest, writable)| Mount { host, guest, writable }).collect();
    let method = match run_export(&module.inner) {
        Some(method) => method,
        None => {
            let text = "not a command: it exports neither wasi:cli/run nor, as a core module, _start; \
                        call one of its functions through a registry instead";
            return Err(raise(py, Failure::load(text), None));
        }
    };
    let spec = Spec {
        id: "command".into(),
        method,
        wit: Some("_start: func();".to_owned()),
        grants: Grants::new(GROUPS),
        strict_imports: false,
        capacity: 1,
        inline: true,
        warm_start: false,
        reuse: 1,
        max_execution: (max_execution_ms > 0).then(|| Duration::from_millis(max_execution_ms)),
        limits: InstanceLimits { memory_bytes: max_memory_bytes, table_elements: 1 << 20 },
        max_result_bytes: 1 << 20,
        max_output_bytes: 0,
        args,
        cwd: "/".to_owned(),
        env: Env::Fixed(env.into()),
        mounts,
        network: NetworkSpec::default(),
    };
    let options = Options {
        timeout: None,
        stdin: stdin.map_or(Stdin::Inherit, |bytes| Stdin::Bytes(bytes.as_ref().into())),
        stdout: Output::Inherit,
        stderr: Output::Inherit,
        export: None,
    };
    let ended = py.detach(|| run(&module.inner, spec, &options));
    ended.map_err(|failure| raise(py, failure, None))
}

fn run(module: &HostModule, spec: Spec, options: &Options) -> Result<i32, Failure> {
    let network = Network::new(NetworkOptions::default())?;
    let table = Table::new(
        TreeLimits { depth: 1, calls: 0 },
        None,
        Arc::new(NoLog),
        network,
        ResultStyle::default(),
        false,
    );
    let function = Function::prepare(&table, module, spec)?;
    let signature = function.signature()?;
    let mut arguments = Arguments::new(signature);
    let caller = Caller {
        env: None,
        outer: None,
        home: None,
        must_not_wait: false,
        hooks: &mut Signals::new(),
        interrupt,
    };
    match function.call(&mut arguments, options, caller) {
        // `result`: 0 is ok, 1 is err. A core command returns nothing, which is ok.
        Ok(image) if signature.result.is_some() => Ok(i32::from(image.read::<1>(0)[0] != 0)),
        Ok(_) => Ok(0),
        Err(Failure { what: What::Exit { code }, .. }) => Ok(code),
        Err(failure) => Err(failure),
    }
}

fn run_export(module: &HostModule) -> Option<String> {
    let wanted = |name: &str| match module.code {
        Code::Component(_) => name.starts_with("wasi:cli/run@0.2") && name.ends_with("#run"),
        Code::Core(_) => name == "_start",
    };
    module.exports().into_iter().map(|(name, _)| name).find(|name| wanted(name))
}

/// Commands write to the process's own streams.
struct NoLog;

impl Log for NoLog {
    fn message(&self, _: &str, _: Level, _: Option<&str>, _: &str, _: &Value) {}

    fn lines(&self, _: &str, _: u8, _: &[u8]) {}

    fn refused(&self, _: &str, _: &str) {}

    fn failed(&self, _: &str, _: Abort) {}
}
