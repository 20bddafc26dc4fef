//! Sources of Lua entries: annotations taken out, syntax judged, `require` calls found (L-3, L-5).
//!
//! Entries are written in Lua with optional types, the engine runs Lua 5.4, and nothing is type-checked. So a source is
//! read once, by the whole grammar, and its types become spaces: what is left is Lua, with every line and column where
//! it was. Erasing rather than printing anew keeps the engine's own messages and tracebacks true.
//!
//! ```text
//! local x: number = 1           f(a :: T)   f(a as T)   a!
//! local function f<T: Named>(a: T, ...: any): (string, error?)   for i: integer, v in
//! [export] type Map<K, V = any> = {[K]: V, name?: string @min_len(1)} | "text" | (K) -> V & typeof(x)
//! ```
//!
//! What can go wrong:
//! - Lua that types make ambiguous. `x = a ::name::` ends in a label, as in Lua. `x = a as (b)` is a cast if `as` stands
//!   on the line of `a`, and a call of `as` if not.
//! - Erased text that joined what a type kept apart. `x = a :: T` before `(f)()` would become a call of `a`, so such a
//!   type leaves a `;` behind.
//! - Sources made to hurt. They cost time in proportion to their length, and nest no deeper than the engine would go.
//! - What only compiling finds, such as a `goto` without its label or too many locals, is left to the engine.

mod expression;
mod lexer;
mod literal;
mod parser;
mod scope;
mod statement;
#[cfg(test)]
mod tests;
mod token;
mod types;

use std::fmt;

use parser::{Blank, Parser};

/// A source as the engine takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Without types, a byte-order mark or a `#!` line; as long as the source was, in lines and in characters of a line.
    pub text: String,
    /// In the order of the source.
    pub requires: Vec<Require>,
}

/// A call of the global `require` with a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Require {
    pub name: String,
    /// Of the word `require`.
    pub line: u32,
    pub column: u32,
}

/// Where and why a source is no Lua, in Lua's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Counted from 1, as Lua counts lines.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for SyntaxError {}

impl SyntaxError {
    fn at(source: &str, offset: usize, message: impl Into<String>) -> Self {
        let (line, column) = Places::new(source).of(offset);
        SyntaxError { line, column, message: message.into() }
    }
}

/// See the module's documentation.
pub fn prepare(source: &str) -> Result<Prepared, SyntaxError> {
    let preamble = preamble(source);
    let mut found = Parser::new(source, preamble).chunk()?;
    if preamble > 0 {
        found.blanks.insert(0, Blank { start: 0, end: preamble, separator: false });
    }
    let mut places = Places::new(source);
    let requires = found.requires.into_iter().map(|(offset, name)| {
        let (line, column) = places.of(offset);
        Require { name, line, column }
    });
    Ok(Prepared { requires: requires.collect(), text: erase(source, &found.blanks) })
}

/// Length of what stands before the first token and is no Lua: the engine skips it in files, and nowhere else.
fn preamble(source: &str) -> usize {
    let mark = if source.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let rest = &source[mark..];
    mark + if rest.starts_with("#!") { rest.find(['\n', '\r']).unwrap_or(rest.len()) } else { 0 }
}

/// The source with spaces in the blanks, which are in order and apart.
fn erase(source: &str, blanks: &[Blank]) -> String {
    let mut text = String::with_capacity(source.len());
    let mut at = 0;
    for blank in blanks {
        text.push_str(&source[at..blank.start]);
        let mut erased = source[blank.start..blank.end].chars();
        if blank.separator {
            erased.next();
            text.push(';');
        }
        // Newlines keep lines, and tabs keep what is seen in an editor.
        text.extend(erased.map(|c| if c.is_ascii_whitespace() || c == '\x0b' { c } else { ' ' }));
        at = blank.end;
    }
    text.push_str(&source[at..]);
    text
}

/// Lines and columns of offsets that only grow, in one walk for all of them.
struct Places<'a> {
    source: &'a str,
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Places<'a> {
    fn new(source: &'a str) -> Self {
        Places { source, at: 0, line: 1, column: 1 }
    }

    /// As Lua counts: `\n`, `\r`, `\r\n` and `\n\r` each end one line.
    fn of(&mut self, offset: usize) -> (u32, u32) {
        let mut chars = self.source[self.at..offset].chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\n' || c == '\r' {
                chars.next_if(|&next| next != c && (next == '\n' || next == '\r'));
                (self.line, self.column) = (self.line.saturating_add(1), 1);
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.at = offset;
        (self.line, self.column)
    }
}
