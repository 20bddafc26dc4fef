//! Methods of expression objects, as those of Go's package are named.

use mlua::{IntoLua, Lua, MetaMethod, Table, UserData, UserDataMethods, Value};
use regex_automata::util::captures::Captures;
use regex_automata::util::interpolate;
use regex_automata::{PatternID, Span};

use super::Regexp;
use crate::error::ErrorValue;
use crate::modules::args::{self, Result};
use crate::modules::text::append;

/// What ends a search: an error for the program, or one that Lua raised.
enum Ended {
    Told(ErrorValue),
    Raised(mlua::Error),
}

impl From<ErrorValue> for Ended {
    fn from(error: ErrorValue) -> Self {
        Ended::Told(error)
    }
}

impl From<mlua::Error> for Ended {
    fn from(error: mlua::Error) -> Self {
        Ended::Raised(error)
    }
}

impl UserData for Regexp {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        method(methods, "match_string", |_, this, text, _| Ok(Value::Boolean(this.find(text)?.is_some())));
        method(methods, "find_string", |lua, this, text, _| match this.find(text)? {
            None => Ok(Value::Nil),
            Some(span) => Ok(Value::String(lua.create_string(&text[span])?)),
        });
        method(methods, "find_string_index", |lua, this, text, _| match this.find(text)? {
            None => Ok(Value::Nil),
            Some(span) => Ok(Value::Table(place(lua, span)?)),
        });
        method(methods, "find_string_submatch", |lua, this, text, _| {
            let captures = this.captures(text)?;
            if captures.is_match() { Ok(Value::Table(groups(lua, &captures, text)?)) } else { Ok(Value::Nil) }
        });
        method(methods, "find_all_string", find_all);
        method(methods, "find_all_string_index", find_all_index);
        method(methods, "find_all_string_submatch", find_all_submatch);
        method(methods, "split", split);
        methods.add_method_mut("replace_all_string", |lua, this, (text, with): (Value, Value)| {
            args::answer_bytes(lua, this.replace(lua, &text, &with, true))
        });
        methods.add_method_mut("replace_all_literal_string", |lua, this, (text, with): (Value, Value)| {
            args::answer_bytes(lua, this.replace(lua, &text, &with, false))
        });
        methods.add_method("num_subexp", |_, this, ()| Ok(this.regex.captures_len() - 1));
        methods.add_method("subexp_names", |lua, this, ()| this.names(lua));
        methods.add_method("string", |lua, this, ()| lua.create_string(&this.pattern));
        methods.add_meta_method(MetaMethod::ToString, |lua, this, ()| lua.create_string(&this.pattern));
    }
}

type Method = fn(&Lua, &mut Regexp, &[u8], usize) -> std::result::Result<Value, Ended>;

/// A method of a text, and of how many matches at most.
fn method<M: UserDataMethods<Regexp>>(methods: &mut M, name: &str, call: Method) {
    methods.add_method_mut(name, move |lua, this, (text, most): (Value, Value)| {
        let arguments = args::string(lua, &text, "text")
            .and_then(|text| Ok((text, args::integer_or(&most, "the most matches", -1)?)));
        let result = match arguments {
            Ok((text, most)) => {
                call(lua, this, &text.as_bytes(), usize::try_from(most).unwrap_or(usize::MAX))
            }
            Err(error) => Err(Ended::Told(error)),
        };
        match result {
            Ok(value) => args::answer(lua, Ok(value)),
            Err(Ended::Told(error)) => args::answer::<Value>(lua, Err(error)),
            Err(Ended::Raised(error)) => Err(error),
        }
    });
}

/// First and last byte, the first of all is 1.
fn place(lua: &Lua, span: Span) -> mlua::Result<Table> {
    lua.create_sequence_from([span.start + 1, span.end])
}

/// The match, then its groups; one that took no part is empty.
fn groups(lua: &Lua, captures: &Captures, text: &[u8]) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(captures.group_len(), 0)?;
    for (index, span) in captures.iter().enumerate() {
        let group = span.map_or(&[][..], |span| &text[span]);
        table.raw_seti(index + 1, lua.create_string(group)?)?;
    }
    Ok(table)
}

