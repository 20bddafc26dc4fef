//! The parts of a pattern's place, and what is said of those that are wrong: always the whole pattern that would be right,
//! with its scheme and its ports, so that obeying opens no more than was meant.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{FORMS, Host, PatternError, Range, Scheme, Word};
use crate::net::address::canonical;
use crate::net::target::is_name;

/// `[scheme://]host[:ports]`.
pub struct Parts<'a> {
    pub scheme: Option<Scheme>,
    host: &'a str,
    pub ports: Option<&'a str>,
}

impl<'a> Parts<'a> {
    pub fn split(place: &'a str) -> Result<Self, PatternError> {
        let (scheme, rest) = split_scheme(place)?;
        let mut parts = Parts { scheme, host: rest, ports: None };
        if let Some((_, host)) = rest.rsplit_once('@') {
            parts.host = host.split('/').next().unwrap_or(host);
            parts.split_ports()?;
            let problem = format!("\"{place}\" holds a user name");
            return Err(PatternError::new(problem, format!("write {}", parts.like(parts.host))));
        }
        if let Some((host, path)) = rest.split_once('/')
            && !looks_like_address(host)
        {
            parts.host = host;
            parts.split_ports()?;
            let hint = match parts.host.is_empty() {
                true => FORMS.to_owned(),
                false => format!("a policy goes by scheme, host and port; write {}", parts.like(parts.host)),
            };
            return Err(PatternError::new(format!("\"/{path}\" is a path"), hint));
        }
        parts.split_ports()?;
        Ok(parts)
    }

    /// What has several colons and no brackets is an IPv6 address or block.
    fn split_ports(&mut self) -> Result<(), PatternError> {
        let rest = self.host;
        if let Some(inner) = rest.strip_prefix('[') {
            let Some((host, after)) = inner.split_once(']') else {
                return Err(PatternError::new(format!("\"{rest}\" has no ]"), "write [2001:db8::1]:443"));
            };
            if !looks_like_address(host) {
                let hint = "brackets are for IPv6 addresses: [2001:db8::1]:443";
                return Err(PatternError::new(format!("\"{host}\" stands in brackets"), hint));
            }
            self.host = host;
            match after.strip_prefix(':') {
                Some(ports) => self.ports = Some(ports),
                None if after.is_empty() => {}
                None => {
                    let hint = format!("write {}", self.like(&format!("[{host}]:443")));
                    return Err(PatternError::new(format!("\"{after}\" follows the brackets"), hint));
                }
            }
            return Ok(());
        }
        match rest.split_once(':') {
            Some((host, ports)) if !ports.contains(':') => {
                self.host = host;
                self.ports = Some(ports);
            }
            _ => {}
        }
        Ok(())
    }

    /// The same place with another host.
    fn like(&self, host: &str) -> String {
        let scheme = self.scheme.map_or(String::new(), |scheme| format!("{}://", scheme.name()));
        let ports = self.ports.map_or(String::new(), |ports| format!(":{ports}"));
        if host.contains(':') && !host.starts_with('[') && !(scheme.is_empty() && ports.is_empty()) {
            return format!("{scheme}[{host}]{ports}");
        }
        format!("{scheme}{host}{ports}")
    }

    pub fn host(&self) -> Result<Host, PatternError> {
        let text = self.host;
        if text == "*" {
            return Ok(Host::Any);
        }
        let like = |host: &str| self.like(host);
        if let Some(range) = maybe_range(text, &like)? {
            return Ok(Host::Range(range));
        }
        if let Some(parent) = text.strip_prefix("*.") {
            return self.name(parent).map(Host::Below);
        }
        if let Some(parent) = text.strip_prefix('.') {
            let hint = format!("write {} for what is below it", self.like(&format!("*.{parent}")));
            return Err(PatternError::new(format!("\"{text}\" begins with a dot"), hint));
        }
        self.name(text).map(Host::Name)
    }

    /// What cannot be told from one part alone.
    pub fn check(&self, host: &Host, within: Option<Range>) -> Result<(), PatternError> {
        let text = self.like(self.host);
        if within.is_some() && matches!(host, Host::Range(_)) {
            let hint = "`in` says which addresses a name may have: https://db.example.com in private";
            return Err(PatternError::new(format!("{text} is a set of addresses already"), hint));
        }
        if self.scheme == Some(Scheme::Listen) && matches!(host, Host::Name(_) | Host::Below(_)) {
            let hint = "a guest listens at addresses: listen://127.0.0.1:8080, listen://loopback:*";
            return Err(PatternError::new(format!("\"{text}\" names no address"), hint));
        }
        // A word that is misspelt, or that there is not, would be a host that nobody has.
        if let Host::Name(name) = host
            && self.scheme.is_none()
            && self.ports.is_none()
            && !name.contains('.')
            && name != "localhost"
        {
            let hint = format!(
                "the words are public, private, loopback, metadata, all; a host of that name is http://{name} or \
                 tcp://{name}"
            );
            return Err(PatternError::new(format!("\"{name}\" is no word"), hint));
        }
        Ok(())
    }

