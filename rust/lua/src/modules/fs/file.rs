//! Open files: by numbers that are not used again, and closed with the call that opened them.
//!
//! That is seen to by an operation that never ends: like every operation of a call it is dropped when the call is over,
//! however it ends. A file that is opened while its call ends is closed too, since it gets a number only where the call
//! still waits for it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_primitives::fs::Metadata;
use mlua::{Lua, Table, Value as LuaValue};

use super::{At, Started, State, started, state};
use super::{path, volume};
use crate::error::{ErrorValue, Kind};
use crate::modules::args::{self, Result, invalid};
use crate::operations::start;
use crate::value::Value;

/// Files that a call has open at once.
const MOST_OPEN: usize = 64;
/// What `read` reads where nothing is said.
const CHUNK: i64 = 4096;

/// What is done with a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mode {
    pub reads: bool,
    pub writes: bool,
    pub appends: bool,
    pub truncates: bool,
    pub creates: bool,
    /// It must not be there yet.
    pub new: bool,
}

impl Mode {
    pub const READ: Mode =
        Mode { reads: true, writes: false, appends: false, truncates: false, creates: false, new: false };

    pub fn only_writes(self) -> bool {
        self.writes && !self.reads
    }
}

/// By its text, `default` where it is nil.
pub fn mode(lua: &Lua, value: &LuaValue, default: &str) -> Result<Mode> {
    let text = match value {
        LuaValue::Nil => default.to_owned(),
        value => args::string(lua, value, "mode")?.to_string_lossy(),
    };
    let writes = Mode { writes: true, creates: true, ..Mode::default() };
    let mode = match text.trim_end_matches('+') {
        "r" => Mode::READ,
        "w" => Mode { truncates: true, ..writes },
        "a" => Mode { appends: true, ..writes },
        "wx" => Mode { new: true, ..writes },
        _ => {
            return Err(invalid(format!("invalid mode {text:.16?}: expected r, w, a or wx, and + for both")));
        }
    };
    match &text[text.trim_end_matches('+').len()..] {
        "" => Ok(mode),
        "+" => Ok(Mode { reads: true, writes: true, ..mode }),
        _ => Err(invalid(format!("invalid mode {text:.16?}"))),
    }
}

/// One that is open.
struct Handle {
    file: File,
    mode: Mode,
    /// As the program named it.
    given: String,
}

/// Those of a worker.
#[derive(Default)]
pub struct Files(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    last: i64,
    /// The last number that calls before this one gave.
    before: i64,
    open: HashMap<i64, Arc<Handle>>,
    /// Something closes them with the call.
    guarded: bool,
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> Result<()> {
        if self.lock().open.len() < MOST_OPEN {
            return Ok(());
        }
        Err(invalid(format!("too many open files: a call has at most {MOST_OPEN} at once")))
    }

    fn add(&self, handle: Handle) -> Result<Value> {
        self.room()?;
        let mut inner = self.lock();
        inner.last += 1;
        let number = inner.last;
        inner.open.insert(number, Arc::new(handle));
        Ok(Value::Int(number))
    }

    fn get(&self, number: i64) -> Result<Arc<Handle>> {
        let inner = self.lock();
        let text = match inner.open.get(&number) {
            Some(handle) => return Ok(Arc::clone(handle)),
            None if number <= inner.before => "file is closed: the call that opened it has ended",
            None => "file is closed",
        };
        Err(ErrorValue { retryable: Some(false), ..ErrorValue::new(Kind::Internal, text) })
    }
}

/// Closes everything when it is dropped.
struct Guard(Arc<Files>);

impl Drop for Guard {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        let open = std::mem::take(&mut inner.open);
        inner.before = inner.last;
        inner.guarded = false;
        drop(inner);
        drop(open);
    }
}

fn guard(lua: &Lua, files: &Arc<Files>) -> mlua::Result<()> {
    if std::mem::replace(&mut files.lock().guarded, true) {
        return Ok(());
    }
    let guard = Guard(Arc::clone(files));
    start(
        lua,
        Box::pin(async move {
            let _guard = guard;
            std::future::pending().await
        }),
    )?;
    Ok(())
}

/// `open(path, mode)`: waits for the file's number.
pub fn open(
    lua: &Lua,
    (number, working, path, how): (usize, mlua::String, LuaValue, LuaValue),
) -> mlua::Result<Started> {
    let state = state(lua)?;
    guard(lua, &state.files)?;
    let waiting = || {
        let at: At = (number, working, path);
        let target = state.target(lua, &at)?;
        let mode = mode(lua, &how, "r")?;
        let (before, after) = (Arc::clone(&state.files), Arc::clone(&state.files));
        let work = move |_| {
            // Before anything is made or cut.
            before.room()?;
            let file = volume::open(&target, mode)?;
            Ok(Handle { file, mode, given: target.given })
        };
        Ok(state.turn.run(None, work, move |handle| after.add(handle)))
    };
    started(lua, waiting())
}

