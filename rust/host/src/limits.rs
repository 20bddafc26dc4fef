//! What one instance may take, enforced where wasmtime asks (`limits.*` of an entry).

use wasmtime::ResourceLimiter;

/// The limits of an entry's instances.
#[derive(Debug, Clone, Copy)]
pub struct InstanceLimits {
    /// Bytes of all linear memories together.
    pub memory_bytes: u64,
    /// Elements of each table.
    pub table_elements: u64,
}

/// The state of one instance's limits.
#[derive(Debug)]
pub struct Limiter {
    limits: InstanceLimits,
    memory_used: u64,
    refused: bool,
}

impl Limiter {
    pub fn new(limits: InstanceLimits) -> Self {
        Limiter { limits, memory_used: 0, refused: false }
    }

    /// Bytes of all linear memories together.
    pub fn memory_used(&self) -> u64 {
        self.memory_used
    }

    /// A refusal belongs to the call that got it.
    pub fn begin_call(&mut self) {
        self.refused = false;
    }

    /// The memory limit, if the guest ran into it.
    pub fn memory_refused(&self) -> Option<u64> {
        self.refused.then_some(self.limits.memory_bytes)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.memory_used.saturating_add((desired - current) as u64);
        if used > self.limits.memory_bytes {
            self.refused = true;
            return Ok(false);
        }
        self.memory_used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired as u64 <= self.limits.table_elements)
    }
}
