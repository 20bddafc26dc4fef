//! YAML to values.

use std::borrow::Cow;

use mlua::{Lua, Table, Value as LuaValue};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::scalar::{self, Scalar, resolve};
use crate::copy::DEPTH;
use crate::error::ErrorValue;
use crate::modules::args::{Result, invalid};
use crate::value::Value;

/// Bytes of a text. Nothing can end the reading on the way: the worst of this size takes some seconds.
const TEXT: usize = 4 << 20;
/// Values that the aliases of a text stand for.
const ALIASED: usize = 100_000;

/// Either kind of problem: an error of the text, or one that Lua raised, memory.
enum Problem {
    Told(ErrorValue),
    Raised(mlua::Error),
}

impl From<ErrorValue> for Problem {
    fn from(error: ErrorValue) -> Self {
        Problem::Told(error)
    }
}

impl From<mlua::Error> for Problem {
    fn from(error: mlua::Error) -> Self {
        Problem::Raised(error)
    }
}

type Step<T> = std::result::Result<T, Problem>;

/// Reads the first document. What the Lua state itself refuses is raised.
pub fn decode(lua: &Lua, text: &str) -> mlua::Result<Result<LuaValue>> {
    if text.len() > TEXT {
        return Ok(Err(invalid(format!("YAML is longer than {TEXT} bytes"))));
    }
    match read(lua, text) {
        Ok(value) => Ok(Ok(value)),
        Err(Problem::Told(error)) => Ok(Err(error)),
        Err(Problem::Raised(error)) => Err(error),
    }
}

fn read(lua: &Lua, text: &str) -> Step<LuaValue> {
    let mut reader = Reader { lua, open: Vec::new(), anchors: lua.create_table()?, left: ALIASED };
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| told(error.info(), *error.marker()))?;
        match reader.event(event, span.start)? {
            Some(document) => return Ok(document),
            None => continue,
        }
    }
    Ok(LuaValue::Nil)
}

fn told(problem: &str, place: Marker) -> ErrorValue {
    let (line, column) = (place.line(), place.col() + 1);
    let number = |number| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    ErrorValue {
        details: Value::Map(vec![(b"line".to_vec(), number(line)), (b"column".to_vec(), number(column))]),
        ..invalid(format!("invalid YAML: {problem} at line {line} column {column}"))
    }
}

/// A list or map that has not ended.
struct Open {
    table: Table,
    /// 0 for none.
    anchor: usize,
    place: Place,
}

/// Where in it the next value goes.
enum Place {
    Item(usize),
    Key,
    Value(LuaValue),
}

struct Reader<'a> {
    lua: &'a Lua,
    open: Vec<Open>,
    /// Values of anchors, by number. In a table, since there may be very many.
    anchors: Table,
    /// Values that aliases may still stand for.
    left: usize,
}

