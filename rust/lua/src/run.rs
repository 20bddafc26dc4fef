//! One call of a program: its worker's kernel is resumed until the function has returned.

use std::sync::Arc;
use std::task::Poll;

use mlua::{MultiValue, Value as LuaValue};

use crate::copy::{copy_in, copy_out};
use crate::error::{ErrorValue, Kind};
use crate::host::{Ended, Host, Outcome};
use crate::natives::{Booted, answer};
use crate::operations::Poller;
use crate::program::Program;
use crate::raised::{raised, returned};
use crate::value::Value;
use crate::worker::Worker;

/// Why a call gave no value.
#[derive(Debug)]
pub enum Failure {
    /// The program returned or raised it.
    Error(Box<ErrorValue>),
    /// It needed more memory than it may have.
    Memory,
    /// What it waited for ended the call.
    Ended(Ended),
    /// A fault of ours.
    Internal(String),
}

/// What a call came to, and what it took.
pub struct Ran {
    pub result: Result<Value, Failure>,
    /// Bytes of its worker's state.
    pub memory: usize,
    /// Whether a worker was made for it.
    pub fresh: bool,
}

// What the kernel says it wants; see prelude/kernel.lua.
const DONE: i64 = 1;
const FAILED: i64 = 2;
const PARK: i64 = 3;
const PAUSE: i64 = 4;

/// What the kernel yields: a signal, and two values.
type Yielded = (Option<i64>, LuaValue, LuaValue);

impl Program {
    /// Calls the program's function. Dropping the future ends the call wherever it is, and its worker.
    pub async fn call(self: &Arc<Self>, arguments: &[Value], host: Arc<dyn Host>) -> Ran {
        let (worker, fresh) = match self.take() {
            Ok(taken) => taken,
            Err(error) => return Ran { result: Err(of_mlua(&error)), memory: 0, fresh: false },
        };
        worker.watch.serve(Some(host));
        let mut running = Running { poller: Poller::new(&worker.operations), worker };
        let (result, usable) = running.run(arguments, self.plan.budget).await;
        let Running { mut worker, poller } = running;
        drop(poller);
        worker.watch.serve(None);
        let memory = worker.memory();
        if usable {
            if let Some(Booted(entry)) = worker.lua.remove_app_data() {
                worker.entry = entry;
            }
            self.put_back(worker);
        }
        Ran { result, memory, fresh }
    }
}

struct Running {
    // Before the worker: what is polled may hold on to its operations.
    poller: Poller,
    worker: Worker,
}

impl Running {
    /// What came of the call, and whether the worker may serve another.
    async fn run(&mut self, arguments: &[Value], budget: usize) -> (Result<Value, Failure>, bool) {
        match self.steps(arguments).await {
            Ok((DONE, value, error)) => (finish(&value, &error, budget), true),
            Ok((FAILED, error, trace)) => {
                let trace = trace.as_string().map(|text| text.to_string_lossy()).unwrap_or_default();
                (Err(Failure::Error(Box::new(raised(&error, &trace)))), true)
            }
            Ok(_) => (Err(Failure::Memory), false),
            Err(failure) => (Err(failure), false),
        }
    }

    /// Resumes the kernel until it says how the call has ended.
    async fn steps(&mut self, arguments: &[Value]) -> Result<(i64, LuaValue, LuaValue), Failure> {
        let mut yielded = self.begin(arguments).map_err(|error| of_mlua(&error))?;
        loop {
            let finished = match yielded.0 {
                Some(PARK) => Some(self.poller.next().await),
                Some(PAUSE) => {
                    rest().await;
                    self.poller.try_next().await
                }
                Some(signal) => return Ok((signal, yielded.1, yielded.2)),
                None => return Err(Failure::Internal("the kernel has ended".to_owned())),
            };
            yielded = match finished {
                None => self.worker.kernel.resume(()),
                Some((number, outcome)) => self.resume_with(number, outcome.map_err(Failure::Ended)?),
            }
            .map_err(|error| of_mlua(&error))?;
        }
    }

    fn begin(&self, arguments: &[Value]) -> mlua::Result<Yielded> {
        let Worker { kernel, lua, entry, .. } = &self.worker;
        match arguments {
            [] => kernel.resume(entry),
            [only] => kernel.resume((entry, copy_in(lua, only)?)),
            several => {
                let mut values = MultiValue::with_capacity(several.len() + 1);
                values.push_back(LuaValue::Function(entry.clone()));
                for argument in several {
                    values.push_back(copy_in(lua, argument)?);
                }
                kernel.resume(values)
            }
        }
    }

    fn resume_with(
        &self,
        number: i64,
        outcome: Result<Value, ErrorValue>,
    ) -> mlua::Result<Yielded> {
        let Worker { kernel, lua, .. } = &self.worker;
        let (value, error) = answer(lua, outcome)?;
        kernel.resume((number, value, error))
    }
}

/// The first value, or the error in second place (L-12, L-13).
fn finish(value: &LuaValue, error: &LuaValue, budget: usize) -> Result<Value, Failure> {
    if !error.is_nil()
        && let Some(error) = returned(error)
    {
        return Err(Failure::Error(Box::new(error)));
    }
    copy_out(value, budget).map_err(|mut error| {
        error.message = format!("the result cannot be passed on: {}", error.message);
        Failure::Error(Box::new(error))
    })
}

/// What went wrong in the kernel, or before it ran.
fn of_mlua(error: &mlua::Error) -> Failure {
    let memory = matches!(error, mlua::Error::MemoryError(_)) || error.to_string().contains("not enough memory");
    if memory { Failure::Memory } else { Failure::Internal(error.to_string()) }
}

/// Lets whoever polls the call look around.
async fn rest() {
    let mut rested = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut rested, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// An error for a program, of this kind.
pub fn refused(kind: Kind, message: impl Into<String>) -> Outcome {
    Ok(Err(ErrorValue::new(kind, message)))
}
