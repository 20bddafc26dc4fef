//! Calls that scripts make through `funcs` (L-24, L-30): of guests, of other scripts and of the embedder's functions.

use std::sync::Arc;
use std::time::Instant;

use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::host::{Call, Ended, Outcome};
use wippy_lua::value::Value;

use super::failures::error_value;
use super::host::ScriptHost;
use crate::call::{Nested, Options};
use crate::calling::Caller;
use crate::error::Failure;
use crate::function::Function;
use crate::stats;
use crate::table::{HostFunction, Input, Output, Target};
use crate::values::Arguments;

/// What of a call is no answer to the program ends the program's own call.
pub(super) fn ends(failure: Failure) -> Ended {
    Box::new(failure)
}

pub(super) async fn call(host: &ScriptHost, call: Call) -> Outcome {
    let caller = host.caller().map_err(ends)?;
    let target = match caller.find(&call.target).await.map_err(ends)? {
        Ok(target) => target,
        Err(error) => return Ok(Err(error)),
    };
    let answer = match target {
        Target::Guest(function) if function.script().is_some() => script(&caller, &function, call).await,
        Target::Guest(function) => guest(&caller, &function, &call).await,
        Target::Host(function) => embedder(&caller, function, call).await,
    };
    let answer = answer.map_err(ends)?;
    // The callee may notice before we do that the time of both is over; the program must not go on with that.
    caller.refuse_overtime().map_err(ends)?;
    Ok(answer)
}

type Answered = Result<Result<Value, ErrorValue>, Failure>;

/// Another script.
async fn script(caller: &Caller, function: &Arc<Function>, mut call: Call) -> Answered {
    if call.timeout.is_none() && matches!(call.context, Value::Nil) {
        return caller.call_script(function, call.arguments).await;
    }
    let arguments = Arguments::of_script(std::mem::take(&mut call.arguments));
    nested(caller, function, &call, arguments).await
}

/// A function of a module: arguments and result by its types.
async fn guest(caller: &Caller, function: &Arc<Function>, call: &Call) -> Answered {
    let signature = match function.signature() {
        Ok(signature) => signature,
        Err(failure) => {
            function.stats.count_failure(&failure);
            return Ok(Err(error_value(failure)));
        }
    };
    match Arguments::of_values(signature, &call.arguments) {
        Ok(arguments) => nested(caller, function, call, arguments).await,
        Err(misfit) => {
            function.stats.count_error(stats::Kind::Argument);
            let text = format!("{}: {misfit}", function.encode_prefix());
            Ok(Err(ErrorValue { retryable: Some(false), ..ErrorValue::new(Kind::Invalid, text) }))
        }
    }
}

async fn nested(
    caller: &Caller,
    function: &Arc<Function>,
    call: &Call,
    mut arguments: Arguments,
) -> Answered {
    let options = Options { timeout: call.timeout, ..Options::default() };
    let how = Nested { options: &options, context: &call.context };
    let image = match caller.call(function, &mut arguments, how).await? {
        Ok(image) => image,
        Err(error) => return Ok(Err(error)),
    };
    if function.script().is_some() {
        return Ok(Ok(image.into_script_value()));
    }
    let result = function.signature()?.result.as_deref();
    match image.to_value(result, caller.table.result_style) {
        Ok(Ok(value)) => Ok(Ok(value)),
        Ok(Err(error)) => {
            function.stats.count_error(stats::Kind::Guest);
            Ok(Err(image.passed_on(&error.message).cloned().unwrap_or(*error)))
        }
        Err(broken) => {
            function.stats.count_error(stats::Kind::Trap);
            Ok(Err(error_value(function.broken_result(&broken))))
        }
    }
}

async fn embedder(caller: &Caller, function: Arc<dyn HostFunction>, call: Call) -> Answered {
    let caller = caller.with_context(&call.context);
    let asked = caller.ask(function, Input::Values(call.arguments));
    let answered = match call.timeout {
        None => asked.await,
        Some(limit) => {
            let begin = Instant::now();
            match tokio::time::timeout(limit, asked).await {
                // It may have kept the very thread that would have noticed.
                Ok(answered) if begin.elapsed() < limit => answered,
                _ => {
                    let text = format!("timeout exceeded: {}ms", limit.as_millis());
                    return Ok(Err(ErrorValue::new(Kind::Timeout, text)));
                }
            }
        }
    };
    Ok(answered?.map(|output| match output {
        Output::Value(value) => value,
        Output::Text(text) => Value::text(text),
        Output::Bytes(bytes) => Value::Str(bytes),
    }))
}
