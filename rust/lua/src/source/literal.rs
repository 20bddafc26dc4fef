//! Numbers and strings: how far they reach, whether they are right, and what a string says.
//!
//! All of it works on bytes, for `\z` and its like care for ASCII alone. An end found here may lie inside of a
//! character if that character is wrong; the lexer moves it on.

/// What an escape stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// `\z` and what it skips, or a backslash at the end of the source.
    Nothing,
    Byte(u8),
    Code(u32),
}

/// How much of the text to show, and what is wrong with it.
pub(super) type Wrong = (usize, &'static str);

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// How many bytes the newline takes that `rest` starts with.
pub(super) fn newline(rest: &[u8]) -> usize {
    match rest {
        [b'\n', b'\r', ..] | [b'\r', b'\n', ..] => 2,
        _ => 1,
    }
}

/// Length and meaning of the escape that `rest` starts with.
pub(super) fn escape(rest: &[u8]) -> Result<(usize, Escape), Wrong> {
    let byte = match rest.get(1) {
        None => return Ok((1, Escape::Nothing)),
        Some(b'a') => 7,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'v') => 11,
        Some(&byte @ (b'\\' | b'"' | b'\'')) => byte,
        Some(b'\n' | b'\r') => return Ok((1 + newline(&rest[1..]), Escape::Byte(b'\n'))),
        Some(b'z') => return Ok((2 + rest[2..].iter().take_while(|b| is_space(b)).count(), Escape::Nothing)),
        Some(b'x') => return hexadecimal(rest),
        Some(b'u') => return code_point(rest),
        Some(b'0'..=b'9') => return decimal(rest),
        Some(_) => return Err((2, "invalid escape sequence")),
    };
    Ok((2, Escape::Byte(byte)))
}

fn hex_digit(rest: &[u8], index: usize) -> Result<u32, Wrong> {
    let digit = rest.get(index).and_then(|&b| char::from(b).to_digit(16));
    digit.ok_or((index + 1, "hexadecimal digit expected"))
}

fn hexadecimal(rest: &[u8]) -> Result<(usize, Escape), Wrong> {
    let value = hex_digit(rest, 2)? * 16 + hex_digit(rest, 3)?;
    Ok((4, Escape::Byte(value as u8)))
}

fn code_point(rest: &[u8]) -> Result<(usize, Escape), Wrong> {
    if rest.get(2) != Some(&b'{') {
        return Err((3, "missing '{'"));
    }
    let (mut value, mut at) = (hex_digit(rest, 3)?, 4);
    while let Ok(digit) = hex_digit(rest, at) {
        if value > 0x7fff_ffff >> 4 {
            return Err((at + 1, "UTF-8 value too large"));
        }
        (value, at) = (value * 16 + digit, at + 1);
    }
    if rest.get(at) == Some(&b'}') { Ok((at + 1, Escape::Code(value))) } else { Err((at + 1, "missing '}'")) }
}

fn decimal(rest: &[u8]) -> Result<(usize, Escape), Wrong> {
    let digits = rest[1..].iter().take(3).take_while(|b| b.is_ascii_digit());
    let (len, value) = digits.fold((1, 0), |(len, value), &b| (len + 1, value * 10 + u32::from(b - b'0')));
    let byte = u8::try_from(value).map_err(|_| (len + 1, "decimal escape too large"))?;
    Ok((len, Escape::Byte(byte)))
}

/// Level of the long bracket that `rest` starts with, or how many `=` follow a bracket that opens nothing.
pub(super) fn long_bracket(rest: &[u8]) -> Result<usize, usize> {
    let level = rest[1..].iter().take_while(|&&b| b == b'=').count();
    if rest.get(1 + level) == Some(&b'[') { Ok(level) } else { Err(level) }
}

