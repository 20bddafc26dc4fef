//! `time`: moments, durations, and Go's text of both (L-33). What waits is added to the table by others.
//!
//! Zones are UTC and fixed distances from it. A list of the world's zones is some hundred kilobytes that go stale, so
//! `load_location` knows no other name than UTC's; and a program's local zone is UTC wherever it runs. Times are of the
//! years 0 to 9999; what would be beyond is an error.

use std::sync::LazyLock;

use mlua::{IntoLua, Lua, Table, Value, ffi};

use super::args::{self, Answer, Result};
use crate::copy::stack::push_bytes;

mod civil;
mod duration;
mod format;
mod instant;
mod layout;
mod parse;
mod zone;

pub use duration::{Duration, duration, nanos};
use instant::Fields;
pub use instant::Instant;
use zone::{Location, Zone};

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
/// What `tostring` gives.
const STRING: &str = "2006-01-02 15:04:05.999999999 -0700 MST";

const LAYOUTS: [(&str, &str); 19] = [
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("DATE_ONLY", "2006-01-02"),
    ("DATE_TIME", "2006-01-02 15:04:05"),
    ("KITCHEN", "3:04PM"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", RFC3339),
    ("RFC3339NANO", "2006-01-02T15:04:05.999999999Z07:00"),
    ("RFC3339_NANO", "2006-01-02T15:04:05.999999999Z07:00"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RUBY_DATE", "Mon Jan 02 15:04:05 -0700 2006"),
    ("STAMP", "Jan _2 15:04:05"),
    ("STAMP_MICRO", "Jan _2 15:04:05.000000"),
    ("STAMP_MILLI", "Jan _2 15:04:05.000"),
    ("STAMP_NANO", "Jan _2 15:04:05.000000000"),
    ("TIME_ONLY", "15:04:05"),
    ("UNIX_DATE", "Mon Jan _2 15:04:05 MST 2006"),
];

const UNITS: [(&str, i64); 6] = [
    ("NANOSECOND", 1),
    ("MICROSECOND", duration::MICROSECOND),
    ("MILLISECOND", duration::MILLISECOND),
    ("SECOND", duration::SECOND),
    ("MINUTE", duration::MINUTE),
    ("HOUR", duration::HOUR),
];

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 64)?;
    add_constants(lua, &table)?;
    table.raw_set("now", lua.create_function(|lua, ()| made(lua, Instant::now()))?)?;
    table.raw_set("unix", lua.create_function(|lua, args| made(lua, unix(args)))?)?;
    table.raw_set("unix_milli", lua.create_function(|lua, value| made(lua, scaled(&value, 1_000_000)))?)?;
    table.raw_set("unix_micro", lua.create_function(|lua, value| made(lua, scaled(&value, 1_000)))?)?;
    table.raw_set("unix_nano", lua.create_function(|lua, value| made(lua, scaled(&value, 1)))?)?;
    table.raw_set("date", lua.create_function(|lua, args| made(lua, date(args)))?)?;
    table.raw_set("parse", lua.create_function(|lua, args| made(lua, parse(lua, args)))?)?;
    table.raw_set("parse_duration", lua.create_function(duration::lua_parse)?)?;
    table.raw_set("load_location", lua.create_function(zone::load)?)?;
    table.raw_set("fixed_zone", lua.create_function(zone::fixed)?)?;
    Ok(table)
}

/// Units, months and days of the week.
static NUMBERS: LazyLock<Vec<(String, i64)>> = LazyLock::new(|| {
    let named = |(number, name): (i64, &str)| (name.to_uppercase(), number);
    let units = UNITS.iter().map(|(name, nanos)| ((*name).to_owned(), *nanos));
    let months = (1..).zip(civil::MONTHS).map(named);
    units.chain(months).chain((0..).zip(civil::WEEKDAYS).map(named)).collect()
});

/// All in one go: a worker that is made for a call sets these some fifty names.
fn add_constants(lua: &Lua, table: &Table) -> mlua::Result<()> {
    let numbers = &**NUMBERS;
    // SAFETY: two values beside the table, on a stack with room for twenty. What is raised for want of memory leaves
    // nothing undropped: all is borrowed.
    unsafe {
        lua.exec_raw::<()>(table, |state| {
            for (name, layout) in &LAYOUTS {
                push_bytes(state, name.as_bytes());
                push_bytes(state, layout.as_bytes());
                ffi::lua_rawset(state, 1);
            }
            for (name, number) in numbers {
                push_bytes(state, name.as_bytes());
                ffi::lua_pushinteger(state, *number);
                ffi::lua_rawset(state, 1);
            }
        })?;
    }
    let utc = Location(Zone::UTC).into_lua(lua)?;
    ["utc", "UTC", "localtz"].into_iter().try_for_each(|name| table.raw_set(name, &utc))
}

fn made(lua: &Lua, time: Result<Instant>) -> Answer {
    args::answer(lua, time)
}

/// `unix(seconds[, nanoseconds])`. A float's fraction counts.
fn unix((seconds, nanos): (Value, Value)) -> Result<Instant> {
    let nanos = args::integer_or(&nanos, "nanoseconds", 0)?;
    match seconds {
        Value::Number(seconds) if seconds.fract() != 0.0 => {
            let fraction = seconds - seconds.floor();
            let whole = args::integer(&Value::Number(seconds.floor()), "seconds")?;
            let nanos = nanos.saturating_add((fraction * 1e9).round() as i64);
            Instant::new(whole, nanos, Zone::UTC)
        }
        seconds => Instant::new(args::integer(&seconds, "seconds")?, nanos, Zone::UTC),
    }
}

fn scaled(value: &Value, nanos: i128) -> Result<Instant> {
    Instant::of_nanos(i128::from(args::integer(value, "time")?) * nanos, Zone::UTC)
}

type DateArguments = (Value, Value, Value, Value, Value, Value, Value, Value);

/// `date(year, month, day, hour, minute, second, nanosecond[, zone])`
fn date((year, month, day, hour, minute, second, nanos, zone): DateArguments) -> Result<Instant> {
    let fields = Fields {
        year: args::integer(&year, "year")?,
        month: args::integer_or(&month, "month", 1)?,
        day: args::integer_or(&day, "day", 1)?,
        hour: args::integer_or(&hour, "hour", 0)?,
        minute: args::integer_or(&minute, "minute", 0)?,
        second: args::integer_or(&second, "second", 0)?,
        nanos: args::integer_or(&nanos, "nanosecond", 0)?,
    };
    fields.instant(zone::argument(&zone)?)
}

/// `parse(layout, text[, zone])`
fn parse(lua: &Lua, (layout, text, zone): (Value, Value, Value)) -> Result<Instant> {
    let layout = args::string(lua, &layout, "layout")?.to_string_lossy();
    let text = args::string(lua, &text, "time")?.to_string_lossy();
    parse::parse(format::check(&layout)?, &text, &zone::argument(&zone)?)
}

#[cfg(test)]
mod tests;
