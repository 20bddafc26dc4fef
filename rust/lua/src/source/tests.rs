//! Sources through the whole of `prepare`, beside what the engine says of them.

mod errors;
mod hostile;
mod requires;
mod soup;
mod types;

use super::*;

fn prepared(source: &str) -> Prepared {
    prepare(source).unwrap_or_else(|error| panic!("{error} in\n{source}"))
}

/// The engine's `line: message`, in our spelling of the end.
fn engine(text: &str) -> Result<(), String> {
    thread_local!(static LUA: mlua::Lua = mlua::Lua::new());
    let loaded = LUA.with(|lua| lua.load(text).set_name("=x").into_function().map(drop));
    let Err(error) = loaded else { return Ok(()) };
    let error = match error {
        mlua::Error::SyntaxError { message, .. } => message,
        other => other.to_string(),
    };
    let told = error.strip_prefix("x:").unwrap_or(&error);
    Err(told.replace("near <eof>", "near '<eof>'").replace(": <eof> expected", ": '<eof>' expected"))
}

/// What is left of a source that has types: Lua, of the same shape.
fn stripped(source: &str) -> String {
    let text = prepared(source).text;
    assert_eq!(engine(&text), Ok(()), "\n{source}\nbecame\n{text}");
    let shape = |text: &str| text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
    assert_eq!(shape(&text), shape(source), "\n{source}\nbecame\n{text}");
    text
}

/// `source` has its annotations between `«` and `»`.
#[track_caller]
fn check(marked: &str) {
    let source = marked.replace(['«', '»'], "");
    let mut inside = false;
    let expected: String = marked
        .chars()
        .filter_map(|c| match c {
            '«' | '»' => {
                inside = c == '«';
                None
            }
            _ => Some(if inside && !c.is_whitespace() { ' ' } else { c }),
        })
        .collect();
    assert_eq!(stripped(&source), expected);
    assert_eq!(prepared(&expected).text, expected, "nothing is left to erase");
}

fn error(source: &str) -> String {
    prepare(source).expect_err(source).to_string()
}
