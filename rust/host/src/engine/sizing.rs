//! How many instances this process has room for, as far as the system tells beforehand.
//!
//! The pool maps every fiber stack with its guard page when it is made, and a memory that was once used stays mapped.
//! Linux allows a process so many mappings (`vm.max_map_count`); a process that runs out of them cannot even allocate,
//! so the pool must stay below by itself.

use std::fs;

/// Instances at once, where nothing limits them: ten thousand callers, and some room for those they call.
pub const MOST: u32 = 10_240;
/// A stack and its guard; in a used memory what lies before its initial data, the data, what lies behind, and what is
/// not accessible.
const MAPPINGS_EACH: u64 = 6;
/// Mappings left for threads, libraries, large allocations, slots kept warm and heaps of garbage-collected guests.
const SPARE: u64 = 3000;
/// Instances where nothing was measured, and where every mapping counts as memory used.
pub const FEW: u32 = 1000;
/// The least a pool is worth making for.
pub const LEAST: u32 = 100;

/// So many instances at most, and what decided it where that is fewer than [`MOST`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    pub instances: u32,
    pub reason: Option<String>,
}

impl Room {
    pub fn here() -> Room {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
        let mappings = number("/proc/sys/vm/max_map_count")
            .and_then(|allowed| Some((allowed, mappings_in_use()?)))
            .map_or(Room { instances: MOST, reason: None }, |(allowed, used)| by_mappings(allowed, used));
        if mappings.instances > FEW && number("/proc/sys/vm/overcommit_memory") == Some(2) {
            return Room { instances: FEW, reason: Some(STRICT.to_owned()) };
        }
        mappings
    }

    /// After a pool of that size could not be made.
    pub fn reduced(self, error: &str) -> Room {
        let reason = format!("a larger pool could not be made: {error}{}", address_limit());
        Room { reason: Some(reason), ..self }
    }
}

const STRICT: &str =
    "vm.overcommit_memory is 2, so that reserved memory counts as used; set it to 0 or 1 for more";

fn by_mappings(allowed: u64, used: u64) -> Room {
    let room = allowed.saturating_sub(used + SPARE) / MAPPINGS_EACH;
    if room >= MOST.into() {
        return Room { instances: MOST, reason: None };
    }
    // Whole hundreds, so that one library more or less is not seen in every report.
    let instances = u32::try_from(room / 100 * 100).unwrap_or(MOST).max(LEAST);
    let needed = u64::from(MOST) * MAPPINGS_EACH + used + SPARE;
    let reason = format!(
        "vm.max_map_count is {allowed}, {used} in use; for {MOST} instances: sysctl -w vm.max_map_count={}",
        needed.next_multiple_of(1024),
    );
    Room { instances, reason: Some(reason) }
}

/// Counted, not assumed: the child of a fork inherits those of its parent's pool.
fn mappings_in_use() -> Option<u64> {
    let maps = fs::read("/proc/self/maps").ok()?;
    Some(maps.iter().filter(|byte| **byte == b'\n').count() as u64)
}

/// The user's own limit of the address space, for the message.
#[cfg(unix)]
fn address_limit() -> String {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: fills the struct it is given.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
    if !known || limit.rlim_cur == libc::RLIM_INFINITY {
        return String::new();
    }
    format!("; the address space is limited to {} MiB (ulimit -v)", limit.rlim_cur >> 20)
}

#[cfg(not(unix))]
fn address_limit() -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_limit_has_room_for_all() {
        assert_eq!(by_mappings(65_530, 1000), Room { instances: MOST, reason: None });
    }

    #[test]
    fn a_lower_limit_is_shared_and_named() {
        let room = by_mappings(32_768, 500);
        assert_eq!(room.instances, 4800);
        assert!(room.reason.is_some_and(|reason| reason.contains("sysctl -w vm.max_map_count=65536")));
    }

    #[test]
    fn what_is_in_use_counts() {
        assert!(by_mappings(65_530, 21_000).instances < by_mappings(65_530, 1500).instances);
    }

    #[test]
    fn some_room_is_always_left() {
        assert_eq!(by_mappings(1000, 5000).instances, LEAST);
    }
}
