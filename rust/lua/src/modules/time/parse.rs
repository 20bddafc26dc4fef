//! Text to times, by Go's layouts and with its leniencies.

use super::civil::{MONTHS, WEEKDAYS, days_in, is_leap};
use super::instant::{Fields, Instant};
use super::layout::{Fraction, Offset, Piece, Pieces};
use super::zone::Zone;
use crate::modules::args::{Result, invalid};

/// Characters of a text that are told.
const SHOWN: usize = 64;

/// What is wrong with a text, without which it is.
type Step<T> = std::result::Result<T, &'static str>;

const MISMATCH: &str = "does not match";

/// Reads a time. `zone` is for text that names none.
pub fn parse(layout: &str, text: &str, zone: &Zone) -> Result<Instant> {
    let mut reader = Reader { rest: text, found: Found::default() };
    let mut pieces = Pieces(layout).peekable();
    while let Some(piece) = pieces.next() {
        let fraction_follows = matches!(pieces.peek(), Some(Piece::Fraction(_)));
        if let Err(problem) = reader.piece(piece, fraction_follows) {
            return Err(told(layout, text, problem));
        }
    }
    if !reader.rest.is_empty() {
        return Err(told(layout, text, "has extra text"));
    }
    reader.found.finish(zone).map_err(|problem| told(layout, text, problem))?
}

fn told(layout: &str, text: &str, problem: &str) -> crate::error::ErrorValue {
    let shown = |text: &str| text.chars().take(SHOWN).collect::<String>();
    invalid(format!("parsing time \"{}\" as \"{}\": {problem}", shown(text), shown(layout)))
}

#[derive(Default)]
struct Found {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    /// Whether it is after noon.
    half: Option<bool>,
    zone: Option<Zone>,
}

struct Reader<'a> {
    rest: &'a str,
    found: Found,
}

impl<'a> Reader<'a> {
    fn piece(&mut self, piece: Piece, fraction_follows: bool) -> Step<()> {
        match piece {
            Piece::Literal(text) => self.literal(text)?,
            Piece::LongMonth => self.found.month = Some(self.name(&MONTHS, usize::MAX)? + 1),
            Piece::Month => self.found.month = Some(self.name(&MONTHS, 3)? + 1),
            Piece::LongWeekday => _ = self.name(&WEEKDAYS, usize::MAX)?,
            Piece::Weekday => _ = self.name(&WEEKDAYS, 3)?,
            Piece::NumMonth => self.found.month = Some(self.number(1, 2, 1..=12)?),
            Piece::ZeroMonth => self.found.month = Some(self.number(2, 2, 1..=12)?),
            Piece::Day | Piece::UnderDay => {
                self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                self.found.day = Some(self.number(1, 2, 1..=31)?);
            }
            Piece::ZeroDay => self.found.day = Some(self.number(2, 2, 1..=31)?),
            Piece::UnderYearDay | Piece::ZeroYearDay => {
                self.rest = self.rest.trim_start_matches(' ');
                self.found.year_day = Some(self.number(1, 3, 1..=366)?);
            }
            Piece::Hour => self.found.hour = self.number(1, 2, 0..=23)?,
            Piece::Hour12 => self.found.hour = self.number(1, 2, 0..=12)?,
            Piece::ZeroHour12 => self.found.hour = self.number(2, 2, 0..=12)?,
            Piece::Minute => self.found.minute = self.number(1, 2, 0..=59)?,
            Piece::ZeroMinute => self.found.minute = self.number(2, 2, 0..=59)?,
            Piece::Second => self.second(1, fraction_follows)?,
            Piece::ZeroSecond => self.second(2, fraction_follows)?,
            Piece::LongYear => self.found.year = i64::from(self.number(4, 4, 0..=9999)?),
            Piece::Year => {
                let year = self.number(2, 2, 0..=99)?;
                self.found.year = i64::from(if year >= 69 { 1900 + year } else { 2000 + year });
            }
            Piece::UpperHalf => self.half("AM", "PM")?,
            Piece::LowerHalf => self.half("am", "pm")?,
            Piece::ZoneName => self.zone_name()?,
            Piece::Offset(form) => self.offset(form)?,
            Piece::Fraction(form) => self.fraction(form)?,
        }
        Ok(())
    }

