//! Blocking work, off the thread that polls calls, and one piece at a time a worker.
//!
//! What waits for its turn holds on to a string of the Lua state, and no copy: a thousand coroutines that write one large
//! text take it once. A result counts as under way until it has been taken, so that results do not pile up either.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::error::{ErrorValue, Kind};
use crate::host::Waiting;
use crate::modules::args::{Result, invalid};
use crate::value::Value;

/// Operations that wait for their turn: each takes a little outside the Lua state.
const MOST_WAITING: usize = 4096;

/// See the module's documentation. Cheap to clone.
#[derive(Clone)]
pub struct Turn {
    one: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Turn {
    fn default() -> Self {
        Turn { one: Arc::new(Semaphore::new(1)), queue: Arc::new(Semaphore::new(MOST_WAITING)) }
    }
}

impl Turn {
    /// Does `work` with a copy of `data`; then `finish` where the call is, unless nobody waits any more.
    pub fn run<T: Send + 'static>(
        &self,
        data: Option<mlua::String>,
        work: impl FnOnce(Vec<u8>) -> Result<T> + Send + 'static,
        finish: impl FnOnce(T) -> Result<Value> + Send + 'static,
    ) -> Waiting {
        let turn = Arc::clone(&self.one);
        let Ok(place) = Arc::clone(&self.queue).try_acquire_owned() else {
            let text =
                format!("too many file operations at once: at most {MOST_WAITING} wait for their turn");
            return Box::pin(std::future::ready(Ok(Err(invalid(text)))));
        };
        Box::pin(async move {
            let _place = place;
            let permit = turn.acquire_owned().await;
            let bytes = data.as_ref().map(|data| data.as_bytes().to_vec()).unwrap_or_default();
            drop(data);
            // The permit goes along: work that nobody waits for any more is still under way.
            let work = move || (work(bytes), permit);
            let (done, permit) = match Handle::try_current() {
                Ok(runtime) => match runtime.spawn_blocking(work).await {
                    Ok(done) => done,
                    Err(error) => return Ok(Err(ErrorValue::new(Kind::Internal, error.to_string()))),
                },
                Err(_) => work(),
            };
            let answer = done.and_then(finish);
            drop(permit);
            Ok(answer)
        })
    }
}