impl Reader<'_> {
    /// Gives the document once it is whole.
    fn event(&mut self, event: Event, at: Marker) -> Step<Option<LuaValue>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag, at),
            Event::SequenceStart(anchor, _) => self.begin(anchor, Place::Item(1), at),
            Event::MappingStart(anchor, _) => self.begin(anchor, Place::Key, at),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(ended) => self.add(LuaValue::Table(ended.table), ended.anchor, at),
                None => Ok(None),
            },
            Event::Alias(anchor) => {
                let value = self.alias(anchor, at)?;
                self.add(value, 0, at)
            }
            _ => Ok(None),
        }
    }

    fn begin(&mut self, anchor: usize, place: Place, at: Marker) -> Step<Option<LuaValue>> {
        if let Some(Open { place: Place::Key, .. }) = self.open.last() {
            return Err(told("a key that is no scalar", at).into());
        }
        if self.open.len() == DEPTH {
            return Err(told(&format!("nested deeper than {DEPTH} levels"), at).into());
        }
        self.open.push(Open { table: self.lua.create_table()?, anchor, place });
        Ok(None)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<Cow<Tag>>,
        at: Marker,
    ) -> Step<Option<LuaValue>> {
        let is_key = matches!(self.open.last(), Some(Open { place: Place::Key, .. }));
        let meaning = meaning(text, style, tag.as_deref()).map_err(|problem| told(problem, at))?;
        let value = match meaning {
            Scalar::Int(number) => LuaValue::Integer(number),
            // Other keys are as they are written: there is no key nil, and none that is not a number.
            _ if is_key => LuaValue::String(self.lua.create_string(text)?),
            Scalar::Text => LuaValue::String(self.lua.create_string(text)?),
            Scalar::Null => LuaValue::Nil,
            Scalar::Bool(flag) => LuaValue::Boolean(flag),
            Scalar::Float(number) => LuaValue::Number(number),
        };
        self.add(value, anchor, at)
    }

    /// Puts a whole value where it belongs.
    fn add(&mut self, value: LuaValue, anchor: usize, at: Marker) -> Step<Option<LuaValue>> {
        if anchor > 0 {
            self.anchors.raw_set(anchor, &value)?;
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(value)) };
        open.place = match std::mem::replace(&mut open.place, Place::Key) {
            Place::Item(index) => {
                open.table.raw_seti(index, value)?;
                Place::Item(index + 1)
            }
            Place::Key => match &value {
                LuaValue::String(_) | LuaValue::Integer(_)
                    if open.table.raw_get::<LuaValue>(&value)?.is_nil() =>
                {
                    Place::Value(value)
                }
                LuaValue::String(_) | LuaValue::Integer(_) => {
                    return Err(told("a key is there twice", at).into());
                }
                _ => return Err(told("a key that is neither text nor an integer", at).into()),
            },
            Place::Value(key) => {
                open.table.raw_set(key, value)?;
                Place::Key
            }
        };
        Ok(None)
    }

    fn alias(&mut self, anchor: usize, at: Marker) -> Step<LuaValue> {
        if self.open.iter().any(|open| open.anchor == anchor) {
            return Err(told("an alias inside of what it stands for", at).into());
        }
        let value = self.anchors.raw_get(anchor)?;
        let depth = self.open.len();
        self.copy(&value, depth, at)
    }

    fn copy(&mut self, value: &LuaValue, depth: usize, at: Marker) -> Step<LuaValue> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Problem::Told(told(&format!("aliases stand for more than {ALIASED} values"), at))
        })?;
        let LuaValue::Table(table) = value else { return Ok(value.clone()) };
        if depth == DEPTH {
            return Err(told(&format!("nested deeper than {DEPTH} levels"), at).into());
        }
        let (copied, mut problem) = (self.lua.create_table()?, None);
        let walked =
            table.for_each(|key: LuaValue, value: LuaValue| match self.copy(&value, depth + 1, at) {
                Ok(value) => copied.raw_set(key, value),
                Err(error) => {
                    problem = Some(error);
                    Err(mlua::Error::StackError)
                }
            });
        match problem {
            Some(problem) => Err(problem),
            None => Ok(walked.map(|()| LuaValue::Table(copied))?),
        }
    }
}

/// A tag says what a scalar is, and else its style; other tags than the schema's say nothing here.
fn meaning(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> std::result::Result<Scalar, &'static str> {
    let wanted = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    let found = match wanted {
        Some("str" | "binary" | "timestamp") => Some(Scalar::Text),
        Some("null") => Some(resolve(text)).filter(|scalar| *scalar == Scalar::Null),
        Some("bool") => Some(resolve(text)).filter(|scalar| matches!(scalar, Scalar::Bool(_))),
        Some("int") => scalar::integer(text),
        Some("float") => match resolve(text) {
            Scalar::Int(number) => Some(Scalar::Float(number as f64)),
            scalar => Some(scalar).filter(|scalar| matches!(scalar, Scalar::Float(_))),
        },
        // `!` alone is for text, as quotes are.
        _ if style != ScalarStyle::Plain
            || tag.is_some_and(|tag| tag.handle.is_empty() && tag.suffix == "!") =>
        {
            Some(Scalar::Text)
        }
        _ => Some(resolve(text)),
    };
    found.ok_or("a scalar is not what its tag says")
}
