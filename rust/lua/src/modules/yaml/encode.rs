//! Values to YAML, in blocks.

use std::collections::HashMap;

use mlua::{Table, Value};

use super::scalar::{Scalar, resolve};
use crate::copy::deep;
use crate::modules::args::{OUTPUT, Result, invalid, too_large};
use crate::modules::json::encode::{Shape, entry, float, lookup, shape, string};

/// Values that are written at most.
const VALUES: usize = 4 << 20;
/// Fields that an order may name.
const FIELDS: usize = 10_000;
/// Bytes of a key: a longer one has to be marked as one.
const SIMPLE_KEY: usize = 128;
/// Words that are no text to readers of older YAML.
const OLD_WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// Writes a table. `order` is a list of the fields that come first.
pub fn encode(table: &Table, order: &Value) -> Result<Vec<u8>> {
    encode_within(table, order, VALUES)
}

pub(super) fn encode_within(table: &Table, order: &Value, values: usize) -> Result<Vec<u8>> {
    let mut encoder = Encoder { out: Vec::new(), left: values, order: field_order(order)? };
    match shape(table)? {
        Shape::Array(0) => encoder.text("{}\n"),
        shape => encoder.table(table, shape, 0, false)?,
    }
    Ok(encoder.out)
}

fn field_order(order: &Value) -> Result<HashMap<Vec<u8>, usize>> {
    let Value::Table(order) = order else { return Ok(HashMap::new()) };
    let mut fields = HashMap::new();
    for index in 1..=order.raw_len().min(FIELDS) {
        if let Value::String(name) = order.raw_get(index).map_err(lookup)? {
            fields.entry(name.as_bytes().to_vec()).or_insert(index);
        }
    }
    Ok(fields)
}

struct Encoder {
    out: Vec<u8>,
    left: usize,
    order: HashMap<Vec<u8>, usize>,
}

impl Encoder {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn indent(&mut self, depth: usize) {
        self.out.resize(self.out.len() + 2 * depth, b' ');
    }

    /// Writes a table that is not empty. Where it is begun, its first line has its indentation already.
    fn table(&mut self, table: &Table, shape: Shape, depth: usize, mut begun: bool) -> Result<()> {
        deep(depth + 1)?;
        let mut line = |encoder: &mut Self| {
            if !std::mem::take(&mut begun) {
                encoder.indent(depth);
            }
        };
        match shape {
            Shape::Array(len) => {
                for index in 1..=len {
                    line(self);
                    self.text("-");
                    self.value(&table.raw_get(index).map_err(lookup)?, depth, true)?;
                }
            }
            Shape::Object(mut entries) => {
                if !self.order.is_empty() {
                    let place = |key: &[u8]| self.order.get(key).copied().unwrap_or(usize::MAX);
                    // Stable: the others stay sorted.
                    entries.sort_by_key(|(key, _)| place(key));
                }
                for (key, value) in entries {
                    line(self);
                    self.key(&key, depth)?;
                    self.value(&entry(table, &key, value)?, depth, false)?;
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, key: &[u8], depth: usize) -> Result<()> {
        if key.len() > SIMPLE_KEY {
            self.text("? ");
            self.string(key)?;
            self.text("\n");
            self.indent(depth);
        } else {
            self.string(key)?;
        }
        self.text(":");
        Ok(())
    }

    /// Writes what comes after a dash or a key.
    fn value(&mut self, value: &Value, depth: usize, in_list: bool) -> Result<()> {
        if self.out.len() > OUTPUT {
            return Err(too_large());
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| invalid("there are too many values"))?;
        self.text(" ");
        match value {
            Value::Nil => self.text("null"),
            Value::Boolean(flag) => self.text(if *flag { "true" } else { "false" }),
            Value::Integer(number) => self.text(&number.to_string()),
            Value::Number(number) if number.is_nan() => self.text(".nan"),
            Value::Number(number) if number.is_infinite() => {
                self.text(if *number < 0.0 { "-.inf" } else { ".inf" })
            }
            Value::Number(number) => self.text(&float(*number)),
            Value::String(text) => self.string(&text.as_bytes())?,
            Value::Table(table) => match shape(table)? {
                Shape::Array(0) => self.text("{}"),
                shape => return self.inner(table, shape, depth + 1, in_list),
            },
            other => return Err(invalid(format!("cannot encode a {} as YAML", other.type_name()))),
        }
        self.text("\n");
        Ok(())
    }

    fn inner(&mut self, table: &Table, shape: Shape, depth: usize, in_list: bool) -> Result<()> {
        if !in_list {
            // Instead of the space.
            self.out.pop();
            self.text("\n");
        }
        self.table(table, shape, depth, in_list)
    }

    fn string(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > OUTPUT {
            return Err(too_large());
        }
        if is_plain(bytes) {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        // A string of JSON is one of YAML.
        string(&mut self.out, bytes)
    }
}

/// Whether it reads as the same text without quotes. Much that does is quoted all the same.
fn is_plain(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b' ');
    text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '/'))
        && !text.ends_with(' ')
        && text.bytes().all(is_safe)
        && resolve(text) == Scalar::Text
        && !OLD_WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}
