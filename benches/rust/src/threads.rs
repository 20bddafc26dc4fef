//! Calls on several threads at once, each in a fresh instance: which settings of the pool scale.

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::Result;
use wasmtime::component::{ComponentNamedList, Lift, Lower};

use crate::cases::Export;
use crate::engine::{Settings, engine, load};
use crate::measure::{Budget, SAMPLES, report};

/// Rounds of `spin.wat` that take about 50 us here.
const SPIN: u32 = 40_000;

/// What the command line asks for.
pub struct Request<'a> {
    pub repository: &'a Path,
    pub cache: &'a Path,
    pub budget: Budget,
    settings: Settings,
    threads: Vec<usize>,
    wanted: Vec<String>,
    label: String,
    spin: u32,
}

impl<'a> Request<'a> {
    /// `words`: settings (`keep=65536`), `threads=1,2,4`, `only=add,echo`, `spin=N`.
    pub fn new(repository: &'a Path, cache: &'a Path, budget: Budget, words: &[&str]) -> Result<Self> {
        let mut request = Request {
            repository,
            cache,
            budget,
            settings: Settings { tables: 2, ..Settings::TUNED },
            threads: vec![1, 2],
            wanted: Vec::new(),
            label: String::new(),
            spin: SPIN,
        };
        for word in words {
            match word.split_once('=') {
                Some(("threads", list)) => {
                    request.threads = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                Some(("only", list)) => request.wanted = list.split(',').map(str::to_owned).collect(),
                Some(("spin", rounds)) => request.spin = rounds.parse()?,
                _ => {
                    request.settings = request.settings.set(word)?;
                    request.label = format!("{} {word}", request.label);
                }
            }
        }
        Ok(request)
    }

    fn guest(&self, name: &str) -> PathBuf {
        let theirs = self.repository.join("tests/guests/wat").join(name);
        if theirs.exists() { theirs } else { self.repository.join("benches/guests").join(name) }
    }
}

pub fn run(request: &Request) -> Result<()> {
    case::<(i32, i32), (i32,)>(request, "add", "add.wat", "add", || (1, 2))?;
    case::<(&str,), (String,)>(request, "echo", "echo.wat", "echo", || ("sixteen letters!",))?;
    case::<(u32,), (u32,)>(request, "spin", "spin.wat", "spin", || (request.spin,))?;
    for pages in [16, 256] {
        case::<(u32,), ()>(request, &format!("dirty {pages}"), "dirty.wat", "dirty", || (pages,))?;
    }
    case::<(u32,), ()>(request, "grow", "dirty.wat", "grow", || (16,))?;
    let pyguest = "../built/pyguest.wasm";
    if request.wanted.iter().any(|name| name == "pyguest") {
        crate::wasi::version(&engine(request.settings)?, &request.guest(pyguest), request.cache, |call| {
            on_threads(request, "pyguest", call)
        })?;
    }
    Ok(())
}

/// One export on each number of threads. An engine of its own, so that no earlier case has left its pages in the pool.
fn case<P, R>(
    request: &Request,
    name: &str,
    guest: &str,
    export: &str,
    arguments: impl Fn() -> P + Sync,
) -> Result<()>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    if !request.wanted.is_empty() && !request.wanted.iter().any(|wanted| wanted == name) {
        return Ok(());
    }
    let engine = engine(request.settings)?;
    let export = Export::new(&engine, &load(&engine, &request.guest(guest), request.cache)?, export)?;
    on_threads(request, name, &|| export.call_fresh::<P, R>(arguments()))
}

fn on_threads(request: &Request, name: &str, call: &(dyn Fn() -> Result<()> + Sync)) -> Result<()> {
    for &threads in &request.threads {
        let plural = if threads == 1 { "" } else { "s" };
        let samples = samples(threads, request.budget.0 / SAMPLES, call)?;
        report(
            &format!("{name} on {threads} thread{plural}"),
            &format!("rust fresh{}", request.label),
            &samples,
        );
    }
    Ok(())
}

/// Seconds a call took overall: wall time by the calls of all threads.
fn samples(threads: usize, length: Duration, call: &(dyn Fn() -> Result<()> + Sync)) -> Result<Vec<f64>> {
    let (start, end) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let worker = || {
        let mut outcome = Ok(());
        for _ in 0..=SAMPLES {
            start.wait();
            let mut done = 0;
            while outcome.is_ok() && !stop.load(Ordering::Relaxed) {
                outcome = call();
                done += 1;
            }
            calls.fetch_add(done, Ordering::Relaxed);
            end.wait();
        }
        outcome
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let mut samples = Vec::new();
        for _ in 0..=SAMPLES {
            calls.store(0, Ordering::Relaxed);
            stop.store(false, Ordering::Relaxed);
            start.wait();
            let began = Instant::now();
            thread::sleep(length);
            stop.store(true, Ordering::Relaxed);
            end.wait();
            samples.push(began.elapsed().as_secs_f64() / calls.load(Ordering::Relaxed) as f64);
        }
        for worker in workers {
            worker.join().map_err(|_| wasmtime::Error::msg("a thread panicked"))??;
        }
        // The first was the warming up.
        samples.remove(0);
        Ok(samples)
    })
}
