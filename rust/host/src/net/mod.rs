//! The network as guests may use it.
//!
//! | asks | answers |
//! |---|---|
//! | what kind of place is an address? | [`address`] |
//! | what does a pattern of a policy say? | [`pattern`] |
//! | what does a party say of a target: an entry, the operator? | [`rules`] |
//! | where does a URL lead? | [`target`] |
//! | what may guests take? | [`quota`], `descriptors` |
//! | what may this function reach, and who is told if not? | [`access`] |
//! | what does this instance do? | [`guest`] |
//! | names, connections, trust | [`resolve`], [`dial`], [`tls`] |
//! | requests | [`http`] |
//!
//! `imports/http.rs` and `imports/sockets.rs` put guests onto it.

pub mod access;
pub mod address;
mod descriptors;
mod dial;
pub mod guest;
pub mod http;
pub mod pattern;
pub mod quota;
pub mod refusal;
pub mod resolve;
pub mod rules;
pub mod target;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::engine::Shared;
use crate::error::Failure;
use descriptors::Descriptors;
use quota::{Caps, Meter};
use resolve::Resolver;
use rules::Rules;
use tls::Tls;

/// What the operator of a runtime says.
#[derive(Default)]
pub struct NetworkOptions {
    /// The ceiling for all entries; without one, what an entry asks for is granted.
    pub ceiling: Option<Rules>,
    /// Certificates to trust besides the usual roots, as PEM.
    pub ca: Vec<u8>,
    /// Whom to ask for addresses; the system where there is none.
    pub nameservers: Vec<SocketAddr>,
    /// For all guests together.
    pub caps: Caps,
    /// Answers requests in the network's place.
    pub transport: Option<Arc<dyn http::Transport>>,
}

/// The network of one runtime.
pub struct Network {
    pub ceiling: Option<Rules>,
    pub tls: Tls,
    pub resolver: Resolver,
    pub meter: Arc<Meter>,
    pub transport: Option<Arc<dyn http::Transport>>,
    pub descriptors: Arc<Descriptors>,
}

impl Network {
    pub fn new(options: NetworkOptions) -> Result<Arc<Network>, Failure> {
        let NetworkOptions { ceiling, ca, nameservers, caps, transport } = options;
        let shared = Shared::get()?;
        let tls =
            Tls::new(&ca).map_err(|problem| Failure::load(format!("NetworkPolicy(ca=...): {problem}")))?;
        let resolver = Resolver::new(&nameservers, &shared.lookups);
        let resolver = resolver
            .map_err(|problem| Failure::load(format!("NetworkPolicy(nameservers=...): {problem}")))?;
        let descriptors = Descriptors::new();
        // The process needs some for itself.
        let most = descriptors.most as u64;
        let caps = Caps { sockets: if caps.sockets == 0 { most } else { caps.sockets.min(most) }, ..caps };
        Ok(Arc::new(Network {
            ceiling,
            tls,
            resolver,
            meter: Meter::of_runtime(caps),
            transport,
            descriptors,
        }))
    }
}
