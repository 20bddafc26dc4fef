//! `text`: strings cut, joined, and searched, by characters where Lua's own functions know bytes only.
//!
//! What does not depend on characters works on any bytes; what does refuses bytes that are not UTF-8.

use memchr::memmem;
use mlua::{Lua, Table, Value};

use super::args::{self, Answer, OUTPUT, Result, invalid, too_large};

mod regexp;
mod translate;

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    add_cuts(lua, &table)?;
    add_tests(lua, &table)?;
    add_characters(lua, &table)?;
    table.raw_set("split", lua.create_function(split)?)?;
    table.raw_set(
        "join",
        lua.create_function(|lua, (list, by)| args::answer_bytes(lua, join(lua, &list, &by)))?,
    )?;
    table
        .raw_set("replace", lua.create_function(|lua, args| args::answer_bytes(lua, replace(lua, args)))?)?;
    table.raw_set("repeat", lua.create_function(|lua, args| args::answer_bytes(lua, repeat(lua, args)))?)?;
    let regexp = lua.create_table()?;
    regexp.raw_set("compile", lua.create_function(regexp::compile)?)?;
    table.raw_set("regexp", regexp)?;
    Ok(table)
}

type Cut = for<'a> fn(&'a [u8], &[u8]) -> &'a [u8];

/// `trim(s[, characters])` and its like: a part of the text.
fn add_cuts(lua: &Lua, table: &Table) -> mlua::Result<()> {
    let cuts: [(&str, Cut); 2] = [
        ("trim_prefix", |text, part| text.strip_prefix(part).unwrap_or(text)),
        ("trim_suffix", |text, part| text.strip_suffix(part).unwrap_or(text)),
    ];
    for (name, cut) in cuts {
        let function = lua.create_function(move |lua, (text, part): (Value, Value)| {
            let cut =
                two(lua, &text, &part).map(|(text, part)| cut(&text.as_bytes(), &part.as_bytes()).to_vec());
            args::answer_bytes(lua, cut)
        })?;
        table.raw_set(name, function)?;
    }
    for (name, left, right) in [("trim", true, true), ("trim_left", true, false), ("trim_right", false, true)]
    {
        let function = lua.create_function(move |lua, (text, set): (Value, Value)| {
            args::answer_bytes(lua, trim(lua, &text, &set, left, right))
        })?;
        table.raw_set(name, function)?;
    }
    Ok(())
}

fn trim(lua: &Lua, text: &Value, set: &Value, left: bool, right: bool) -> Result<String> {
    let text = utf8(lua, text, "text")?;
    // A long set would be gone through for each character.
    let set = match set {
        Value::Nil => None,
        set => Some(utf8(lua, set, "characters")?).filter(|set| set.len() <= 256),
    };
    let goes =
        |character: char| set.as_ref().map_or(character.is_whitespace(), |set| set.contains(character));
    let mut rest = text.as_str();
    if left {
        rest = rest.trim_start_matches(goes);
    }
    if right {
        rest = rest.trim_end_matches(goes);
    }
    Ok(rest.to_owned())
}

type Test = fn(&[u8], &[u8]) -> bool;

fn add_tests(lua: &Lua, table: &Table) -> mlua::Result<()> {
    let tests: [(&str, Test); 5] = [
        ("contains", |text, part| memmem::find(text, part).is_some()),
        ("starts_with", |text, part| text.starts_with(part)),
        ("has_prefix", |text, part| text.starts_with(part)),
        ("ends_with", |text, part| text.ends_with(part)),
        ("has_suffix", |text, part| text.ends_with(part)),
    ];
    for (name, test) in tests {
        let function = lua.create_function(move |lua, (text, part): (Value, Value)| {
            let holds = two(lua, &text, &part).map(|(text, part)| test(&text.as_bytes(), &part.as_bytes()));
            args::answer(lua, holds)
        })?;
        table.raw_set(name, function)?;
    }
    Ok(())
}

fn two(lua: &Lua, text: &Value, part: &Value) -> Result<(mlua::String, mlua::String)> {
    Ok((args::string(lua, text, "text")?, args::string(lua, part, "second text")?))
}

fn utf8(lua: &Lua, text: &Value, name: &str) -> Result<String> {
    let bytes = args::string(lua, text, name)?;
    let bytes = bytes.as_bytes();
    if bytes.len() > OUTPUT {
        return Err(too_large());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid(format!("{name} is not valid UTF-8")))?;
    Ok(text.to_owned())
}

type Change = fn(&str) -> String;

fn add_characters(lua: &Lua, table: &Table) -> mlua::Result<()> {
    let whole: [(&str, Change); 3] = [
        ("upper", |text| text.to_uppercase()),
        ("lower", |text| text.to_lowercase()),
        ("reverse", |text| text.chars().rev().collect()),
    ];
    for (name, change) in whole {
        let function = lua.create_function(move |lua, text: Value| {
            args::answer_bytes(lua, utf8(lua, &text, "text").map(|text| change(&text)))
        })?;
        table.raw_set(name, function)?;
    }
    let len =
        |lua: &Lua, text: Value| args::answer(lua, utf8(lua, &text, "text").map(|text| text.chars().count()));
    table.raw_set("len", lua.create_function(len)?)?;
    table.raw_set("sub", lua.create_function(|lua, args| args::answer_bytes(lua, sub(lua, args)))?)
}

