//! Ours and the engine's own matcher do the same; ours ends in time; the prelude picks between them.

mod compare;
mod hostile;
mod prelude;

use mlua::{Function, Lua, Table};

use super::matcher::{LOOK, Matcher, Steps};
use super::parse::Program;
use super::{Stop, open};
use crate::watch::{Clock, Watch};

/// A state with `native`, `ours` (the prelude's functions) and `checked` (the same, with none given to the engine's).
fn state() -> Lua {
    let lua = Lua::new();
    Watch::new(Clock::default()).install(&lua).unwrap();
    let native = open(&lua).unwrap();
    let globals = lua.globals();
    globals.set("native", &native).unwrap();
    globals.set("ours", patterns(&lua, &native)).unwrap();
    let suspicious: Table = lua
        .load("local t = {} for k, f in pairs(native) do t[k] = f end function t.reach() return -1 end return t")
        .eval()
        .unwrap();
    globals.set("checked", patterns(&lua, &suspicious)).unwrap();
    lua
}

fn patterns(lua: &Lua, native: &Table) -> Table {
    let string: Table = lua.globals().get("string").unwrap();
    let chunk = lua.load(include_str!("../prelude/patterns.lua")).set_name("=patterns");
    chunk.call((native, string)).unwrap()
}

fn function(lua: &Lua, source: &str) -> Function {
    lua.load(source).set_name("=program").eval().unwrap()
}

fn run(source: &str) -> String {
    let lua = state();
    let results: mlua::Variadic<mlua::Value> = lua.load(source).set_name("=program").eval().unwrap();
    let results: Vec<String> = results.iter().map(|value| value.to_string().unwrap()).collect();
    results.join(" ")
}

/// What a search for all matches takes, or the error it ends with.
fn steps(pattern: &[u8], subject: &[u8], most: u64) -> Result<u64, String> {
    let program = Program::read(pattern);
    let (mut until_look, mut look) = (LOOK, || Ok(()));
    let mut matcher = Matcher::new(&program, subject, Steps::new(most, &mut until_look, &mut look));
    let (mut at, mut last_end) = (0, None);
    while at <= subject.len() {
        match matcher.match_at(at) {
            Ok(Some(end)) if last_end != Some(end) => (at, last_end) = (end, Some(end)),
            Ok(_) => at += 1,
            Err(Stop::Told(text)) => return Err(text.into_owned()),
            Err(Stop::Raised(error)) => return Err(error.to_string()),
        }
        if program.anchored {
            break;
        }
    }
    Ok(matcher.steps.spent())
}

/// Numbers that look like chance and are the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn text(&mut self, from: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.pick(from)).collect()
    }
}
