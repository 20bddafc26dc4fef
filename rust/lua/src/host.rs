//! What a program reaches outside its worker: the embedder's side of the modules.
//!
//! There is one [`Host`] a call. What may take time is a future, polled where the call is: a program that waits holds no
//! thread.

use std::any::Any;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ErrorValue;
use crate::value::Value;

/// What ends the whole call, as the embedder knows it: Ctrl-C, or an answer nobody waits for any more.
pub type Ended = Box<dyn Any + Send + Sync>;

/// What a waiting operation comes to: a value for the program or an error for it, or the end of its call.
pub type Outcome<T = Value> = Result<Result<T, ErrorValue>, Ended>;

pub type Waiting<T = Value> = Pin<Box<dyn Future<Output = Outcome<T>> + Send>>;

/// A call of another function (L-30).
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// `namespace:name`.
    pub target: String,
    pub arguments: Vec<Value>,
    /// What the callee finds in `ctx` besides what the caller has; nil or a map (L-31).
    pub context: Value,
    /// (L-33)
    pub timeout: Option<Duration>,
}

/// A request of `http_client`.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub timeout: Option<Duration>,
}

/// What came back; whole.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// The last one, where redirects were followed.
    pub url: String,
}

/// A filesystem of the registry (L-35).
#[derive(Debug, Clone)]
pub struct Directory {
    pub path: PathBuf,
    pub readable: bool,
    pub writable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// See the module's documentation.
pub trait Host: Send + Sync {
    /// Calls a function of the registry.
    fn call(self: Arc<Self>, call: Call) -> Waiting;

    fn http(self: Arc<Self>, request: Request) -> Waiting<Response>;

    /// The value of an environment variable (L-34).
    fn env(self: Arc<Self>, key: String) -> Waiting;

    fn set_env(self: Arc<Self>, key: String, value: String) -> Waiting;

    /// All of them, as a map.
    fn all_env(self: Arc<Self>) -> Waiting;

    /// A filesystem by its id.
    fn directory(self: Arc<Self>, id: String) -> Waiting<Directory>;

    /// What the caller gave with the call: nil or a map (L-37).
    fn context(&self) -> &Value;

    /// `fields` is nil or a map.
    fn log(&self, level: Level, name: &str, message: &str, fields: &Value);

    /// Whether nobody waits for the call any more, or its time is over.
    fn is_over(&self) -> bool;
}
