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

/// What is counted, in the order of a meter's counts.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Sockets,
    Requests,
    Received,
    Sent,
}

/// One party's use.
#[derive(Debug)]
pub struct Meter {
    limits: [Over; 4],
    used: [AtomicU64; 4],
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

    fn new(
        caps: Caps,
        [sockets, requests, received, sent]: [&'static str; 4],
        outer: Option<Arc<Meter>>,
    ) -> Arc<Meter> {
        let limits = [
            Over { limit: sockets, allowed: caps.sockets },
            Over { limit: requests, allowed: caps.requests },
            Over { limit: received, allowed: caps.received },
            Over { limit: sent, allowed: caps.sent },
        ];
        Arc::new(Meter { limits, used: Default::default(), outer })
    }

    /// A new call of the instance: what was sent and received before is not its doing.
    pub fn begin_call(&self) {
        for thing in [Thing::Received, Thing::Sent] {
            self.used[thing as usize].store(0, Ordering::Relaxed);
        }
    }

    /// Room for one more socket, until the permit is dropped.
    pub fn socket(self: &Arc<Self>) -> Result<Permit, Over> {
        self.take(Thing::Sockets)
    }

    /// Room for one more request.
    pub fn request(self: &Arc<Self>) -> Result<Permit, Over> {
        self.take(Thing::Requests)
    }

    /// Bytes came in; they are counted even where they are too many.
    pub fn receive(&self, bytes: usize) -> Result<(), Over> {
        self.add(Thing::Received, bytes)
    }

    pub fn send(&self, bytes: usize) -> Result<(), Over> {
        self.add(Thing::Sent, bytes)
    }

    fn take(self: &Arc<Self>, thing: Thing) -> Result<Permit, Over> {
        let outer = self.outer.as_ref().map(|outer| outer.take(thing)).transpose()?;
        let over = self.limits[thing as usize];
        let taken = self.used[thing as usize].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            (over.allowed == 0 || used < over.allowed).then_some(used + 1)
        });
        match taken {
            Ok(_) => Ok(Permit { meter: Arc::clone(self), thing, _outer: outer.map(Box::new) }),
            Err(_) => Err(over),
        }
    }

    fn add(&self, thing: Thing, bytes: usize) -> Result<(), Over> {
        let outer = self.outer.as_ref().map_or(Ok(()), |outer| outer.add(thing, bytes));
        let over = self.limits[thing as usize];
        let used = self.used[thing as usize].fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if over.allowed > 0 && used > over.allowed { Err(over) } else { outer }
    }
}

/// Holds room for one thing.
#[derive(Debug)]
pub struct Permit {
    meter: Arc<Meter>,
    thing: Thing,
    _outer: Option<Box<Permit>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.meter.used[self.thing as usize].fetch_sub(1, Ordering::Relaxed);
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
