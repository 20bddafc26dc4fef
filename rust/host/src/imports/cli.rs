//! `wasi:cli`: environment, arguments, exit and the three standard streams (H-30 to H-37).
//!
//! Nothing of the host process leaks in: the environment is what the entry maps, arguments are the entry's, and the
//! streams are closed, discarded or captured unless a caller asks for the process's own.

use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::p2::bindings::cli;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;

use super::Wanted;
use crate::input::Input;
use crate::output::{Captured, Sink};
use crate::state::State;

/// What a guest reads from standard input.
#[derive(Debug, Clone, Default)]
pub enum Stdin {
    #[default]
    Empty,
    Bytes(Arc<[u8]>),
    Inherit,
    /// What each call of the instance brings.
    Lead(Input),
}

/// One instance's view of the world outside.
pub struct Console<'a> {
    pub args: &'a [String],
    pub env: &'a [(String, String)],
    pub cwd: &'a str,
    pub stdin: &'a Stdin,
    pub stdout: &'a Sink,
    pub stderr: &'a Sink,
}

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    macro_rules! add {
        ($($name:literal $interface:ident),+ $(,)?) => {
            $(if wanted.has(concat!("wasi:cli/", $name)) {
                cli::$interface::add_to_linker::<State, WasiCli>(linker, State::cli)?;
            })+
        };
    }
    add!(
        "environment" environment,
        "exit" exit,
        "stdin" stdin,
        "stdout" stdout,
        "stderr" stderr,
        "terminal-input" terminal_input,
        "terminal-output" terminal_output,
        "terminal-stdin" terminal_stdin,
        "terminal-stdout" terminal_stdout,
        "terminal-stderr" terminal_stderr,
    );
    Ok(())
}

pub fn prepare(builder: &mut WasiCtxBuilder, console: &Console<'_>) {
    builder.args(console.args).envs(console.env).initial_cwd(console.cwd);
    match console.stdin {
        Stdin::Empty => {}
        Stdin::Bytes(bytes) => {
            builder.stdin(MemoryInputPipe::new(bytes::Bytes::from_owner(Arc::clone(bytes))));
        }
        Stdin::Inherit => {
            builder.inherit_stdin();
        }
        Stdin::Lead(input) => {
            builder.stdin(input.clone());
        }
    }
    match console.stdout {
        Sink::Discard => {}
        Sink::Capture(buffer) => {
            builder.stdout(Captured(Arc::clone(buffer)));
        }
    }
    match console.stderr {
        Sink::Discard => {}
        Sink::Capture(buffer) => {
            builder.stderr(Captured(Arc::clone(buffer)));
        }
    }
}
