//! Why a load or a call failed, in a form an embedder can turn into its own exceptions.
//!
//! Everything wasmtime reports is sorted here once ([`classify`]), so that no other file downcasts errors. A text
//! never carries host paths or addresses: what a guest's operator reads may end up in a log its author reads.

use std::any::Any;
use std::fmt;

use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wippy_lua::error::{ErrorValue, Kind};

use crate::imports::filesystem::most_handles;
use crate::values;

/// What an embedder's own code raised while a call ran; handed back to it untouched.
pub type Abort = Box<dyn Any + Send + Sync>;

/// The cases an embedder tells apart.
#[derive(Debug)]
pub enum What {
    /// The module, or what its entry says of it, cannot be used.
    Load,
    /// The entry's method does not resolve (F-13, F-14).
    Method,
    /// The guest trapped.
    Trap { trap: String, backtrace: Vec<String> },
    /// The guest called an import that its entry does not declare (H-13).
    Denied { interface: String, function: String, group: String, backtrace: Vec<String> },
    /// The guest ended its call through `wasi:cli/exit` (H-33).
    Exit { code: i32 },
    /// A limit of the entry or of the runtime was reached.
    Limit { limit: &'static str, allowed: u64 },
    /// The function was removed or its runtime closed (F-36).
    Closed,
    /// The call would wait for itself for ever (F-39).
    Conflict,
    /// The call was cancelled from outside.
    Cancelled,
    /// The kept instance has ended.
    Ended,
    /// The engine was made before a `fork` and does not work in this process.
    Forked,
    /// The embedder's own code stopped the call.
    Aborted(Abort),
    /// A script raised it, or returned it as its error (L-12 to L-14).
    Raised(Box<ErrorValue>),
    /// A fault of ours.
    Internal,
}

impl What {
    /// The kind of error it is to a caller, Python or a script.
    pub fn kind(&self) -> Kind {
        match self {
            What::Raised(error) => error.kind,
            What::Load => Kind::Invalid,
            What::Method => Kind::NotFound,
            What::Denied { .. } => Kind::PermissionDenied,
            What::Limit { limit: "max_execution_ms" | "timeout" | "total_timeout", .. } => Kind::Timeout,
            What::Limit { .. } => Kind::Invalid,
            What::Closed | What::Ended | What::Forked => Kind::Unavailable,
            What::Conflict => Kind::Conflict,
            What::Cancelled => Kind::Canceled,
            What::Trap { .. } | What::Exit { .. } | What::Aborted(_) | What::Internal => Kind::Internal,
        }
    }
}

/// A failed load or call.
#[derive(Debug)]
pub struct Failure {
    pub what: What,
    pub message: String,
}

impl Failure {
    pub fn new(what: What, message: impl Into<String>) -> Self {
        Failure { what, message: message.into() }
    }

    pub fn load(message: impl Into<String>) -> Self {
        Failure::new(What::Load, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Failure::new(What::Internal, message)
    }

    /// What stopped a call from inside; whoever called knows the limit's words.
    pub fn stopped(stop: Stop) -> Self {
        Failure::new(What::Aborted(Box::new(stop)), stop.to_string())
    }

    /// What [`Self::stopped`] was made of.
    pub fn stop(&self) -> Option<Stop> {
        match &self.what {
            What::Aborted(reason) => reason.downcast_ref::<Stop>().copied(),
            _ => None,
        }
    }

    pub fn aborted(reason: Abort) -> Self {
        Failure::new(What::Aborted(reason), "stopped by the caller")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Raised by the stub that stands in for an import nobody granted.
#[derive(Debug, Clone)]
pub struct UngrantedImport {
    pub interface: String,
    pub function: String,
    /// The line to add to `imports`, or empty when no group provides the interface.
    pub group: String,
}

impl fmt::Display for UngrantedImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UngrantedImport { interface, function, group } = self;
        write!(f, "unresolved host import \"{interface}#{function}\"")?;
        if group.is_empty() {
            write!(f, ": no import group provides it")
        } else {
            write!(f, ": add `- {group}` to the entry's imports to grant it")
        }
    }
}

impl std::error::Error for UngrantedImport {}

/// Raised inside a guest to unwind it; the reason is known to whoever asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Deadline,
    Cancelled,
    Aborted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stop::Deadline => "execution limit exceeded",
            Stop::Cancelled => "cancelled",
            Stop::Aborted => "stopped by the caller",
        })
    }
}

impl std::error::Error for Stop {}

/// Where in a call an error arose; it decides the words in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Instantiate,
    Call,
}

