//! Bare wasmtime, tuned as well as it can be, doing what `benches/` asks of the Python package: the floor.
//!
//!     wippy-benches cases   REPOSITORY CACHE SECONDS     one JSON line a case, SECONDS for each
//!     wippy-benches explain REPOSITORY CACHE [SETTINGS]  where an instance of the componentize-py guest spends its time
//!     wippy-benches threads REPOSITORY CACHE SECONDS [NAME=VALUE...]  fresh instances on 1 and 2 threads; the pool's
//!         settings: scan=on|off keep= table= batch= warm=; threads=1,2,4; only=add,echo; spin=ROUNDS; what the threads
//!         have in common: share=all|engine|nothing
//!     wippy-benches creation [NAME=VALUE...]  what making a pool costs: memories= tables= stacks= for each instance
//!     wippy-benches sleepers REPOSITORY CACHE N MS [NAME=VALUE...]  N guests that wait at once
//!     wippy-benches serve CERTIFICATE KEY  the server of the HTTP benches; prints its ports, ends with standard input
//!     wippy-benches requests REPOSITORY CACHE NAME URL CA SECONDS  guests that ask it, with a connection a request
//!
//! Compiled guests are kept in CACHE. `benches/run.py` runs this alternately with the Python benches.

mod cases;
mod engine;
mod explain;
mod measure;
mod network;
mod sleepers;
mod threads;
mod usage;
mod wasi;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use measure::Budget;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> wasmtime::Result<()> {
    match *words {
        ["cases", repository, cache, seconds] => {
            let (repository, cache) = (PathBuf::from(repository), PathBuf::from(cache));
            let guests = repository.join("tests/guests");
            let budget = Budget(Duration::try_from_secs_f64(seconds.parse()?)?);
            let engine = engine::engine(engine::Settings::TUNED)?;
            cases::run(&engine, &guests, &cache, budget)?;
            wasi::run(&engine, &guests, &repository.join("benches/guests"), &cache, budget)
        }
        ["explain", repository, cache, ref wanted @ ..] if wanted.len() <= 1 => {
            let guest = PathBuf::from(repository).join("tests/guests/built/pyguest.wasm");
            explain::run(&guest, "version", &PathBuf::from(cache), wanted.first().unwrap_or(&""))
        }
        ["threads", repository, cache, seconds, ref words @ ..] => {
            let budget = Budget(Duration::try_from_secs_f64(seconds.parse()?)?);
            threads::run(&threads::Request::new(Path::new(repository), Path::new(cache), budget, words)?)
        }
        ["creation", ref words @ ..] => sleepers::creation(words),
        ["sleepers", repository, cache, count, ms, ref words @ ..] => {
            sleepers::run(Path::new(repository), Path::new(cache), count.parse()?, ms.parse()?, words)
        }
        ["serve", certificate, key] => network::serve(Path::new(certificate), Path::new(key)),
        ["requests", repository, cache, name, url, ca, seconds] => {
            let seconds = Duration::try_from_secs_f64(seconds.parse()?)?;
            network::run(Path::new(repository), Path::new(cache), name, url, Path::new(ca), seconds)
        }
        _ => {
            wasmtime::bail!(
                "usage: wippy-benches cases REPOSITORY CACHE SECONDS | explain REPOSITORY CACHE [SETTINGS] | \
                 threads REPOSITORY CACHE SECONDS [NAME=VALUE...] | creation [NAME=VALUE...] | \
                 sleepers REPOSITORY CACHE N MS [NAME=VALUE...] | \
                 serve CERTIFICATE KEY | requests REPOSITORY CACHE NAME URL CA SECONDS"
            )
        }
    }
}
