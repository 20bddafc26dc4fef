//! A script's result as text or bytes: what `funcs` gives to a guest (H-23, H-24).

use wippy_lua::value::Value;

use crate::values::{go_float, quote};

/// Strings and numbers as they are, tables as JSON.
pub(crate) fn text(value: Value) -> Vec<u8> {
    match value {
        Value::Str(bytes) => bytes,
        Value::Nil => Vec::new(),
        Value::Float(number) => go_float(number, false).into_bytes(),
        Value::Error(error) => error.message.into_bytes(),
        other => {
            let mut out = String::new();
            write(&other, &mut out);
            out.into_bytes()
        }
    }
}

/// As deep as the value, which was bounded when it was copied.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) if number.is_finite() => out.push_str(&go_float(*number, false)),
        Value::Float(_) => out.push_str("null"),
        Value::Str(bytes) => quote(out, &String::from_utf8_lossy(bytes)),
        Value::Error(error) => quote(out, &error.message),
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                write(item, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Map(entries) => {
            out.push('{');
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
            for (index, (name, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quote(out, &String::from_utf8_lossy(name));
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}
