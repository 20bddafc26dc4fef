//! Calls on several threads at once, each in a fresh instance: which settings of the pool scale.

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::component::{ComponentNamedList, Lift, Lower};
use wasmtime::{Engine, Result};

use crate::cases::Export;
use crate::engine::{Settings, engine, load};
use crate::measure::{Budget, SAMPLES, report};
use crate::usage::Usage;
use crate::wasi::{prepare, version};

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
    share: Share,
}

/// What the threads have in common.
enum Share {
    All,
    /// Each has loaded the component for itself.
    Engine,
    Nothing,
}

impl<'a> Request<'a> {
    /// `words`: settings (`keep=65536`), `threads=1,2,4`, `only=add,echo`, `spin=N`.
    pub fn new(repository: &'a Path, cache: &'a Path, budget: Budget, words: &[&str]) -> Result<Self> {
        let mut request = Request {
            repository,
            cache,
            budget,
            settings: Settings::TUNED,
            threads: vec![1, 2],
            wanted: Vec::new(),
            label: String::new(),
            spin: SPIN,
            share: Share::All,
        };
        for word in words {
            match word.split_once('=') {
                Some(("threads", list)) => {
                    request.threads = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                Some(("only", list)) => request.wanted = list.split(',').map(str::to_owned).collect(),
                Some(("spin", rounds)) => request.spin = rounds.parse()?,
                Some(("share", what)) => {
                    request.share = match what {
                        "all" => Share::All,
                        "engine" => Share::Engine,
                        "nothing" => Share::Nothing,
                        _ => wasmtime::bail!("share={what}: all, engine or nothing"),
                    };
                    request.label = format!("{} {word}", request.label);
                }
                _ => {
                    request.settings = request.settings.set(word)?;
                    request.label = format!("{} {word}", request.label);
                }
            }
        }
        Ok(request)
    }

    fn wants(&self, case: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| wanted == case)
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
    for pages in [4, 16, 64, 128, 256] {
        case::<(u32,), ()>(request, &format!("dirty {pages}"), "dirty.wat", "dirty", || (pages,))?;
    }
    case::<(), ()>(request, "touch", "dirty.wat", "touch", || ())?;
    case::<(u32,), ()>(request, "grow", "dirty.wat", "grow", || (1,))?;
    if request.wants("pyguest") {
        let guest = request.repository.join("tests/guests/built/pyguest.wasm");
        on_threads(request, "pyguest", |engine| {
            let pre = prepare(engine, &load(engine, &guest, request.cache)?)?;
            let engine = engine.clone();
            Ok(move || version(&engine, &pre))
        })?;
    }
    Ok(())
}

/// One export on each number of threads.
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
    if !request.wants(name) {
        return Ok(());
    }
    let (guest, arguments) = (request.guest(guest), &arguments);
    on_threads(request, name, |engine| {
        let export = Export::new(engine, &load(engine, &guest, request.cache)?, export)?;
        Ok(move || export.call_fresh::<P, R>(arguments()))
    })
}

/// `prepare` makes a call for an engine. An engine of its own, so that no earlier case has left its pages in the pool.
fn on_threads<C: Fn() -> Result<()> + Sync>(
    request: &Request,
    name: &str,
    prepare: impl Fn(&Engine) -> Result<C>,
) -> Result<()> {
    for &threads in &request.threads {
        let engine = engine(request.settings)?;
        let calls: Vec<C> = match request.share {
            Share::All => vec![prepare(&engine)?],
            Share::Engine => (0..threads).map(|_| prepare(&engine)).collect::<Result<_>>()?,
            Share::Nothing => (0..threads)
                .map(|_| prepare(&crate::engine::engine(request.settings)?))
                .collect::<Result<_>>()?,
        };
        let (wall, cpu) = samples(threads, request.budget.0 / SAMPLES, &calls)?;
        let plural = if threads == 1 { "" } else { "s" };
        report(
            &format!("{name} on {threads} thread{plural}"),
            &format!("rust fresh{}", request.label),
            &wall,
        );
        report(
            &format!("{name} on {threads} thread{plural}, CPU"),
            &format!("rust fresh{}", request.label),
            &cpu,
        );
    }
    Ok(())
}

/// Seconds a call took overall, wall time by the calls of all threads; and its CPU time, which what else the machine does
/// hardly changes.
fn samples<C: Fn() -> Result<()> + Sync>(
    threads: usize,
    length: Duration,
    prepared: &[C],
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (start, end) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let (start, end, stop, calls) = (&start, &end, &stop, &calls);
    let worker = |thread: usize| {
        let call = &prepared[thread % prepared.len()];
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
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || worker(thread))).collect();
        let (mut wall, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..=SAMPLES {
            calls.store(0, Ordering::Relaxed);
            stop.store(false, Ordering::Relaxed);
            start.wait();
            let (used, began) = (Usage::now(), Instant::now());
            thread::sleep(length);
            stop.store(true, Ordering::Relaxed);
            end.wait();
            let done = calls.load(Ordering::Relaxed).max(1) as f64;
            wall.push(began.elapsed().as_secs_f64() / done);
            let used = Usage::now().since(&used);
            cpu.push((used.user + used.system) / 1e6 / done);
        }
        for worker in workers {
            worker.join().map_err(|_| wasmtime::Error::msg("a thread panicked"))??;
        }
        // The first was the warming up.
        wall.remove(0);
        cpu.remove(0);
        Ok((wall, cpu))
    })
}
