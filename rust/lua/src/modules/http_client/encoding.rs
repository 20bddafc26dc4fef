//! Text in URLs and forms: `application/x-www-form-urlencoded`, with `+` for a space.

use mlua::{Lua, Table, Value as LuaValue};

use crate::modules::args::{self, Result, invalid};

/// Names of a table: each is held apart from Lua's memory.
const MOST_NAMES: usize = 10_000;

pub fn encoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    encode(text, &mut out);
    out
}

fn encode(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            _ => {
                let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
                out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

pub fn decoded(text: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match after {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    out.push(nibble(*high) << 4 | nibble(*low));
                    rest = after;
                }
                _ => {
                    let escape = String::from_utf8_lossy(&after[..after.len().min(2)]).into_owned();
                    return Err(invalid(format!("invalid URL escape {:?}", format!("%{escape}"))));
                }
            },
            _ => out.push(*byte),
        }
    }
    Ok(out)
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 32) - b'a' + 10,
    }
}

/// A table of names and values, or lists of values, in the order of the names. At most `limit` bytes.
pub fn pairs(lua: &Lua, table: &Table, what: &str, limit: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for (name, values) in sorted(lua, table, what)? {
        each(lua, &values, what, |value| {
            if !out.is_empty() {
                out.push(b'&');
            }
            encode(name.as_bytes(), &mut out);
            out.push(b'=');
            encode(&value.as_bytes(), &mut out);
            // One value may be there many times.
            if out.len() > limit {
                Err(invalid(format!("{what} is larger than {limit} bytes")))
            } else {
                Ok(())
            }
        })?;
    }
    Ok(out)
}

/// A table's names and values, in the order of the names.
pub fn sorted(lua: &Lua, table: &Table, what: &str) -> Result<Vec<(String, LuaValue)>> {
    let mut entries = Vec::new();
    let walked = table.for_each(|name: LuaValue, value: LuaValue| {
        if entries.len() == MOST_NAMES {
            return Err(mlua::Error::runtime(format!("more than {MOST_NAMES} names in {what}")));
        }
        entries.push((name, value));
        Ok(())
    });
    walked.map_err(|error| invalid(error.to_string()))?;
    let named = |(name, value): (LuaValue, LuaValue)| {
        let name = args::string(lua, &name, &format!("a name in {what}"))?;
        let name = name.to_str().map_err(|_| invalid(format!("a name in {what} is not UTF-8")))?.to_owned();
        Ok((name, value))
    };
    let mut entries = entries.into_iter().map(named).collect::<Result<Vec<_>>>()?;
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(entries)
}

/// Does something with a value, or with each in a list.
pub fn each(
    lua: &Lua,
    values: &LuaValue,
    what: &str,
    mut take: impl FnMut(&mlua::String) -> Result<()>,
) -> Result<()> {
    let one = |value: &LuaValue| match value {
        LuaValue::Boolean(flag) => {
            lua.create_string(flag.to_string()).map_err(|error| invalid(error.to_string()))
        }
        value => args::string(lua, value, &format!("a value in {what}")),
    };
    let LuaValue::Table(list) = values else { return take(&one(values)?) };
    for index in 1..=list.raw_len() {
        let value: LuaValue = list.raw_get(index).map_err(|error| invalid(error.to_string()))?;
        take(&one(&value)?)?;
    }
    Ok(())
}