fn find_all(lua: &Lua, this: &mut Regexp, text: &[u8], most: usize) -> std::result::Result<Value, Ended> {
    let all = lua.create_table()?;
    this.each(text, most, |span| Ok::<_, Ended>(all.raw_push(lua.create_string(&text[span])?)?))?;
    Ok(Value::Table(all))
}

/// Nil where there is none.
fn find_all_index(
    lua: &Lua,
    this: &mut Regexp,
    text: &[u8],
    most: usize,
) -> std::result::Result<Value, Ended> {
    let all = lua.create_table()?;
    this.each(text, most, |span| Ok::<_, Ended>(all.raw_push(place(lua, span)?)?))?;
    Ok(if all.raw_len() == 0 { Value::Nil } else { Value::Table(all) })
}

fn find_all_submatch(
    lua: &Lua,
    this: &mut Regexp,
    text: &[u8],
    most: usize,
) -> std::result::Result<Value, Ended> {
    let all = lua.create_table()?;
    this.each_captures(text, most, |captures| Ok::<_, Ended>(all.raw_push(groups(lua, captures, text)?)?))?;
    Ok(Value::Table(all))
}

/// As Go does: a match of nothing at the very beginning or end is no place to split.
fn split(lua: &Lua, this: &mut Regexp, text: &[u8], most: usize) -> std::result::Result<Value, Ended> {
    let parts = lua.create_table()?;
    if most == 0 {
        return Ok(Value::Table(parts));
    }
    let (mut begin, mut end, mut count) = (0, 0, 1);
    this.each(text, usize::MAX, |span| {
        if count < most && (text.is_empty() || span.end > 0) {
            end = span.start;
            if span.end > 0 {
                parts.raw_push(lua.create_string(&text[begin..end])?)?;
                count += 1;
            }
            begin = span.end;
        }
        Ok::<_, Ended>(())
    })?;
    if end != text.len() || text.is_empty() {
        parts.raw_push(lua.create_string(&text[begin..])?)?;
    }
    Ok(Value::Table(parts))
}

impl Regexp {
    /// `$1` and `${name}` of the new text stand for groups where it is a `template`.
    fn replace(&mut self, lua: &Lua, text: &Value, with: &Value, template: bool) -> Result<Vec<u8>> {
        let (text, with) = (args::string(lua, text, "text")?, args::string(lua, with, "new text")?);
        let (text, with) = (text.as_bytes(), with.as_bytes());
        let (mut out, mut done) = (Vec::new(), 0);
        if template && with.contains(&b'$') {
            let info = self.regex.group_info().clone();
            let pattern = PatternID::ZERO;
            let index = |name: &str| info.to_index(pattern, name);
            self.each_captures(&text, usize::MAX, |captures| {
                let Some(span) = captures.get_match().map(|found| found.span()) else { return Ok(()) };
                append(&mut out, &text[done..span.start])?;
                done = span.end;
                let mut problem = None;
                let group = |index: usize, out: &mut Vec<u8>| {
                    let group = captures.get_group(index).map_or(&[][..], |span| &text[span]);
                    if let Err(error) = append(out, group) {
                        problem = Some(error);
                    }
                };
                interpolate::bytes(&with, group, index, &mut out);
                problem.map_or_else(|| append(&mut out, &[]), Err)
            })?;
        } else {
            self.each(&text, usize::MAX, |span| {
                append(&mut out, &text[done..span.start])?;
                done = span.end;
                append(&mut out, &with)
            })?;
        }
        append(&mut out, &text[done..])?;
        Ok(out)
    }

    /// The first is of the match as a whole, which has none.
    fn names(&self, lua: &Lua) -> mlua::Result<Value> {
        let names = self.regex.group_info().pattern_names(PatternID::ZERO);
        names.map(|name| name.unwrap_or_default().to_owned()).collect::<Vec<_>>().into_lua(lua)
    }
}
