//! What all of the grammar needs: the token at hand and those ahead, errors, and what was found on the way.

use std::collections::VecDeque;

use super::SyntaxError;
use super::lexer::Lexer;
use super::scope::Scopes;
use super::token::{Kind, Token};

/// How deep a source may nest. The engine's limit is 200 calls of its own, a few of which are in use when it compiles.
pub(super) const LEVELS: u32 = 190;

pub(super) type Parsed<T = ()> = Result<T, SyntaxError>;

/// A part of the source that the engine shall not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blank {
    pub start: usize,
    pub end: usize,
    /// Whether a `;` is left in its place.
    pub separator: bool,
}

#[derive(Debug, Default)]
pub(super) struct Found {
    pub blanks: Vec<Blank>,
    /// Offsets of the word, and names.
    pub requires: Vec<(usize, String)>,
}

pub(super) struct Parser<'a> {
    pub source: &'a str,
    lexer: Lexer<'a>,
    ahead: VecDeque<Token>,
    pub current: Token,
    /// Where the token before ended.
    pub end: usize,
    level: u32,
    pub scopes: Scopes<'a>,
    pub found: Found,
}

impl<'a> Parser<'a> {
    /// Of the source from an offset on.
    pub fn new(source: &'a str, at: usize) -> Self {
        Parser {
            source,
            lexer: Lexer::new(source, at),
            ahead: VecDeque::new(),
            current: Token { kind: Kind::End, start: at, end: at },
            end: at,
            level: 0,
            scopes: Scopes::default(),
            found: Found::default(),
        }
    }

    pub fn chunk(mut self) -> Parsed<Found> {
        self.advance()?;
        self.scopes.enter_function();
        self.scopes.set_vararg();
        self.block()?;
        match self.current.kind {
            Kind::End => Ok(self.found),
            _ => Err(self.error("'<eof>' expected")),
        }
    }

    /// To the next token; the one left behind is given.
    pub fn advance(&mut self) -> Parsed<Token> {
        let passed = self.current;
        self.end = passed.end;
        self.current = self.ahead.pop_front().unwrap_or_else(|| self.lexer.next());
        match self.lexer.fault.take_if(|_| self.current.kind == Kind::Fault) {
            Some(fault) => Err(fault),
            None => Ok(passed),
        }
    }

    /// The token `distance` after the current one.
    pub fn peek(&mut self, distance: usize) -> Token {
        while self.ahead.len() < distance {
            self.ahead.push_back(self.lexer.next());
        }
        self.ahead[distance - 1]
    }

    pub fn at(&self, what: &str) -> bool {
        self.current.is(what)
    }

    pub fn at_name(&self, name: &str) -> bool {
        self.current.kind == Kind::Name && self.current.text(self.source) == name
    }

    pub fn accept(&mut self, what: &str) -> Parsed<bool> {
        let found = self.at(what);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub fn expect(&mut self, what: &str) -> Parsed {
        if self.accept(what)? { Ok(()) } else { Err(self.error(&format!("'{what}' expected"))) }
    }

    /// The other half of what was opened by a token somewhere before.
    pub fn expect_close(&mut self, what: &str, opener: Token) -> Parsed {
        if self.accept(what)? {
            return Ok(());
        }
        let line = SyntaxError::at(self.source, opener.start, "").line;
        if line == SyntaxError::at(self.source, self.current.start, "").line {
            return Err(self.error(&format!("'{what}' expected")));
        }
        let opener = opener.text(self.source);
        Err(self.error(&format!("'{what}' expected (to close '{opener}' at line {line})")))
    }

    pub fn name(&mut self) -> Parsed<&'a str> {
        match self.current.kind {
            Kind::Name => self.advance().map(|token| token.text(self.source)),
            _ => Err(self.error("<name> expected")),
        }
    }

    /// What is wrong at the current token.
    pub fn error(&self, why: &str) -> SyntaxError {
        let near = self.current.shown(self.source);
        SyntaxError::at(self.source, self.current.start, format!("{why} near {near}"))
    }

    /// What is wrong with the meaning of a token, not with its being there.
    pub fn error_at(&self, token: Token, why: impl Into<String>) -> SyntaxError {
        SyntaxError::at(self.source, token.start, why)
    }

    /// One level deeper. Whoever enters leaves, except on an error, which ends everything.
    pub fn enter(&mut self) -> Parsed {
        if self.level == LEVELS {
            return Err(self.error("chunk has too many syntax levels"));
        }
        self.level += 1;
        Ok(())
    }

    pub fn leave(&mut self) {
        self.leave_many(1);
    }

    pub fn leave_many(&mut self, levels: u32) {
        self.level -= levels;
    }

    /// Takes out of the source what `parse` passes, and out of the findings what was found there.
    pub fn blanked(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        let (start, blanks, requires) =
            (self.current.start, self.found.blanks.len(), self.found.requires.len());
        parse(self)?;
        self.found.blanks.truncate(blanks);
        self.found.requires.truncate(requires);
        self.found.blanks.push(Blank { start, end: self.end, separator: false });
        Ok(())
    }

    /// After a statement: one that ended in a type must not go on, without it, in the next one's parenthesis.
    pub fn separate(&mut self) {
        let (end, joins) = (self.end, self.at("("));
        if let Some(blank) = self.found.blanks.last_mut().filter(|blank| joins && blank.end == end) {
            blank.separator = true;
        }
    }

    /// Passes a `>`, be it the first half of `>>` or `>=`.
    pub fn close_angle(&mut self) -> Parsed {
        let rest = match self.current.kind {
            Kind::Fixed(">>") => ">",
            Kind::Fixed(">=") => "=",
            _ => return self.expect(">"),
        };
        self.end = self.current.start + 1;
        self.current = Token { kind: Kind::Fixed(rest), start: self.end, end: self.current.end };
        Ok(())
    }
}
