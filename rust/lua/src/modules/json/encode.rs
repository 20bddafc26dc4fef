//! Values to JSON.

use std::io;

use mlua::{Lua, Table, Value};

use super::{Stop, count, write};
use crate::copy::deep;
use crate::error::{ErrorValue, Kind};
use crate::modules::args::{OUTPUT, Result, invalid, too_large};

/// Values that are written at most: the result's size would end a table that is in there many times much later.
const VALUES: usize = 4 << 20;
/// Values of an object that are kept while its keys are sorted; further ones are looked up again. What is kept takes
/// places that a Lua state has about a million of.
const KEPT: usize = 256;

type Written<T = ()> = std::result::Result<T, Stop>;

/// Writes a value.
pub fn encode(lua: &Lua, value: &Value) -> Written<Vec<u8>> {
    match write::table(lua, value, VALUES)? {
        Some(text) => Ok(text),
        None => encode_within(lua, value, VALUES),
    }
}

pub(super) fn encode_within(lua: &Lua, value: &Value, values: usize) -> Written<Vec<u8>> {
    let mut encoder = Encoder { lua, out: Vec::new(), left: values };
    encoder.write(value, 0)?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    out: Vec<u8>,
    left: usize,
}

impl Encoder<'_> {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn write(&mut self, value: &Value, depth: usize) -> Written {
        if self.out.len() > OUTPUT {
            return Err(too_large().into());
        }
        count(self.lua, &mut self.left)?;
        match value {
            Value::Nil => self.text("null"),
            Value::Boolean(flag) => self.text(if *flag { "true" } else { "false" }),
            Value::Integer(number) => self.text(&number.to_string()),
            Value::Number(number) => self.text(&float(*number)),
            Value::String(text) => string(&mut self.out, &text.as_bytes())?,
            Value::Table(table) => self.table(table, depth + 1)?,
            other => return Err(invalid(format!("cannot encode a {} as JSON", other.type_name())).into()),
        }
        Ok(())
    }

    fn table(&mut self, table: &Table, depth: usize) -> Written {
        deep(depth)?;
        match shape(table)? {
            Shape::Array(len) => self.array(table, len, depth),
            Shape::Object(entries) => self.object(table, entries, depth),
        }
    }

    fn array(&mut self, table: &Table, len: usize, depth: usize) -> Written {
        self.text("[");
        for index in 1..=len {
            if index > 1 {
                self.text(",");
            }
            self.write(&table.raw_get(index).map_err(lookup)?, depth)?;
        }
        self.text("]");
        Ok(())
    }

    fn object(&mut self, table: &Table, entries: Entries, depth: usize) -> Written {
        self.text("{");
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 {
                self.text(",");
            }
            string(&mut self.out, &key)?;
            self.text(":");
            self.write(&entry(table, &key, value)?, depth)?;
        }
        self.text("}");
        Ok(())
    }
}

/// As Go and JavaScript write them: the shortest text that reads back as the same, an exponent where it would be long.
pub fn float(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() {
        "null".into()
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        if size < 1.0 { text } else { text.replace('e', "e+") }
    } else {
        number.to_string()
    }
}

/// Writes a string. Its quoting has a bound too: a control character takes six.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("a string is not valid UTF-8"))?;
    serde_json::to_writer(Bounded(out), text).map_err(|_| too_large())
}

struct Bounded<'a>(&'a mut Vec<u8>);

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Entries = Vec<(Vec<u8>, Option<Value>)>;

/// What a table is written as.
pub enum Shape {
    Array(usize),
    /// By key. A value that is not here has to be looked up.
    Object(Entries),
}

/// Tells sequences from objects; anything that is neither is refused.
pub fn shape(table: &Table) -> Result<Shape> {
    let (mut count, mut last, mut entries) = (0, 0, Entries::new());
    let mut odd = None;
    let walked = table.for_each(|key: Value, value: Value| {
        match key {
            Value::Integer(index) if index > 0 => (count, last) = (count + 1, last.max(index)),
            Value::String(name) => {
                let value = (entries.len() < KEPT).then_some(value);
                entries.push((name.as_bytes().to_vec(), value));
            }
            _ => odd = Some(key.type_name()),
        }
        Ok(())
    });
    walked.map_err(lookup)?;
    match (odd, count, entries.is_empty()) {
        (Some(kind), ..) => {
            Err(invalid(format!("table has a key that is neither text nor an index: {kind}")))
        }
        (None, 0, false) => {
            entries.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
            Ok(Shape::Object(entries))
        }
        (None, 1.., false) => Err(invalid("table has both indexes and text as keys")),
        (None, count, true) if last == count => Ok(Shape::Array(usize::try_from(count).unwrap_or_default())),
        _ => Err(invalid("table has holes")),
    }
}

/// An entry's value.
pub fn entry(table: &Table, key: &[u8], value: Option<Value>) -> Result<Value> {
    match value {
        Some(value) => Ok(value),
        None => table.raw_get(mlua::BString::from(key)).map_err(lookup),
    }
}

/// No metamethod is called, so only memory can be why.
pub fn lookup(error: mlua::Error) -> ErrorValue {
    ErrorValue::new(Kind::Internal, error.to_string())
}
