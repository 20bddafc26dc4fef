//! Functions without a module: programs in Lua, called as any other function is (L-1 to L-39).
//!
//! A script has the same permits, limits, deadlines and statistics as a guest, and the same place in trees of calls. It
//! runs where the call is polled, on that stack, a few milliseconds at a time, and waits as a future: nothing here needs
//! a fiber. What it reaches outside goes through [`host::ScriptHost`].

mod calls;
mod environment;
mod failures;
mod host;
mod http;
mod json;
mod logs;

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wippy_lua::builtin::{NETWORK, OUTSIDE, WAITING};
use wippy_lua::host::Directory;
use wippy_lua::program::{Program, ProgramSpec};
use wippy_lua::run::{Begun, Failure as Ended, Ran};
use wippy_lua::unit::Unit;

use crate::call::ScriptCall;
use crate::engine::Shared;
use crate::error::{Failure, Stop};
use crate::function::{Function, Needs};
use crate::mailbox::Mailbox;
use crate::spec::Spec;
use crate::values::Image;

pub use environment::Environment;
pub(crate) use failures::error_value;
use host::ScriptHost;
pub(crate) use json::text;

/// What an entry says of its script.
pub struct ScriptSpec {
    pub unit: Arc<Unit>,
    /// What `fs` finds, by id.
    pub directories: HashMap<String, Directory>,
    /// What `env` finds.
    pub environment: Option<Arc<dyn Environment>>,
}

/// See the module's documentation.
pub struct Script {
    pub program: Arc<Program>,
    directories: HashMap<String, Directory>,
    environment: Option<Arc<dyn Environment>>,
}

impl Script {
    pub(crate) fn new(script: ScriptSpec, spec: &Spec, shared: &'static Shared) -> Arc<Script> {
        let ScriptSpec { unit, directories, environment } = script;
        let memory = usize::try_from(spec.limits.memory_bytes).unwrap_or(usize::MAX);
        let program = Program::new(ProgramSpec {
            unit,
            method: spec.method.clone(),
            memory,
            // A value that shares its parts may take more outside of the worker than in it.
            budget: spec.max_result_bytes.min(memory.saturating_mul(2)),
            clock: shared.ticker.clock(),
        });
        Arc::new(Script { program, directories, environment })
    }

    pub(crate) fn needs(&self) -> Needs {
        Needs {
            wasi: false,
            output: false,
            fiber: self.program.uses(WAITING),
            frame: self.program.uses(OUTSIDE),
            network: self.program.uses(NETWORK),
            weight: 0,
        }
    }
}

impl Function {
    /// One call of a script.
    pub(crate) async fn run_script(
        self: &Arc<Self>,
        script: &Arc<Script>,
        call: ScriptCall<'_, '_>,
    ) -> Result<Image, Failure> {
        match self.begin_script(script, call) {
            Started::Ended(result) => result,
            Started::Going(going) => going.end(self).await,
        }
    }

    /// The same until it has ended, or has to wait.
    pub(crate) fn begin_script<'a>(
        self: &Arc<Self>,
        script: &Arc<Script>,
        call: ScriptCall<'_, 'a>,
    ) -> Started<'a> {
        let ScriptCall { arguments, watch, frame, mailbox } = call;
        let host = ScriptHost::new(self, watch, frame);
        let begun = script.program.begin(arguments, Arc::clone(&host) as Arc<_>);
        match begun {
            Begun::Ended(ran) if host.logs.is_empty() => Started::Ended(self.script_ended(&host, ran)),
            begun => Started::Going(Going { begun, host, mailbox }),
        }
    }

    fn script_ended(&self, host: &ScriptHost, ran: Ran) -> Result<Image, Failure> {
        self.stats.saw_memory(ran.memory as u64);
        if ran.fresh {
            self.stats.made_instance();
        }
        host.end();
        match ran.result {
            Ok(value) => Ok(Image::of_script(value)),
            Err(Ended::Ended(reason)) => Err(failures::ended(reason)),
            Err(Ended::Memory) => Err(self.out_of_memory()),
            Err(Ended::TooLarge(allowed)) => Err(self.result_too_large(allowed)),
            Err(Ended::Internal(text)) => Err(self.internal(&text)),
            // What it raised where it could not be suspended.
            Err(Ended::Error(_)) if host.is_cut_off() => Err(Failure::stopped(Stop::Aborted)),
            Err(Ended::Error(error)) => Err(failures::raised(&self.spec.id, *error)),
        }
    }
}

/// A call of a script after its first step.
pub(crate) enum Started<'a> {
    Ended(Result<Image, Failure>),
    Going(Going<'a>),
}

/// A call that waits, or has lines to pass on.
pub(crate) struct Going<'a> {
    begun: Begun,
    host: Arc<ScriptHost>,
    mailbox: Option<&'a Mailbox>,
}

impl Going<'_> {
    pub(crate) async fn end(self, function: &Arc<Function>) -> Result<Image, Failure> {
        let Going { begun, host, mailbox } = self;
        let rest = async {
            match begun {
                Begun::Ended(ran) => ran,
                Begun::Going(going) => going.end().await,
            }
        };
        let ran = host.logs.beside(rest, function, mailbox).await;
        function.script_ended(&host, ran)
    }
}

/// Runs a script that has nothing to wait for to its end, on this thread. It goes back to the caller now and then, who
/// says whether it may go on.
pub(crate) fn run_to_end<F: Future>(
    work: F,
    mut may_go_on: impl FnMut() -> Result<(), Failure>,
) -> Result<F::Output, Failure> {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut context) {
            return Ok(output);
        }
        may_go_on()?;
    }
}
