//! Where a URL leads.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

use super::pattern::Scheme;

/// A host as it was named, in canonical form: lower case, Unicode as punycode, numbers of every notation as addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostName {
    Name(String),
    Ip(IpAddr),
}

impl HostName {
    /// None for what is no host.
    pub fn parse(text: &str) -> Option<HostName> {
        // Escapes would be one thing to us and perhaps another to the server that reads the Host header.
        if text.contains('%') {
            return None;
        }
        match url::Host::parse(text).ok()? {
            url::Host::Ipv4(ip) => Some(HostName::Ip(ip.into())),
            url::Host::Ipv6(ip) => Some(IpAddr::V6(ip).into()),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                is_name(name).then(|| HostName::Name(name.to_owned()))
            }
        }
    }

    pub fn name(&self) -> Option<&str> {
        match self {
            HostName::Name(name) => Some(name),
            HostName::Ip(_) => None,
        }
    }
}

impl From<IpAddr> for HostName {
    /// A mapped address is dialled as what it maps.
    fn from(ip: IpAddr) -> Self {
        HostName::Ip(ip.to_canonical())
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostName::Name(name) => f.write_str(name),
            HostName::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            HostName::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// DNS's limits on a name and on each of its labels.
const NAME: usize = 253;
const LABEL: usize = 63;

/// Whether a name in canonical form can be anybody's.
pub fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= NAME && name.split('.').all(is_label)
}

/// Scheme, host and port: what connections are kept by, and policies go by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    pub scheme: Scheme,
    pub host: HostName,
    pub port: u16,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URL; none where it has no usable one.
    pub fn of(uri: &Uri) -> Option<Origin> {
        let scheme = Scheme::parse(uri.scheme_str()?).filter(|scheme| scheme.default_port().is_some())?;
        Origin::at(scheme, uri.authority()?.as_str())
    }

    /// The place a URL of any scheme names; only http and https have a port where none is written.
    pub fn parse(url: &str) -> Option<Origin> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Origin::at(Scheme::parse(scheme)?, authority)
    }

    fn at(scheme: Scheme, authority: &str) -> Option<Origin> {
        // A user name would hide the host from whoever reads the URL.
        if authority.contains(['@', '\\']) {
            return None;
        }
        let host_ends = authority.rfind(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match authority[host_ends..].split_once(':') {
            Some((rest, port)) => (&authority[..host_ends + rest.len()], Some(port)),
            None => (authority, None),
        };
        let port = match port {
            Some(port) => port_number(port)?,
            None => scheme.default_port()?,
        };
        Some(Origin { scheme, host: HostName::parse(host)?, port })
    }

    /// Host and port, without the port that needs no writing.
    pub fn authority(&self) -> String {
        match self.scheme.default_port() {
            Some(port) if port == self.port => self.host.to_string(),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}
