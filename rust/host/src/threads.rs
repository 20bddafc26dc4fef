//! Threads for work that may block: the embedder's own functions, and chunks of batches.
//!
//! A thread starts when there is work and no idle one, and ends after some idle seconds. Behind it is the pool of
//! blocking threads of a tokio runtime that does nothing else.

use std::io;
use std::time::Duration;

/// A callee may call guests again, on its own stack.
const STACK: usize = 8 << 20;
const KEEP: Duration = Duration::from_secs(10);

/// A pool of threads. Work beyond its size waits.
pub struct Threads {
    runtime: tokio::runtime::Runtime,
}

impl Threads {
    /// At most `most` threads called `name`; none until there is work.
    pub fn new(name: &str, most: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(most)
            .thread_keep_alive(KEEP)
            .thread_stack_size(STACK)
            .thread_name(name)
            .build()?;
        Ok(Threads { runtime })
    }

    /// Runs `work` on one of the threads, soon.
    pub fn run(&self, work: impl FnOnce() + Send + 'static) {
        drop(self.runtime.spawn_blocking(work));
    }
}

/// The threads that run the embedder's functions: a pool for each depth of calls.
///
/// A function may start calls of its own and wait for them. With one pool for all, functions that wait could take up
/// every thread that those they wait for need.
pub struct Callees {
    levels: Vec<Threads>,
}

/// Deeper ones share the last pool: what bounds them is the limit on depth.
const LEVELS: usize = 16;

impl Callees {
    /// At most `most` threads on each level, none until there is work.
    pub fn new(most: usize) -> io::Result<Self> {
        let levels = (0..LEVELS).map(|_| Threads::new("wippy-callee", most));
        Ok(Callees { levels: levels.collect::<io::Result<_>>()? })
    }

    /// The threads for functions called `depth` calls down: 0 for those of the first call's guest.
    pub fn at(&self, depth: u32) -> &Threads {
        &self.levels[(depth as usize).min(LEVELS - 1)]
    }
}
