//! `wippy:runtime/funcs@0.1.0`: guests call other functions of the registry (H-20 to H-29).
//!
//! A WASM target runs right here, on a fiber of its own, without a detour over the embedder. A host's function runs on
//! the thread that drives the call, off the guest's stack, because it may use any amount of it. Either way the guest
//! waits on its fiber. Everything that goes wrong with the target becomes the guest's `err`; only what ends the whole
//! call (Ctrl-C, cancellation, the caller's own deadline) unwinds the guest.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::Wanted;
use crate::error::{Failure, Stop, What};
use crate::frame::Frame;
use crate::function::Function;
use crate::reply::Awaited;
use crate::state::State;
use crate::stats::Kind;
use crate::table::{HostFunction, Payload, Refusal, Table, Target};
use crate::threads::Threads;
use crate::values::{Arguments, Outcome};

pub const INTERFACE: &str = "wippy:runtime/funcs";

/// Guests are built against exactly this version; the linker takes any compatible one.
const VERSIONED: &str = "wippy:runtime/funcs@0.1.0";

pub fn link(linker: &mut Linker<State>, wanted: &Wanted) -> wasmtime::Result<()> {
    if !wanted.has(INTERFACE) {
        return Ok(());
    }
    let mut instance = linker.instance(VERSIONED)?;
    instance.func_wrap_async(
        "call-string",
        |store: StoreContextMut<'_, State>, (target, input): (String, String)| {
            let caller = Caller::of(&store);
            Box::new(async move {
                let caller = caller?;
                let answer = caller.call_string(target, input).await?;
                caller.refuse_overtime()?;
                Ok((answer,))
            })
        },
    )?;
    instance.func_wrap_async(
        "call-bytes",
        |store: StoreContextMut<'_, State>, (target, input): (String, Vec<u8>)| {
            let caller = Caller::of(&store);
            Box::new(async move {
                let caller = caller?;
                let answer = caller.call_bytes(target, input).await?;
                caller.refuse_overtime()?;
                Ok((answer,))
            })
        },
    )
}

/// The guest that calls.
struct Caller {
    frame: Frame,
    table: Arc<Table>,
    /// For what is to be done when the guest ends before an answer.
    threads: &'static Threads,
}

/// What the guest sees, or what ends its call.
type Answer<T> = Result<Result<T, String>, Failure>;

impl Caller {
    fn of(store: &StoreContextMut<'_, State>) -> Result<Caller, Failure> {
        let state = store.data();
        let closed = || Failure::new(What::Closed, "the runtime is closed");
        let frame = state.frame.clone().ok_or_else(closed)?;
        let table = state.table.upgrade().ok_or_else(closed)?;
        Ok(Caller { frame, table, threads: state.errands })
    }

    /// The callee shares the caller's deadline and may notice it first; the caller must not get that as an answer.
    fn refuse_overtime(&self) -> wasmtime::Result<()> {
        match self.frame.deadline() {
            Some(deadline) if Instant::now() >= deadline => Err(Stop::Deadline.into()),
            _ => Ok(()),
        }
    }

    async fn call_string(&self, target: String, input: String) -> Answer<String> {
        let answer = self.call(&target, Payload::Text(input)).await?;
        Ok(answer.and_then(|payload| match payload {
            Payload::Text(text) => Ok(text),
            Payload::Bytes(bytes) => {
                String::from_utf8(bytes).map_err(|_| "result is not valid UTF-8".to_owned())
            }
        }))
    }

    async fn call_bytes(&self, target: String, input: Vec<u8>) -> Answer<Vec<u8>> {
        let answer = self.call(&target, Payload::Bytes(input)).await?;
        Ok(answer.map(|payload| match payload {
            Payload::Text(text) => text.into_bytes(),
            Payload::Bytes(bytes) => bytes,
        }))
    }

