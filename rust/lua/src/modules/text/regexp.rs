//! `text.regexp`: regular expressions, by an engine that never goes back on its way.
//!
//! A search takes time in proportion to the text times the pattern, and finding all matches may take the square of that.
//! Nothing can end it on the way, so the product has a bound, and between matches the clock is looked at. An expression's
//! memory is outside of the Lua state, which therefore counts a string of its size.

use std::time::{Duration, Instant};

use mlua::{AnyUserData, Lua, Value};
use regex_automata::meta::{Cache, Config, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::util::iter::Searcher;
use regex_automata::util::syntax;
use regex_automata::{Input, Span};

use super::translate::translate;
use crate::error::{ErrorValue, Kind};
use crate::modules::args::{self, Answer, Result, invalid};
use crate::modules::errors;

mod methods;

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
