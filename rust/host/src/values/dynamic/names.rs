//! Names of fields, cases and labels as programs give them: as the WIT spells them, or in snake_case.

use std::collections::HashMap;

use wippy_lua::value::Value;

/// A map's keys and values.
pub(super) type Entries = [(Vec<u8>, Value)];

/// The index of a name; the spelling of the WIT comes first.
pub(super) fn position<'a>(names: impl Iterator<Item = &'a str> + Clone, given: &[u8]) -> Option<u32> {
    let exact = names.clone().position(|name| name.as_bytes() == given);
    let index = exact.or_else(|| names.clone().position(|name| is_snake(name, given)))?;
    u32::try_from(index).ok()
}

/// Whether `given` is `name` in snake_case.
fn is_snake(name: &str, given: &[u8]) -> bool {
    name.len() == given.len() && name.bytes().map(snake).eq(given.iter().copied())
}

fn snake(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }
}

/// A table to look fields up in. What is nil is not there.
pub(super) enum Fields<'a> {
    Few(&'a Entries),
    /// So many that looking through them for every field would take long.
    Many(HashMap<&'a [u8], &'a Value>),
}

impl<'a> Fields<'a> {
    const FEW: usize = 16;

    pub fn of(entries: &'a Entries) -> Self {
        if entries.len() <= Self::FEW {
            return Self::Few(entries);
        }
        let mut map = HashMap::with_capacity(entries.len());
        for (key, value) in entries.iter().filter(|(_, value)| !matches!(value, Value::Nil)) {
            map.entry(&**key).or_insert(value);
        }
        Self::Many(map)
    }

    pub fn get(&self, name: &str) -> Option<&'a Value> {
        match self {
            Self::Few(entries) => {
                let find = |same: fn(&str, &[u8]) -> bool| {
                    let found =
                        entries.iter().find(|(key, value)| same(name, key) && !matches!(value, Value::Nil));
                    found.map(|(_, value)| value)
                };
                find(|name, key| name.as_bytes() == key).or_else(|| find(is_snake))
            }
            Self::Many(map) => {
                let exact = map.get(name.as_bytes());
                exact.or_else(|| map.get(&*name.bytes().map(snake).collect::<Vec<_>>())).copied()
            }
        }
    }
}
