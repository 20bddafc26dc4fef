//! The standard streams of one call, from the embedder's side: who gets what the guest writes, and when.

use std::sync::Arc;

use crate::error::Abort;
use crate::inherited;
use crate::output::{Buffer, Full, Sink, Taken};
use crate::table::Log;

/// What a caller wants done with one stream.
#[derive(Clone, Default)]
pub enum Output {
    /// Line by line into the table's log.
    #[default]
    Log,
    Discard,
    /// The process's own stream.
    Inherit,
    Writer(Arc<dyn Writer>),
}

/// A caller's own receiver of output. Runs on the thread that made the call.
pub trait Writer: Send + Sync {
    /// An error ends the call.
    fn write(&self, bytes: &[u8]) -> Result<(), Abort>;
}

enum Receiver {
    Log {
        log: Arc<dyn Log>,
        line: Vec<u8>,
    },
    Writer(Arc<dyn Writer>),
    /// The process's own stream, and what it had no room for yet.
    Inherit {
        pending: Vec<u8>,
    },
}

struct Stream {
    fd: u8,
    buffer: Arc<Buffer>,
    receiver: Receiver,
}

/// Both output streams of a call that has them.
#[derive(Default)]
pub struct Streams {
    entry: Arc<str>,
    captured: Vec<Stream>,
}

impl Streams {
    pub fn new(entry: Arc<str>) -> Self {
        Streams { entry, captured: Vec::new() }
    }

    /// The guest's end of a stream; `log_limit` is what a log takes of one call.
    pub fn open(&mut self, fd: u8, output: &Output, log: &Arc<dyn Log>, log_limit: usize) -> Sink {
        let Some((full, receiver)) = receiver(output, log, log_limit) else { return Sink::Discard };
        let buffer = Arc::new(Buffer::new(full, receiver.is_terminal(fd)));
        self.captured.push(Stream { fd, buffer: Arc::clone(&buffer), receiver });
        Sink::Capture(buffer)
    }

    /// Leads a stream that an instance has already to this call.
    pub fn lead(
        &mut self,
        fd: u8,
        buffer: &Arc<Buffer>,
        output: &Output,
        log: &Arc<dyn Log>,
        log_limit: usize,
    ) {
        match receiver(output, log, log_limit) {
            None => buffer.lead(Full::Discard, false),
            Some((full, receiver)) => {
                buffer.lead(full, receiver.is_terminal(fd));
                self.captured.push(Stream { fd, buffer: Arc::clone(buffer), receiver });
            }
        }
    }

    /// Whether anything the guest writes is kept at all.
    pub fn has_captured(&self) -> bool {
        !self.captured.is_empty()
    }

    pub fn has_output(&self) -> bool {
        self.captured.iter().any(|stream| !stream.buffer.is_empty() || stream.is_held_up())
    }

    /// Whether one of the process's own streams has no room for what the guest wrote.
    pub fn is_held_up(&self) -> bool {
        self.captured.iter().any(Stream::is_held_up)
    }

    /// Passes on what the guest has written; at the end of the call also a last line without its newline.
    pub fn deliver(&mut self, end: bool) -> Result<(), Abort> {
        for stream in &mut self.captured {
            stream.deliver(&self.entry, end)?;
        }
        Ok(())
    }
}

/// Who gets the output and what becomes of too much; none where nobody wants it.
fn receiver(output: &Output, log: &Arc<dyn Log>, log_limit: usize) -> Option<(Full, Receiver)> {
    Some(match output {
        Output::Discard => return None,
        Output::Inherit => (Full::Wait, Receiver::Inherit { pending: Vec::new() }),
        Output::Log => {
            let receiver = Receiver::Log { log: Arc::clone(log), line: Vec::new() };
            (Full::Drop { after: log_limit }, receiver)
        }
        Output::Writer(writer) => (Full::Wait, Receiver::Writer(Arc::clone(writer))),
    })
}

impl Receiver {
    fn is_terminal(&self, fd: u8) -> bool {
        matches!(self, Receiver::Inherit { .. }) && inherited::is_terminal(fd)
    }
}

impl Stream {
    fn is_held_up(&self) -> bool {
        matches!(&self.receiver, Receiver::Inherit { pending } if !pending.is_empty())
    }

    fn deliver(&mut self, entry: &str, end: bool) -> Result<(), Abort> {
        if let Receiver::Inherit { pending } = &mut self.receiver {
            // What is held up stays in the guest's buffer, so that the guest waits too.
            if pending.is_empty() {
                *pending = self.buffer.take().bytes;
            }
            if inherited::write(self.fd, pending).is_err() {
                pending.clear();
                self.buffer.close();
            }
            return Ok(());
        }
        let Taken { bytes, dropped } = self.buffer.take();
        match &mut self.receiver {
            Receiver::Inherit { .. } => {}
            Receiver::Writer(writer) if !bytes.is_empty() => writer.write(&bytes)?,
            Receiver::Writer(_) => {}
            Receiver::Log { log, line } => {
                line.extend_from_slice(&bytes);
                let whole = if end {
                    line.len()
                } else {
                    line.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
                };
                if whole > 0 {
                    log.lines(entry, self.fd, &line[..whole]);
                    line.drain(..whole);
                }
                if dropped > 0 {
                    let note = format!("({dropped} more bytes of output dropped: limits.max_output_bytes)");
                    log.lines(entry, self.fd, note.as_bytes());
                }
            }
        }
        Ok(())
    }
}
