//! Instances that exist without a call: made ready before theirs, or kept after it.
//!
//! What such an instance was made with stays in it: its environment, its open directories, handles on its standard
//! streams. The streams can be led to any call; the rest is compared with what the call would get, and an instance
//! that does not fit is thrown away.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::Store;

use crate::call::Options;
use crate::error::Failure;
use crate::function::Function;
use crate::groups::Group;
use crate::imports::cli::Stdin;
use crate::imports::filesystem::Mount;
use crate::input::Input;
use crate::instance::{self, Ends, Live};
use crate::output::{Buffer, Full, Sink};
use crate::spec::Pairs;
use crate::state::{State, Watch};
use crate::streams::Streams;

/// An instance, and what it was made with.
pub(crate) struct Warm {
    pub store: Store<State>,
    pub live: Live,
    pub lasting: Box<Lasting>,
}

/// What stays in an instance from call to call.
pub(crate) struct Lasting {
    console: Console,
    env: Pairs,
    places: Vec<Place>,
    /// Calls it has served.
    pub served: u32,
}

impl Lasting {
    pub fn new(function: &Function, env: Pairs) -> Box<Self> {
        // Looked at before the directories are opened: one that is replaced in between does not fit.
        let places = places(&function.spec.mounts);
        Box::new(Lasting { console: Console::new(function), env, places, served: 0 })
    }

    /// A store for a new instance that has these, its streams not led anywhere yet.
    pub fn store(&self, function: &Function, watch: Watch) -> Result<Store<State>, Failure> {
        let network = instance::network(function, None, false);
        let wasi = instance::wasi(function, &self.env, network.as_ref(), false, || self.console.ends())?;
        Ok(instance::store(function, instance::state(function, wasi, network, watch, None)))
    }

    /// Leads the standard streams to a call.
    pub fn lead(&self, function: &Function, options: &Options, streams: &mut Streams) {
        self.console.lead(function, options, streams);
    }

    /// Whether its start code had a need that only a call can meet.
    pub fn missed_its_call(&self) -> bool {
        matches!(&self.console.stdin, Stdin::Lead(input) if input.was_missed())
    }

    /// Whether a call with this environment and these directories would get the same.
    pub fn fits(&self, env: &[(String, String)], places: &[Place]) -> bool {
        *self.env == *env && self.places == places && !places.contains(&Place::Unknown)
    }
}

/// The standard streams.
struct Console {
    stdin: Stdin,
    /// stdout and stderr, where anybody may want them.
    output: Option<[Arc<Buffer>; 2]>,
}

impl Console {
    fn new(function: &Function) -> Self {
        let buffer = || Arc::new(Buffer::new(Full::Refuse, false));
        let output = function.has_output().then(|| [buffer(), buffer()]);
        let has_console = function.needs.wasi && function.spec.grants.has(Group::Cli);
        let stdin = if has_console { Stdin::Lead(Input::default()) } else { Stdin::Empty };
        Console { stdin, output }
    }

    fn ends(&self) -> Ends<'_> {
        let [stdout, stderr] = match &self.output {
            Some(buffers) => buffers.each_ref().map(|buffer| Sink::Capture(Arc::clone(buffer))),
            None => [Sink::Discard, Sink::Discard],
        };
        Ends { stdin: &self.stdin, stdout, stderr }
    }

    fn lead(&self, function: &Function, options: &Options, streams: &mut Streams) {
        if let Stdin::Lead(input) = &self.stdin {
            input.lead(match &options.stdin {
                Stdin::Bytes(bytes) => Bytes::from_owner(Arc::clone(bytes)),
                // Only `run_command` passes on the process's own input, and keeps no instances.
                Stdin::Empty | Stdin::Inherit | Stdin::Lead(_) => Bytes::new(),
            });
        }
        if let Some([stdout, stderr]) = &self.output {
            let (log, limit) = (&function.log, function.spec.max_output_bytes);
            streams.lead(1, stdout, &options.stdout, log, limit);
            streams.lead(2, stderr, &options.stderr, log, limit);
        }
    }
}

/// Which directory a path names at the moment. An instance holds its directories open, so that no other one can have
/// the identity of one that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Directory { device: u64, inode: u64 },
    Unknown,
}

pub(crate) fn places(mounts: &[Mount]) -> Vec<Place> {
    mounts.iter().map(|mount| Place::of(&mount.host)).collect()
}

impl Place {
    #[cfg(unix)]
    fn of(path: &Path) -> Place {
        use std::os::unix::fs::MetadataExt;
        match path.metadata() {
            Ok(found) => Place::Directory { device: found.dev(), inode: found.ino() },
            Err(_) => Place::Unknown,
        }
    }

    /// Where directories have no identity that is cheap to ask for, instances with mounts are made for their calls.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Place {
        Place::Unknown
    }
}
