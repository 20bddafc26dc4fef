//! Lua's patterns, matched with an end in sight.
//!
//! Lua's own matcher tries every way to match, in C, where no hook sees it: ten times `.-` over a hundred characters take
//! years. The prelude gives it what is cheap by a count made beforehand (`estimate`); the rest comes here, to a matcher
//! that does the same in counted steps (`matcher`). A pattern is read once into a list of nodes (`parse`); the last one
//! read is kept, since programs match with one pattern in a loop.
//!
//! What goes wrong with a pattern is told as `false` and a text, which the prelude raises so that it points at the
//! program's line; only what ends a call or the worker is raised from here.

mod bytes;
mod estimate;
mod functions;
mod gsub;
mod matcher;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mlua::{FromLuaMulti, Lua, MultiValue, Table};

use matcher::Steps;
use parse::Program;

/// Steps that one call of a function may take.
pub const MOST_STEPS: u64 = 200_000_000;
/// As much as a result may take.
const MOST_BYTES: usize = 1 << 30;
/// Patterns up to this long are kept once they are read.
const KEPT: usize = 4096;

/// Why there is no result.
#[derive(Debug)]
pub enum Stop {
    /// What the program is told.
    Told(Cow<'static, str>),
    /// What is raised as it is.
    Raised(mlua::Error),
}

impl Stop {
    fn told(text: impl Into<Cow<'static, str>>) -> Self {
        Stop::Told(text.into())
    }
}

impl From<mlua::Error> for Stop {
    fn from(error: mlua::Error) -> Self {
        Stop::Raised(error)
    }
}

type Outcome = Result<MultiValue, Stop>;

/// What the functions of one Lua state share.
struct Shared {
    last: Mutex<Option<Arc<Program>>>,
    /// Steps until the next look at the clock. It goes on from call to call: many short ones take as long as a long one.
    until_look: AtomicU64,
}

impl Shared {
    fn program(&self, pattern: &[u8]) -> Arc<Program> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = last.as_ref().filter(|program| program.source == pattern) {
            return Arc::clone(program);
        }
        let program = Arc::new(Program::read(pattern));
        if pattern.len() <= KEPT {
            *last = Some(Arc::clone(&program));
        }
        program
    }

    /// Calls `work` with steps that look at the clock.
    fn counted<R>(&self, lua: &Lua, work: impl FnOnce(Steps) -> R) -> R {
        let mut until_look = self.until_look.load(Ordering::Relaxed);
        let mut look = || crate::watch::refuse_overtime(lua);
        let result = work(Steps::new(MOST_STEPS, &mut until_look, &mut look));
        self.until_look.store(until_look, Ordering::Relaxed);
        result
    }
}

/// What `prelude/patterns.lua` calls.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let native = lua.create_table()?;
    let shared = Arc::new(Shared { last: Mutex::default(), until_look: AtomicU64::new(matcher::LOOK) });
    let add = Adder { lua, native: &native, shared };
    add.function("find", functions::find)?;
    add.function("find_plain", functions::find_plain)?;
    add.function("search", functions::search)?;
    add.function("match", functions::match_one)?;
    add.function("gsub", functions::gsub)?;
    add.function("reach", functions::reach)?;
    add.function("captures", functions::captures)?;
    add.function("asks", functions::asks)?;
    Ok(native)
}

struct Adder<'a> {
    lua: &'a Lua,
    native: &'a Table,
    shared: Arc<Shared>,
}

impl Adder<'_> {
    fn function<A: FromLuaMulti + 'static>(
        &self,
        name: &str,
        body: fn(&Lua, &Shared, A) -> Outcome,
    ) -> mlua::Result<()> {
        let shared = Arc::clone(&self.shared);
        let function =
            self.lua.create_function(move |lua, arguments: A| match body(lua, &shared, arguments) {
                Ok(results) => Ok(results),
                Err(Stop::Told(text)) => mlua::IntoLuaMulti::into_lua_multi((false, &*text), lua),
                Err(Stop::Raised(error)) => Err(error),
            })?;
        self.native.raw_set(name, function)
    }
}