/// `sub(s, first[, last])`: as `string.sub`, by characters.
fn sub(lua: &Lua, (text, first, last): (Value, Value, Value)) -> Result<String> {
    let text = utf8(lua, &text, "text")?;
    let len = text.chars().count() as i64;
    let place = |at: i64| if at < 0 { at.saturating_add(len).saturating_add(1) } else { at };
    let first = place(args::integer_or(&first, "first", 1)?).max(1);
    let last = place(args::integer_or(&last, "last", -1)?).min(len);
    let count = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0);
    Ok(text.chars().skip(usize::try_from(first - 1).unwrap_or(usize::MAX)).take(count).collect())
}

/// `split(s, separator[, most])`: an empty separator is between all characters.
fn split(lua: &Lua, (text, by, most): (Value, Value, Value)) -> Answer {
    let arguments =
        two(lua, &text, &by).and_then(|(text, by)| Ok((text, by, args::integer_or(&most, "most", -1)?)));
    let (text, by, most) = match arguments {
        Ok(arguments) => arguments,
        Err(error) => return args::answer::<Value>(lua, Err(error)),
    };
    let (text, by, parts) = (text.as_bytes(), by.as_bytes(), lua.create_table()?);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (finder, mut rest, mut count) = (memmem::Finder::new(&*by), &*text, 1);
    while count < most {
        let (end, skipped) = if by.is_empty() {
            match character(rest) {
                len if len >= rest.len() => break,
                len => (len, 0),
            }
        } else {
            match finder.find(rest) {
                None => break,
                Some(end) => (end, by.len()),
            }
        };
        parts.raw_push(lua.create_string(&rest[..end])?)?;
        rest = &rest[end + skipped..];
        count += 1;
    }
    if most > 0 && !(by.is_empty() && text.is_empty()) {
        parts.raw_push(lua.create_string(rest)?)?;
    }
    args::answer(lua, Ok(parts))
}

/// Bytes of the first character; one where that is none.
fn character(bytes: &[u8]) -> usize {
    let start = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid.chars().next().map_or(1, char::len_utf8)
}

fn join(lua: &Lua, list: &Value, by: &Value) -> Result<Vec<u8>> {
    let Value::Table(list) = list else { return Err(args::wrong(list, "list", "a table")) };
    let by = if by.is_nil() { None } else { Some(args::string(lua, by, "separator")?) };
    let mut out = Vec::new();
    for index in 1..=list.raw_len() {
        if let Some(by) = by.as_ref().filter(|_| index > 1) {
            append(&mut out, &by.as_bytes())?;
        }
        let item: Value = list.raw_get(index).map_err(|error| invalid(error.to_string()))?;
        append(&mut out, &args::string(lua, &item, "item of the list")?.as_bytes())?;
    }
    Ok(out)
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    if out.len().saturating_add(bytes.len()) > OUTPUT {
        return Err(too_large());
    }
    out.extend_from_slice(bytes);
    Ok(())
}

/// `replace(s, old, new[, most])`
fn replace(lua: &Lua, (text, old, new, most): (Value, Value, Value, Value)) -> Result<Vec<u8>> {
    let (text, old) = two(lua, &text, &old)?;
    let (new, most) = (args::string(lua, &new, "new text")?, args::integer_or(&most, "most", -1)?);
    let (text, old, new) = (text.as_bytes(), old.as_bytes(), new.as_bytes());
    if old.is_empty() {
        return Err(invalid("the text to replace must not be empty"));
    }
    let (mut out, mut done) = (Vec::new(), 0);
    for start in memmem::find_iter(&text, &*old).take(usize::try_from(most).unwrap_or(usize::MAX)) {
        append(&mut out, &text[done..start])?;
        append(&mut out, &new)?;
        done = start + old.len();
    }
    append(&mut out, &text[done..])?;
    Ok(out)
}

/// `repeat(s, times[, separator])`
fn repeat(lua: &Lua, (text, times, by): (Value, Value, Value)) -> Result<Vec<u8>> {
    let (text, times) = (args::string(lua, &text, "text")?, args::integer(&times, "times")?);
    let mut unit = text.as_bytes().to_vec();
    let times = usize::try_from(times).unwrap_or(0);
    if times == 0 {
        return Ok(Vec::new());
    }
    if !by.is_nil() {
        append(&mut unit, &args::string(lua, &by, "separator")?.as_bytes())?;
    }
    let len = unit.len().checked_mul(times).filter(|len| *len <= OUTPUT).ok_or_else(too_large)?;
    let separator = unit.len() - text.as_bytes().len();
    let mut out = if unit.is_empty() { Vec::new() } else { unit.repeat(times) };
    out.truncate(len - separator);
    Ok(out)
}

#[cfg(test)]
mod tests;
