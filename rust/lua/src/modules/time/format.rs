//! Times as text.

use super::civil::{Civil, MONTHS, WEEKDAYS};
use super::instant::Instant;
use super::layout::{Fraction, Offset, Piece, Pieces};
use crate::modules::args::{Result, invalid};

/// Bytes of a layout. Pieces of it may become longer, a zone's name the most.
pub const LAYOUT: usize = 4096;

pub fn check(layout: &str) -> Result<&str> {
    if layout.len() > LAYOUT {
        return Err(invalid(format!("layout is longer than {LAYOUT} bytes")));
    }
    Ok(layout)
}

/// Writes a time. The layout should not be longer than [`LAYOUT`].
pub fn format(time: &Instant, layout: &str) -> String {
    let civil = time.civil();
    let mut out = String::with_capacity(layout.len() + 16);
    for piece in Pieces(layout) {
        write(&mut out, piece, &civil, time);
    }
    out
}

fn write(out: &mut String, piece: Piece, civil: &Civil, time: &Instant) {
    let Civil { year, month, day, hour, minute, second } = *civil;
    let (month_name, weekday) = (MONTHS[month as usize - 1], WEEKDAYS[civil.weekday() as usize]);
    let hour12 = match hour % 12 {
        0 => 12,
        hour => hour,
    };
    let text = match piece {
        Piece::Literal(text) => return out.push_str(text),
        Piece::LongMonth => return out.push_str(month_name),
        Piece::Month => return out.push_str(&month_name[..3]),
        Piece::LongWeekday => return out.push_str(weekday),
        Piece::Weekday => return out.push_str(&weekday[..3]),
        Piece::UpperHalf => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
        Piece::LowerHalf => return out.push_str(if hour < 12 { "am" } else { "pm" }),
        Piece::NumMonth => month.to_string(),
        Piece::ZeroMonth => format!("{month:02}"),
        Piece::Day => day.to_string(),
        Piece::UnderDay => format!("{day:2}"),
        Piece::ZeroDay => format!("{day:02}"),
        Piece::UnderYearDay => format!("{:3}", civil.year_day()),
        Piece::ZeroYearDay => format!("{:03}", civil.year_day()),
        Piece::Hour => format!("{hour:02}"),
        Piece::Hour12 => hour12.to_string(),
        Piece::ZeroHour12 => format!("{hour12:02}"),
        Piece::Minute => minute.to_string(),
        Piece::ZeroMinute => format!("{minute:02}"),
        Piece::Second => second.to_string(),
        Piece::ZeroSecond => format!("{second:02}"),
        Piece::LongYear => format!("{year:04}"),
        Piece::Year => format!("{:02}", year.rem_euclid(100)),
        Piece::ZoneName => time.zone.label(),
        Piece::Offset(form) => offset(form, time.zone.offset),
        Piece::Fraction(form) => fraction(form, time.nanos),
    };
    out.push_str(&text);
}

fn offset(form: Offset, offset: i32) -> String {
    if form.zulu && offset == 0 {
        return "Z".into();
    }
    let size = offset.unsigned_abs();
    let parts = [size / 3600, size / 60 % 60, size % 60].map(|part| format!("{part:02}"));
    let sign = if offset < 0 { "-" } else { "+" };
    sign.to_owned() + &parts[..form.parts].join(if form.colons { ":" } else { "" })
}

fn fraction(form: Fraction, nanos: u32) -> String {
    let all = format!("{nanos:09}");
    let mut digits = &all[..form.digits.min(9)];
    if form.trim {
        digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return String::new();
        }
    }
    format!("{}{digits}", char::from(form.point))
}
