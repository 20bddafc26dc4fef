//! What one function may reach: its entry's rules under the operator's, and who hears of refusals.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};

use super::Network;
use super::address::kind;
use super::http::pool::Pool;
use super::pattern::{LOCAL, Scheme, is_local};
use super::quota::{Caps, Over};
use super::refusal::{Party, Refusal, deed, opening, place};
use super::resolve::Unresolved;
use super::rules::{Rules, Spot, Verdict};
use crate::engine::Shared;
use crate::frame::Frame;
use crate::table::{Authorize, Log, Table};

/// What an entry says of the network.
#[derive(Clone, Default)]
pub struct NetworkSpec {
    pub rules: Rules,
    pub caps: Caps,
    pub response: ResponseLimits,
}

/// What one response may take.
#[derive(Debug, Clone, Copy)]
pub struct ResponseLimits {
    pub header_bytes: usize,
    /// 0 for no limit.
    pub body_bytes: u64,
    /// From the request's start to the body's end.
    pub time: Option<Duration>,
}

impl Default for ResponseLimits {
    fn default() -> Self {
        ResponseLimits { header_bytes: 64 << 10, body_bytes: 0, time: None }
    }
}

/// Names one function looks up at a time; more wait for their turn. The system's lookup keeps a thread, and a
/// nameserver that does not answer keeps it long.
const LOOKUPS: usize = 16;
/// Characters of a URL that are logged.
const SHOWN: usize = 200;
/// Refusals that are remembered, so that each is told once.
const REMEMBERED: usize = 1000;
/// How often further ones are told.
const NOW_AND_THEN: Duration = Duration::from_secs(1);

/// What was told already.
#[derive(Default)]
struct Told {
    /// Hashes of texts.
    texts: HashSet<u64>,
    last: Option<Instant>,
}

impl Told {
    /// Whether to tell a text: once, and where there are very many texts, one now and then. Silence for good would be
    /// what hides the refusal that matters.
    fn is_new(&mut self, text: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if self.texts.contains(&hash) {
            return false;
        }
        if self.texts.len() < REMEMBERED {
            return self.texts.insert(hash);
        }
        let is_due = self.last.is_none_or(|last| last.elapsed() >= NOW_AND_THEN);
        if is_due {
            self.last = Some(Instant::now());
        }
        is_due
    }
}

/// See the module's documentation.
pub struct Access {
    pub entry: Arc<str>,
    pub spec: NetworkSpec,
    pub network: Arc<Network>,
    pub pool: Arc<Pool>,
    pub shared: &'static Shared,
    authorize: Option<Arc<dyn Authorize>>,
    log: Arc<dyn Log>,
    told: Mutex<Told>,
    lookups: Arc<Semaphore>,
}

impl Access {
    pub fn new(table: &Table, entry: Arc<str>, spec: NetworkSpec, shared: &'static Shared) -> Arc<Access> {
        let pool = Pool::new();
        table.network.descriptors.watch(&pool);
        Arc::new(Access {
            entry,
            spec,
            network: Arc::clone(&table.network),
            pool,
            shared,
            authorize: table.authorize.clone(),
            log: Arc::clone(&table.log),
            told: Mutex::default(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        })
    }

    /// Fails with the party that refuses.
    pub fn judge<'a>(&'a self, verdict: impl Fn(&'a Rules) -> Verdict<'a>) -> Result<(), Refusal> {
        let of_entry = Refusal::of(Party::Entry, &self.spec.rules, verdict(&self.spec.rules));
        let ceiling = self.network.ceiling.as_ref();
        let of_operator = ceiling.and_then(|rules| Refusal::of(Party::Operator, rules, verdict(rules)));
        match (of_entry, of_operator) {
            // A denial is never hidden behind something else.
            (Some(entry), Some(operator)) if entry.denied_by.is_none() && operator.denied_by.is_some() => {
                Err(operator)
            }
            (Some(refusal), _) | (None, Some(refusal)) => Err(refusal),
            (None, None) => Ok(()),
        }
    }

    /// The addresses of a name, unfiltered.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
        if is_local(name) {
            return Ok(LOCAL.to_vec());
        }
        let turn = Arc::clone(&self.lookups).acquire_owned().await.map_err(|_| Unresolved::Temporary)?;
        self.network.resolver.resolve(name, turn).await
    }

