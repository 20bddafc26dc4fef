//! Scalars of the core schema.

/// What a plain scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text,
}

/// What a plain scalar means.
pub fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => (),
    }
    integer(text).or_else(|| float(text)).unwrap_or(Scalar::Text)
}

pub fn integer(text: &str) -> Option<Scalar> {
    if let Some(digits) = text.strip_prefix("0x") {
        return based(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return based(digits, 8);
    }
    let digits = unsigned(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // What does not fit is a float, as in JSON.
    Some(text.parse().map_or_else(|_| Scalar::Float(text.parse().unwrap_or(f64::NAN)), Scalar::Int))
}

fn based(digits: &str, base: u32) -> Option<Scalar> {
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base));
    is_number.then(|| i64::from_str_radix(digits, base).map_or(Scalar::Text, Scalar::Int))
}

pub fn float(text: &str) -> Option<Scalar> {
    let rest = unsigned(text);
    if matches!(rest, ".inf" | ".Inf" | ".INF") {
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        return Some(Scalar::Float(sign * f64::INFINITY));
    }
    // Rust reads more than the schema has: `inf`, `infinity`, `nan`.
    let is_number = rest.bytes().any(|byte| byte.is_ascii_digit())
        && rest.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        && !rest.starts_with(['+', '-']);
    if is_number { text.parse().ok().map(Scalar::Float) } else { None }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_types() {
        for (text, scalar) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("TRUE", Scalar::Bool(true)),
            ("yes", Scalar::Text),
            ("0", Scalar::Int(0)),
            ("+12", Scalar::Int(12)),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            ("9223372036854775808", Scalar::Float(9_223_372_036_854_775_808.0)),
            ("0777", Scalar::Int(777)),
            ("0o17", Scalar::Int(15)),
            ("0xfF", Scalar::Int(255)),
            ("0x", Scalar::Text),
            ("0x+1", Scalar::Text),
            ("-0x1", Scalar::Text),
            ("0xffffffffffffffff", Scalar::Text),
            ("1.", Scalar::Float(1.0)),
            (".5", Scalar::Float(0.5)),
            ("-1e3", Scalar::Float(-1000.0)),
            ("1e", Scalar::Text),
            (".", Scalar::Text),
            ("+-1", Scalar::Text),
            ("1e999", Scalar::Float(f64::INFINITY)),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("inf", Scalar::Text),
            ("nan", Scalar::Text),
            ("1_000", Scalar::Text),
            ("1.2.3", Scalar::Text),
            ("2024-01-01", Scalar::Text),
        ] {
            assert_eq!(resolve(text), scalar, "{text}");
        }
        assert!(matches!(resolve(".nan"), Scalar::Float(number) if number.is_nan()));
    }
}
