//! Zones: UTC, and fixed distances from it. Nothing here knows where a place's clocks change.

use std::sync::Arc;

use mlua::{Lua, MetaMethod, UserData, UserDataMethods, Value};

use super::civil::DAY;
use crate::error::{ErrorValue, Kind};
use crate::modules::args::{self, Answer, Result, invalid};

/// Bytes of a zone's name.
const NAME: usize = 64;

/// How far from UTC, in seconds, and its name where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    pub offset: i32,
    pub name: Option<Arc<str>>,
}

impl Zone {
    pub const UTC: Zone = Zone { offset: 0, name: None };

    pub fn fixed(name: &str, offset: i64) -> Result<Zone> {
        if name.len() > NAME {
            return Err(invalid(format!("zone name is longer than {NAME} bytes")));
        }
        match i32::try_from(offset) {
            Ok(offset) if i64::from(offset).abs() < DAY => Ok(Zone { offset, name: Some(name.into()) }),
            _ => Err(invalid("zone offset must be less than a day")),
        }
    }

    pub fn is_utc(&self) -> bool {
        *self == Zone::UTC
    }

    /// As text: its name, else its distance.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) if !name.is_empty() => name.to_string(),
            None if self.offset == 0 => "UTC".into(),
            _ => {
                let (sign, size) = (if self.offset < 0 { '-' } else { '+' }, self.offset.unsigned_abs() / 60);
                match size % 60 {
                    0 => format!("{sign}{:02}", size / 60),
                    minutes => format!("{sign}{:02}{minutes:02}", size / 60),
                }
            }
        }
    }
}

/// A location object.
pub struct Location(pub Zone);

impl UserData for Location {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_method("string", |_, location, ()| Ok(location.0.label()));
        methods.add_meta_method(MetaMethod::ToString, |_, location, ()| Ok(location.0.label()));
        methods.add_meta_method(MetaMethod::Eq, |_, location, other: Value| {
            Ok(other
                .as_userdata()
                .and_then(|other| other.borrow::<Location>().ok())
                .is_some_and(|other| other.0 == location.0))
        });
    }
}

/// A zone as an argument: a location, the name of one, or nil for UTC.
pub fn argument(value: &Value) -> Result<Zone> {
    match value {
        Value::Nil => Ok(Zone::UTC),
        Value::String(name) => named(&name.to_string_lossy()),
        Value::UserData(object) => match object.borrow::<Location>() {
            Ok(location) => Ok(location.0.clone()),
            Err(_) => Err(args::wrong(value, "location", "a location")),
        },
        _ => Err(args::wrong(value, "location", "a location")),
    }
}

fn named(name: &str) -> Result<Zone> {
    match name {
        "" => Err(invalid("empty location name")),
        "UTC" | "Etc/UTC" | "Local" => Ok(Zone::UTC),
        _ => {
            let shown: String = name.chars().take(NAME).collect();
            Err(ErrorValue::new(Kind::NotFound, format!("location not found: {shown}")))
        }
    }
}

/// `load_location(name)`
pub fn load(lua: &Lua, name: Value) -> Answer {
    let zone = args::string(lua, &name, "location name").and_then(|name| named(&name.to_string_lossy()));
    args::answer(lua, zone.map(Location))
}

/// `fixed_zone(name, seconds)`
pub fn fixed(lua: &Lua, (name, offset): (Value, Value)) -> Answer {
    let zone = args::string(lua, &name, "zone name")
        .and_then(|name| Zone::fixed(&name.to_string_lossy(), args::integer(&offset, "zone offset")?));
    args::answer(lua, zone.map(Location))
}
