//! What an entry says of a function, checked and resolved by the embedder.

use std::sync::Arc;
use std::time::Duration;

use crate::groups::Grants;
use crate::imports::filesystem::Mount;
use crate::limits::InstanceLimits;
use crate::net::access::NetworkSpec;
use crate::table::Refusal;

/// Environment variables, in the order guests see them (H-30).
pub type Pairs = Arc<[(String, String)]>;

/// Gives a guest's environment at each call (H-40). Runs where host functions do.
pub trait EnvSource: Send + Sync {
    fn resolve(&self) -> Result<Pairs, Refusal>;
}

/// Where a function's environment comes from.
#[derive(Clone)]
pub enum Env {
    Fixed(Pairs),
    Dynamic(Arc<dyn EnvSource>),
}

impl Default for Env {
    fn default() -> Self {
        Env::Fixed(Arc::new([]))
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub struct Spec {
    pub id: Arc<str>,
    pub method: String,
    /// Signatures of a core module's functions (F-14).
    pub wit: Option<String>,
    pub grants: Grants,
    /// An undeclared import fails the load.
    pub strict_imports: bool,
    /// Calls that may run at once.
    pub capacity: usize,
    pub inline: bool,
    /// Keep instances ready ahead of the calls.
    pub warm_start: bool,
    /// Calls that one instance serves at most.
    pub reuse: u32,
    pub max_execution: Option<Duration>,
    pub limits: InstanceLimits,
    pub max_result_bytes: usize,
    /// What the log takes of one call's output.
    pub max_output_bytes: usize,
    pub args: Vec<String>,
    pub cwd: String,
    pub env: Env,
    pub mounts: Vec<Mount>,
    /// What a declared group may reach.
    pub network: NetworkSpec,
}
