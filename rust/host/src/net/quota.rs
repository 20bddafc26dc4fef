//! What guests take of the network, counted and bounded: each instance by its entry's limits, all of them together by
//! the runtime's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most of each thing; 0 is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caps {
    /// Sockets open at once.
    pub sockets: u64,
    /// HTTP requests under way at once.
    pub requests: u64,
    pub received: u64,
    pub sent: u64,
}

/// The limit that a guest has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Its name in the embedder's limits.
    pub limit: &'static str,
    pub allowed: u64,
}

/// One party's use.
#[derive(Debug)]
pub struct Meter {
    caps: Caps,
    names: [&'static str; 4],
    sockets: AtomicU64,
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    outer: Option<Arc<Meter>>,
}

impl Meter {
    /// For all guests of a runtime.
    pub fn of_runtime(caps: Caps) -> Arc<Meter> {
        let names = [
            "max_total_sockets",
            "max_total_http_requests",
            "max_total_received_bytes",
            "max_total_sent_bytes",
        ];
        Meter::new(caps, names, None)
    }

    /// For one instance.
    pub fn within(outer: &Arc<Meter>, caps: Caps) -> Arc<Meter> {
        let names = ["max_sockets", "max_http_requests", "max_received_bytes", "max_sent_bytes"];
        Meter::new(caps, names, Some(Arc::clone(outer)))
    }

    fn new(caps: Caps, names: [&'static str; 4], outer: Option<Arc<Meter>>) -> Arc<Meter> {
        let zero = AtomicU64::default;
        Arc::new(Meter {
            caps,
            names,
            sockets: zero(),
            requests: zero(),
            received: zero(),
            sent: zero(),
            outer,
        })
    }

    /// A new call of the instance: what was sent and received before is not its doing.
    pub fn begin_call(&self) {
        self.received.store(0, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
    }

    /// Room for one more socket, until the permit is dropped.
    pub fn socket(self: &Arc<Self>) -> Result<Permit, Over> {
        self.take(|meter| (&meter.sockets, meter.caps.sockets, meter.names[0]))
    }

    /// Room for one more request.
    pub fn request(self: &Arc<Self>) -> Result<Permit, Over> {
        self.take(|meter| (&meter.requests, meter.caps.requests, meter.names[1]))
    }

    /// Bytes came in; they are counted even where they are too many.
    pub fn receive(&self, bytes: usize) -> Result<(), Over> {
        self.add(bytes, |meter| (&meter.received, meter.caps.received, meter.names[2]))
    }

    pub fn send(&self, bytes: usize) -> Result<(), Over> {
        self.add(bytes, |meter| (&meter.sent, meter.caps.sent, meter.names[3]))
    }

    fn take(self: &Arc<Self>, part: fn(&Meter) -> (&AtomicU64, u64, &'static str)) -> Result<Permit, Over> {
        let outer = self.outer.as_ref().map(|outer| outer.take(part)).transpose()?;
        let (count, allowed, limit) = part(self);
        let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            (allowed == 0 || used < allowed).then_some(used + 1)
        });
        match taken {
            Ok(_) => Ok(Permit { meter: Arc::clone(self), part, _outer: outer.map(Box::new) }),
            Err(_) => Err(Over { limit, allowed }),
        }
    }

    fn add(&self, bytes: usize, part: fn(&Meter) -> (&AtomicU64, u64, &'static str)) -> Result<(), Over> {
        let outer = self.outer.as_ref().map_or(Ok(()), |outer| outer.add(bytes, part));
        let (count, allowed, limit) = part(self);
        let used = count.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if allowed > 0 && used > allowed { Err(Over { limit, allowed }) } else { outer }
    }
}

/// Holds room for one thing.
#[derive(Debug)]
pub struct Permit {
    meter: Arc<Meter>,
    part: fn(&Meter) -> (&AtomicU64, u64, &'static str),
    _outer: Option<Box<Permit>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        (self.part)(&self.meter).0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_come_back_and_the_outer_limit_holds_for_all() {
        let runtime = Meter::of_runtime(Caps { sockets: 3, ..Caps::default() });
        let one = Meter::within(&runtime, Caps { sockets: 2, ..Caps::default() });
        let two = Meter::within(&runtime, Caps { sockets: 2, ..Caps::default() });
        let held = [one.socket().unwrap(), one.socket().unwrap()];
        assert_eq!(one.socket().unwrap_err(), Over { limit: "max_sockets", allowed: 2 });
        let _third = two.socket().unwrap();
        assert_eq!(two.socket().unwrap_err(), Over { limit: "max_total_sockets", allowed: 3 });
        drop(held);
        assert!(two.socket().is_ok() && one.socket().is_ok());
    }

    #[test]
    fn bytes_over_a_limit_are_refused_until_the_next_call() {
        let runtime = Meter::of_runtime(Caps::default());
        let meter = Meter::within(&runtime, Caps { received: 10, ..Caps::default() });
        assert!(meter.receive(10).is_ok() && meter.send(1000).is_ok());
        assert_eq!(meter.receive(1).unwrap_err(), Over { limit: "max_received_bytes", allowed: 10 });
        meter.begin_call();
        assert!(meter.receive(10).is_ok());
    }
}
