//! From characters to tokens.
//!
//! Nothing is read that the parser did not ask for, so of two errors the first in the source is told.

use super::SyntaxError;
use super::literal::{self, Wrong};
use super::token::{Kind, Token, quoted, symbol, word};

pub(super) struct Lexer<'a> {
    source: &'a str,
    at: usize,
    /// Why the last token is a [`Kind::Fault`].
    pub fault: Option<SyntaxError>,
}

impl<'a> Lexer<'a> {
    pub fn new(source: &'a str, at: usize) -> Self {
        Lexer { source, at, fault: None }
    }

    /// After a fault, only the end is left.
    pub fn next(&mut self) -> Token {
        let read = self.skip_blank().and_then(|()| {
            let start = self.at;
            self.token().map(|kind| Token { kind, start, end: self.at })
        });
        read.unwrap_or_else(|fault| {
            self.fault = Some(fault);
            self.at = self.source.len();
            Token { kind: Kind::Fault, start: self.at, end: self.at }
        })
    }

    fn rest(&self) -> &'a [u8] {
        &self.source.as_bytes()[self.at..]
    }

    fn token(&mut self) -> Result<Kind, SyntaxError> {
        let rest = self.rest();
        match rest {
            [] => Ok(Kind::End),
            [b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => Ok(self.word()),
            [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => self.number(),
            [quote @ (b'"' | b'\''), ..] => self.string(*quote),
            [b'[', b'[' | b'=', ..] => self.long_string(),
            _ => Ok(self.symbol()),
        }
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        self.at += self.rest().iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        word(&self.source[start..self.at]).map_or(Kind::Name, Kind::Fixed)
    }

    fn symbol(&mut self) -> Kind {
        let rest = &self.source[self.at..];
        let found = symbol(rest);
        self.at += found.map_or_else(|| rest.chars().next().map_or(0, char::len_utf8), str::len);
        found.map_or(Kind::Other, Kind::Fixed)
    }

    fn number(&mut self) -> Result<Kind, SyntaxError> {
        let rest = self.rest();
        let len = literal::number_length(rest);
        if !literal::is_number(&rest[..len]) {
            return Err(self.error(self.at, self.at + len, "malformed number"));
        }
        self.at += len;
        Ok(Kind::Number)
    }

    fn string(&mut self, quote: u8) -> Result<Kind, SyntaxError> {
        let rest = self.rest();
        let mut len = 1;
        loop {
            match rest.get(len) {
                None => return Err(SyntaxError::at(self.source, self.at, "unfinished string near '<eof>'")),
                Some(b'\n' | b'\r') => return Err(self.error(self.at, self.at + len, "unfinished string")),
                Some(b'\\') => {
                    len += literal::escape(&rest[len..]).map_err(|wrong| self.bad_escape(len, wrong))?.0
                }
                Some(&byte) => {
                    len += 1;
                    if byte == quote {
                        self.at += len;
                        return Ok(Kind::Text);
                    }
                }
            }
        }
    }

    /// Told where the escape is, and shown with the string up to there.
    fn bad_escape(&self, offset: usize, (len, why): Wrong) -> SyntaxError {
        let escape = self.at + offset;
        let mut end = (escape + len).min(self.source.len());
        while !self.source.is_char_boundary(end) {
            end += 1;
        }
        let near = quoted(&self.source[self.at..end]);
        SyntaxError::at(self.source, escape, format!("{why} near {near}"))
    }

    fn long_string(&mut self) -> Result<Kind, SyntaxError> {
        match literal::long_bracket(self.rest()) {
            Ok(level) => self.skip_long(self.at, level, "string").map(|()| Kind::Text),
            // `[` alone would have been a symbol.
            Err(level) => Err(self.error(self.at, self.at + 1 + level, "invalid long string delimiter")),
        }
    }

    /// Over a long string or comment whose bracket is here; `start` is where it, or its dashes, began.
    fn skip_long(&mut self, start: usize, level: usize, what: &str) -> Result<(), SyntaxError> {
        if let Some(len) = literal::long_length(self.rest(), level) {
            self.at += len;
            return Ok(());
        }
        let mut error = SyntaxError::at(self.source, start, "");
        error.message = format!("unfinished long {what} (starting at line {}) near '<eof>'", error.line);
        Err(error)
    }

    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.at += self.rest().iter().take_while(|b| matches!(b, b' ' | b'\t'..=b'\r')).count();
            let Some(comment) = self.rest().strip_prefix(b"--") else { return Ok(()) };
            let start = self.at;
            self.at += 2;
            let level = comment.starts_with(b"[").then(|| literal::long_bracket(comment));
            match level {
                Some(Ok(level)) => self.skip_long(start, level, "comment")?,
                _ => self.at += comment.iter().take_while(|b| !matches!(b, b'\n' | b'\r')).count(),
            }
        }
    }

    fn error(&self, start: usize, end: usize, why: &str) -> SyntaxError {
        SyntaxError::at(self.source, start, format!("{why} near {}", quoted(&self.source[start..end])))
    }
}
