//! A response as programs see it. It comes from anywhere, so every part may be odd.

use crate::error::ErrorValue;
use crate::host::Response;
use crate::modules::args::{Result, invalid};
use crate::value::Value;

use super::headers::is_token;

/// A map of a response whose body has at most `most` bytes.
pub fn value(response: Response, most: usize) -> Result<Value> {
    if response.body.len() > most {
        let error = invalid(format!("response body is larger than {most} bytes"));
        return Err(ErrorValue { retryable: Some(false), ..error });
    }
    let entry = |key: &str, value: Value| (key.as_bytes().to_vec(), value);
    Ok(Value::Map(vec![
        entry("status_code", Value::Int(i64::from(response.status))),
        entry("headers", headers(&response.headers)),
        entry("cookies", cookies(&response.headers)),
        entry("body_size", Value::Int(response.body.len() as i64)),
        entry("body", Value::Str(response.body)),
        entry("url", Value::text(response.url)),
    ]))
}

/// By name as it is usually written; the values of one that was repeated are joined.
fn headers(headers: &[(String, Vec<u8>)]) -> Value {
    let mut joined: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut named: Vec<_> = headers.iter().map(|(name, value)| (canonical(name), value)).collect();
    // Those of one name stay in their order.
    named.sort_by(|(left, _), (right, _)| left.cmp(right));
    for (name, value) in named {
        match joined.last_mut() {
            Some((last, values)) if *last == name => {
                values.extend_from_slice(b", ");
                values.extend_from_slice(value);
            }
            _ => joined.push((name, value.clone())),
        }
    }
    Value::Map(joined.into_iter().map(|(name, value)| (name, Value::Str(value))).collect())
}

/// `content-type` as `Content-Type`.
fn canonical(name: &str) -> Vec<u8> {
    let mut name = name.as_bytes().to_vec();
    if name.iter().all(|byte| is_token(*byte)) {
        let mut first = true;
        for byte in &mut name {
            *byte = if first { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
            first = *byte == b'-';
        }
    }
    name
}

/// Of `Set-Cookie`: the last one of a name.
fn cookies(headers: &[(String, Vec<u8>)]) -> Value {
    let mut found: Vec<(Vec<u8>, Value)> = Vec::new();
    for (_, line) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
        let pair = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            continue;
        }
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        found.push((name.to_vec(), Value::Str(value.to_vec())));
    }
    // A table takes what comes last.
    Value::Map(found)
}