    async fn call(&self, target: &str, input: Payload) -> Answer<Payload> {
        if let Err(refused) = self.check(target) {
            return Ok(Err(refused));
        }
        if !self.is_allowed(target).await? {
            return Ok(Err(format!("not allowed: {target}")));
        }
        match self.table.get(target) {
            None => Ok(Err("no handler registered for target".to_owned())),
            Some(Target::Guest(function)) => self.call_guest(&function, &input).await,
            Some(Target::Host(function)) => self.call_host(function, input).await,
        }
    }

    /// What can be said without asking anybody.
    fn check(&self, target: &str) -> Result<(), String> {
        match target.split_once(':') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {}
            _ => return Err(format!("invalid function target: {target}")),
        }
        let limits = self.table.limits;
        if self.frame.depth() >= limits.depth {
            return Err(format!(
                "call depth limit exceeded: {target} would be call {} deep",
                limits.depth + 1
            ));
        }
        let calls = self.frame.count_call();
        if limits.calls > 0 && calls > limits.calls {
            return Err(format!("call limit exceeded: more than {} calls through funcs", limits.calls));
        }
        Ok(())
    }

    async fn is_allowed(&self, target: &str) -> Result<bool, Failure> {
        let Some(authorize) = self.table.authorize.clone() else { return Ok(true) };
        let (caller, target) = (self.frame.entry().to_owned(), target.to_owned());
        let asked = self.frame.mailbox().run(move || authorize.allows(&caller, &target)).await?;
        asked.map_err(Failure::aborted)
    }

    async fn call_guest(&self, function: &Arc<Function>, input: &Payload) -> Answer<Payload> {
        let signature = match function.signature() {
            Ok(signature) => signature,
            Err(failure) => {
                function.stats.count_failure(&failure);
                return Ok(Err(failure.message));
            }
        };
        let arguments = match input {
            Payload::Text(text) => Arguments::of_string(signature, text),
            Payload::Bytes(bytes) => Arguments::of_bytes(signature, bytes),
        };
        let mut arguments = match arguments {
            Ok(arguments) => arguments,
            Err(mismatch) => {
                function.stats.count_error(Kind::Argument);
                return Ok(Err(format!("{}: {mismatch}", function.encode_prefix())));
            }
        };
        let image = match function.call_nested(&mut arguments, &self.frame).await {
            Ok(image) => image,
            Err(failure) if ends_the_caller(&failure) => return Err(failure),
            Err(failure) => return Ok(Err(failure.message)),
        };
        let ty = signature.result.as_deref();
        let outcome = match input {
            Payload::Text(_) => image.to_text(ty).map(|outcome| outcome.map(Payload::Text)),
            Payload::Bytes(_) => image.to_bytes(ty).map(|outcome| outcome.map(Payload::Bytes)),
        };
        Ok(match outcome {
            Ok(Outcome::Value(payload)) => Ok(payload),
            Ok(Outcome::Err(text)) => {
                function.stats.count_error(Kind::Guest);
                Err(text)
            }
            Err(broken) => {
                function.stats.count_error(Kind::Trap);
                Err(format!("{}: {broken}", function.spec.id))
            }
        })
    }

    async fn call_host(&self, function: Arc<dyn HostFunction>, input: Payload) -> Answer<Payload> {
        let (reply, awaited) = Awaited::new(self.threads);
        if let Some((input, reply)) = function.start(input, &self.frame, reply) {
            let frame = self.frame.clone();
            self.frame.mailbox().run(move || function.call(input, &frame, reply)).await?;
        }
        match awaited.answer().await {
            Some(Ok(payload)) => Ok(Ok(payload)),
            Some(Err(Refusal::Err(text))) => Ok(Err(text)),
            Some(Err(Refusal::Abort(reason))) => Err(Failure::aborted(reason)),
            None => Ok(Err("the function ended without an answer".to_owned())),
        }
    }
}

fn ends_the_caller(failure: &Failure) -> bool {
    matches!(failure.what, What::Aborted(_) | What::Cancelled | What::Internal)
}
