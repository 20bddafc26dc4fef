//! What the prelude calls: arguments checked by it, results as Lua's functions give them.

use memchr::memmem;
use mlua::{IntoLua, IntoLuaMulti, Lua, MultiValue, String as LuaString, Value as LuaValue};

use super::matcher::{Captured, Matcher};
use super::parse::is_plain;
use super::{Outcome, Shared, Stop, estimate, gsub};

/// Subject, pattern, and where to begin.
type Arguments = (LuaString, LuaString, Option<i64>);

/// Where a position of Lua's is in a text; `None` beyond its end.
fn place(position: Option<i64>, length: usize) -> Option<usize> {
    let position = position.unwrap_or(1);
    if position > 0 {
        return usize::try_from(position - 1).ok().filter(|place| *place <= length);
    }
    let back = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
    Some(if position == 0 { 0 } else { length.saturating_sub(back) })
}

fn nothing() -> MultiValue {
    MultiValue::from_iter([LuaValue::Nil])
}

pub fn find_plain(lua: &Lua, _: &Shared, (subject, text, from): Arguments) -> Outcome {
    let (subject, text) = (subject.as_bytes(), text.as_bytes());
    let Some(from) = place(from, subject.len()) else { return Ok(nothing()) };
    let Some(found) = memmem::find(&subject[from..], &text) else { return Ok(nothing()) };
    Ok((from + found + 1, from + found + text.len()).into_lua_multi(lua)?)
}

pub fn find(lua: &Lua, shared: &Shared, (subject, pattern, from): Arguments) -> Outcome {
    if is_plain(&pattern.as_bytes()) {
        return find_plain(lua, shared, (subject, pattern, from));
    }
    search(lua, shared, (subject, pattern, from))
}

/// The same for what goes through all matches. Lua's `find` takes a pattern without special characters for a plain text,
/// even where it is wrong: `)` is not among them.
pub fn search(lua: &Lua, shared: &Shared, (subject, pattern, from): Arguments) -> Outcome {
    let subject = subject.as_bytes();
    let Some(from) = place(from, subject.len()) else { return Ok(nothing()) };
    let program = shared.program(&pattern.as_bytes());
    shared.counted(lua, |steps| {
        let mut matcher = Matcher::new(&program, &subject, steps);
        let Some((start, end)) = matcher.search(from)? else { return Ok(nothing()) };
        let mut results = vec![(start + 1).into_lua(lua)?, end.into_lua(lua)?];
        push_captures(lua, &matcher, &mut results)?;
        Ok(MultiValue::from_vec(results))
    })
}

pub fn match_one(lua: &Lua, shared: &Shared, (subject, pattern, from): Arguments) -> Outcome {
    let subject = subject.as_bytes();
    let Some(from) = place(from, subject.len()) else { return Ok(nothing()) };
    let program = shared.program(&pattern.as_bytes());
    shared.counted(lua, |steps| {
        let mut matcher = Matcher::new(&program, &subject, steps);
        let Some((start, end)) = matcher.search(from)? else { return Ok(nothing()) };
        let mut results = Vec::new();
        push_captures(lua, &matcher, &mut results)?;
        if results.is_empty() {
            results.push(LuaValue::String(lua.create_string(&subject[start..end])?));
        }
        Ok(MultiValue::from_vec(results))
    })
}

fn push_captures(lua: &Lua, matcher: &Matcher, results: &mut Vec<LuaValue>) -> Result<(), Stop> {
    for index in 0.. {
        results.push(match matcher.captured(index)? {
            Some(Captured::Text(text)) => LuaValue::String(lua.create_string(text)?),
            Some(Captured::Position(position)) => position.into_lua(lua)?,
            None => break,
        });
    }
    Ok(())
}

/// Subject, pattern, replacement, and how many to replace.
type Replacing = (LuaString, LuaString, LuaString, Option<i64>);

pub fn gsub(lua: &Lua, shared: &Shared, (subject, pattern, replacement, most): Replacing) -> Outcome {
    let text = subject.as_bytes();
    let program = shared.program(&pattern.as_bytes());
    let replaced = shared.counted(lua, |steps| {
        let matcher = Matcher::new(&program, &text, steps);
        gsub::gsub(lua, &program, &text, &replacement.as_bytes(), most.unwrap_or(i64::MAX), matcher)
    })?;
    Ok(match replaced {
        Some(replaced) => replaced.into_lua_multi(lua)?,
        None => (&subject, 0).into_lua_multi(lua)?,
    })
}

/// The longest subject that Lua's own functions may get with a pattern.
pub fn reach(lua: &Lua, shared: &Shared, pattern: LuaString) -> Outcome {
    let program = shared.program(&pattern.as_bytes());
    Ok(estimate::reach(&program).into_lua_multi(lua)?)
}

/// How many captures a pattern has.
pub fn captures(lua: &Lua, shared: &Shared, pattern: LuaString) -> Outcome {
    let program = shared.program(&pattern.as_bytes());
    Ok(program.captures.len().into_lua_multi(lua)?)
}

/// How many captures a replacement asks for.
pub fn asks(lua: &Lua, _: &Shared, replacement: LuaString) -> Outcome {
    Ok(gsub::asks(&replacement.as_bytes()).into_lua_multi(lua)?)
}
