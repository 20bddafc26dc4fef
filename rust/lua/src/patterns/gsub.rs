//! Replacing matches by a text in which `%1` stands for a capture.
//!
//! The result grows in Lua's memory, where the worker's limit holds, not in ours: it is handed over in parts, which the
//! prelude joins.

use mlua::{Lua, Table, Value as LuaValue};

use super::matcher::{Captured, Matcher};
use super::parse::Program;
use super::{MOST_BYTES, Stop};

/// A part's size, about.
const PART: usize = 1 << 20;
/// What a replacement that is wrong asks for.
const TOO_MUCH: u8 = u8::MAX;

/// A part of a replacement.
enum Piece<'a> {
    Text(&'a [u8]),
    Whole,
    Capture(usize),
    Wrong,
}

/// Takes the first part off a replacement.
fn take<'a>(text: &mut &'a [u8]) -> Option<Piece<'a>> {
    let escape = text.iter().position(|byte| *byte == b'%').unwrap_or(text.len());
    if escape > 0 {
        let (head, rest) = text.split_at(escape);
        *text = rest;
        return Some(Piece::Text(head));
    }
    let (piece, length) = match **text {
        [] => return None,
        [_, b'%', ..] => (Piece::Text(b"%"), 2),
        [_, b'0', ..] => (Piece::Whole, 2),
        [_, digit @ b'1'..=b'9', ..] => (Piece::Capture(usize::from(digit - b'1')), 2),
        [_, ..] => (Piece::Wrong, text.len()),
    };
    *text = &text[length..];
    Some(piece)
}

/// How many captures a replacement asks for; more than there can be where it is wrong.
pub fn asks(mut replacement: &[u8]) -> u8 {
    let mut most = 0;
    while let Some(piece) = take(&mut replacement) {
        match piece {
            Piece::Text(_) | Piece::Whole => (),
            Piece::Capture(index) => most = most.max(index as u8 + 1),
            Piece::Wrong => most = TOO_MUCH,
        }
    }
    most
}

/// A result that is being made.
struct Output<'a> {
    lua: &'a Lua,
    text: Vec<u8>,
    parts: Option<Table>,
    size: usize,
}

impl Output<'_> {
    fn push(&mut self, text: &[u8]) -> Result<(), Stop> {
        self.size += text.len();
        if self.size > MOST_BYTES {
            return Err(Stop::told("resulting string too large"));
        }
        self.text.extend_from_slice(text);
        if self.text.len() >= PART { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<(), Stop> {
        let part = self.lua.create_string(&self.text)?;
        self.text.clear();
        match &self.parts {
            Some(parts) => parts.raw_push(part)?,
            None => self.parts = Some(self.lua.create_sequence_from([part])?),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<LuaValue, Stop> {
        if self.parts.is_some() {
            self.hand_over()?;
        }
        Ok(match self.parts {
            Some(parts) => LuaValue::Table(parts),
            None => LuaValue::String(self.lua.create_string(&self.text)?),
        })
    }
}

/// A text, or a table with parts of it, and how many were replaced. Nothing where none was.
pub fn gsub(
    lua: &Lua,
    program: &Program,
    subject: &[u8],
    replacement: &[u8],
    most: i64,
    mut matcher: Matcher,
) -> Result<Option<(LuaValue, i64)>, Stop> {
    let mut output = Output { lua, text: Vec::new(), parts: None, size: 0 };
    let (mut at, mut copied, mut count, mut last_end) = (0, 0, 0, None);
    while count < most {
        match matcher.match_at(at)? {
            Some(end) if Some(end) != last_end => {
                count += 1;
                output.push(&subject[copied..at])?;
                expand(&mut output, replacement, &subject[at..end], &mut matcher)?;
                (at, copied, last_end) = (end, end, Some(end));
            }
            _ if at < subject.len() => at += 1,
            _ => break,
        }
        if program.anchored {
            break;
        }
    }
    if count == 0 {
        return Ok(None);
    }
    output.push(&subject[copied..])?;
    Ok(Some((output.finish()?, count)))
}

fn expand(
    output: &mut Output,
    mut replacement: &[u8],
    whole: &[u8],
    matcher: &mut Matcher,
) -> Result<(), Stop> {
    while let Some(piece) = take(&mut replacement) {
        let before = output.size;
        match piece {
            Piece::Text(text) => output.push(text)?,
            Piece::Whole => output.push(whole)?,
            Piece::Capture(index) => match matcher.captured(index)? {
                Some(Captured::Text(text)) => output.push(text)?,
                Some(Captured::Position(position)) => output.push(position.to_string().as_bytes())?,
                None if index == 0 => output.push(whole)?,
                None => return Err(Stop::told(format!("invalid capture index %{}", index + 1))),
            },
            Piece::Wrong => return Err(Stop::told("invalid use of '%' in replacement string")),
        }
        // Copying is fast, but there may be much of it.
        matcher.steps.spend(1 + (output.size - before) / 64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_a_bound() {
        let lua = Lua::new();
        let mut output = Output { lua: &lua, text: Vec::new(), parts: None, size: MOST_BYTES - 1 };
        assert!(output.push(b"x").is_ok());
        assert!(matches!(output.push(b"x"), Err(Stop::Told(text)) if text == "resulting string too large"));
    }

    #[test]
    fn long_results_are_in_parts() {
        let lua = Lua::new();
        let mut output = Output { lua: &lua, text: Vec::new(), parts: None, size: 0 };
        for _ in 0..5 {
            output.push(&[b'x'; PART / 2]).unwrap();
        }
        let LuaValue::Table(parts) = output.finish().unwrap() else { panic!() };
        let sizes: Vec<usize> =
            parts.sequence_values::<mlua::String>().map(|part| part.unwrap().as_bytes().len()).collect();
        assert_eq!(sizes, [PART, PART, PART / 2]);
    }

    #[test]
    fn what_replacements_ask_for() {
        let asked = ["", "a%%b", "%0", "%2%1", "%9", "%", "%%%", "%x"].map(|text| asks(text.as_bytes()));
        assert_eq!(asked, [0, 0, 0, 2, 9, TOO_MUCH, TOO_MUCH, TOO_MUCH]);
    }
}