/// What the methods of a file start, and what they do at once.
pub fn add_operations(lua: &Lua, table: &Table) -> mlua::Result<()> {
    table.raw_set("file_read", lua.create_function(read)?)?;
    table.raw_set("file_write", lua.create_function(write)?)?;
    table.raw_set("file_seek", lua.create_function(seek)?)?;
    table.raw_set("file_stat", lua.create_function(stat)?)?;
    table.raw_set("file_sync", lua.create_function(sync)?)?;
    table.raw_set("file_close", lua.create_function(close)?)?;
    table.raw_set("file_check", lua.create_function(check)?)?;
    Ok(())
}

/// Does something with an open file where that may block.
fn on_file(
    lua: &Lua,
    number: i64,
    data: Option<mlua::String>,
    work: impl FnOnce(&State, &Handle, &[u8]) -> Result<Value> + Send + 'static,
) -> mlua::Result<Started> {
    let state = state(lua)?;
    let handle = state.files.get(number);
    let turn = state.turn.clone();
    started(lua, handle.map(|handle| turn.run(data, move |data| work(&state, &handle, &data), Ok)))
}

/// As many bytes as are there, at most `count`; an error at the end of the file.
fn read(lua: &Lua, (number, count): (i64, LuaValue)) -> mlua::Result<Started> {
    let count = match args::integer_or(&count, "size", CHUNK) {
        Ok(0) => CHUNK,
        Ok(count) if count > 0 => count,
        Ok(_) => return started(lua, Err(invalid("size must not be negative"))),
        Err(error) => return started(lua, Err(error)),
    };
    on_file(lua, number, None, move |state, handle, _| {
        if !handle.mode.reads {
            return Err(ErrorValue::new(
                Kind::Internal,
                format!("{}: file is not open for reading", handle.given),
            ));
        }
        let mut bytes = Vec::new();
        let read = (&handle.file).take((count as u64).min(state.limit as u64)).read_to_end(&mut bytes);
        read.map_err(|error| path::failed(&handle.given, &error))?;
        if bytes.is_empty() { Err(ErrorValue::new(Kind::NotFound, "EOF")) } else { Ok(Value::Str(bytes)) }
    })
}

fn write(lua: &Lua, (number, data): (i64, LuaValue)) -> mlua::Result<Started> {
    let data = match args::string(lua, &data, "data") {
        Ok(data) => data,
        Err(error) => return started(lua, Err(error)),
    };
    on_file(lua, number, Some(data), |_, handle, data| {
        if !handle.mode.writes {
            return Err(ErrorValue::new(
                Kind::Internal,
                format!("{}: file is not open for writing", handle.given),
            ));
        }
        (&handle.file).write_all(data).map_err(|error| path::failed(&handle.given, &error))?;
        Ok(Value::Int(data.len() as i64))
    })
}

/// Where the file goes on from; the position then.
fn seek(lua: &Lua, (number, whence, offset): (i64, LuaValue, LuaValue)) -> mlua::Result<Started> {
    match position(lua, &whence, &offset) {
        Err(error) => started(lua, Err(error)),
        Ok(position) => on_file(lua, number, None, move |_, handle, _| {
            let moved = (&handle.file).seek(position).map_err(|error| path::failed(&handle.given, &error))?;
            Ok(Value::Int(i64::try_from(moved).unwrap_or(i64::MAX)))
        }),
    }
}

fn position(lua: &Lua, whence: &LuaValue, offset: &LuaValue) -> Result<SeekFrom> {
    let offset = args::integer_or(offset, "offset", 0)?;
    let whence = match whence {
        LuaValue::Nil => "cur".to_owned(),
        whence => args::string(lua, whence, "whence")?.to_string_lossy(),
    };
    match &*whence {
        "set" => match u64::try_from(offset) {
            Ok(offset) => Ok(SeekFrom::Start(offset)),
            Err(_) => Err(invalid("offset must not be negative from the start")),
        },
        "cur" => Ok(SeekFrom::Current(offset)),
        "end" => Ok(SeekFrom::End(offset)),
        other => Err(invalid(format!("invalid whence {other:.16?}: expected set, cur or end"))),
    }
}

fn stat(lua: &Lua, number: i64) -> mlua::Result<Started> {
    on_file(lua, number, None, |_, handle, _| {
        let found = handle.file.metadata().map_err(|error| path::failed(&handle.given, &error))?;
        let name = handle.given.trim_end_matches('/').rsplit('/').next().unwrap_or(".");
        Ok(volume::described(name, &Metadata::from_just_metadata(found)))
    })
}

fn sync(lua: &Lua, number: i64) -> mlua::Result<Started> {
    on_file(lua, number, None, |_, handle, _| {
        handle.file.sync_all().map_err(|error| path::failed(&handle.given, &error))?;
        Ok(Value::Bool(true))
    })
}

/// At once, and no matter how often.
fn close(lua: &Lua, number: i64) -> mlua::Result<bool> {
    let closed = state(lua)?.files.lock().open.remove(&number);
    drop(closed);
    Ok(true)
}

/// Nil, or why nothing can be done with the file.
fn check(lua: &Lua, number: i64) -> mlua::Result<LuaValue> {
    match state(lua)?.files.get(number) {
        Ok(_) => Ok(LuaValue::Nil),
        Err(error) => crate::modules::errors::push(lua, error),
    }
}
