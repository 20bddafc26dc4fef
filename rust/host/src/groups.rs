//! Import groups: the words of an entry's `imports` and the interfaces each of them opens (02 §3).
//!
//! What a group provides is a closed list. An interface on no list is served by nobody: its functions trap when
//! called, whatever the entry declares.

use std::fmt;

/// A group an entry can declare (H-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    Funcs,
    Cli,
    Io,
    Poll,
    Clocks,
    Filesystem,
    Random,
    Sockets,
    Http,
    /// `wasi1`: preview 1 for core modules, granting no capability by itself (H-4).
    Preview1,
}

/// Every group, with its name and the interfaces it grants, named without their version.
const TABLE: &[(Group, &str, &[&str])] = &[
    (Group::Funcs, "funcs", &["wippy:runtime/funcs"]),
    (
        Group::Cli,
        "wasi:cli",
        &[
            "wasi:cli/environment",
            "wasi:cli/exit",
            "wasi:cli/stdin",
            "wasi:cli/stdout",
            "wasi:cli/stderr",
            "wasi:cli/terminal-input",
            "wasi:cli/terminal-output",
            "wasi:cli/terminal-stdin",
            "wasi:cli/terminal-stdout",
            "wasi:cli/terminal-stderr",
        ],
    ),
    (Group::Io, "wasi:io", &["wasi:io/error", "wasi:io/streams", "wasi:io/poll"]),
    (Group::Poll, "wasi:poll", &["wasi:io/poll"]),
    (Group::Clocks, "wasi:clocks", &["wasi:clocks/wall-clock", "wasi:clocks/monotonic-clock"]),
    (Group::Filesystem, "wasi:filesystem", &["wasi:filesystem/types", "wasi:filesystem/preopens"]),
    (
        Group::Random,
        "wasi:random",
        &["wasi:random/random", "wasi:random/insecure", "wasi:random/insecure-seed"],
    ),
    (
        Group::Sockets,
        "wasi:sockets",
        &[
            "wasi:sockets/network",
            "wasi:sockets/instance-network",
            "wasi:sockets/ip-name-lookup",
            "wasi:sockets/tcp",
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/udp",
            "wasi:sockets/udp-create-socket",
        ],
    ),
    (Group::Http, "wasi:http", &["wasi:http/types", "wasi:http/outgoing-handler"]),
    (Group::Preview1, "wasi1", &["wasi_snapshot_preview1"]),
];

impl Group {
    /// The group of a canonical name (`wasi:cli`).
    pub fn parse(name: &str) -> Option<Group> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The group to declare for an interface, given with or without its version. A version that no group serves has
    /// none (H-16).
    pub fn of_interface(interface: &str) -> Option<Group> {
        let bare = without_version(interface);
        if !is_served_version(interface) {
            return None;
        }
        TABLE.iter().find(|row| row.2.contains(&bare)).map(|row| row.0)
    }

    pub fn name(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// Groups that hand out streams or pollables, and with them the functions of `wasi:io` (H-15).
    fn grants_io(self) -> bool {
        matches!(
            self,
            Group::Cli | Group::Io | Group::Clocks | Group::Filesystem | Group::Sockets | Group::Http
        )
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `wasi:cli/stdin@0.2.3` → `wasi:cli/stdin`.
pub fn without_version(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}

fn is_served_version(interface: &str) -> bool {
    match interface.split_once('@') {
        None => true,
        Some((name, version)) if name.starts_with("wasi:") => version.starts_with("0.2."),
        Some((_, version)) => version.starts_with("0.1."),
    }
}

/// The groups one entry declares.
#[derive(Debug, Clone, Default)]
pub struct Grants(Vec<Group>);

impl Grants {
    pub fn new(groups: impl IntoIterator<Item = Group>) -> Self {
        let mut groups: Vec<Group> = groups.into_iter().collect();
        groups.sort_unstable();
        groups.dedup();
        Grants(groups)
    }

    pub fn has(&self, group: Group) -> bool {
        self.0.contains(&group)
    }

    /// Whether a declared group opens this interface (H-15 for `wasi:io`).
    pub fn open(&self, interface: &str) -> bool {
        let bare = without_version(interface);
        match Group::of_interface(interface) {
            Some(Group::Io) => {
                self.0.iter().any(|group| group.grants_io())
                    || (bare == "wasi:io/poll" && self.has(Group::Poll))
                // `poll` hands out nothing but pollables; `error` and `streams` belong to `wasi:io`.
            }
            Some(group) => self.has(group),
            None => false,
        }
    }

    /// Preview 1 is linked when the entry declares it or any group of WASI (F-17).
    pub fn preview1(&self) -> bool {
        self.0.iter().any(|group| *group != Group::Funcs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_parses_its_own_name() {
        for (group, name, _) in TABLE {
            assert_eq!(Group::parse(name), Some(*group));
            assert_eq!(group.name(), *name);
        }
        assert_eq!(Group::parse("wasi:nothing"), None);
    }

    #[test]
    fn an_interface_opens_only_with_its_group() {
        let cli = Grants::new([Group::Cli]);
        assert!(cli.open("wasi:cli/stdin@0.2.3"));
        assert!(!cli.open("wasi:clocks/wall-clock@0.2.3"));
        assert!(!cli.open("wasi:cli/run@0.2.3"));
    }

    #[test]
    fn only_served_versions_open() {
        let all = Grants::new([Group::Random, Group::Funcs]);
        assert!(all.open("wasi:random/random@0.2.0") && all.open("wasi:random/random@0.2.99"));
        assert!(!all.open("wasi:random/random@0.3.0"));
        assert!(all.open("wippy:runtime/funcs@0.1.0"));
        assert!(!all.open("wippy:runtime/funcs@1.0.0"));
    }

    #[test]
    fn io_follows_from_the_groups_that_hand_out_its_resources() {
        assert!(Grants::new([Group::Clocks]).open("wasi:io/poll@0.2.0"));
        assert!(Grants::new([Group::Filesystem]).open("wasi:io/streams@0.2.0"));
        assert!(Grants::new([Group::Poll]).open("wasi:io/poll@0.2.8"));
        assert!(!Grants::new([Group::Poll]).open("wasi:io/streams@0.2.8"));
        assert!(!Grants::new([Group::Random, Group::Funcs]).open("wasi:io/poll@0.2.8"));
    }
}
