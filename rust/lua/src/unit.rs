//! The chunk of one entry, checked and compiled: what workers load.

use std::sync::Arc;

use memchr::memmem;
use mlua::Lua;

use crate::source::{self, Require, SyntaxError};

/// What an entry says of its chunk.
#[derive(Debug, Default)]
pub struct UnitSpec {
    /// `namespace:name`.
    pub entry: String,
    /// What errors and tracebacks call the source.
    pub file: String,
    /// The number of the source's first line in `file`.
    pub line: u32,
    pub source: String,
    pub modules: Vec<String>,
    /// Libraries by the names the chunk requires them by.
    pub imports: Vec<(String, Arc<Unit>)>,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Unit {
    pub entry: String,
    pub file: String,
    pub modules: Vec<String>,
    pub imports: Vec<(String, Arc<Unit>)>,
    /// What the source requires, by literal names.
    pub requires: Vec<Require>,
    /// Which of [`WORDS`] the text has in it, in their order.
    pub(crate) mentions: [bool; WORDS.len()],
    /// It may get at globals by names that are not in it.
    pub(crate) mentions_all: bool,
    bytecode: Vec<u8>,
}

/// What tells a worker which parts of the prelude its program may need.
pub(crate) const WORDS: [&str; 9] =
    ["channel", "errors", "find", "gsub", "match", "math", "os", "payload", "table"];

/// More lines before a source than this are not counted.
const MOST_LINES: u32 = 1_000_000;

impl Unit {
    /// Checks and compiles a source. Errors have the lines of `file`.
    pub fn compile(spec: UnitSpec) -> Result<Arc<Unit>, SyntaxError> {
        let UnitSpec { entry, file, line, source, modules, imports } = spec;
        let before = line.saturating_sub(1).min(MOST_LINES);
        let moved = |line: u32| line.saturating_add(before);
        let prepared =
            source::prepare(&source).map_err(|error| SyntaxError { line: moved(error.line), ..error })?;
        let requires = prepared.requires.into_iter();
        let requires = requires.map(|require| Require { line: moved(require.line), ..require }).collect();
        let text = "\n".repeat(before as usize) + &prepared.text;
        let bytecode = compiled(&text, &chunk_name(&file), false)
            .map_err(|message| engine_error(&message, before + 1))?;
        let has = |word: &str| memmem::find(text.as_bytes(), word.as_bytes()).is_some();
        let (mentions, mentions_all) = (WORDS.map(has), has("_G") || has("_ENV"));
        Ok(Arc::new(Unit { entry, file, modules, imports, requires, mentions, mentions_all, bytecode }))
    }

    /// The chunk as a function, its globals in `env`.
    pub(crate) fn load(&self, lua: &Lua, env: mlua::Table) -> mlua::Result<mlua::Function> {
        let chunk = lua.load(&self.bytecode[..]).set_name(chunk_name(&self.file));
        chunk.set_mode(mlua::ChunkMode::Binary).set_environment(env).into_function()
    }

    /// This unit and those it imports, each once, this one first.
    pub(crate) fn all(self: &Arc<Unit>) -> Vec<Arc<Unit>> {
        let mut found = vec![Arc::clone(self)];
        let mut next = 0;
        while next < found.len() {
            let unit = Arc::clone(&found[next]);
            for (_, import) in &unit.imports {
                if !found.iter().any(|known| Arc::ptr_eq(known, import)) {
                    found.push(Arc::clone(import));
                }
            }
            next += 1;
        }
        found
    }
}

/// Bytecode, with its names and the numbers of its lines or without. Only ours is ever loaded: that of others could do
/// anything.
pub(crate) fn compiled(text: &str, name: &str, strip: bool) -> Result<Vec<u8>, String> {
    let lua = Lua::new();
    let chunk = lua.load(text).set_name(name).set_mode(mlua::ChunkMode::Text);
    let function = chunk.into_function().map_err(|error| match error {
        mlua::Error::SyntaxError { message, .. } => message,
        other => other.to_string(),
    })?;
    Ok(function.dump(strip))
}

fn chunk_name(file: &str) -> String {
    format!("@{file}")
}

/// What the compiler itself refuses, past our own look at the syntax: `file:line: message`.
fn engine_error(message: &str, first: u32) -> SyntaxError {
    let mut parts = message.rsplitn(2, ": ");
    let text = parts.next().unwrap_or(message);
    let line = message.split(':').find_map(|part| part.parse().ok()).unwrap_or(first);
    SyntaxError { line, column: 1, message: text.to_owned() }
}
