//! Asking a Python function something for a guest, plain or async, and taking its answer whenever it comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use wippy_host::frame::Frame;
use wippy_host::table::{Refusal, Reply};
use wippy_lua::error::Kind;

use crate::callee::message;
use crate::home::PyHome;
use crate::hooks::RunsPython;
use crate::scope::{Scope, within};
use crate::values::error_value;

/// A Python function, and how its argument and its result cross the border.
pub trait Asked: 'static {
    type Question: Send + 'static;
    type Answer: Send + 'static;

    /// Its name in errors, itself, and whether calling it gives a coroutine.
    fn asked(&self) -> (&str, &Arc<Py<PyAny>>, bool);

    /// What its answer is to be, where there is a choice.
    fn form(_: &Self::Question) -> Form {
        Form::Payload
    }

    fn arguments(py: Python<'_>, question: Self::Question) -> PyResult<Bound<'_, PyTuple>>;

    fn answer(py: Python<'_>, id: &str, value: &Bound<'_, PyAny>, form: Form) -> PyResult<Self::Answer>;

    /// What the guest gets of an exception.
    fn refusal(error: PyErr) -> Refusal {
        refusal(error)
    }
}

/// What a function's result is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text or bytes, for a guest.
    Payload,
    /// A value, for a script.
    Value,
}

/// Whether calling a function gives a coroutine, as far as can be told beforehand.
pub fn is_async(py: Python<'_>, callee: &Py<PyAny>) -> PyResult<bool> {
    py.import("wippy_native.callees")?.call_method1("is_async", (callee,))?.is_truthy()
}

/// Starts an async function on the loop that the guest's call came from; without one gives the question back.
pub fn start<A: Asked>(
    asked: &A,
    question: A::Question,
    frame: &Frame,
    reply: Reply<A::Answer>,
) -> Option<(A::Question, Reply<A::Answer>)> {
    let (id, callee, is_async) = asked.asked();
    let home = PyHome::of(frame).filter(|_| is_async);
    let Some(queue) = home.and_then(|home| home.queue.as_ref()) else { return Some((question, reply)) };
    let (id, callee, frame) = (id.to_owned(), Arc::clone(callee), frame.clone());
    queue.push(Box::new(move |py| {
        let Some(home) = PyHome::of(&frame) else { return Ok(()) };
        let done = Done::new::<A>(&id, A::form(&question), Some(reply));
        let arguments = match A::arguments(py, question) {
            Ok(arguments) => arguments,
            Err(error) => {
                done.finish(py, Err(error));
                return Ok(());
            }
        };
        let scope = Scope::new(frame.clone());
        let start = py.import("wippy_native.callees")?.getattr("start_at_home")?;
        start.call1((callee.bind(py), arguments, &home.context, scope, id, done)).map(drop)
    }));
    None
}

/// Calls the function on this thread; an async one goes on elsewhere.
pub fn call<A: Asked>(asked: &A, question: A::Question, frame: &Frame, reply: Reply<A::Answer>) {
    let _running = RunsPython::enter();
    let (id, callee, _) = asked.asked();
    let mut reply = Some(reply);
    let answer = Python::try_attach(|py| {
        let form = A::form(&question);
        let arguments = A::arguments(py, question)?;
        let callee = callee.bind(py);
        let result = within(frame, || match PyHome::of(frame) {
            Some(home) => home.run(callee, &arguments),
            None => callee.call1(&arguments),
        })?;
        if !result.hasattr("__await__")? {
            return A::answer(py, id, &result, form).map(Some);
        }
        let done = Done::new::<A>(id, form, reply.take());
        let scope = Scope::new(frame.clone());
        if let Some((queue, home)) = PyHome::of(frame).and_then(|home| Some((home.queue.as_ref()?, home))) {
            let (result, context) = (result.unbind(), home.context.clone_ref(py));
            queue.push(Box::new(move |py| {
                let wait = py.import("wippy_native.callees")?.getattr("await_at_home")?;
                wait.call1((result, context, scope, done)).map(drop)
            }));
            return Ok(None);
        }
        let context = PyHome::of(frame).map(|home| home.context.clone_ref(py));
        let start = py.import("wippy_native.callees")?.getattr("start")?;
        start.call1((result, scope, id, done, context)).map(|_| None)
    });
    // Taken where `start` has the reply: it answers later, or has answered already if it failed.
    let Some(reply) = reply else { return };
    match answer {
        Some(Ok(Some(answer))) => reply.send(Ok(answer)),
        Some(Ok(None)) => {}
        Some(Err(error)) => reply.send(Err(A::refusal(error))),
        None => reply.send(Err(Refusal::of(Kind::Unavailable, "Python is shutting down"))),
    }
}

