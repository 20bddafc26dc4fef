//! Patterns of a network policy: what `allow` and `deny` list.
//!
//! ```text
//! pattern  = place [" in " range]
//! place    = range | [scheme "://"] host [":" ports]
//! scheme   = "http" | "https" | "tcp" | "udp" | "listen"
//! host     = name | "*." name | "*" | word | address | block
//! range    = word | address | block
//! word     = "public" | "private" | "loopback" | "metadata" | "all"
//! ports    = number | number "-" number | "*"
//! ```
//!
//! IPv6 addresses and blocks stand in brackets where a port may follow.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::address::{Kind, canonical, kind};

/// How a guest talks to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
    Tcp,
    Udp,
    /// Waiting for others at an address of this machine: TCP listening, and binding to chosen addresses or ports.
    Listen,
}

const SCHEMES: &[(&str, Scheme)] = &[
    ("http", Scheme::Http),
    ("https", Scheme::Https),
    ("tcp", Scheme::Tcp),
    ("udp", Scheme::Udp),
    ("listen", Scheme::Listen),
];

impl Scheme {
    pub fn parse(text: &str) -> Option<Scheme> {
        SCHEMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|row| row.1)
    }

    pub fn name(self) -> &'static str {
        SCHEMES.iter().find(|row| row.1 == self).map_or("", |row| row.0)
    }

    /// The port where none is written.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Http => Some(80),
            Scheme::Https => Some(443),
            Scheme::Tcp | Scheme::Udp | Scheme::Listen => None,
        }
    }
}

/// Addresses that a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    Public,
    Private,
    Loopback,
    Metadata,
    All,
}

const WORDS: &[(&str, Word)] = &[
    ("public", Word::Public),
    ("private", Word::Private),
    ("loopback", Word::Loopback),
    ("metadata", Word::Metadata),
    ("all", Word::All),
];

impl Word {
    fn parse(text: &str) -> Option<Word> {
        WORDS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|row| row.1)
    }

    fn holds(self, ip: IpAddr) -> bool {
        match self {
            Word::All => true,
            Word::Public => kind(ip) == Kind::Public,
            Word::Private => kind(ip) == Kind::Private,
            Word::Loopback => kind(ip) == Kind::Loopback,
            Word::Metadata => kind(ip) == Kind::Metadata,
        }
    }
}

/// A set of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range {
    Word(Word),
    Block(IpNet),
}

impl Range {
    pub fn holds(self, ip: IpAddr) -> bool {
        match self {
            Range::Word(word) => word.holds(ip),
            Range::Block(block) => block.contains(&canonical(ip)),
        }
    }

    /// The same, and for blocks the address as it is written too: what `deny` goes by.
    pub fn touches(self, ip: IpAddr) -> bool {
        self.holds(ip) || matches!(self, Range::Block(block) if block.contains(&ip))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// Any name, any address.
    Any,
    Name(String),
    /// Every name below this one.
    Below(String),
    Range(Range),
}

impl Host {
    /// Whether it speaks of this name. Names are lower case and without a final dot.
    pub fn names(&self, name: &str) -> bool {
        match self {
            Host::Any => true,
            Host::Name(own) => own == name,
            Host::Below(own) => {
                name.strip_suffix(own.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            Host::Range(_) => false,
        }
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    pub scheme: Option<Scheme>,
    pub host: Host,
    /// The first and the last port; none for all.
    pub ports: Option<(u16, u16)>,
    /// The addresses a name may have.
    pub within: Option<Range>,
    text: String,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no pattern, and what would be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    pub problem: String,
    pub hint: String,
}

impl PatternError {
    fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        PatternError { problem: problem.into(), hint: hint.into() }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem, self.hint)
    }
}

impl std::error::Error for PatternError {}

const FORMS: &str = "write scheme://host[:port] (https://api.example.com), *.example.com, a block (10.0.0.0/8), or one \
                     of public, private, loopback, metadata, all";
/// Longer than any name with its scheme, port and range.
const LONGEST: usize = 400;

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PatternError::new("the pattern is empty", FORMS));
        }
        let length = text.chars().count();
        if length > LONGEST {
            let problem = format!("the pattern has {length} characters, at most {LONGEST} make sense");
            return Err(PatternError::new(problem, FORMS));
        }
        let (place, within) = match text.split_once(" in ") {
            Some((place, range)) => (place.trim(), Some(parse_range(range.trim())?)),
            None => (text, None),
        };
        let parts = Parts::split(place)?;
        let host = parts.host()?;
        parts.check(&host, within)?;
        let ports = match parts.ports {
            Some("*") => None,
            Some(ports) => Some(parts.parse_ports(ports)?),
            None => parts.scheme.and_then(Scheme::default_port).map(|port| (port, port)),
        };
        Ok(Pattern { scheme: parts.scheme, host, ports, within, text: text.to_owned() })
    }

    /// Whether it speaks of this scheme. HTTP is carried by TCP; listening is only what is called so.
    pub fn covers(&self, scheme: Scheme) -> bool {
        match self.scheme {
            None => scheme != Scheme::Listen,
            Some(Scheme::Tcp) => matches!(scheme, Scheme::Tcp | Scheme::Http | Scheme::Https),
            Some(own) => own == scheme,
        }
    }

    pub fn has_port(&self, port: u16) -> bool {
        self.ports.is_none_or(|(first, last)| (first..=last).contains(&port))
    }

    /// The addresses it opens to a name that it speaks of. A name's owner decides what it resolves to, so that naming it
    /// opens what is public anyway, and nothing else unless it is said.
    pub fn range_of_names(&self) -> Range {
        let local = matches!(&self.host, Host::Name(name) | Host::Below(name) if is_local(name));
        self.within.unwrap_or(Range::Word(match self.scheme {
            Some(Scheme::Listen) => Word::All,
            _ if local => Word::Loopback,
            _ => Word::Public,
        }))
    }
}

