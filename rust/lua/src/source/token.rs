//! Tokens: what a source is made of.

/// What stands at a place. Of names, numbers and strings the source has the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    /// A reserved word or a symbol.
    Fixed(&'static str),
    /// A character that begins nothing.
    Other,
    End,
    /// Not a token. The lexer keeps the error, which counts only if the parser comes so far.
    Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn is(&self, what: &str) -> bool {
        matches!(self.kind, Kind::Fixed(fixed) if fixed == what)
    }

    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        &source[self.start..self.end]
    }

    /// How a message calls it.
    pub fn shown(&self, source: &str) -> String {
        if self.kind == Kind::End {
            return "'<eof>'".to_owned();
        }
        let text = self.text(source);
        match text.chars().next() {
            Some(c) if self.kind == Kind::Other && c.is_ascii_control() => format!("'<\\{}>'", u32::from(c)),
            _ => quoted(text),
        }
    }
}

/// A part of a source, in a message: its first line, and not the whole of a long one.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    let end = line.char_indices().nth(SHOWN).map_or(line.len(), |(index, _)| index);
    if end < text.len() { format!("'{}...'", &text[..end]) } else { format!("'{text}'") }
}

const WORDS: [&str; 22] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local",
    "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
];

/// Longer ones first. The last three only stand in types and casts.
const SYMBOLS: [&str; 36] = [
    "...", "..", "==", "~=", "<=", ">=", "<<", ">>", "//", "::", "+", "-", "*", "/", "%", "^", "#", "&", "~",
    "|", "<", ">", "=", "(", ")", "{", "}", "[", "]", ";", ":", ",", ".", "?", "!", "@",
];

pub(super) fn word(text: &str) -> Option<&'static str> {
    WORDS.binary_search(&text).ok().map(|index| WORDS[index])
}

/// The symbol a text starts with.
pub(super) fn symbol(text: &str) -> Option<&'static str> {
    SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol))
}
