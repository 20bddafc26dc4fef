//! What one party says of the network: an entry, or the operator of the runtime.
//!
//! A target is asked about twice: by name, before the name is looked up, and by the address that is about to be dialled.

use std::net::IpAddr;

use super::pattern::{Host, Pattern, PatternError, Range, Scheme, Word, is_local};

/// Which list a wrong pattern stands in, where, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongPattern {
    pub list: &'static str,
    pub index: usize,
    pub text: String,
    pub error: PatternError,
}

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The whole list of what may be reached; where it is empty, what is public.
    allow: Vec<Pattern>,
    /// Wins over `allow`.
    deny: Vec<Pattern>,
}

/// An answer, and what it follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    Allowed,
    Denied(&'a Pattern),
    /// Nothing allows it.
    Unlisted,
}

impl Verdict<'_> {
    pub fn is_allowed(self) -> bool {
        self == Verdict::Allowed
    }
}

/// A place by how it is reached.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    pub scheme: Scheme,
    pub name: Option<&'a str>,
    pub port: u16,
}

impl Rules {
    pub fn parse(allow: &[String], deny: &[String]) -> Result<Rules, Vec<WrongPattern>> {
        let mut wrong = Vec::new();
        let mut parse = |list: &'static str, texts: &[String]| {
            let mut patterns = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                match Pattern::parse(text) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(error) => wrong.push(WrongPattern { list, index, text: text.clone(), error }),
                }
            }
            patterns
        };
        let rules = Rules { allow: parse("allow", allow), deny: parse("deny", deny) };
        if wrong.is_empty() { Ok(rules) } else { Err(wrong) }
    }

    /// Whether it lists what may be reached.
    pub fn has_list(&self) -> bool {
        !self.allow.is_empty()
    }

    /// Whether a name may be looked up to reach it so. Names are lower case and without a final dot.
    pub fn of_name(&self, spot: Spot<'_>) -> Verdict<'_> {
        let Some(name) = spot.name else { return Verdict::Allowed };
        self.judge(
            |pattern| denies_spot(pattern, spot) && denies_name(pattern, name),
            |pattern| allows_spot(pattern, spot) && opens_name(pattern, name),
            spot.scheme != Scheme::Listen,
        )
    }

    /// Whether this address may be reached so.
    pub fn of_address(&self, spot: Spot<'_>, ip: IpAddr) -> Verdict<'_> {
        self.judge(
            |pattern| denies_spot(pattern, spot) && denies_address(pattern, spot.name, ip),
            |pattern| allows_spot(pattern, spot) && opens_address(pattern, spot.name, ip),
            spot.scheme != Scheme::Listen && PUBLIC.holds(ip),
        )
    }

    /// Whether a guest with sockets may look a name up, whatever it does with the addresses.
    pub fn of_lookup(&self, name: &str) -> Verdict<'_> {
        self.judge(
            |pattern| denies_all_sockets(pattern) && denies_name(pattern, name),
            |pattern| is_for_sockets(pattern) && opens_name(pattern, name),
            true,
        )
    }

    /// Whether a lookup of a name may give this address: only if something may be done with it.
    pub fn of_answer(&self, name: &str, ip: IpAddr) -> Verdict<'_> {
        self.judge(
            |pattern| denies_all_sockets(pattern) && denies_address(pattern, Some(name), ip),
            |pattern| is_for_sockets(pattern) && opens_address(pattern, Some(name), ip),
            PUBLIC.holds(ip),
        )
    }

    fn judge(
        &self,
        denies: impl Fn(&Pattern) -> bool,
        allows: impl Fn(&Pattern) -> bool,
        by_default: bool,
    ) -> Verdict<'_> {
        if let Some(pattern) = self.deny.iter().find(|pattern| denies(pattern)) {
            return Verdict::Denied(pattern);
        }
        let allowed = if self.has_list() { self.allow.iter().any(allows) } else { by_default };
        if allowed { Verdict::Allowed } else { Verdict::Unlisted }
    }
}

const PUBLIC: Range = Range::Word(Word::Public);

fn allows_spot(pattern: &Pattern, spot: Spot<'_>) -> bool {
    pattern.covers(spot.scheme) && pattern.has_port(spot.port)
}

/// A denial without a scheme is one of everything, listening included.
fn denies_spot(pattern: &Pattern, spot: Spot<'_>) -> bool {
    (pattern.scheme.is_none() || pattern.covers(spot.scheme)) && pattern.has_port(spot.port)
}

fn denies_all_sockets(pattern: &Pattern) -> bool {
    pattern.scheme.is_none() && pattern.ports.is_none()
}

/// A name whose denied addresses are said is denied with those only.
fn denies_name(pattern: &Pattern, name: &str) -> bool {
    match pattern.host {
        Host::Range(Range::Word(Word::All)) => true,
        _ => pattern.within.is_none() && pattern.host.names(name),
    }
}

fn denies_address(pattern: &Pattern, name: Option<&str>, ip: IpAddr) -> bool {
    match &pattern.host {
        Host::Range(range) => range.touches(ip),
        Host::Any => pattern.within.is_none_or(|within| within.touches(ip)),
        host => {
            name.is_some_and(|name| host.names(name))
                && pattern.within.is_none_or(|within| within.touches(ip))
        }
    }
}

fn is_for_sockets(pattern: &Pattern) -> bool {
    matches!(pattern.scheme, None | Some(Scheme::Tcp | Scheme::Udp))
}

/// Words open all names, blocks none: looking a name up tells its owner about it. What names this machine is not
/// looked up anywhere.
fn opens_name(pattern: &Pattern, name: &str) -> bool {
    match &pattern.host {
        Host::Range(Range::Word(word)) => *word != Word::Metadata || is_local(name),
        Host::Range(Range::Block(_)) => is_local(name),
        host => host.names(name),
    }
}

fn opens_address(pattern: &Pattern, name: Option<&str>, ip: IpAddr) -> bool {
    match &pattern.host {
        Host::Range(range) => range.holds(ip),
        Host::Any => pattern.range_of_names().holds(ip),
        host => name.is_some_and(|name| host.names(name)) && pattern.range_of_names().holds(ip),
    }
}

#[cfg(test)]
mod tests;
