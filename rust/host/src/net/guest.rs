//! What one instance does on the network: which names it looked up, what it uses, for which call.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::access::Access;
use super::address::canonical;
use super::pattern::{LOCAL, Scheme, is_local};
use super::quota::Meter;
use super::refusal::Refusal;
use super::resolve::Unresolved;
use super::rules::Spot;
use super::target::{HostName, Origin};
use crate::frame::Frame;

/// Names that a guest may look up in one call, and have opened their addresses.
const MOST_NAMES: usize = 4096;

/// Of one address: each is judged wherever the address is.
const NAMES_OF_ADDRESS: usize = 16;

/// What a socket wants of a local address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    BindTcp,
    BindUdp,
    Listen,
}

/// Why there is no address to connect to.
#[derive(Debug)]
pub enum NoAddress {
    Refused,
    Unresolved(Unresolved),
}

/// See the module's documentation.
pub struct GuestNetwork {
    pub access: Arc<Access>,
    pub meter: Arc<Meter>,
    /// Nothing may be reached: the instance is only tried.
    closed: bool,
    /// The instance is going.
    over: AtomicBool,
    call: Mutex<OfCall>,
}

#[derive(Default)]
struct OfCall {
    /// Counts the instance's calls: what one began may end in the next.
    number: u64,
    frame: Option<Frame>,
    /// The names that resolved to an address within this call.
    names: HashMap<IpAddr, Vec<String>>,
    looked_up: usize,
    /// Whom the embedder let it send datagrams to.
    approved: HashSet<SocketAddr>,
    /// It waits for others at an address of its choice, in this call or since one before.
    listens: bool,
}

impl GuestNetwork {
    pub fn new(access: &Arc<Access>, frame: Option<Frame>, closed: bool) -> Arc<GuestNetwork> {
        let meter = Meter::within(&access.network.meter, access.spec.caps);
        let call = OfCall { frame, ..OfCall::default() };
        Arc::new(GuestNetwork {
            access: Arc::clone(access),
            meter,
            closed,
            over: AtomicBool::new(false),
            call: Mutex::new(call),
        })
    }

    /// The instance serves another call.
    pub fn begin_call(&self, frame: Option<Frame>) {
        self.meter.begin_call();
        let mut call = self.call();
        let (number, listens) = (call.number + 1, call.listens);
        *call = OfCall { frame, number, listens, ..OfCall::default() };
    }

