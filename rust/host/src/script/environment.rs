//! The environment that scripts read and write through `env` (L-34).

use wippy_lua::value::Value;

use crate::table::Refusal;

/// Runs where the embedder's functions do.
pub trait Environment: Send + Sync {
    /// The id of the variable that a program calls so.
    fn id(&self, key: &str) -> Result<String, Refusal>;

    fn get(&self, key: &str) -> Result<Value, Refusal>;

    fn set(&self, key: &str, value: &str) -> Result<Value, Refusal>;

    /// As a map.
    fn all(&self) -> Result<Value, Refusal>;
}