    fn name(&self, name: &str) -> Result<String, PatternError> {
        if name.contains('*') {
            let hint = "a * stands for a whole host, or for what is below a name: *.example.com";
            return Err(PatternError::new(format!("\"{}\" has a * where none can be", self.host), hint));
        }
        let no_name = || PatternError::new(format!("\"{}\" is no host name", self.host), FORMS);
        if let Ok(port) = name.parse::<u16>() {
            let hint = format!("write {}", Parts { ports: Some(name), ..*self }.like("127.0.0.1"));
            return Err(PatternError::new(format!("\"{port}\" is a port without a host"), hint));
        }
        let is_address = |ip: IpAddr| {
            let hint = format!("write {}", self.like(&ip.to_string()));
            PatternError::new(format!("\"{name}\" is an address"), hint)
        };
        match url::Host::parse(name) {
            Ok(url::Host::Domain(found)) if !name.contains('%') => {
                let found = found.strip_suffix('.').unwrap_or(&found);
                if is_name(found) { Ok(found.to_owned()) } else { Err(no_name()) }
            }
            Ok(url::Host::Ipv4(ip)) => Err(is_address(ip.into())),
            Ok(url::Host::Ipv6(ip)) => Err(is_address(ip.into())),
            _ => Err(no_name()),
        }
    }

    pub fn parse_ports(&self, text: &str) -> Result<(u16, u16), PatternError> {
        let hint = "ports are 1 to 65535, a range of them (8000-8100), or * for all";
        let port = |text: &str| match text.parse::<u16>() {
            Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
            _ => Err(PatternError::new(format!("\"{text}\" is no port"), hint)),
        };
        match text.split_once('-') {
            None => port(text).map(|port| (port, port)),
            Some((first, last)) => {
                let (first, last) = (port(first)?, port(last)?);
                if first > last {
                    let hint = format!("write {last}-{first}");
                    return Err(PatternError::new(format!("the ports {first}-{last} are none"), hint));
                }
                Ok((first, last))
            }
        }
    }
}

fn split_scheme(place: &str) -> Result<(Option<Scheme>, &str), PatternError> {
    let Some((name, rest)) = place.split_once("://") else {
        let scheme = place.split_once(':').and_then(|(name, rest)| Some((Scheme::parse(name)?, rest)));
        return match scheme {
            Some((scheme, rest)) if rest.parse::<u16>().is_err() && rest != "*" => {
                let hint = format!("write {}://{}", scheme.name(), rest.trim_start_matches('/'));
                Err(PatternError::new(format!("\"{place}\" has no ://"), hint))
            }
            _ => Ok((None, place)),
        };
    };
    match Scheme::parse(name) {
        Some(scheme) => Ok((Some(scheme), rest)),
        None => {
            let hint = format!("use http, https, tcp, udp or listen: https://{rest}");
            Err(PatternError::new(format!("unknown scheme \"{name}\""), hint))
        }
    }
}

/// The range behind `in`.
pub fn parse_range(text: &str) -> Result<Range, PatternError> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    maybe_range(bare, &|range| range.to_owned())?.ok_or_else(|| {
        let hint = "write public, private, loopback, metadata, all, or a block such as 10.0.0.0/8";
        PatternError::new(format!("\"{text}\" behind `in` is no set of addresses"), hint)
    })
}

/// Whether it is meant as an address or a block, right or wrong.
fn looks_like_address(text: &str) -> bool {
    let text = text.trim_start_matches('[');
    let address = text.split(['/', ']']).next().unwrap_or(text);
    let dotted = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    dotted || address.contains("::") || address.parse::<IpAddr>().is_ok()
}

/// A word, an address or a block. `like` makes a whole pattern of a range.
fn maybe_range(text: &str, like: &dyn Fn(&str) -> String) -> Result<Option<Range>, PatternError> {
    if let Some(word) = Word::parse(text) {
        return Ok(Some(Range::Word(word)));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return block(IpNet::from(ip), text, like).map(Some);
    }
    if !text.contains('/') || !looks_like_address(text) {
        return Ok(None);
    }
    match text.parse::<IpNet>() {
        Ok(net) => block(net, text, like).map(Some),
        Err(_) => {
            Err(PatternError::new(format!("\"{text}\" is no block of addresses"), block_hint(text, like)))
        }
    }
}

fn block_hint(text: &str, like: &dyn Fn(&str) -> String) -> String {
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    // A port behind an IPv6 block without brackets.
    if let Some((bits, port)) = bits.split_once(':')
        && address.contains(':')
    {
        return format!("put the block in brackets: [{address}/{bits}]:{port}");
    }
    let dots = address.bytes().filter(|byte| *byte == b'.').count();
    let padded = format!("{address}{}/{bits}", ".0".repeat(3_usize.saturating_sub(dots)));
    match padded.parse::<IpNet>() {
        Ok(net) if dots < 3 => format!("write {}", like(&net.trunc().to_string())),
        _ => "the number behind / says how many bits are fixed: 10.0.0.0/8, fd00::/8".to_owned(),
    }
}

fn block(net: IpNet, text: &str, like: &dyn Fn(&str) -> String) -> Result<Range, PatternError> {
    let shown = |net: IpNet| match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
    };
    if let (IpAddr::V6(_), IpAddr::V4(v4)) = (net.addr(), canonical(net.addr()))
        && let Some(bits) = net.prefix_len().checked_sub(96)
        && let Ok(net) = IpNet::new(v4.into(), bits)
    {
        let hint =
            format!("write the IPv4 form, which stands for every spelling: {}", like(&shown(net.trunc())));
        return Err(PatternError::new(format!("{text} is an IPv4 address within IPv6"), hint));
    }
    if net.trunc() != net {
        let (wide, narrow) = (like(&net.trunc().to_string()), like(&net.addr().to_string()));
        return Err(PatternError::new(
            format!("{text} has bits set behind its prefix"),
            format!("write {wide} or {narrow}"),
        ));
    }
    Ok(Range::Block(net))
}
