//! Durations: nanoseconds, in Go's text where they are text (L-33).

use mlua::{Lua, MetaMethod, UserData, UserDataMethods, Value};

use crate::modules::args::{self, Answer, Result, invalid};

pub const MICROSECOND: i64 = 1_000;
pub const MILLISECOND: i64 = 1_000_000;
pub const SECOND: i64 = 1_000_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

/// Characters of a wrong duration that are told.
const SHOWN: usize = 64;

/// A duration object: nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(pub i64);

impl UserData for Duration {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_method("nanoseconds", |_, this, ()| Ok(this.0));
        methods.add_method("microseconds", |_, this, ()| Ok(this.0 / MICROSECOND));
        methods.add_method("milliseconds", |_, this, ()| Ok(this.0 / MILLISECOND));
        methods.add_method("seconds", |_, this, ()| Ok(in_units(this.0, SECOND)));
        methods.add_method("minutes", |_, this, ()| Ok(in_units(this.0, MINUTE)));
        methods.add_method("hours", |_, this, ()| Ok(in_units(this.0, HOUR)));
        methods.add_method("string", |_, this, ()| Ok(format(this.0)));
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(format(this.0)));
        methods.add_meta_method(MetaMethod::Unm, |_, this, ()| made(this.0.checked_neg()));
        methods.add_meta_function(MetaMethod::Add, |_, sides| made(both(sides, i64::checked_add)?));
        methods.add_meta_function(MetaMethod::Sub, |_, sides| made(both(sides, i64::checked_sub)?));
        methods.add_meta_function(MetaMethod::Mul, |_, sides| made(multiply(sides)?));
        methods.add_meta_function(MetaMethod::Div, divide);
        methods.add_meta_function(MetaMethod::Eq, |_, sides| compare(sides, |left, right| left == right));
        methods.add_meta_function(MetaMethod::Lt, |_, sides| compare(sides, |left, right| left < right));
        methods.add_meta_function(MetaMethod::Le, |_, sides| compare(sides, |left, right| left <= right));
        methods.add_meta_function(MetaMethod::Concat, |lua, (left, right): (Value, Value)| {
            let text = |side: &Value| match object(side) {
                Some(duration) => Ok(format(duration.0).into_bytes()),
                None => args::string(lua, side, "operand").map(|text| text.as_bytes().to_vec()),
            };
            let joined = text(&left).and_then(|left| Ok([left, text(&right)?].concat()));
            lua.create_string(joined.map_err(mlua::Error::external)?)
        });
    }
}

