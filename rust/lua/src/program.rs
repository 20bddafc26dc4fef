//! A program: a function entry's chunk with the libraries it imports, and the workers that have it loaded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::builtin;
use crate::unit::{Unit, WORDS};
use crate::watch::Clock;
use crate::worker::Worker;

/// How long a worker waits for a call before it is dropped (F-21).
const IDLE: Duration = Duration::from_secs(30);
/// A worker that has more than this when a call ends is tidied up.
const HEAVY: usize = 4 << 20;

/// What all workers of a program have in common.
pub struct Plan {
    pub(crate) method: String,
    /// Bytes one worker's state may take.
    pub(crate) memory: usize,
    /// Bytes that the arguments or the result of a call may take when copied.
    pub(crate) budget: usize,
    units: Vec<Arc<Unit>>,
}

/// What a chunk's `require` finds.
pub(crate) enum Required {
    Module,
    /// The number of a unit.
    Unit(usize),
}

impl Plan {
    /// By its number; the program's own is the first.
    pub(crate) fn unit(&self, number: usize) -> &Arc<Unit> {
        &self.units[number - 1]
    }

    /// The words of [`WORDS`] that a worker must expect its program to use: those in the text of one of its chunks, and
    /// all of them where that has a way to the globals by any name.
    pub(crate) fn mentions(&self) -> impl Iterator<Item = &'static str> {
        let all = self.units.iter().any(|unit| unit.mentions_all);
        let mentioned = move |at: usize| all || self.units.iter().any(|unit| unit.mentions[at]);
        WORDS.into_iter().enumerate().filter_map(move |(at, word)| mentioned(at).then_some(word))
    }

    /// Declared modules before imports (L-3).
    pub(crate) fn resolve(&self, unit: usize, name: &str) -> Result<Required, String> {
        let unit = self.unit(unit);
        if builtin::GLOBALS.contains(&name) {
            return Ok(Required::Module);
        }
        if unit.modules.iter().any(|module| module == name) {
            if builtin::NAMES.contains(&name) {
                return Ok(Required::Module);
            }
            return Err(format!("module '{name}' is not supported here"));
        }
        let import = unit.imports.iter().find(|(alias, _)| alias == name);
        let number =
            import.and_then(|(_, import)| self.units.iter().position(|unit| Arc::ptr_eq(unit, import)));
        match number {
            Some(number) => Ok(Required::Unit(number + 1)),
            None => Err(format!("module '{name}' not found")),
        }
    }
}

/// What an entry says of its program.
pub struct ProgramSpec {
    pub unit: Arc<Unit>,
    pub method: String,
    pub memory: usize,
    /// Bytes that arguments or a result may take.
    pub budget: usize,
    pub clock: Clock,
}

/// See the module's documentation.
pub struct Program {
    pub(crate) plan: Arc<Plan>,
    clock: Clock,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The longest idle first.
    workers: Vec<(Instant, Worker)>,
    /// Something looks after them.
    swept: bool,
    closed: bool,
}

impl Program {
    pub fn new(spec: ProgramSpec) -> Arc<Self> {
        let ProgramSpec { unit, method, memory, budget, clock } = spec;
        let plan = Plan { method, memory, budget, units: unit.all() };
        Arc::new(Program { plan: Arc::new(plan), clock, idle: Mutex::default() })
    }

    /// Whether its chunks, libraries included, declare one of these modules.
    pub fn uses(&self, names: &[&str]) -> bool {
        let declared = self.plan.units.iter().flat_map(|unit| &unit.modules);
        declared.into_iter().any(|module| names.contains(&module.as_str()))
    }

    /// Drops the workers that wait for calls, and keeps none any more.
    pub fn close(&self) {
        let mut idle = self.lock();
        idle.closed = true;
        let workers = std::mem::take(&mut idle.workers);
        drop(idle);
        drop(workers);
    }

    /// A worker for a call, and whether it is a new one.
    pub(crate) fn take(&self) -> mlua::Result<(Worker, bool)> {
        if let Some((_, worker)) = self.lock().workers.pop() {
            return Ok((worker, false));
        }
        Ok((Worker::new(&self.plan, &self.clock)?, true))
    }

    /// Takes a worker back whose call has ended.
    pub(crate) fn put_back(self: &Arc<Self>, worker: Worker, memory: usize) {
        if memory > HEAVY && worker.lua.gc_collect().is_err() {
            return;
        }
        let now = Instant::now();
        let mut idle = self.lock();
        if idle.closed {
            drop(idle);
            return;
        }
        idle.workers.push((now, worker));
        if !idle.swept
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            idle.swept = true;
            drop(idle);
            runtime.spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Drops those that have waited long enough; whether others are left.
    fn drop_idle(&self) -> bool {
        let mut idle = self.lock();
        let rested = idle.workers.iter().take_while(|(since, _)| since.elapsed() >= IDLE).count();
        let dropped: Vec<_> = idle.workers.drain(..rested).collect();
        idle.swept = !idle.workers.is_empty();
        let left = idle.swept;
        drop(idle);
        drop(dropped);
        left
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(program: Weak<Program>) {
    loop {
        tokio::time::sleep(IDLE).await;
        if !program.upgrade().is_some_and(|program| program.drop_idle()) {
            return;
        }
    }
}
