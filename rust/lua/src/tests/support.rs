//! An embedder for tests, and short ways to run programs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::error::{ErrorValue, Kind};
use crate::host::{Call, Directory, Host, Level, Outcome, Request, Response, Waiting};
use crate::program::{Program, ProgramSpec};
use crate::run::Failure;
use crate::unit::{Unit, UnitSpec};
use crate::value::Value;

/// Answers calls with what a function of the test says.
pub struct Fake {
    pub over: AtomicBool,
    pub logged: Mutex<Vec<(Level, String)>>,
    pub answer: fn(&Call) -> Result<Value, ErrorValue>,
    pub context: Value,
    /// `app:data`
    pub directory: Option<Directory>,
    /// What the network answers.
    pub http: fn(&Request) -> Result<Response, ErrorValue>,
}

impl Default for Fake {
    fn default() -> Self {
        Fake {
            over: AtomicBool::new(false),
            logged: Mutex::default(),
            answer: echo,
            context: Value::Nil,
            directory: None,
            http: |_| Err(ErrorValue::new(Kind::Unavailable, "no network")),
        }
    }
}

/// The first argument; errors and pauses by the name of the target.
fn echo(call: &Call) -> Result<Value, ErrorValue> {
    match &*call.target {
        "app:missing" => Err(ErrorValue::new(Kind::NotFound, "no handler registered for target")),
        _ => Ok(call.arguments.first().cloned().unwrap_or_default()),
    }
}

fn ready(answer: Result<Value, ErrorValue>) -> Waiting {
    Box::pin(std::future::ready(Ok(answer)))
}

impl Host for Fake {
    fn call(self: Arc<Self>, call: Call) -> Waiting {
        let answer = (self.answer)(&call);
        let pause = if call.target == "app:slow" { 20 } else { 0 };
        Box::pin(async move {
            if pause > 0 {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            Ok(answer)
        })
    }

    fn http(self: Arc<Self>, request: Request) -> Waiting<Response> {
        let answer = (self.http)(&request);
        let pause = if request.url.starts_with("http://late") { 1000 } else { 1 };
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok(answer)
        })
    }

    fn env(self: Arc<Self>, key: String) -> Waiting {
        ready(Ok(Value::text(key.to_lowercase())))
    }

    fn set_env(self: Arc<Self>, _: String, _: String) -> Waiting {
        ready(Ok(Value::Nil))
    }

    fn all_env(self: Arc<Self>) -> Waiting {
        ready(Ok(Value::Map(Vec::new())))
    }

    fn directory(self: Arc<Self>, id: String) -> Waiting<Directory> {
        let found = self.directory.clone().filter(|_| id == "app:data");
        let missing = || ErrorValue::new(Kind::NotFound, format!("filesystem not found: {id}"));
        let outcome: Outcome<Directory> = Ok(found.ok_or_else(missing));
        Box::pin(std::future::ready(outcome))
    }

    fn context(&self) -> &Value {
        &self.context
    }

    fn log(&self, level: Level, _: &str, message: &str, _: &Value) {
        self.logged.lock().unwrap().push((level, message.to_owned()));
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

pub fn unit(source: &str, modules: &[&str], imports: Vec<(String, Arc<Unit>)>) -> Arc<Unit> {
    let modules = modules.iter().map(|module| (*module).to_owned()).collect();
    let spec = UnitSpec {
        entry: "app:test".to_owned(),
        file: "test.lua".to_owned(),
        line: 1,
        source: source.to_owned(),
        modules,
        imports,
    };
    Unit::compile(spec).unwrap()
}

/// Every module there is.
pub const ALL: &[&str] = crate::builtin::NAMES;

pub fn program_of(unit: Arc<Unit>) -> Arc<Program> {
    let clock = Arc::new(AtomicUsize::new(0));
    let ticking = Arc::downgrade(&clock);
    std::thread::spawn(move || {
        while let Some(clock) = ticking.upgrade() {
            clock.fetch_add(1, Ordering::Relaxed);
            drop(clock);
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    Program::new(ProgramSpec { unit, method: "main".to_owned(), memory: 16 << 20, budget: 8 << 20, clock })
}

/// A program with this source, which may require everything.
pub fn program(source: &str) -> Arc<Program> {
    program_of(unit(source, ALL, Vec::new()))
}

/// What a call comes to, unless it takes longer than five seconds.
pub fn run_with(program: &Arc<Program>, arguments: &[Value], host: &Arc<Fake>) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let host = Arc::clone(host) as Arc<dyn Host>;
        let ran = tokio::time::timeout(Duration::from_secs(5), program.call(arguments, host)).await;
        ran.map_or_else(|_| Err(Failure::Internal("took longer than 5 s".to_owned())), |ran| ran.result)
    })
}

pub fn run(source: &str, arguments: &[Value]) -> Result<Value, Failure> {
    run_with(&program(source), arguments, &Arc::default())
}

/// The value of a function's body.
pub fn eval(body: &str) -> Value {
    let source = format!("return {{ main = function(...) {body} end }}");
    run(&source, &[]).unwrap_or_else(|failure| panic!("{failure:?} of {body}"))
}

/// The error of a function's body.
pub fn failing(body: &str) -> ErrorValue {
    let source = format!("return {{ main = function(...) {body} end }}");
    match run(&source, &[]) {
        Err(Failure::Error(error)) => *error,
        other => panic!("{other:?} of {body}"),
    }
}
