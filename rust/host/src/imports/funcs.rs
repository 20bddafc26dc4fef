//! `wippy:runtime/funcs@0.1.0`: guests call other functions of the registry (H-20 to H-29).
//!
//! A WASM target runs right here, on a fiber of its own, without a detour over the embedder. A host's function runs on
//! the thread that drives the call, off the guest's stack, because it may use any amount of it. Either way the guest
//! waits on its fiber. Everything that goes wrong with the target becomes the guest's `err`; only what ends the whole
//! call (Ctrl-C, cancellation, the caller's own deadline) unwinds the guest.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;
use wippy_lua::error::{ErrorValue, Kind as ErrorKind};
use wippy_lua::value::Value;

use super::Wanted;
use crate::calling::{Answer, Caller, PLAIN};
use crate::error::{Failure, What};
use crate::function::Function;
use crate::script::{error_value, text};
use crate::state::State;
use crate::stats::Kind;
use crate::table::{Input, Output, Target};
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
            let caller = caller(&store);
            Box::new(async move {
                let caller = caller?;
                let answer = call_string(&caller, target, input).await?;
                caller.refuse_overtime().map_err(unwinding)?;
                Ok((told(&caller, answer),))
            })
        },
    )?;
    instance.func_wrap_async(
        "call-bytes",
        |store: StoreContextMut<'_, State>, (target, input): (String, Vec<u8>)| {
            let caller = caller(&store);
            Box::new(async move {
                let caller = caller?;
                let answer = call_bytes(&caller, target, input).await?;
                caller.refuse_overtime().map_err(unwinding)?;
                Ok((told(&caller, answer),))
            })
        },
    )
}

/// The guest that calls.
fn caller(store: &StoreContextMut<'_, State>) -> Result<Caller, Failure> {
    let state = store.data();
    let closed = || Failure::new(What::Closed, "the runtime is closed");
    let frame = state.frame.clone().ok_or_else(closed)?;
    let table = state.table.upgrade().ok_or_else(closed)?;
    Ok(Caller { frame, table, threads: state.errands })
}

/// A stop of the guest's own call, in the form that unwinds it.
fn unwinding(failure: Failure) -> wasmtime::Error {
    match failure.stop() {
        Some(stop) => stop.into(),
        None => failure.into(),
    }
}

/// What the guest sees of an answer. The error itself is remembered: the guest may pass its text on.
fn told<T>(caller: &Caller, answer: Result<T, ErrorValue>) -> Result<T, String> {
    answer.map_err(|error| {
        caller.frame.remember(&error);
        error.message
    })
}

/// What a callee gave; whoever made it, text or bytes.
enum Payload {
    Text(String),
    Bytes(Vec<u8>),
}

async fn call_string(caller: &Caller, target: String, input: String) -> Answer<String> {
    let answer = call(caller, &target, Input::Text(input)).await?;
    Ok(answer.and_then(|payload| match payload {
        Payload::Text(text) => Ok(text),
        Payload::Bytes(bytes) => String::from_utf8(bytes)
            .map_err(|_| ErrorValue::new(ErrorKind::Invalid, "result is not valid UTF-8")),
    }))
}

async fn call_bytes(caller: &Caller, target: String, input: Vec<u8>) -> Answer<Vec<u8>> {
    let answer = call(caller, &target, Input::Bytes(input)).await?;
    Ok(answer.map(|payload| match payload {
        Payload::Text(text) => text.into_bytes(),
        Payload::Bytes(bytes) => bytes,
    }))
}

async fn call(caller: &Caller, target: &str, input: Input) -> Answer<Payload> {
    match caller.find(target).await? {
        Err(error) => Ok(Err(error)),
        Ok(Target::Guest(function)) if function.script().is_some() => {
            call_script(caller, &function, input).await
        }
        Ok(Target::Guest(function)) => call_guest(caller, &function, &input).await,
        Ok(Target::Host(function)) => {
            let answer = caller.ask(function, input).await?;
            Ok(answer.map(|output| match output {
                Output::Text(text) => Payload::Text(text),
                Output::Bytes(bytes) => Payload::Bytes(bytes),
                Output::Value(value) => Payload::Bytes(text(value)),
            }))
        }
    }
}

/// One string either way (L-10), and its result as text (H-24).
async fn call_script(caller: &Caller, function: &Arc<Function>, input: Input) -> Answer<Payload> {
    let input = match input {
        Input::Text(text) => vec![Value::text(text)],
        Input::Bytes(bytes) => vec![Value::Str(bytes)],
        Input::Values(values) => values,
    };
    let answer = caller.call_script(function, input).await?;
    Ok(answer.map(|value| Payload::Bytes(text(value))))
}

async fn call_guest(caller: &Caller, function: &Arc<Function>, input: &Input) -> Answer<Payload> {
    let signature = match function.signature() {
        Ok(signature) => signature,
        Err(failure) => {
            function.stats.count_failure(&failure);
            return Ok(Err(error_value(failure)));
        }
    };
    let arguments = match input {
        Input::Text(text) => Arguments::of_string(signature, text),
        Input::Bytes(bytes) => Arguments::of_bytes(signature, bytes),
        Input::Values(_) => return Err(function.internal("a guest gives text or bytes")),
    };
    let mut arguments = match arguments {
        Ok(arguments) => arguments,
        Err(mismatch) => {
            function.stats.count_error(Kind::Argument);
            let text = format!("{}: {mismatch}", function.encode_prefix());
            return Ok(Err(ErrorValue::new(ErrorKind::Invalid, text)));
        }
    };
    let image = match caller.call(function, &mut arguments, PLAIN).await? {
        Ok(image) => image,
        Err(error) => return Ok(Err(error)),
    };
    let ty = signature.result.as_deref();
    let outcome = match input {
        Input::Text(_) => image.to_text(ty).map(|outcome| outcome.map(Payload::Text)),
        _ => image.to_bytes(ty).map(|outcome| outcome.map(Payload::Bytes)),
    };
    Ok(match outcome {
        Ok(Outcome::Value(payload)) => Ok(payload),
        Ok(Outcome::Err(text)) => {
            function.stats.count_error(Kind::Guest);
            let passed_on = image.passed_on(&text).cloned();
            Err(passed_on.unwrap_or_else(|| ErrorValue::new(ErrorKind::Unknown, text)))
        }
        Err(broken) => {
            function.stats.count_error(Kind::Trap);
            Err(ErrorValue::new(ErrorKind::Internal, format!("{}: {broken}", function.spec.id)))
        }
    })
}
