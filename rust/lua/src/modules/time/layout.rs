//! Go's layouts: the reference time, `Mon Jan 2 15:04:05 MST 2006`, written as the text is to look.

/// A piece of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Literal(&'a str),
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset(Offset),
    Fraction(Fraction),
}

/// A distance from UTC: `-0700`, `Z07:00` and their like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// `Z` for UTC itself.
    pub zulu: bool,
    pub colons: bool,
    /// Numbers: hours, minutes, seconds.
    pub parts: usize,
}

/// Fractions of a second, with their point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    pub point: u8,
    pub digits: usize,
    /// Nines: without zeros at the end.
    pub trim: bool,
}

/// The pieces of a layout.
pub struct Pieces<'a>(pub &'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let layout = self.0;
        let mut at = 0;
        while at < layout.len() {
            if let Some((piece, len)) = piece_at(&layout.as_bytes()[at..]) {
                if at > 0 {
                    break;
                }
                self.0 = &layout[len..];
                return Some(piece);
            }
            at += 1;
            while !layout.is_char_boundary(at) {
                at += 1;
            }
        }
        if at == 0 {
            return None;
        }
        self.0 = &layout[at..];
        Some(Piece::Literal(&layout[..at]))
    }
}

/// Longer ones come before those they begin with.
const FIXED: [(&str, Piece); 23] = [
    ("January", Piece::LongMonth),
    ("Jan", Piece::Month),
    ("Monday", Piece::LongWeekday),
    ("Mon", Piece::Weekday),
    ("MST", Piece::ZoneName),
    ("002", Piece::ZeroYearDay),
    ("01", Piece::ZeroMonth),
    ("02", Piece::ZeroDay),
    ("03", Piece::ZeroHour12),
    ("04", Piece::ZeroMinute),
    ("05", Piece::ZeroSecond),
    ("06", Piece::Year),
    ("15", Piece::Hour),
    ("1", Piece::NumMonth),
    ("2006", Piece::LongYear),
    ("2", Piece::Day),
    ("__2", Piece::UnderYearDay),
    ("_2", Piece::UnderDay),
    ("3", Piece::Hour12),
    ("4", Piece::Minute),
    ("5", Piece::Second),
    ("PM", Piece::UpperHalf),
    ("pm", Piece::LowerHalf),
];

fn piece_at(rest: &[u8]) -> Option<(Piece<'static>, usize)> {
    match rest.first()? {
        b'-' | b'Z' => return offset_at(rest),
        b'.' | b',' => return fraction_at(rest),
        // An underscore before the year is one.
        b'_' if rest.starts_with(b"_2006") => return None,
        _ => (),
    }
    let (text, piece) = FIXED.iter().find(|(text, _)| rest.starts_with(text.as_bytes()))?;
    let is_short = matches!(piece, Piece::Month | Piece::Weekday);
    // `Month` has no month in it.
    if is_short && rest.get(3).is_some_and(u8::is_ascii_lowercase) {
        return None;
    }
    Some((*piece, text.len()))
}

fn offset_at(rest: &[u8]) -> Option<(Piece<'static>, usize)> {
    let zulu = rest[0] == b'Z';
    let forms: [(&[u8], bool, usize); 5] = [
        (b"070000", false, 3),
        (b"07:00:00", true, 3),
        (b"0700", false, 2),
        (b"07:00", true, 2),
        (b"07", false, 1),
    ];
    let (text, colons, parts) = forms.into_iter().find(|(text, ..)| rest[1..].starts_with(text))?;
    Some((Piece::Offset(Offset { zulu, colons, parts }), 1 + text.len()))
}

fn fraction_at(rest: &[u8]) -> Option<(Piece<'static>, usize)> {
    let digit = *rest.get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
    let digits = rest[1..].iter().take_while(|byte| **byte == digit).count();
    if rest.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Piece::Fraction(Fraction { point: rest[0], digits, trim: digit == b'9' }), 1 + digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_have_pieces() {
        let pieces = |layout| Pieces(layout).collect::<Vec<_>>();
        assert_eq!(
            pieces("2006-01-02"),
            [Piece::LongYear, Piece::Literal("-"), Piece::ZeroMonth, Piece::Literal("-"), Piece::ZeroDay]
        );
        assert_eq!(pieces("Month é Janet"), [Piece::Literal("Month é Janet")]);
        assert_eq!(pieces("_2006"), [Piece::Literal("_"), Piece::LongYear]);
        assert_eq!(pieces("x.0005"), [Piece::Literal("x.00"), Piece::ZeroSecond]);
        assert_eq!(pieces(""), []);
    }
}
