//! From a name to its addresses.
//!
//! By default as every program of the machine does it, through the operating system, on threads kept for that since the
//! system's call blocks; or from nameservers that the operator names, without threads.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::threads::Threads;

/// Why there are no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// There is no such name, or it has no address.
    NoSuchName,
    /// It may work later.
    Temporary,
    TimedOut,
    /// The nameserver answered with this error.
    Failed(String),
}

/// How long a nameserver may take, and how often it is asked once more.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRIES: usize = 1;

/// See the module's documentation.
pub enum Resolver {
    System(&'static Threads),
    Servers(Box<TokioResolver>),
}

impl Resolver {
    /// Asks `servers`, or the system where there are none. Fails with what is wrong with the servers.
    pub fn new(servers: &[SocketAddr], threads: &'static Threads) -> Result<Resolver, String> {
        if servers.is_empty() {
            return Ok(Resolver::System(threads));
        }
        let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        // A name is looked up for each connection: what its owner says then is what counts.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = PATIENCE;
        options.attempts = RETRIES;
        options.ndots = 0;
        builder
            .build()
            .map(|resolver| Resolver::Servers(Box::new(resolver)))
            .map_err(|error| error.to_string())
    }

    /// The addresses of a name, in the order they are to be tried; never none.
    ///
    /// `turn` is held until the lookup ends, which may be long after nobody waits for it.
    pub async fn resolve(&self, name: &str, turn: OwnedSemaphorePermit) -> Result<Vec<IpAddr>, Unresolved> {
        let found = match self {
            Resolver::System(threads) => by_system(threads, name, turn).await?,
            // The final dot: no search list is tried.
            Resolver::Servers(resolver) => {
                let found = resolver.lookup_ip(format!("{name}.")).await.map_err(|error| sorted(&error))?;
                found.iter().collect()
            }
        };
        if found.is_empty() { Err(Unresolved::NoSuchName) } else { Ok(found) }
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let ways = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, ways)
}

async fn by_system(
    threads: &'static Threads,
    name: &str,
    turn: OwnedSemaphorePermit,
) -> Result<Vec<IpAddr>, Unresolved> {
    let (answer, answered) = oneshot::channel();
    let name = name.to_owned();
    threads.run(move || {
        // Nobody may be waiting any more when its turn comes.
        if !answer.is_closed() {
            drop(answer.send((name.as_str(), 0).to_socket_addrs()));
        }
        drop(turn);
    });
    match answered.await {
        Ok(Ok(addresses)) => {
            let mut found: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
            found.dedup();
            Ok(found)
        }
        // The system's error has no kind; this is its word for "try again".
        Ok(Err(error)) if error.to_string().contains("emporary") => Err(Unresolved::Temporary),
        Ok(Err(_)) => Err(Unresolved::NoSuchName),
        Err(_) => Err(Unresolved::Temporary),
    }
}

fn sorted(error: &NetError) -> Unresolved {
    match error {
        NetError::Timeout => Unresolved::TimedOut,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain | ResponseCode::NoError => Unresolved::NoSuchName,
            ResponseCode::ServFail => Unresolved::Temporary,
            code => Unresolved::Failed(mnemonic(code)),
        },
        NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail)) => Unresolved::Temporary,
        NetError::Dns(DnsError::ResponseCode(code)) => Unresolved::Failed(mnemonic(*code)),
        // What cannot be asked for.
        NetError::Proto(_) => Unresolved::NoSuchName,
        _ => Unresolved::Temporary,
    }
}

/// `NXDOMAIN`, as in IANA's registry.
fn mnemonic(code: ResponseCode) -> String {
    format!("{code:?}").to_uppercase()
}