    /// Asks the embedder, who has the last word (H-25). Runs off the guest's stack.
    pub async fn is_authorized(&self, target: &str, frame: Option<&Frame>) -> bool {
        let Some(authorize) = self.authorize.clone() else { return true };
        let (log, entry, wanted) = (Arc::clone(&self.log), Arc::clone(&self.entry), target.to_owned());
        let asked = self.off_the_stack(frame, move || match authorize.allows(&entry, &wanted) {
            Ok(allowed) => allowed,
            Err(reason) => {
                log.failed(&entry, reason);
                false
            }
        });
        let allowed = asked.await.unwrap_or(false);
        if !allowed {
            let scheme = target.split_once("://").and_then(|(scheme, _)| Scheme::parse(scheme));
            // What follows the path may be a secret, and as long as it likes.
            let shown: String = target.split('?').next().unwrap_or(target).chars().take(SHOWN).collect();
            let wish = format!("{} {shown}", scheme.map_or("look up", deed));
            let text = format!("{}: the guest may not {wish}: Runtime(authorize=...) refuses it", self.entry);
            self.tell(text, frame).await;
        }
        allowed
    }

    /// Tells of a refused target, once.
    pub async fn refuse(&self, refusal: &Refusal, spot: Spot<'_>, ip: Option<IpAddr>, frame: Option<&Frame>) {
        let target = format!("{} {}:{}", deed(spot.scheme), place(spot, ip), spot.port);
        let why = match ip {
            Some(ip) if spot.name.is_some() => format!(" (it resolves to {ip}, {})", kind(ip)),
            Some(ip) => format!(" ({ip} is {})", kind(ip)),
            None => String::new(),
        };
        let text = refusal.explain(&self.entry, &target, &why, &opening(spot, ip));
        self.tell(text, frame).await;
    }

    /// The same for a lookup.
    pub async fn refuse_lookup(
        &self,
        refusal: &Refusal,
        name: &str,
        ip: Option<IpAddr>,
        frame: Option<&Frame>,
    ) {
        let why = ip.map_or(String::new(), |ip| format!(" (it resolves to {ip}, {})", kind(ip)));
        let spot = Spot { scheme: Scheme::Tcp, name: Some(name), port: 0 };
        let pattern = opening(spot, ip).replace(":*", "");
        self.tell(refusal.explain(&self.entry, &format!("look up {name}"), &why, &pattern), frame).await;
    }

    /// The text about a limit that a guest reached.
    pub fn over(&self, over: Over) -> String {
        let Over { limit, allowed } = over;
        let place = if limit.starts_with("max_total_") {
            format!("Runtime(limits=Limits({limit}=...))")
        } else {
            format!("limits.{limit}")
        };
        format!("{}: the guest is over {place}: {allowed} are allowed", self.entry)
    }

    /// Tells of a limit that a guest reached, where nobody can wait for it to be told.
    pub fn within<T>(&self, taken: Result<T, Over>) -> Result<T, Over> {
        taken.inspect_err(|over| self.tell_later(self.over(*over)))
    }

    /// Logs a text that was not logged before, and waits until that is done.
    pub async fn tell(&self, text: String, frame: Option<&Frame>) {
        if let Some(log) = self.unheard(&text) {
            let entry = Arc::clone(&self.entry);
            self.off_the_stack(frame, move || log.refused(&entry, &text)).await;
        }
    }

    /// The same where nobody can wait.
    fn tell_later(&self, text: String) {
        if let Some(log) = self.unheard(&text) {
            let entry = Arc::clone(&self.entry);
            self.shared.workers.run(move || log.refused(&entry, &text));
        }
    }

    fn unheard(&self, text: &str) -> Option<Arc<dyn Log>> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.is_new(text).then(|| Arc::clone(&self.log))
    }

    /// Runs the embedder's code where it may block, and not where guests or connections are driven.
    async fn off_the_stack<R: Send + 'static>(
        &self,
        frame: Option<&Frame>,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let (answer, answered) = oneshot::channel();
        let depth = frame.map_or(0, Frame::depth);
        self.shared.callees.at(depth).run(move || drop(answer.send(work())));
        answered.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_once_and_very_many_now_and_then() {
        let mut told = Told::default();
        assert!(told.is_new("a") && !told.is_new("a"));
        let new = (0..REMEMBERED * 2).filter(|number| told.is_new(&number.to_string())).count();
        // The first that is too many is told, the others of the same second are not.
        assert!((REMEMBERED..REMEMBERED + 5).contains(&new), "{new}");
        assert!(!told.is_new("a"));
    }
}
