//! What calls of other functions have in common, whoever makes them: a guest through `wippy:runtime/funcs`, a script
//! through its `funcs` (H-20 to H-27).

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::value::Value;

use crate::call::{AtOnce, Nested, Options};
use crate::error::{Failure, Stop, What};
use crate::frame::Frame;
use crate::function::Function;
use crate::reply::Awaited;
use crate::script::error_value;
use crate::stack;
use crate::table::{HostFunction, Input, Output, Refusal, Table, Target};
use crate::threads::Threads;
use crate::values::{Arguments, Image};

/// Who calls.
pub(crate) struct Caller {
    pub frame: Frame,
    pub table: Arc<Table>,
    /// For what is to be done when the caller ends before an answer.
    pub threads: &'static Threads,
}

/// A call with nothing that is not its function's or its caller's.
pub(crate) const PLAIN: Nested<'static> = Nested { options: &Options::DEFAULT, context: &Value::Nil };

/// What the caller gets, or what ends its call.
pub(crate) type Answer<T> = Result<Result<T, ErrorValue>, Failure>;

impl Caller {
    pub fn of(frame: Frame, function: &Function) -> Result<Caller, Failure> {
        let table = function.table.upgrade();
        let table = table.ok_or_else(|| Failure::new(What::Closed, "the runtime is closed"))?;
        Ok(Caller { frame, table, threads: &function.shared.workers })
    }

    /// The same for a call that brings values of its own to what its callee calls in turn.
    pub fn with_context(&self, values: &Value) -> Caller {
        let Caller { frame, table, threads } = self;
        let frame = match values {
            Value::Map(_) => frame.beside().with_context(values),
            _ => frame.clone(),
        };
        Caller { frame, table: Arc::clone(table), threads }
    }

    /// The callee shares the caller's deadline and may notice it first; the caller must not get that as an answer.
    pub fn refuse_overtime(&self) -> Result<(), Failure> {
        match self.frame.deadline() {
            Some(deadline) if Instant::now() >= deadline => Err(Failure::stopped(Stop::Deadline)),
            _ => Ok(()),
        }
    }

    /// The function with this id, if it may be called.
    pub async fn find(&self, target: &str) -> Answer<Target> {
        if let Err(refused) = self.check(target) {
            return Ok(Err(refused));
        }
        if !self.is_allowed(target).await? {
            let text = format!("not allowed: {target}");
            return Ok(Err(ErrorValue::new(Kind::PermissionDenied, text)));
        }
        let missing = || ErrorValue::new(Kind::NotFound, "no handler registered for target");
        Ok(self.table.get(target).ok_or_else(missing))
    }

    /// What can be said without asking anybody.
    fn check(&self, target: &str) -> Result<(), ErrorValue> {
        match target.split_once(':') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {}
            _ => return Err(ErrorValue::new(Kind::Invalid, format!("invalid function target: {target}"))),
        }
        let limits = self.table.limits;
        if self.frame.depth() >= limits.depth {
            let text = format!("call depth limit exceeded: {target} would be call {} deep", limits.depth + 1);
            return Err(ErrorValue::new(Kind::Invalid, text));
        }
        let calls = self.frame.count_call();
        if limits.calls > 0 && calls > limits.calls {
            let text = format!("call limit exceeded: more than {} calls through funcs", limits.calls);
            return Err(ErrorValue::new(Kind::Invalid, text));
        }
        Ok(())
    }

    /// Whether the operator lets the caller have something: a function by its id, or another thing by its URL.
    pub async fn is_allowed(&self, target: &str) -> Result<bool, Failure> {
        let Some(authorize) = self.table.authorize.clone() else { return Ok(true) };
        let (caller, target) = (self.frame.entry().to_owned(), target.to_owned());
        let asked = self.frame.mailbox().run(move || authorize.allows(&caller, &target)).await?;
        asked.map_err(Failure::aborted)
    }

    /// Calls a function of the registry; its failure is an answer unless it ends the caller as well.
    pub async fn call(
        &self,
        function: &Arc<Function>,
        arguments: &mut Arguments,
        how: Nested<'_>,
    ) -> Answer<Image> {
        answered(function.call_nested(arguments, &self.frame, how).await)
    }

    /// Calls a script: most have ended without a future.
    pub async fn call_script(&self, function: &Arc<Function>, arguments: Vec<Value>) -> Answer<Value> {
        let Some(script) = function.script() else { return Err(function.internal("no script")) };
        let outcome = function.stats.outcome();
        let result = match stack::polled(|| function.script_at_once(script, &arguments, &self.frame)) {
            Ok(AtOnce::Ended(result)) => result,
            Ok(AtOnce::Going(mut rest)) => {
                poll_fn(|context| stack::polled(|| rest.as_mut().poll(context))).await
            }
            Ok(AtOnce::Not) => {
                outcome.elsewhere();
                let answer = self.call(function, &mut Arguments::of_script(arguments), PLAIN).await?;
                return Ok(answer.map(Image::into_script_value));
            }
            Err(failure) => Err(failure),
        };
        Ok(answered(outcome.of(result))?.map(Image::into_script_value))
    }

    /// Calls a function of the embedder.
    pub async fn ask(&self, function: Arc<dyn HostFunction>, input: Input) -> Answer<Output> {
        let (reply, awaited) = Awaited::new(self.threads);
        if let Some((input, reply)) = function.start(input, &self.frame, reply) {
            let frame = self.frame.clone();
            self.frame.mailbox().run(move || function.call(input, &frame, reply)).await?;
        }
        match awaited.answer().await {
            Some(Ok(output)) => Ok(Ok(output)),
            Some(Err(Refusal::Err(error))) => Ok(Err(*error)),
            Some(Err(Refusal::Abort(reason))) => Err(Failure::aborted(reason)),
            None => Ok(Err(ErrorValue::new(Kind::Unavailable, "the function ended without an answer"))),
        }
    }
}

/// What a call came to, for who made it.
pub(crate) fn answered(result: Result<Image, Failure>) -> Answer<Image> {
    match result {
        Ok(image) => Ok(Ok(image)),
        Err(failure) if ends_the_caller(&failure) => Err(failure),
        Err(failure) => Ok(Err(error_value(failure))),
    }
}

fn ends_the_caller(failure: &Failure) -> bool {
    matches!(failure.what, What::Aborted(_) | What::Cancelled | What::Internal)
}
