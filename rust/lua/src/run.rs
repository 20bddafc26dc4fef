//! One call of a program: its worker's kernel is resumed until the function has returned.

mod first;

use std::sync::Arc;
use std::task::Poll;

use mlua::Value as LuaValue;

use crate::copy::copy_out;
use crate::error::{ErrorValue, Kind};
use crate::host::{Ended, Host, Outcome};
use crate::natives::{Booted, answer};
use crate::operations::Poller;
use crate::program::Program;
use crate::raised::{raised, returned};
use crate::value::Value;
use crate::worker::Worker;
use first::First;

/// Why a call gave no value.
#[derive(Debug)]
pub enum Failure {
    /// The program returned or raised it.
    Error(Box<ErrorValue>),
    /// It needed more memory than it may have.
    Memory,
    /// Its result takes more than so many bytes.
    TooLarge(usize),
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

/// A call after its first step.
pub enum Begun {
    /// It had nothing to wait for.
    Ended(Ran),
    Going(Going),
}

impl Program {
    /// Calls the program's function. Dropping the future ends the call wherever it is, and its worker.
    pub async fn call(self: &Arc<Self>, arguments: &[Value], host: Arc<dyn Host>) -> Ran {
        match self.begin(arguments, host) {
            Begun::Ended(ran) => ran,
            Begun::Going(going) => going.end().await,
        }
    }

    /// Runs the function on this thread until it has ended, or waits, or has taken a few milliseconds. Most calls end
    /// here, without a future.
    pub fn begin(self: &Arc<Self>, arguments: &[Value], host: Arc<dyn Host>) -> Begun {
        let (worker, fresh) = match self.take() {
            Ok(taken) => taken,
            Err(error) => {
                return Begun::Ended(Ran { result: Err(of_mlua(&error)), memory: 0, fresh: false });
            }
        };
        worker.watch.serve(Some(host));
        let going =
            |worker, yielded| Going { poller: None, worker, yielded, program: Arc::clone(self), fresh };
        match first::step(&worker, arguments, self.plan.budget) {
            Ok(First::Value(value)) => Begun::Ended(self.ended(worker, fresh, Ok(value), true)),
            Ok(First::Yielded(yielded)) => match yielded.0 {
                Some(PARK | PAUSE) => Begun::Going(going(worker, Some(yielded))),
                _ => {
                    let (result, usable) = settled(yielded, self.plan.budget);
                    Begun::Ended(self.ended(worker, fresh, result, usable))
                }
            },
            Err(error) => Begun::Ended(self.ended(worker, fresh, Err(of_mlua(&error)), false)),
        }
    }

    fn ended(
        self: &Arc<Self>,
        mut worker: Worker,
        fresh: bool,
        result: Result<Value, Failure>,
        usable: bool,
    ) -> Ran {
        worker.watch.serve(None);
        let memory = worker.memory();
        if usable {
            if let Some(Booted(entry)) = fresh.then(|| worker.lua.remove_app_data()).flatten() {
                worker.entry = entry;
                // The one before is right, too, only slower.
                let _ = worker.anchor_entry();
            }
            self.put_back(worker, memory);
        }
        Ran { result, memory, fresh }
    }
}

/// A call that waits, or goes on later.
pub struct Going {
    // Before the worker: what is polled may hold on to its operations.
    poller: Option<Poller>,
    worker: Worker,
    yielded: Option<Yielded>,
    program: Arc<Program>,
    fresh: bool,
}

impl Going {
    /// Dropping the future ends the call wherever it is, and its worker.
    pub async fn end(mut self) -> Ran {
        let (result, usable) = match self.steps().await {
            Ok(yielded) => settled(yielded, self.program.plan.budget),
            Err(failure) => (Err(failure), false),
        };
        let Going { poller, worker, program, fresh, .. } = self;
        drop(poller);
        program.ended(worker, fresh, result, usable)
    }

    /// Resumes the kernel until it says how the call has ended.
    async fn steps(&mut self) -> Result<Yielded, Failure> {
        let mut yielded = self.yielded.take().unwrap_or((None, LuaValue::Nil, LuaValue::Nil));
        loop {
            let finished = match yielded.0 {
                Some(PARK) => Some(self.poller().next().await),
                Some(PAUSE) => {
                    rest().await;
                    self.poller().try_next().await
                }
                _ => return Ok(yielded),
            };
            yielded = match finished {
                None => self.worker.kernel.resume(()),
                Some((number, outcome)) => self.resume_with(number, outcome.map_err(Failure::Ended)?),
            }
            .map_err(|error| of_mlua(&error))?;
        }
    }

    fn poller(&mut self) -> &mut Poller {
        self.poller.get_or_insert_with(|| Poller::new(&self.worker.operations))
    }

    fn resume_with(&self, number: i64, outcome: Result<Value, ErrorValue>) -> mlua::Result<Yielded> {
        let Worker { kernel, lua, .. } = &self.worker;
        let (value, error) = answer(lua, outcome)?;
        kernel.resume((number, value, error))
    }
}

/// What came of a call, and whether its worker may serve another.
fn settled(yielded: Yielded, budget: usize) -> (Result<Value, Failure>, bool) {
    match yielded {
        (Some(DONE), value, error) => (finish(&value, &error, budget), true),
        (Some(FAILED), error, trace) => {
            let trace = trace.as_string().map(|text| text.to_string_lossy()).unwrap_or_default();
            (Err(Failure::Error(Box::new(raised(&error, &trace)))), true)
        }
        (Some(_), ..) => (Err(Failure::Memory), false),
        (None, ..) => (Err(Failure::Internal("the kernel has ended".to_owned())), false),
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
        if error.kind == Kind::RateLimited {
            return Failure::TooLarge(budget);
        }
        error.message = format!("the result cannot be passed on: {}", error.message);
        Failure::Error(Box::new(error))
    })
}

/// What went wrong in the kernel, or before it ran.
fn of_mlua(error: &mlua::Error) -> Failure {
    let memory =
        matches!(error, mlua::Error::MemoryError(_)) || error.to_string().contains("not enough memory");
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
