//! The prelude: Lua of our own that workers run. A part is loaded when it is first needed.

use std::sync::LazyLock;

use mlua::{Function, Lua};

use crate::unit::compiled;

/// The source of its functions, whose bytecode has neither names nor lines: workers are made sooner and are smaller
/// without. Nobody is shown these frames, and the hook leaves them alone. Programs keep their names, which begin with `@`.
pub(crate) const SOURCE: &[u8] = b"=?";
/// What an error that Lua raises in one begins with.
pub(crate) const PLACE: &str = "?:-1: ";
/// What a frame of one begins with in a traceback.
pub(crate) const FRAME: &str = "?: in ";

macro_rules! sources {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("prelude/", $name, ".lua")))),*] };
}

const SOURCES: [(&str, &str); 12] = sources![
    "calls",
    "channel",
    "fs",
    "http_client",
    "kernel",
    "logger",
    "math",
    "modules",
    "patterns",
    "program",
    "sandbox",
    "tables"
];

/// Bytecode, by name.
static PARTS: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    let compiled = |(name, text)| {
        let bytecode = compiled(text, name, true);
        (name, bytecode.unwrap_or_else(|error| panic!("{error}")))
    };
    SOURCES.into_iter().map(compiled).collect()
});

/// The chunk of a part.
pub(crate) fn part(lua: &Lua, name: &str) -> mlua::Result<Function> {
    let found = PARTS.iter().find(|(part, _)| *part == name);
    let (name, bytecode) = found.ok_or_else(|| mlua::Error::runtime(format!("no part {name:?}")))?;
    lua.load(&bytecode[..]).set_name(*name).set_mode(mlua::ChunkMode::Binary).into_function()
}
