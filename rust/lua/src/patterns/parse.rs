//! Reads a pattern into a list of nodes.
//!
//! A pattern is a plain sequence: nothing repeats but single characters, so what a node is depends only on what stands
//! before it. That includes what is wrong: Lua tells of it once matching gets there, and not where it never does. So an
//! error is a node, the last one read.

use std::borrow::Cow;

use super::bytes::Bytes;

/// Captures of a pattern.
pub const MOST_CAPTURES: usize = 32;
/// The longest pattern: a node takes up to twenty times what it is read from.
const LONGEST: usize = 1 << 20;

/// A single character's pattern.
#[derive(Debug, Clone, Copy)]
pub enum Single {
    Any,
    Byte(u8),
    /// One of a program's sets.
    Set(u32),
}

#[derive(Debug, Clone, Copy)]
pub enum Node {
    One(Single),
    Optional(Single),
    /// `*` and `+`: at least so many, as many as can be.
    Many(Single, u8),
    /// `-`
    Fewest(Single),
    Open(u8),
    Close(u8),
    Position(u8),
    /// `%1`
    Same(u8),
    /// `%b`
    Balanced(u8, u8),
    /// `%f` and a set
    Frontier(u32),
    /// `$` at the end
    End,
    /// What no text matches: `%1` where that is a position.
    Never,
    Wrong(Problem),
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    EndsWithEscape,
    NoBracket,
    NoArguments,
    NoFrontier,
    NothingToClose,
    NoCapture(u8),
    TooManyCaptures,
    TooComplex,
}

impl Problem {
    /// In Lua's words.
    pub fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Problem::EndsWithEscape => "malformed pattern (ends with '%')",
            Problem::NoBracket => "malformed pattern (missing ']')",
            Problem::NoArguments => "malformed pattern (missing arguments to '%b')",
            Problem::NoFrontier => "missing '[' after '%f' in pattern",
            Problem::NothingToClose => "invalid pattern capture",
            Problem::NoCapture(digit) => {
                return Cow::Owned(format!("invalid capture index %{}", digit - b'0'));
            }
            Problem::TooManyCaptures => "too many captures",
            Problem::TooComplex => "pattern too complex",
        })
    }
}

/// What a capture is at the end of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    Open,
    Closed,
    Position,
}

#[derive(Debug, Clone, Copy)]
pub struct Set {
    pub bytes: Bytes,
    /// How much text it was read from: Lua's matcher goes through that for each character.
    pub width: usize,
}

#[derive(Debug)]
pub struct Program {
    /// What it was read from.
    pub source: Vec<u8>,
    pub anchored: bool,
    pub nodes: Vec<Node>,
    pub sets: Vec<Set>,
    pub captures: Vec<Capture>,
}

impl Program {
    pub fn read(pattern: &[u8]) -> Program {
        let is_too_long = pattern.len() > LONGEST;
        let mut program = Program {
            source: if is_too_long { Vec::new() } else { pattern.to_vec() },
            anchored: pattern.first() == Some(&b'^'),
            nodes: Vec::new(),
            sets: Vec::new(),
            captures: Vec::new(),
        };
        let rest = &pattern[usize::from(program.anchored)..];
        let mut reader = Reader { program: &mut program, rest, classes: [None; 256] };
        let read = if is_too_long { Err(Problem::TooComplex) } else { reader.read() };
        if let Err(problem) = read {
            program.nodes.push(Node::Wrong(problem));
        }
        program
    }
}

/// Whether Lua's `find` takes a pattern for a plain text.
pub fn is_plain(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| b"^$*+?.([%-".contains(byte))
}

struct Reader<'a> {
    program: &'a mut Program,
    rest: &'a [u8],
    /// The sets of `%a` and its like, once each.
    classes: [Option<u32>; 256],
}

impl<'a> Reader<'a> {
    fn read(&mut self) -> Result<(), Problem> {
        while !self.rest.is_empty() {
            let node = self.node()?;
            self.program.nodes.push(node);
        }
        Ok(())
    }

    fn skip(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }

