//! The embedder of one call of a script.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::host::{Call, Directory, Host, Level, Outcome, Request, Response, Waiting};
use wippy_lua::value::Value;

use super::calls;
use super::environment::Environment;
use super::http;
use super::logs::Logs;
use crate::call::ScriptWatch;
use crate::calling::Caller;
use crate::error::Failure;
use crate::frame::Frame;
use crate::function::Function;
use crate::net::guest::GuestNetwork;
use crate::table::Refusal;

/// See the module's documentation.
pub(super) struct ScriptHost {
    pub function: Arc<Function>,
    pub frame: Option<Frame>,
    pub logs: Logs,
    watch: ScriptWatch,
    cut_off: AtomicBool,
    network: OnceLock<Arc<GuestNetwork>>,
}

impl ScriptHost {
    pub fn new(function: &Arc<Function>, watch: ScriptWatch, frame: Option<Frame>) -> Arc<Self> {
        let (cut_off, network, logs) = (AtomicBool::new(false), OnceLock::new(), Logs::default());
        Arc::new(ScriptHost { function: Arc::clone(function), frame, logs, watch, cut_off, network })
    }

    /// Whether the script was told that its call is over.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// The call has ended: what it began on the network is not finished.
    pub fn end(&self) {
        if let Some(network) = self.network.get() {
            network.end();
        }
    }

    /// This call's place on the network; absent where the entry has none.
    pub fn network(&self) -> Option<&Arc<GuestNetwork>> {
        let access = self.function.access.as_ref()?;
        Some(self.network.get_or_init(|| GuestNetwork::new(access, self.frame.clone(), false)))
    }

    pub fn caller(&self) -> Result<Caller, Failure> {
        let frame = self.frame.clone().ok_or_else(|| self.function.internal("a call without a frame"))?;
        Caller::of(frame, &self.function)
    }

    /// Asks the embedder's environment, where its code runs.
    fn ask<A>(self: Arc<Self>, ask: A) -> Waiting
    where
        A: FnOnce(&dyn Environment) -> Result<Value, Refusal> + Send + 'static,
    {
        Box::pin(async move {
            let script = self.function.script();
            let environment = script.and_then(|script| script.environment.clone());
            let (Some(environment), Some(frame)) = (environment, &self.frame) else {
                return Ok(Err(ErrorValue::new(Kind::Unavailable, "env registry not found in context")));
            };
            let asked = frame.mailbox().run(move || ask(&*environment)).await;
            match asked.map_err(calls::ends)? {
                Ok(value) => Ok(Ok(value)),
                Err(Refusal::Err(error)) => Ok(Err(*error)),
                Err(Refusal::Abort(reason)) => Err(calls::ends(Failure::aborted(reason))),
            }
        })
    }

    /// Whether the operator lets this entry have a variable, which is asked by its id: it may have several names (L-34).
    async fn may_have(self: &Arc<Self>, key: &str) -> Outcome<()> {
        let caller = self.caller().map_err(calls::ends)?;
        if caller.table.authorize.is_none() {
            return Ok(Ok(()));
        }
        let name = key.to_owned();
        let id = Arc::clone(self).ask(move |environment| environment.id(&name).map(Value::text)).await?;
        let id = match id {
            Ok(Value::Str(id)) => String::from_utf8_lossy(&id).into_owned(),
            Ok(_) => key.to_owned(),
            Err(error) => return Ok(Err(error)),
        };
        match caller.is_allowed(&format!("env://{id}")).await.map_err(calls::ends)? {
            true => Ok(Ok(())),
            false => denied(key).map(|outcome| outcome.map(drop)),
        }
    }

    /// Whether the operator lets this entry have something, named by a URL (L-34, L-35).
    async fn is_allowed(&self, what: String) -> Result<bool, Failure> {
        match self.caller() {
            Ok(caller) => caller.is_allowed(&what).await,
            Err(failure) => Err(failure),
        }
    }

    async fn directory_of(&self, id: &str) -> Outcome<Directory> {
        let refused = |kind, text: String| Ok(Err(ErrorValue::new(kind, text)));
        let found = self.function.script().and_then(|script| script.directories.get(id));
        let Some(found) = found else {
            return refused(Kind::NotFound, format!("filesystem not found: {id}"));
        };
        let allowed = self.is_allowed(format!("fs://{id}")).await.map_err(calls::ends)?;
        if !allowed {
            return refused(Kind::PermissionDenied, format!("not allowed to access filesystem: {id}"));
        }
        Ok(Ok(found.clone()))
    }
}

fn denied(key: &str) -> Outcome {
    let text = format!("not allowed to access environment variable: {key}");
    Ok(Err(ErrorValue::new(Kind::PermissionDenied, text)))
}

impl Host for ScriptHost {
    fn call(self: Arc<Self>, call: Call) -> Waiting {
        Box::pin(async move { calls::call(&self, call).await })
    }

    fn http(self: Arc<Self>, request: Request) -> Waiting<Response> {
        Box::pin(async move { http::send(&self, request).await })
    }

    fn env(self: Arc<Self>, key: String) -> Waiting {
        Box::pin(async move {
            if let Err(refused) = self.may_have(&key).await? {
                return Ok(Err(refused));
            }
            self.ask(move |environment| environment.get(&key)).await
        })
    }

    fn set_env(self: Arc<Self>, key: String, value: String) -> Waiting {
        Box::pin(async move {
            if let Err(refused) = self.may_have(&key).await? {
                return Ok(Err(refused));
            }
            self.ask(move |environment| environment.set(&key, &value)).await
        })
    }

    fn all_env(self: Arc<Self>) -> Waiting {
        Box::pin(async move {
            if !self.is_allowed("env://*".to_owned()).await.map_err(calls::ends)? {
                return denied("*");
            }
            let found = Arc::clone(&self).ask(|environment| environment.all()).await?;
            let Ok(Value::Map(entries)) = found else { return Ok(found) };
            let mut allowed = Vec::with_capacity(entries.len());
            for (name, value) in entries {
                if self.may_have(&String::from_utf8_lossy(&name)).await?.is_ok() {
                    allowed.push((name, value));
                }
            }
            Ok(Ok(Value::Map(allowed)))
        })
    }

    fn directory(self: Arc<Self>, id: String) -> Waiting<Directory> {
        Box::pin(async move { self.directory_of(&id).await })
    }

    fn context(&self) -> &Value {
        self.frame.as_ref().map_or(&Value::Nil, Frame::context)
    }

    fn log(&self, level: Level, name: &str, message: &str, fields: &Value) {
        self.logs.add(level, name, message, fields, self.function.spec.max_output_bytes);
    }

    fn is_over(&self) -> bool {
        let over = self.watch.is_over();
        if over {
            self.cut_off.store(true, Ordering::Relaxed);
        }
        over
    }
}