    /// The instance goes: what it has under way is not finished.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub fn frame(&self) -> Option<Frame> {
        self.call().frame.clone()
    }

    /// Whether a request to this origin may be made, as far as can be told without looking its name up.
    pub async fn may_request(&self, origin: &Origin) -> bool {
        let spot = spot_of(origin);
        let (judged, ip) = match &origin.host {
            HostName::Name(name) => match self.access.judge(|rules| rules.of_name(spot)) {
                // Its addresses are known without looking it up.
                Ok(()) if is_local(name) => {
                    let judge = |ip| self.access.judge(|rules| rules.of_address(spot, ip));
                    let [first, second] = LOCAL;
                    (judge(first).or_else(|_| judge(second)), Some(first))
                }
                judged => (judged, None),
            },
            HostName::Ip(ip) => (self.access.judge(|rules| rules.of_address(spot, *ip)), Some(*ip)),
        };
        self.heard(judged, spot, ip).await
    }

    /// The addresses of an origin whose name may be looked up, without those that may not be reached.
    pub async fn addresses(&self, origin: &Origin) -> Result<Vec<SocketAddr>, NoAddress> {
        let found = match &origin.host {
            HostName::Ip(ip) => vec![*ip],
            HostName::Name(name) => self.access.resolve(name).await.map_err(NoAddress::Unresolved)?,
        };
        let spot = spot_of(origin);
        let mut refused = None;
        let mut open = Vec::with_capacity(found.len());
        for ip in found {
            match self.access.judge(|rules| rules.of_address(spot, ip)) {
                Ok(()) => open.push(SocketAddr::new(ip, origin.port)),
                Err(refusal) => refused = Some((refusal, ip)),
            }
        }
        match refused {
            Some((refusal, ip)) if open.is_empty() => {
                self.heard(Err(refusal), spot, Some(ip)).await;
                Err(NoAddress::Refused)
            }
            _ => Ok(open),
        }
    }

    /// Whether a socket may be connected with this address, or send to it.
    pub async fn may_connect(&self, scheme: Scheme, address: SocketAddr) -> bool {
        let (ip, port) = (address.ip(), address.port());
        let judged = self.judge_socket(scheme, address);
        if judged.is_err() {
            // The last name the guest looked up is the one it means.
            let name = self.call().names.get(&canonical(ip)).and_then(|names| names.last().cloned());
            return self.heard(judged, Spot { scheme, name: name.as_deref(), port }, Some(ip)).await;
        }
        let (frame, number) = {
            let call = self.call();
            if self.closed || (scheme == Scheme::Udp && call.approved.contains(&address)) {
                return !self.closed;
            }
            (call.frame.clone(), call.number)
        };
        let allowed = self.access.is_authorized(&url(scheme, address), frame.as_ref()).await;
        let mut call = self.call();
        // Asked for each datagram, it would be a costly question.
        if allowed && scheme == Scheme::Udp && call.number == number && call.approved.len() < MOST_NAMES {
            call.approved.insert(address);
        }
        allowed
    }

    /// Whether an answer from this address may come in: from where the guest may send to, or from whoever is not denied
    /// where it waits for others.
    pub fn may_receive(&self, address: SocketAddr) -> bool {
        match self.judge_socket(Scheme::Udp, address) {
            Ok(()) => true,
            Err(refusal) => refusal.denied_by.is_none() && self.call().listens,
        }
    }

    /// Whether who connects to a listening guest is let in.
    pub fn may_accept(&self, address: SocketAddr) -> bool {
        self.judge_socket(Scheme::Tcp, address).err().is_none_or(|refusal| refusal.denied_by.is_none())
    }

    fn judge_socket(&self, scheme: Scheme, address: SocketAddr) -> Result<(), Refusal> {
        let (ip, port) = (address.ip(), address.port());
        let by =
            |name: Option<&str>| self.access.judge(|rules| rules.of_address(Spot { scheme, name, port }, ip));
        let call = self.call();
        let mut judged = by(None);
        for name in call.names.get(&canonical(ip)).into_iter().flatten() {
            match by(Some(name)) {
                Err(refusal) if refusal.denied_by.is_some() => return Err(refusal),
                Ok(()) if judged.as_ref().is_err_and(|refusal| refusal.denied_by.is_none()) => {
                    judged = Ok(())
                }
                _ => {}
            }
        }
        judged
    }

    /// Whether a socket may be bound to a chosen address, or listen there.
    pub async fn may_listen(&self, address: SocketAddr, wish: Wish) -> bool {
        let mut spot = Spot { scheme: Scheme::Listen, name: None, port: address.port() };
        let judged = self.access.judge(|rules| rules.of_address(spot, address.ip()));
        // The port is there already, perhaps one that the system chose: a pattern must allow all.
        if wish == Wish::Listen {
            spot.port = 0;
        }
        let may = self.heard(judged, spot, Some(address.ip())).await
            && self.access.is_authorized(&url(Scheme::Listen, address), self.frame().as_ref()).await;
        self.call().listens |= may && wish == Wish::BindUdp;
        may
    }

    /// The addresses of a name that the guest may do something with; they are open to it under that name from now on.
    pub async fn look_up(&self, host: HostName) -> Result<Vec<IpAddr>, NoAddress> {
        let name = match host {
            HostName::Ip(ip) => return Ok(vec![ip]),
            HostName::Name(name) => name,
        };
        if self.closed {
            return Err(NoAddress::Refused);
        }
        let (frame, number) = {
            let call = self.call();
            (call.frame.clone(), call.number)
        };
        if let Err(refusal) = self.access.judge(|rules| rules.of_lookup(&name)) {
            self.access.refuse_lookup(&refusal, &name, None, frame.as_ref()).await;
            return Err(NoAddress::Refused);
        }
        if !self.count_lookup() || !self.access.is_authorized(&format!("dns://{name}"), frame.as_ref()).await
        {
            return Err(NoAddress::Refused);
        }
        let found = self.access.resolve(&name).await.map_err(NoAddress::Unresolved)?;
        // No socket takes mapped ones.
        let found = found.into_iter().map(|ip| ip.to_canonical());
        let mut refused = None;
        let mut open = Vec::new();
        for ip in found {
            match self.access.judge(|rules| rules.of_answer(&name, ip)) {
                Ok(()) => open.push(ip),
                Err(refusal) => refused = Some((refusal, ip)),
            }
        }
        if let Some((refusal, ip)) = refused.filter(|_| open.is_empty()) {
            self.access.refuse_lookup(&refusal, &name, Some(ip), frame.as_ref()).await;
            return Err(NoAddress::Refused);
        }
        self.remember(number, &name, &open);
        Ok(open)
    }

    fn count_lookup(&self) -> bool {
        let mut call = self.call();
        call.looked_up += 1;
        call.looked_up <= MOST_NAMES
    }

    fn remember(&self, number: u64, name: &str, addresses: &[IpAddr]) {
        let mut call = self.call();
        if call.number != number {
            return;
        }
        for ip in addresses {
            let names = call.names.entry(canonical(*ip)).or_default();
            names.retain(|other| other != name);
            if names.len() < NAMES_OF_ADDRESS {
                names.push(name.to_owned());
            }
        }
    }

    /// Whether the judgement is favourable; it is told if not.
    async fn heard(&self, judged: Result<(), Refusal>, spot: Spot<'_>, ip: Option<IpAddr>) -> bool {
        match judged {
            _ if self.closed => false,
            Ok(()) => true,
            Err(refusal) => {
                self.access.refuse(&refusal, spot, ip, self.frame().as_ref()).await;
                false
            }
        }
    }

    fn call(&self) -> MutexGuard<'_, OfCall> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spot_of(origin: &Origin) -> Spot<'_> {
    Spot { scheme: origin.scheme, name: origin.host.name(), port: origin.port }
}

fn url(scheme: Scheme, address: SocketAddr) -> String {
    format!("{}://{address}", scheme.name())
}
