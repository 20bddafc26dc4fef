//! What is said of a refusal: which entry, which target, why, and the line that would allow it.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::address::{Kind, canonical, kind};
use super::pattern::Scheme;
use super::rules::{Rules, Spot, Verdict};
use super::target::HostName;

/// Whose rules refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    Entry,
    Operator,
}

/// A target that one party refuses.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub party: Party,
    /// The pattern that denies it; none where nothing allows it.
    pub denied_by: Option<String>,
    /// Whether the party lists what it allows.
    pub has_list: bool,
}

impl Refusal {
    pub fn of(party: Party, rules: &Rules, verdict: Verdict<'_>) -> Option<Refusal> {
        let denied_by = match verdict {
            Verdict::Allowed => return None,
            Verdict::Denied(pattern) => Some(pattern.to_string()),
            Verdict::Unlisted => None,
        };
        Some(Refusal { party, denied_by, has_list: rules.has_list() })
    }

    /// The whole sentence. `target` is what the guest wanted, `pattern` what would allow it.
    pub fn explain(&self, entry: &str, target: &str, why: &str, pattern: &str) -> String {
        let mut text = format!("{entry}: the guest may not {target}: ");
        match (&self.denied_by, self.party) {
            (Some(denied), Party::Entry) => {
                let _ = write!(text, "the entry's network.deny has \"{denied}\"");
            }
            (Some(denied), Party::Operator) => {
                let _ = write!(text, "NetworkPolicy(deny=...) has \"{denied}\"");
            }
            (None, Party::Entry) => {
                text.push_str(if self.has_list {
                    "nothing in the entry's network.allow opens it"
                } else {
                    DEFAULT
                });
                text.push_str(why);
                let public = if self.has_list { "" } else { "public, " };
                let _ = write!(
                    text,
                    "; to allow it, add to the entry: network: {{allow: [{public}\"{pattern}\"]}}"
                );
            }
            (None, Party::Operator) => {
                let list =
                    if self.has_list { "nothing in NetworkPolicy(allow=...) opens it" } else { DEFAULT };
                text.push_str(list);
                text.push_str(why);
                let public = if self.has_list { "" } else { "\"public\" and " };
                let _ =
                    write!(text, "; to allow it, add {public}\"{pattern}\" to NetworkPolicy(allow=[...])");
            }
        }
        text
    }
}

const DEFAULT: &str = "what is not said otherwise is open to public addresses only";

/// The pattern that opens a spot at this address, and no more.
pub fn opening(spot: Spot<'_>, ip: Option<IpAddr>) -> String {
    let ip = ip.map(canonical);
    let port = match (spot.port, spot.scheme.default_port()) {
        (0, _) => ":*".to_owned(),
        (port, Some(default)) if port == default => String::new(),
        (port, _) => format!(":{port}"),
    };
    let place = place(spot, ip);
    match (spot.name, ip) {
        (Some(_), Some(ip)) if kind(ip) != Kind::Public => format!("{place}{port} in {}", range(ip)),
        _ => format!("{place}{port}"),
    }
}

/// Scheme and host: the name where there is one.
pub fn place(spot: Spot<'_>, ip: Option<IpAddr>) -> String {
    let scheme = spot.scheme.name();
    match (spot.name, ip) {
        (Some(name), _) => format!("{scheme}://{name}"),
        (None, Some(ip)) => format!("{scheme}://{}", HostName::Ip(ip)),
        (None, None) => format!("{scheme}://*"),
    }
}

fn range(ip: IpAddr) -> String {
    match kind(ip) {
        Kind::Private => "private".to_owned(),
        Kind::Loopback => "loopback".to_owned(),
        _ => ip.to_string(),
    }
}

/// The words for what a guest wants of an address.
pub fn deed(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Listen => "listen at",
        Scheme::Udp => "send to",
        _ => "reach",
    }
}