/// Length of the long string or comment that `rest` starts with, brackets of that level and all.
pub(super) fn long_length(rest: &[u8], level: usize) -> Option<usize> {
    let mut at = level + 2;
    loop {
        at += rest[at..].iter().position(|&b| b == b']')? + 1;
        let equals = rest[at..].iter().take_while(|&&b| b == b'=').count();
        // Not past a bracket that may open the true end, as the second of `]=]==]`.
        at += equals;
        if equals == level && rest.get(at) == Some(&b']') {
            return Some(at + 1);
        }
    }
}

/// What a right string says. Bytes that are no UTF-8, which an escape can write, are replaced.
pub(super) fn value(text: &str) -> String {
    let bytes = text.as_bytes();
    let said = match bytes {
        [b'[', ..] => long_value(bytes),
        _ => short_value(&bytes[1..bytes.len() - 1]),
    };
    String::from_utf8_lossy(&said).into_owned()
}

fn short_value(mut rest: &[u8]) -> Vec<u8> {
    let mut said = Vec::with_capacity(rest.len());
    while let Some(&byte) = rest.first() {
        let (len, meaning) = match byte {
            b'\\' => escape(rest).unwrap_or((1, Escape::Nothing)),
            _ => (1, Escape::Byte(byte)),
        };
        rest = &rest[len..];
        match meaning {
            Escape::Nothing => {}
            Escape::Byte(byte) => said.push(byte),
            Escape::Code(code) => {
                let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                said.extend(c.encode_utf8(&mut [0; 4]).bytes());
            }
        }
    }
    said
}

/// Every newline is `\n`, and the first one right after the bracket is not said.
fn long_value(bytes: &[u8]) -> Vec<u8> {
    let bracket = long_bracket(bytes).unwrap_or_default() + 2;
    let mut rest = &bytes[bracket..bytes.len() - bracket];
    let mut said = Vec::with_capacity(rest.len());
    while let Some(&byte) = rest.first() {
        let ends = byte == b'\n' || byte == b'\r';
        let first = rest.len() == bytes.len() - 2 * bracket;
        if !(ends && first) {
            said.push(if ends { b'\n' } else { byte });
        }
        rest = &rest[if ends { newline(rest) } else { 1 }..];
    }
    said
}

/// How far a number reaches that `rest` starts with: as in Lua, over everything that looks like one, right or wrong.
pub(super) fn number_length(rest: &[u8]) -> usize {
    let hex = is_hex(rest);
    let mut at = if hex { 2 } else { 1 };
    while let Some(&byte) = rest.get(at) {
        let exponent = byte.to_ascii_lowercase() == if hex { b'p' } else { b'e' };
        if exponent && matches!(rest.get(at + 1), Some(b'+' | b'-')) {
            at += 2;
        } else if exponent || byte.is_ascii_hexdigit() || byte == b'.' {
            at += 1;
        } else {
            // A number that touches a letter is none.
            return at + usize::from(byte.is_ascii_alphabetic() || byte == b'_');
        }
    }
    at
}

fn is_hex(text: &[u8]) -> bool {
    matches!(text, [b'0', b'x' | b'X', ..])
}

pub(super) fn is_number(text: &[u8]) -> bool {
    let hex = is_hex(text);
    let digits = &text[if hex { 2 } else { 0 }..];
    let is_exponent = |b: &u8| b.to_ascii_lowercase() == if hex { b'p' } else { b'e' };
    let (mantissa, exponent) = match digits.iter().position(is_exponent) {
        Some(index) => (&digits[..index], Some(&digits[index + 1..])),
        None => (digits, None),
    };
    let exponent = exponent.map(|e| e.strip_prefix(b"+").or(e.strip_prefix(b"-")).unwrap_or(e));
    let is_digit = |b: &u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
    mantissa.iter().all(|b| is_digit(b) || *b == b'.')
        && mantissa.iter().any(is_digit)
        && mantissa.iter().filter(|&&b| b == b'.').count() <= 1
        && exponent.is_none_or(|e| !e.is_empty() && e.iter().all(u8::is_ascii_digit))
}