    /// A space of a layout is any number of spaces.
    fn literal(&mut self, text: &str) -> Step<()> {
        let mut wanted = text;
        while let Some(first) = wanted.chars().next() {
            if first == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return Err(MISMATCH);
                }
                (wanted, self.rest) = (wanted.trim_start_matches(' '), self.rest.trim_start_matches(' '));
            } else {
                self.rest = self.rest.strip_prefix(first).ok_or(MISMATCH)?;
                wanted = &wanted[first.len_utf8()..];
            }
        }
        Ok(())
    }

    /// The index of a name, in letters of any case.
    fn name(&mut self, names: &[&str], len: usize) -> Step<u32> {
        for (index, name) in names.iter().enumerate() {
            let name = &name[..name.len().min(len)];
            if let Some(start) = self.rest.get(..name.len())
                && start.eq_ignore_ascii_case(name)
            {
                self.rest = &self.rest[name.len()..];
                return Ok(index as u32);
            }
        }
        Err(MISMATCH)
    }

    fn number(&mut self, least: usize, most: usize, range: std::ops::RangeInclusive<u32>) -> Step<u32> {
        let len = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if len < least {
            return Err(MISMATCH);
        }
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        digits.parse().ok().filter(|number| range.contains(number)).ok_or("is out of range")
    }

    /// Seconds may have a fraction that the layout does not mention.
    fn second(&mut self, least: usize, fraction_follows: bool) -> Step<()> {
        self.found.second = self.number(least, 2, 0..=59)?;
        if !fraction_follows {
            self.any_fraction();
        }
        Ok(())
    }

    fn any_fraction(&mut self) {
        let Some(after) = self.rest.strip_prefix(['.', ',']) else { return };
        let len = after.bytes().take_while(u8::is_ascii_digit).count();
        if len > 0 {
            self.found.nanos = nanos(&after[..len]);
            self.rest = &after[len..];
        }
    }

    fn fraction(&mut self, form: Fraction) -> Step<()> {
        if form.trim {
            self.any_fraction();
            return Ok(());
        }
        let after = self.rest.strip_prefix(['.', ',']).ok_or(MISMATCH)?;
        let digits =
            after.get(..form.digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        self.found.nanos = nanos(digits.ok_or(MISMATCH)?);
        self.rest = &after[form.digits..];
        Ok(())
    }

    fn half(&mut self, before: &str, after: &str) -> Step<()> {
        let is_after = self.rest.starts_with(after);
        self.rest = self.rest.strip_prefix(if is_after { after } else { before }).ok_or(MISMATCH)?;
        self.found.half = Some(is_after);
        Ok(())
    }

    fn offset(&mut self, form: Offset) -> Step<()> {
        if form.zulu
            && let Some(rest) = self.rest.strip_prefix('Z')
        {
            (self.rest, self.found.zone) = (rest, Some(Zone::UTC));
            return Ok(());
        }
        let sign = match self.rest.bytes().next() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(MISMATCH),
        };
        self.rest = &self.rest[1..];
        let mut offset = 0;
        for (part, (most, seconds)) in
            [(23, 3600), (59, 60), (59, 1)].into_iter().take(form.parts).enumerate()
        {
            if part > 0 && form.colons {
                self.rest = self.rest.strip_prefix(':').ok_or(MISMATCH)?;
            }
            offset += self.number(2, 2, 0..=most)? as i32 * seconds;
        }
        // After a name, that stays.
        let name = self.found.zone.take().and_then(|zone| zone.name);
        self.found.zone = Some(match (offset, name) {
            (0, None) => Zone::UTC,
            (_, name) => Zone { offset: sign * offset, name },
        });
        Ok(())
    }

    /// `UTC`, `GMT+3`, or three to five capitals: which zone those are nothing here knows, so they are as UTC.
    fn zone_name(&mut self) -> Step<()> {
        let letters = self.rest.bytes().take_while(u8::is_ascii_uppercase).count();
        let (name, rest) = self.rest.split_at(letters);
        if name == "UTC" {
            (self.rest, self.found.zone) = (rest, Some(Zone::UTC));
            return Ok(());
        }
        if !(3..=5).contains(&letters) {
            return Err(MISMATCH);
        }
        let known = self.found.zone.take().map_or(0, |zone| zone.offset);
        let (hours, len) = if name == "GMT" { signed_hours(rest) } else { (0, 0) };
        let label = &self.rest[..letters + len];
        let offset = if hours == 0 { known } else { hours * 3600 };
        self.found.zone = Some(Zone { offset, name: Some(label.into()) });
        self.rest = &rest[len..];
        Ok(())
    }
}

/// `+3` or `-11`, and its length.
fn signed_hours(text: &str) -> (i32, usize) {
    let len = text.bytes().skip(1).take(2).take_while(u8::is_ascii_digit).count();
    match text.get(..=len).map(str::parse::<i32>) {
        Some(Ok(hours)) if text.starts_with(['+', '-']) && hours.abs() < 24 => (hours, len + 1),
        _ => (0, 0),
    }
}

fn nanos(digits: &str) -> u32 {
    digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
}

impl Found {
    fn finish(self, zone: &Zone) -> Step<Result<Instant>> {
        let (month, day) = self.date()?;
        let hour = match (self.half, self.hour) {
            (Some(true), hour) if hour < 12 => hour + 12,
            (Some(false), 12) => 0,
            (_, hour) => hour,
        };
        let fields = Fields {
            year: self.year,
            month: i64::from(month),
            day: i64::from(day),
            hour: i64::from(hour),
            minute: i64::from(self.minute),
            second: i64::from(self.second),
            nanos: i64::from(self.nanos),
        };
        Ok(fields.instant(self.zone.unwrap_or_else(|| zone.clone())))
    }

    fn date(&self) -> Step<(u32, u32)> {
        let (month, day) = match self.year_day {
            Some(year_day) => self.of_year_day(year_day)?,
            None => (self.month.unwrap_or(1), self.day.unwrap_or(1)),
        };
        if day > days_in(self.year, month) {
            return Err("day is out of range");
        }
        Ok((month, day))
    }

    fn of_year_day(&self, year_day: u32) -> Step<(u32, u32)> {
        if year_day == 366 && !is_leap(self.year) {
            return Err("day of the year is out of range");
        }
        let (mut month, mut day) = (1, year_day);
        while day > days_in(self.year, month) {
            day -= days_in(self.year, month);
            month += 1;
        }
        let other = |told: Option<u32>, is: u32| told.is_some_and(|told| told != is);
        if other(self.month, month) || other(self.day, day) {
            return Err("day of the year does not match the date");
        }
        Ok((month, day))
    }
}