fn in_units(nanos: i64, unit: i64) -> f64 {
    (nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64
}

fn object(value: &Value) -> Option<Duration> {
    value.as_userdata()?.borrow::<Duration>().ok().map(|duration| *duration)
}

// An operator has one result: what goes wrong is raised.

fn made(nanos: Option<i64>) -> mlua::Result<Duration> {
    nanos.map(Duration).ok_or_else(|| mlua::Error::external(out_of_range()))
}

fn both((left, right): (Value, Value), sum: fn(i64, i64) -> Option<i64>) -> mlua::Result<Option<i64>> {
    let (left, right) = (nanos(&left), nanos(&right));
    Ok(sum(left.map_err(mlua::Error::external)?, right.map_err(mlua::Error::external)?))
}

fn multiply((left, right): (Value, Value)) -> mlua::Result<Option<i64>> {
    let (duration, factor) = match (object(&left), object(&right)) {
        (Some(duration), None) => (duration.0, right),
        (None, Some(duration)) => (duration.0, left),
        _ => return Err(mlua::Error::runtime("attempt to multiply a duration by a duration")),
    };
    match factor {
        Value::Integer(factor) => Ok(duration.checked_mul(factor)),
        Value::Number(factor) => Ok(args::whole((duration as f64 * factor).trunc())),
        other => Err(mlua::Error::external(args::wrong(&other, "factor", "a number"))),
    }
}

/// By a duration: how often it is in there. By a number: a duration.
fn divide(lua: &Lua, (left, right): (Value, Value)) -> mlua::Result<Value> {
    let result = match (object(&left), object(&right), &right) {
        (Some(left), Some(right), _) => return Ok(Value::Number(left.0 as f64 / right.0 as f64)),
        (Some(left), None, Value::Integer(right)) => left.0.checked_div(*right),
        (Some(left), None, Value::Number(right)) => args::whole((left.0 as f64 / right).trunc()),
        _ => return Err(mlua::Error::external(args::wrong(&right, "divisor", "a number or a duration"))),
    };
    lua.create_userdata(made(result)?).map(Value::UserData)
}

fn compare((left, right): (Value, Value), holds: fn(i64, i64) -> bool) -> mlua::Result<bool> {
    match (object(&left), object(&right)) {
        (Some(left), Some(right)) => Ok(holds(left.0, right.0)),
        _ => Err(mlua::Error::runtime("attempt to compare a duration with something else")),
    }
}

/// Nanoseconds of a duration as an argument: a number of them, text, or an object (L-33).
pub fn nanos(value: &Value) -> Result<i64> {
    match value {
        Value::Integer(number) => Ok(*number),
        Value::Number(number) => args::whole(number.trunc()).ok_or_else(out_of_range),
        Value::String(text) => parse(&text.to_string_lossy()),
        Value::UserData(_) => object(value)
            .map(|duration| duration.0)
            .ok_or_else(|| args::wrong(value, "duration", "a duration")),
        _ => Err(args::wrong(value, "duration", "a number, text or a duration")),
    }
}

/// The same, to wait for: what is negative is no time at all.
pub fn duration(value: &Value) -> Result<std::time::Duration> {
    Ok(std::time::Duration::from_nanos(nanos(value)?.max(0).unsigned_abs()))
}

/// `parse_duration(value)`
pub fn lua_parse(lua: &Lua, value: Value) -> Answer {
    args::answer(lua, nanos(&value).map(Duration))
}

fn out_of_range() -> crate::error::ErrorValue {
    invalid("duration is out of range")
}

/// Reads Go's text: an optional sign, then numbers with units, `1h30m`, `1.5s`, `-2us`.
pub fn parse(text: &str) -> Result<i64> {
    let problem = |what: &str| {
        let shown: String = text.chars().take(SHOWN).collect();
        invalid(format!("{what} duration \"{shown}\""))
    };
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(problem("invalid"));
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        if whole.is_empty() && fraction.is_empty() {
            return Err(problem("invalid"));
        }
        let unit = match unit_nanos(unit) {
            Some(unit) => i128::from(unit),
            None if unit.is_empty() => return Err(problem("missing unit in")),
            None => return Err(problem("unknown unit in")),
        };
        total += amount(whole, fraction, unit).ok_or_else(|| problem("out of range:"))?;
        // More than this no later part can make right; and the sum stays small.
        if total > i128::from(i64::MAX) + 1 {
            return Err(problem("out of range:"));
        }
        rest = next;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| problem("out of range:"))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit_nanos(unit: &str) -> Option<i64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    })
}

fn amount(whole: &str, fraction: &str, unit: i128) -> Option<i128> {
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    // Further digits are less than a nanosecond of an hour.
    let fraction = &fraction[..fraction.len().min(15)];
    let scale = 10_i128.pow(fraction.len() as u32);
    let part = if fraction.is_empty() { 0 } else { i128::from(fraction.parse::<u64>().ok()?) };
    Some(i128::from(whole) * unit + part * unit / scale)
}

/// Go's text: `1h30m0s`, `1.5s`, `20ms`, `0s`.
pub fn format(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let (second, minute) = (SECOND as u64, MINUTE as u64);
    if size == 0 {
        return "0s".into();
    }
    if size < second {
        let (unit, name) = match size {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{name}", decimal(size, unit));
    }
    let (minutes, rest) = (size / minute, decimal(size % minute, second));
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, minutes) => format!("{sign}{minutes}m{rest}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

/// A quotient in decimals, as long as need be. `unit` is a power of ten.
fn decimal(size: u64, unit: u64) -> String {
    let (whole, part) = (size / unit, size % unit);
    if part == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{}", format!("{part:0width$}").trim_end_matches('0'))
}