    fn node(&mut self) -> Result<Node, Problem> {
        match *self.rest {
            [b'(', b')', ..] => self.open(2, Capture::Position).map(Node::Position),
            [b'(', ..] => self.open(1, Capture::Open).map(Node::Open),
            [b')', ..] => self.close(),
            [b'$'] => {
                self.skip(1);
                Ok(Node::End)
            }
            [b'%', b'b', open, close, ..] => {
                self.skip(4);
                Ok(Node::Balanced(open, close))
            }
            [b'%', b'b', ..] => Err(Problem::NoArguments),
            [b'%', b'f', b'[', ..] => {
                self.skip(2);
                self.set().map(Node::Frontier)
            }
            [b'%', b'f', ..] => Err(Problem::NoFrontier),
            [b'%', digit @ b'0'..=b'9', ..] => self.same(digit),
            _ => self.repeated(),
        }
    }

    fn open(&mut self, length: usize, capture: Capture) -> Result<u8, Problem> {
        let index = self.program.captures.len();
        if index >= MOST_CAPTURES {
            return Err(Problem::TooManyCaptures);
        }
        self.skip(length);
        self.program.captures.push(capture);
        Ok(index as u8)
    }

    fn close(&mut self) -> Result<Node, Problem> {
        self.skip(1);
        let captures = &mut self.program.captures;
        let index = captures.iter().rposition(|capture| *capture == Capture::Open);
        let index = index.ok_or(Problem::NothingToClose)?;
        captures[index] = Capture::Closed;
        Ok(Node::Close(index as u8))
    }

    fn same(&mut self, digit: u8) -> Result<Node, Problem> {
        self.skip(2);
        let index = usize::from(digit).checked_sub(usize::from(b'1'));
        match index.and_then(|index| self.program.captures.get(index)) {
            Some(Capture::Closed) => Ok(Node::Same(digit - b'1')),
            Some(Capture::Position) => Ok(Node::Never),
            Some(Capture::Open) | None => Err(Problem::NoCapture(digit)),
        }
    }

    fn repeated(&mut self) -> Result<Node, Problem> {
        let single = self.single()?;
        let node = match self.rest.first() {
            Some(b'*') => Node::Many(single, 0),
            Some(b'+') => Node::Many(single, 1),
            Some(b'-') => Node::Fewest(single),
            Some(b'?') => Node::Optional(single),
            _ => return Ok(Node::One(single)),
        };
        self.skip(1);
        Ok(node)
    }

    fn single(&mut self) -> Result<Single, Problem> {
        match *self.rest {
            [b'%'] => Err(Problem::EndsWithEscape),
            [b'%', class, ..] => {
                self.skip(2);
                Ok(self.class(class))
            }
            [b'[', ..] => self.set().map(Single::Set),
            [first, ..] => {
                self.skip(1);
                Ok(if first == b'.' { Single::Any } else { Single::Byte(first) })
            }
            [] => unreachable!("the caller has looked"),
        }
    }

    fn class(&mut self, class: u8) -> Single {
        if !class.is_ascii_alphabetic() {
            return Single::Byte(class);
        }
        let known = self.classes[usize::from(class)];
        let index = known.unwrap_or_else(|| self.add(Set { bytes: Bytes::class(class), width: 1 }));
        self.classes[usize::from(class)] = Some(index);
        Single::Set(index)
    }

    fn set(&mut self) -> Result<u32, Problem> {
        let length = set_length(self.rest).ok_or(Problem::NoBracket)?;
        let bytes = Bytes::bracketed(&self.rest[1..length - 1]);
        self.skip(length);
        Ok(self.add(Set { bytes, width: length }))
    }

    fn add(&mut self, set: Set) -> u32 {
        self.program.sets.push(set);
        (self.program.sets.len() - 1) as u32
    }
}

/// How long the set is that a text begins with, brackets included. A `]` in the first place does not end it.
fn set_length(text: &[u8]) -> Option<usize> {
    let mut at = if text.get(1) == Some(&b'^') { 2 } else { 1 };
    loop {
        at += if *text.get(at)? == b'%' { 2 } else { 1 };
        if text.get(at) == Some(&b']') {
            return Some(at + 1);
        }
    }
}
