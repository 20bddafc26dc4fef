//! What a script logs on its way to the embedder (L-8, L-38).
//!
//! The embedder's code must not run on the stack of whoever logs, which may be a guest's: lines are gathered, and passed
//! on where that code runs whenever the call waits, and when it ends.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use wippy_lua::host::Level;
use wippy_lua::value::Value;

use crate::error::Failure;
use crate::function::Function;
use crate::mailbox::Mailbox;

/// Lines on their way.
type Passing<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// One line.
struct Line {
    level: Level,
    name: Option<String>,
    text: String,
    fields: Value,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Logs(Mutex<Gathered>);

#[derive(Default)]
struct Gathered {
    lines: Vec<Line>,
    /// Bytes this call has logged.
    bytes: usize,
    /// It was told that there is no room for more.
    full: bool,
}

/// What a line takes besides its text.
const LINE: usize = 32;

impl Logs {
    /// Gathers a line, up to `most` bytes a call.
    pub fn add(&self, level: Level, name: &str, text: &str, fields: &Value, most: usize) {
        let mut gathered = self.lock();
        let size = LINE + text.len() + wippy_lua::copy::measure(fields).bytes;
        if gathered.bytes.saturating_add(size) > most {
            if !std::mem::replace(&mut gathered.full, true) {
                let text = format!("further lines are dropped: limits.max_output_bytes is {most} bytes");
                gathered.lines.push(Line { level: Level::Warn, name: None, text, fields: Value::Nil });
            }
            return;
        }
        gathered.bytes += size;
        let name = (!name.is_empty()).then(|| name.to_owned());
        gathered.lines.push(Line { level, name, text: text.to_owned(), fields: fields.clone() });
    }

    pub fn is_empty(&self) -> bool {
        self.lock().lines.is_empty()
    }

    fn take(&self) -> Vec<Line> {
        std::mem::take(&mut self.lock().lines)
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes lines on while `work` waits, and the rest when it is done. Without a mailbox this thread's own stack is
    /// where the embedder's code may run.
    pub async fn beside<F: Future>(
        &self,
        work: F,
        function: &Arc<Function>,
        mailbox: Option<&Mailbox>,
    ) -> F::Output {
        let mut work = pin!(work);
        let mut passing: Option<Passing<'_>> = None;
        let output = poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(output);
            }
            loop {
                if let Some(under_way) = &mut passing
                    && under_way.as_mut().poll(context).is_pending()
                {
                    return Poll::Pending;
                }
                passing = None;
                let lines = self.take();
                if lines.is_empty() {
                    return Poll::Pending;
                }
                passing = Some(Box::pin(pass_on(lines, Arc::clone(function), mailbox)));
            }
        })
        .await;
        if let Some(under_way) = passing {
            let _ = under_way.await;
        }
        let rest = self.take();
        if !rest.is_empty() {
            let _ = pass_on(rest, Arc::clone(function), mailbox).await;
        }
        output
    }
}

/// A call that ends meanwhile loses its lines, no more.
async fn pass_on(
    lines: Vec<Line>,
    function: Arc<Function>,
    mailbox: Option<&Mailbox>,
) -> Result<(), Failure> {
    let tell = move || {
        for Line { level, name, text, fields } in lines {
            function.log.message(&function.spec.id, level, name.as_deref(), &text, &fields);
        }
    };
    match mailbox {
        Some(mailbox) => mailbox.run(tell).await,
        None => {
            tell();
            Ok(())
        }
    }
}