/// Who waits for an outcome.
trait Waiting: Send + Sync {
    fn tell(self: Box<Self>, py: Python<'_>, outcome: PyResult<&Bound<'_, PyAny>>);

    fn when_withdrawn(&self, action: Box<dyn FnOnce() + Send>);
}

struct Pending<A: Asked> {
    id: String,
    form: Form,
    reply: Reply<A::Answer>,
}

impl<A: Asked> Waiting for Pending<A> {
    fn tell(self: Box<Self>, py: Python<'_>, outcome: PyResult<&Bound<'_, PyAny>>) {
        let answer = outcome.and_then(|value| A::answer(py, &self.id, value, self.form));
        self.reply.send(answer.map_err(A::refusal));
    }

    fn when_withdrawn(&self, action: Box<dyn FnOnce() + Send>) {
        self.reply.when_withdrawn(action);
    }
}

/// Takes the outcome of an async function, once.
#[pyclass(frozen, module = "wippy_native._core")]
struct Done {
    waiting: Mutex<Option<Box<dyn Waiting>>>,
}

impl Done {
    fn new<A: Asked>(id: &str, form: Form, reply: Option<Reply<A::Answer>>) -> Self {
        let pending = |reply| Box::new(Pending::<A> { id: id.to_owned(), form, reply }) as Box<dyn Waiting>;
        Done { waiting: Mutex::new(reply.map(pending)) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, py: Python<'_>, outcome: PyResult<&Bound<'_, PyAny>>) {
        let waiting = self.lock().take();
        if let Some(waiting) = waiting {
            waiting.tell(py, outcome);
        }
    }
}

#[pymethods]
impl Done {
    /// `error` is None when the function returned `result`.
    fn __call__(&self, result: &Bound<'_, PyAny>, error: Option<Bound<'_, PyAny>>) {
        let outcome = match error {
            Some(error) => Err(PyErr::from_value(error)),
            None => Ok(result),
        };
        self.finish(result.py(), outcome);
    }

    /// Has `cancel` called, on some thread, if the guest ends before the answer.
    fn when_withdrawn(&self, py: Python<'_>, cancel: Py<PyAny>) {
        let action = Box::new(move || {
            let _running = RunsPython::enter();
            // A loop that was closed meanwhile has cancelled its tasks itself.
            let _ = Python::try_attach(|py| cancel.bind(py).call0().map(drop));
        });
        // Not under the lock: the action may run at once.
        let waiting = self.lock().take();
        if let Some(waiting) = waiting {
            py.detach(|| waiting.when_withdrawn(action));
            *self.lock() = Some(waiting);
        }
    }
}

/// An exception as the caller's error (H-23, L-24). What is no error of the function (Ctrl-C, an exit) ends the whole
/// call.
pub fn refusal(error: PyErr) -> Refusal {
    let known = Python::try_attach(|py| {
        error.is_instance_of::<PyException>(py).then(|| error_value(py, &error, message(py, &error)))
    });
    match known.flatten() {
        Some(known) => Refusal::Err(Box::new(known)),
        None => Refusal::Abort(Box::new(error)),
    }
}
