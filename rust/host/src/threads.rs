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
