//! What the kernel counts for this process.

use std::fs;

/// CPU times in microseconds, and page faults.
pub struct Usage {
    pub user: f64,
    pub system: f64,
    pub faults: f64,
}

impl Usage {
    pub fn now() -> Usage {
        // SAFETY: plain integers, for which zero is a value, filled by a call that cannot fail with these arguments.
        let usage = unsafe {
            let mut usage = std::mem::zeroed::<libc::rusage>();
            libc::getrusage(libc::RUSAGE_SELF, &mut usage);
            usage
        };
        let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
        Usage { user: micros(usage.ru_utime), system: micros(usage.ru_stime), faults: usage.ru_minflt as f64 }
    }

    pub fn since(&self, before: &Usage) -> Usage {
        Usage {
            user: self.user - before.user,
            system: self.system - before.system,
            faults: self.faults - before.faults,
        }
    }
}

/// Memory in KiB: resident, page tables, address space; and the number of mappings. Zeros where there is no `/proc`.
#[derive(Clone, Copy)]
pub struct Memory {
    pub resident: i64,
    pub page_tables: i64,
    pub address_space: i64,
    pub mappings: i64,
}

impl Memory {
    pub fn now() -> Memory {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        Memory {
            resident: field("VmRSS:"),
            page_tables: field("VmPTE:"),
            address_space: field("VmSize:"),
            mappings: fs::read_to_string("/proc/self/maps").unwrap_or_default().lines().count() as i64,
        }
    }

    pub fn since(&self, before: &Memory) -> Memory {
        Memory {
            resident: self.resident - before.resident,
            page_tables: self.page_tables - before.page_tables,
            address_space: self.address_space - before.address_space,
            mappings: self.mappings - before.mappings,
        }
    }
}
