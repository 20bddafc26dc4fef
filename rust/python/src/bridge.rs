//! `_core.Bridge`: what the core's threads have to tell Python, delivered in bulk.
//!
//! A call that ends on one of the core's threads must not wait for Python's lock there, nor wake an event loop for
//! itself alone. It leaves an event; the first event in an empty queue rings, through a socket the loop reads, so that
//! ringing needs no lock either. The loop (or the thread that waits) then handles all events there are under one hold.
//!
//! The other way it is the same: waking one of the core's threads costs more than starting a call, so the calls that a
//! loop makes in one turn are started together.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

/// Something to do with Python's lock held, on the thread that reads the bridge.
pub type Event = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

/// Starts a call.
pub type Start = Box<dyn FnOnce() + Send>;

/// Calls started together at most, so that the core gets going before a long turn of the loop ends.
const STARTS: usize = 64;
/// Events handled under one hold; a loop gets on with other work before the next.
const AT_ONCE: usize = 2048;
/// How long a thread waits before it looks whether Python wants something of it.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// The core's side of a [`Bridge`].
pub struct Queue {
    events: Mutex<Vec<Event>>,
    arrived: Condvar,
    bell: Bell,
}

enum Bell {
    /// For a thread that waits.
    None,
    /// One byte wakes a loop that reads the other end.
    #[cfg(unix)]
    Socket { ours: std::os::unix::net::UnixStream, theirs: std::os::unix::net::UnixStream },
    /// For loops that cannot watch sockets: called with Python's lock held.
    Callable(Py<PyAny>),
}

impl Queue {
    pub fn push(&self, event: Event) {
        let mut events = self.lock();
        events.push(event);
        let is_first = events.len() == 1;
        drop(events);
        if is_first {
            self.ring();
        }
    }

    fn ring(&self) {
        match &self.bell {
            Bell::None => self.arrived.notify_all(),
            #[cfg(unix)]
            Bell::Socket { ours, .. } => {
                // It cannot block; where it is full the loop will wake anyway.
                let _ = std::io::Write::write(&mut &*ours, &[1]);
            }
            Bell::Callable(wake) => {
                // A loop that was closed meanwhile has nobody left to tell.
                let _ = Python::try_attach(|py| wake.bind(py).call0().map(drop));
            }
        }
    }

    fn quiet(&self) {
        #[cfg(unix)]
        if let Bell::Socket { theirs, .. } = &self.bell {
            let mut bytes = [0; 64];
            while matches!(std::io::Read::read(&mut &*theirs, &mut bytes), Ok(64)) {}
        }
    }

    /// Some of the events; rings again if there are more.
    fn take(&self) -> Vec<Event> {
        self.quiet();
        let mut events = self.lock();
        if events.len() <= AT_ONCE {
            return std::mem::take(&mut *events);
        }
        let later = events.split_off(AT_ONCE);
        let now = std::mem::replace(&mut *events, later);
        drop(events);
        self.ring();
        now
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module's documentation.
#[pyclass(frozen, module = "wippy_native._core")]
pub struct Bridge {
    pub queue: Arc<Queue>,
    /// Calls the function it gets at the end of the loop's turn.
    soon: Option<Py<PyAny>>,
    starts: Mutex<Vec<Start>>,
}

#[pymethods]
impl Bridge {
    /// `wake`: called when events arrive; without it `fileno` becomes readable, or a thread waits in `wait`. `soon`: the
    /// loop's `call_soon`.
    #[new]
    #[pyo3(signature = (*, socket=false, wake=None, soon=None))]
    fn new(socket: bool, wake: Option<Py<PyAny>>, soon: Option<Py<PyAny>>) -> PyResult<Self> {
        let bell = match wake {
            Some(wake) => Bell::Callable(wake),
            None if socket => socket_bell()?,
            None => Bell::None,
        };
        let queue = Queue { events: Mutex::default(), arrived: Condvar::new(), bell };
        Ok(Bridge { queue: Arc::new(queue), soon, starts: Mutex::default() })
    }

    /// Starts the calls that wait for that.
    fn flush(&self) {
        let starts = std::mem::take(&mut *self.starts());
        if !starts.is_empty() {
            // An engine there is: calls are made on one.
            let _ = wippy_host::call::start_all(starts);
        }
    }

    /// The descriptor that is readable while there are events; -1 where there is none.
    fn fileno(&self) -> i32 {
        match &self.queue.bell {
            #[cfg(unix)]
            Bell::Socket { theirs, .. } => std::os::fd::AsRawFd::as_raw_fd(theirs),
            _ => -1,
        }
    }

    /// Handles the events there are. What one raises does not keep others from being handled.
    fn drain(slf: &Bound<'_, Self>) {
        let py = slf.py();
        for event in slf.get().queue.take() {
            if let Err(error) = event(py) {
                error.write_unraisable(py, Some(slf.as_any()));
            }
        }
    }

    /// Waits for events, a tenth of a second at most.
    fn wait(&self, py: Python<'_>) {
        py.detach(|| {
            let events = self.queue.lock();
            let waited =
                self.queue.arrived.wait_timeout_while(events, LOOK_AROUND, |events| events.is_empty());
            drop(waited);
        });
    }

    /// Has a thread in `wait` look up.
    fn interrupt(&self) {
        self.queue.push(Box::new(|_| Ok(())));
    }
}

impl Bridge {
    /// Has a call started: at the end of the loop's turn, at once where there is no loop.
    pub fn start(slf: &Bound<'_, Self>, start: Start) -> PyResult<()> {
        let this = slf.get();
        let Some(soon) = &this.soon else {
            start();
            return Ok(());
        };
        let mut starts = this.starts();
        starts.push(start);
        let waiting = starts.len();
        drop(starts);
        match waiting {
            1 => soon.bind(slf.py()).call1((slf.getattr("flush")?,)).map(drop),
            STARTS.. => {
                this.flush();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn starts(&self) -> MutexGuard<'_, Vec<Start>> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
fn socket_bell() -> PyResult<Bell> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok(Bell::Socket { ours, theirs })
}

#[cfg(not(unix))]
fn socket_bell() -> PyResult<Bell> {
    Err(pyo3::exceptions::PyNotImplementedError::new_err("no sockets to wake a loop with on this platform"))
}
