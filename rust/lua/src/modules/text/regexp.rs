//! `text.regexp`: regular expressions, by an engine that never goes back on its way.
//!
//! A search takes time in proportion to the text times the pattern, and finding all matches may take the square of that.
//! Nothing can end it on the way, so the product has a bound, and between matches the clock is looked at. An expression's
//! memory is outside of the Lua state, which therefore counts a string of its size.

use std::time::{Duration, Instant};

use mlua::{AnyUserData, IntoLua, Lua, Table, UserData, UserDataMethods, Value};
use regex_automata::meta::{Cache, Config, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::util::interpolate;
use regex_automata::util::iter::Searcher;
use regex_automata::util::syntax;
use regex_automata::{Input, Span};

use super::append;
use super::translate::translate;
use crate::error::{ErrorValue, Kind};
use crate::modules::args::{self, Answer, Result, invalid};
use crate::modules::errors;

/// Bytes of a pattern.
const PATTERN: usize = 4096;
/// Bytes of a compiled one.
const PROGRAM: usize = 1 << 20;
/// Bytes of what is kept of a search for the next one: the lazy automaton, each way.
const KEPT: usize = 64 << 10;
/// Bytes a backtracking search may take besides.
const VISITED: usize = 256 << 10;
/// Bytes of a compiled pattern times its groups: about what keeping track of the groups takes.
const GROUPS: usize = 16 << 20;
/// Bytes of a compiled pattern times bytes of a text.
const WORK: usize = 1 << 35;
/// How long finding all matches may take.
const TIME: Duration = Duration::from_secs(2);

/// An expression object.
pub struct Regexp {
    regex: Regex,
    cache: Cache,
    pattern: String,
    size: usize,
}

/// `compile(pattern)`
pub fn compile(lua: &Lua, pattern: Value) -> Answer {
    let regexp = args::string(lua, &pattern, "pattern").and_then(|pattern| {
        let pattern = pattern.as_bytes();
        let text = std::str::from_utf8(&pattern).map_err(|_| invalid("pattern is not valid UTF-8"))?;
        Regexp::new(text)
    });
    match regexp {
        Err(error) => args::answer::<Value>(lua, Err(error)),
        Ok(regexp) => {
            let weight = regexp.weight();
            let object: AnyUserData = lua.create_userdata(regexp)?;
            errors::weigh(lua, &object, weight)?;
            args::answer(lua, Ok(object))
        }
    }
}

impl Regexp {
    fn new(pattern: &str) -> Result<Self> {
        if pattern.len() > PATTERN {
            return Err(invalid(format!("pattern is longer than {PATTERN} bytes")));
        }
        let config = Config::new().nfa_size_limit(Some(PROGRAM)).hybrid_cache_capacity(KEPT);
        let regex = Regex::builder()
            .configure(config)
            // Texts are any bytes.
            .syntax(syntax::Config::new().utf8(false).nest_limit(100))
            .build(&translate(pattern))
            .map_err(|error| invalid(problem(&error)))?;
        let size = regex.memory_usage();
        if size.saturating_mul(regex.captures_len()) > GROUPS {
            return Err(invalid("pattern has too many groups for its size"));
        }
        Ok(Regexp { cache: regex.create_cache(), regex, pattern: pattern.into(), size })
    }

    /// Bytes that it takes at most: sets of places in the program go with its size, places of groups with both.
    fn weight(&self) -> usize {
        self.size * (4 + self.regex.captures_len()) + 2 * KEPT + VISITED + self.pattern.len()
    }

    fn input<'h>(&self, text: &'h [u8]) -> Result<Input<'h>> {
        if text.len().saturating_mul(self.size) > WORK {
            return Err(invalid("text is too long for this pattern"));
        }
        Ok(Input::new(text))
    }

    fn find(&mut self, text: &[u8]) -> Result<Option<Span>> {
        let input = self.input(text)?;
        Ok(self.regex.search_with(&mut self.cache, &input).map(|found| found.span()))
    }

    fn captures(&mut self, text: &[u8]) -> Result<Captures> {
        let input = self.input(text)?;
        let mut captures = self.regex.create_captures();
        self.regex.search_captures_with(&mut self.cache, &input, &mut captures);
        Ok(captures)
    }

    /// Calls `found` with each match, up to `most`; an error ends it.
    fn each<E: From<ErrorValue>>(
        &mut self,
        text: &[u8],
        most: usize,
        mut found: impl FnMut(Span) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut searcher = Searcher::new(self.input(text)?);
        let clock = Clock::start();
        for _ in 0..most {
            let next = searcher.advance(|input| Ok(self.regex.search_with(&mut self.cache, input)));
            match next {
                None => break,
                Some(next) => found(next.span())?,
            }
            clock.check()?;
        }
        Ok(())
    }

    /// The same with groups.
    fn each_captures<E: From<ErrorValue>>(
        &mut self,
        text: &[u8],
        most: usize,
        mut found: impl FnMut(&Captures) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut captures = self.regex.create_captures();
        let mut searcher = Searcher::new(self.input(text)?);
        let clock = Clock::start();
        for _ in 0..most {
            let next = searcher.advance(|input| {
                self.regex.search_captures_with(&mut self.cache, input, &mut captures);
                Ok(captures.get_match())
            });
            if next.is_none() {
                break;
            }
            found(&captures)?;
            clock.check()?;
        }
        Ok(())
    }
}

/// The first line of what a parser says shows the pattern; the last tells what is wrong.
fn problem(error: &regex_automata::meta::BuildError) -> String {
    match (error.size_limit(), error.syntax_error()) {
        (Some(_), _) => "invalid pattern: it is too large".into(),
        (None, Some(error)) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("invalid pattern: {}", last.trim_start_matches("error: "))
        }
        (None, None) => format!("invalid pattern: {error}"),
    }
}

struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Clock(Instant::now())
    }

    fn check(&self) -> Result<()> {
        if self.0.elapsed() > TIME {
            return Err(ErrorValue::new(Kind::Timeout, "finding all matches takes too long"));
        }
        Ok(())
    }
}

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
        methods.add_meta_method(mlua::MetaMethod::ToString, |lua, this, ()| lua.create_string(&this.pattern));
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
            let pattern = regex_automata::PatternID::ZERO;
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
        let names = self.regex.group_info().pattern_names(regex_automata::PatternID::ZERO);
        names.map(|name| name.unwrap_or_default().to_owned()).collect::<Vec<_>>().into_lua(lua)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the Lua state counts is no less than what is taken, whichever way is searched.
    #[test]
    fn an_expression_takes_no_more_than_its_weight() {
        let texts = ["ab".repeat(2_000), "x y-z@é.com 1".repeat(300)];
        let many = "(a?b)".repeat(60);
        for pattern in [
            "a",
            r"(\w+)@(\w+)\.(\w+)",
            "[ab]*a[ab]{500}",
            "(([ab])*a([ab]){300})x?",
            "(?i)(\\pL{20}|x)+$",
            &many,
        ] {
            let mut regexp = Regexp::new(pattern).unwrap();
            for text in &texts {
                regexp.find(text.as_bytes()).unwrap();
                regexp.captures(text.as_bytes()).unwrap();
                regexp.each::<ErrorValue>(text.as_bytes(), 10, |_| Ok(())).unwrap();
                regexp.each_captures::<ErrorValue>(text.as_bytes(), 10, |_| Ok(())).unwrap();
            }
            let taken = regexp.regex.memory_usage() + regexp.cache.memory_usage();
            assert!(taken <= regexp.weight(), "{pattern}: {taken} of {}", regexp.weight());
        }
    }
}