/// What [`classify`] needs to know of the call.
pub struct Site<'a> {
    pub entry: &'a str,
    pub method: &'a str,
    pub phase: Phase,
    /// The guest was refused memory during this call.
    pub memory_refused: Option<u64>,
}

impl Site<'_> {
    /// The words of F-45 in front of a cause.
    pub fn describe(&self, cause: &str) -> String {
        let Site { entry, method, .. } = self;
        match self.phase {
            Phase::Call => format!("{entry}: failed to call wasm method: {method}: {cause}"),
            Phase::Instantiate => format!("{entry}: failed to instantiate wasm module: {cause}"),
        }
    }
}

/// Sorts an error of wasmtime that is not a [`Stop`] into a [`Failure`].
pub fn classify(error: wasmtime::Error, site: &Site<'_>) -> Failure {
    let error = match error.downcast::<Failure>() {
        Ok(failure) => return failure,
        Err(error) => error,
    };
    if let Some(import) = error.downcast_ref::<UngrantedImport>() {
        return denied(import, backtrace(&error), site);
    }
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        let code = exit.0;
        return Failure::new(
            What::Exit { code },
            site.describe(&format!("wasi exit requested: status {code}")),
        );
    }
    if let Some(values::ResultTooLarge { limit }) = error.downcast_ref() {
        let allowed = *limit as u64;
        let cause = format!("the result is larger than limits.max_result_bytes ({allowed} bytes)");
        return Failure::new(What::Limit { limit: "max_result_bytes", allowed }, site.describe(&cause));
    }
    if let Some(allowed) = site.memory_refused
        && site.phase == Phase::Instantiate
        && error.downcast_ref::<Trap>().is_none()
    {
        let cause = format!("the module needs more memory than limits.max_memory_bytes ({allowed} bytes)");
        return Failure::new(What::Limit { limit: "max_memory_bytes", allowed }, site.describe(&cause));
    }
    trap(&error, site)
}

fn denied(import: &UngrantedImport, backtrace: Vec<String>, site: &Site<'_>) -> Failure {
    let mut message = site.describe(&import.to_string());
    if site.phase == Phase::Instantiate {
        message.push_str(" (called by the module's start code, before the method runs)");
    }
    let UngrantedImport { interface, function, group, .. } = import.clone();
    Failure::new(What::Denied { interface, function, group, backtrace }, message)
}

fn trap(error: &wasmtime::Error, site: &Site<'_>) -> Failure {
    let (trap, cause) = match error.downcast_ref::<Trap>() {
        Some(trap) => (short_name(*trap), trap.to_string()),
        None => {
            let broken = error.downcast_ref::<values::GuestValueError>().is_some();
            let trap = if broken { "invalid value" } else { "host function" };
            (trap.to_owned(), host_cause(error))
        }
    };
    let backtrace = backtrace(error);
    let mut message = site.describe(&cause);
    if let Some(allowed) = site.memory_refused {
        message.push_str(&format!(
            " (the guest was refused memory before: limits.max_memory_bytes is {allowed} bytes)"
        ));
    }
    Failure::new(What::Trap { trap, backtrace }, message)
}

/// What a host function failed with.
fn host_cause(error: &wasmtime::Error) -> String {
    let cause = error.root_cause();
    match cause.downcast_ref() {
        Some(ResourceTableError::Full) => format!(
            "{cause}: the guest holds {} files, streams, timers and pollables, the most a call may; let it drop those \
             it has done with",
            most_handles()
        ),
        _ => cause.to_string(),
    }
}

/// What programs compare; the message has the whole sentence.
fn short_name(trap: Trap) -> String {
    match trap {
        Trap::UnreachableCodeReached => "unreachable".to_owned(),
        other => other.to_string().trim_start_matches("wasm trap: ").to_owned(),
    }
}

/// The guest's frames, innermost first, `function (module) at offset`.
fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    trace.frames().iter().map(frame).collect()
}

fn frame(frame: &wasmtime::FrameInfo) -> String {
    let name = match frame.func_name() {
        Some(name) => printable(&demangle(name)),
        None => format!("func[{}]", frame.func_index()),
    };
    let module = printable(frame.module().name().unwrap_or("module"));
    match frame.module_offset() {
        Some(offset) => format!("{name} ({module}+{offset:#x})"),
        None => format!("{name} ({module})"),
    }
}

/// Names are the guest's to choose: no control characters reach a terminal or a log, and no endless ones.
fn printable(name: &str) -> String {
    let shown = name.chars().take(LONGEST_NAME);
    let shown: String = shown.map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if shown.len() < name.len() && name.chars().count() > LONGEST_NAME { shown + "..." } else { shown }
}

const LONGEST_NAME: usize = 200;

fn demangle(name: &str) -> String {
    rustc_demangle::try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"))
}
