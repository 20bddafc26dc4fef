//! Words, symbols and places of a WIT text.

use std::fmt;

use super::WitTextError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or keyword, without the `%` that tells a name from a keyword.
    Word(&'a str),
    Symbol(&'a str),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Symbol(text) => write!(f, "`{text}`"),
            Self::End => f.write_str("the end of the text"),
        }
    }
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Where the last token began, for messages.
    start: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, start: 0 }
    }

    pub(super) fn peek(&mut self) -> Result<Token<'a>, WitTextError> {
        let (at, start) = (self.at, self.start);
        let token = self.next();
        (self.at, self.start) = (at, start);
        token
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, WitTextError> {
        self.skip_blank()?;
        self.start = self.at;
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        // WIT names do not start with an underscore, but exports of core modules (`_start`) do.
        if first == '%' || first == '_' || first.is_ascii_alphanumeric() {
            let word = first == '%';
            let body = &rest[usize::from(word)..];
            let len = body.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            let len = len.unwrap_or(body.len());
            // `a->b` is a name and an arrow.
            let len = if body[..len].ends_with('-') && body[len..].starts_with('>') { len - 1 } else { len };
            self.at += usize::from(word) + len;
            return if len == 0 {
                Err(self.error("`%` without a name"))
            } else {
                Ok(Token::Word(&body[..len]))
            };
        }
        let symbol = ["->", ":", ";", ",", "(", ")", "<", ">"].into_iter().find(|s| rest.starts_with(s));
        let symbol = symbol.ok_or_else(|| self.error(format!("unexpected character {first:?}")))?;
        self.at += symbol.len();
        Ok(Token::Symbol(symbol))
    }

    /// An error at the last token.
    pub(super) fn error(&self, message: impl Into<String>) -> WitTextError {
        let before = &self.text[..self.start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        WitTextError::Syntax { line, column, message: message.into() }
    }

    fn skip_blank(&mut self) -> Result<(), WitTextError> {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
            let rest = rest.trim_start();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += self.block_comment(rest)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Length of the comment `rest` starts with; WIT's block comments nest.
    fn block_comment(&mut self, rest: &str) -> Result<usize, WitTextError> {
        let (mut depth, mut at) = (0, 0);
        while let Some(found) = rest[at..].find(['/', '*']) {
            at += found;
            let step = match rest.get(at..at + 2) {
                Some("/*") => 1,
                Some("*/") => -1,
                _ => 0,
            };
            depth += step;
            at += if step == 0 { 1 } else { 2 };
            if depth == 0 {
                return Ok(at);
            }
        }
        self.start = self.at;
        Err(self.error("comment without an end"))
    }
}
