//! `fs`: files of the registry's filesystems (L-35, K-1 to K-4). What starts here waits; the objects are made in
//! `prelude/fs.lua`, and the worker keeps what belongs to them: directories of the host and open files, by number.
//!
//! A volume holds no descriptor: its directory is opened for each operation. That costs one more system call, and a worker
//! that waits for calls keeps nothing open. Whoever got a volume may use it in later calls of its worker too, as the
//! platform has it. A file is closed with the call that opened it.
//!
//! Work is done where it may block, one piece at a time a worker: what is read or written lies outside the Lua state, where
//! no limit of memory holds, so there is never more of it than one file. An operation that has begun goes on when its call
//! is given up; nobody sees what it came to.

use std::sync::Arc;

use mlua::{Lua, Table, Value as LuaValue};

use super::args::{self, Result, invalid};
use super::errors;
use crate::host::{Directory, Waiting};
use crate::operations::start;
use crate::program::Plan;
use crate::value::Value;
use crate::watch::host;

mod file;
mod path;
mod turn;
mod volume;

use file::Files;
use path::Target;
use turn::Turn;

/// What a worker keeps for the module. Cheap to clone.
#[derive(Clone)]
struct State {
    volumes: Arc<std::sync::Mutex<Vec<(String, Directory)>>>,
    files: Arc<Files>,
    turn: Turn,
    /// Bytes that are read at once, at most.
    limit: usize,
}

/// The number of an operation, or nil and an error.
type Started = (Option<i64>, LuaValue);

/// Where an operation of a volume takes place: the volume's number, its working directory, the path as it was given.
type At = (usize, mlua::String, LuaValue);

/// What `prelude/fs.lua` starts.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("get", lua.create_function(get)?)?;
    table.raw_set("readfile", on_volume(lua, |state, target| volume::read(target, state.limit))?)?;
    table.raw_set("exists", on_volume(lua, |_, target| volume::exists(target))?)?;
    table.raw_set("isdir", on_volume(lua, |_, target| volume::is_dir(target))?)?;
    table.raw_set("stat", on_volume(lua, |_, target| volume::stat(target))?)?;
    table.raw_set("mkdir", on_volume(lua, |_, target| volume::make_dir(target))?)?;
    table.raw_set("remove", on_volume(lua, |_, target| volume::remove(target))?)?;
    table.raw_set("readdir", on_volume(lua, |_, target| volume::list(target))?)?;
    table.raw_set("chdir", on_volume(lua, |_, target| volume::canonical(target))?)?;
    table.raw_set("writefile", lua.create_function(write)?)?;
    table.raw_set("open", lua.create_function(file::open)?)?;
    file::add_operations(lua, &table)?;
    Ok(table)
}

/// The worker's, made when it is first asked for.
fn state(lua: &Lua) -> mlua::Result<State> {
    if let Some(state) = lua.app_data_ref::<State>() {
        return Ok(state.clone());
    }
    let memory = lua.app_data_ref::<Arc<Plan>>().map_or(0, |plan| plan.memory);
    let limit = if memory == 0 { args::OUTPUT } else { memory / 2 };
    let state = State { volumes: Arc::default(), files: Arc::default(), turn: Turn::default(), limit };
    lua.set_app_data(state.clone());
    Ok(state)
}

fn started(lua: &Lua, waiting: Result<Waiting>) -> mlua::Result<Started> {
    match waiting {
        Ok(waiting) => Ok((Some(start(lua, waiting)?), LuaValue::Nil)),
        Err(error) => Ok((None, errors::push(lua, error)?)),
    }
}

/// `fs.get(id)`: waits for the number of the volume.
fn get(lua: &Lua, id: LuaValue) -> mlua::Result<Started> {
    let state = state(lua)?;
    let id = match args::string(lua, &id, "filesystem ID").map(|id| id.to_string_lossy()) {
        Ok(id) if id.is_empty() => Err(invalid("filesystem ID required")),
        other => other,
    };
    let waiting = host(lua)?;
    let directory = |id: String| -> Waiting {
        let found = waiting.directory(id.clone());
        Box::pin(async move { Ok(found.await?.map(|directory| state.add_volume(id, directory))) })
    };
    started(lua, id.map(directory))
}

impl State {
    /// A number for each id, so that there are no more of them than filesystems.
    fn add_volume(&self, id: String, directory: Directory) -> Value {
        let mut volumes = self.lock();
        let number = match volumes.iter().position(|(known, _)| *known == id) {
            Some(known) => known,
            None => {
                volumes.push((id, directory.clone()));
                volumes.len() - 1
            }
        };
        volumes[number].1 = directory;
        Value::Int(number as i64)
    }

    fn target(&self, lua: &Lua, (volume, working, path): &At) -> Result<Target> {
        let directory = self.lock().get(*volume).map(|(_, directory)| directory.clone());
        let directory = directory.ok_or_else(|| invalid("no such volume"))?;
        let given = args::string(lua, path, "path")?;
        Target::new(directory, &working.as_bytes(), &given.as_bytes())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Directory)>> {
        self.volumes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A function of a volume and a path.
fn on_volume(lua: &Lua, work: fn(&State, &Target) -> Result<Value>) -> mlua::Result<mlua::Function> {
    lua.create_function(move |lua, at: At| {
        let state = state(lua)?;
        let target = state.target(lua, &at);
        let turn = state.turn.clone();
        started(lua, target.map(|target| turn.run(None, move |_| work(&state, &target), Ok)))
    })
}

/// `writefile(path, data, mode)`
fn write(
    lua: &Lua,
    (volume, working, path, data, mode): (usize, mlua::String, LuaValue, LuaValue, LuaValue),
) -> mlua::Result<Started> {
    let state = state(lua)?;
    let waiting = || {
        let target = state.target(lua, &(volume, working, path))?;
        let mode = file::mode(lua, &mode, "w")?;
        if !mode.only_writes() {
            return Err(invalid("invalid mode: writefile takes w, a or wx"));
        }
        let data = args::string(lua, &data, "data")?;
        Ok(state.turn.run(Some(data), move |data| volume::write(&target, mode, &data), Ok))
    };
    started(lua, waiting())
}