/// What names of this machine resolve to.
pub const LOCAL: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Names that mean this machine, whoever is asked (RFC 6761).
pub fn is_local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

mod parts;
use parts::{Parts, parse_range};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_parses_to_what_it_says() {
        for (text, scheme, ports) in [
            ("https://api.example.com", Some(Scheme::Https), Some((443, 443))),
            ("HTTP://api.example.com", Some(Scheme::Http), Some((80, 80))),
            ("http://api.example.com:*", Some(Scheme::Http), None),
            ("tcp://db:5432", Some(Scheme::Tcp), Some((5432, 5432))),
            ("udp://10.0.0.1:1-65535", Some(Scheme::Udp), Some((1, 65535))),
            ("listen://loopback:*", Some(Scheme::Listen), None),
            ("*.example.com", None, None),
            ("*", None, None),
            ("10.0.0.0/8:22", None, Some((22, 22))),
            ("fd00::/8", None, None),
            ("tcp://[fd00::/8]:22", Some(Scheme::Tcp), Some((22, 22))),
            ("[2001:db8::1]:443", None, Some((443, 443))),
            ("public", None, None),
            ("https://db.example.com in fd00::/8", Some(Scheme::Https), Some((443, 443))),
        ] {
            let pattern = Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((pattern.scheme, pattern.ports), (scheme, ports), "{text}");
            assert_eq!(pattern.to_string(), text);
        }
    }

    #[test]
    fn hosts_are_told_apart() {
        let host = |text| Pattern::parse(text).map(|pattern| pattern.host);
        assert_eq!(host("Bücher.Example."), Ok(Host::Name("xn--bcher-kva.example".to_owned())));
        assert_eq!(host("*.Example.com"), Ok(Host::Below("example.com".to_owned())));
        assert_eq!(host("https://*"), Ok(Host::Any));
        assert_eq!(host("all:80"), Ok(Host::Range(Range::Word(Word::All))));
        assert_eq!(host("10.1.2.3"), Ok(Host::Range(Range::Block("10.1.2.3/32".parse().unwrap()))));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (text, hint) in [
            ("", "write scheme://host[:port]"),
            ("ftp://example.com", "use http, https, tcp, udp or listen: https://example.com"),
            ("https://example.com/v1", "write https://example.com"),
            ("https://me@example.com:8443", "write https://example.com:8443"),
            ("10.0.0.1/8", "write 10.0.0.0/8 or 10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("0x7f.1", "write 127.0.0.1"),
            ("example.com:0", "ports are 1 to 65535"),
            ("example.com:90-80", "write 80-90"),
            ("[::1", "write [2001:db8::1]:443"),
            ("a*.example.com", "*.example.com"),
            ("10.0.0.0/8 in private", "`in` says which addresses a name may have"),
            ("example.com in somewhere", "write public, private"),
            ("listen://localhost:80", "listen://127.0.0.1:8080"),
            ("two words", "write scheme://host[:port]"),
        ] {
            let error = Pattern::parse(text).expect_err(text);
            assert!(error.hint.contains(hint), "{text}: {error}");
        }
    }
}
