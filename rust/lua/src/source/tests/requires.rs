//! Calls of `require`.

use super::*;

fn names(source: &str) -> Vec<String> {
    prepared(source).requires.into_iter().map(|require| require.name).collect()
}

#[test]
fn literals_are_listed_with_their_places() {
    let source = "local a: T = require(\"x\") -- é\n  f('é', require 'y' :: T).z = require [[z]].w";
    let listed: Vec<_> = prepared(source).requires.into_iter().map(|r| (r.name, r.line, r.column)).collect();
    let expected = [("x".to_owned(), 1, 14), ("y".to_owned(), 2, 10), ("z".to_owned(), 2, 32)];
    assert_eq!(listed, expected);
}

#[test]
fn their_strings_are_read() {
    assert_eq!(
        names(
            r#"require "a\x62\99\u{64}\z   e\
f""#
        ),
        ["abcde\nf"]
    );
    assert_eq!(names("require [=[\r\na\r\nb]]]=]"), ["a\nb]]"]);
    assert_eq!(names("require '' require [[]]"), ["", ""]);
    assert_eq!(names(r#"require "\xff\u{D800}""#), ["\u{fffd}\u{fffd}"]);
}

#[test]
fn others_are_not() {
    for source in [
        "a.require('x')",
        "a:require('x')",
        "require(x)",
        "require('x' .. y)",
        "require('x', 1)",
        "require(('x'))",
        "require{}",
        "local x = require",
        "x = {require = 'y'}",
        "local x: typeof(require('y'))",
        "local require = f require 'x'",
        "local function require() require 'x' end",
        "function f(require) require 'x' end",
        "for require in f do require 'x' end",
        "repeat local require until require 'x'",
    ] {
        assert_eq!(names(source), [""; 0], "{source}");
    }
    assert_eq!(names("do local require end require 'x'"), ["x"]);
    assert_eq!(names("local require = require 'x'"), ["x"]);
    assert_eq!(names("function f(require) end require 'x'"), ["x"]);
    assert_eq!(names("require(require 'x')"), ["x"]);
}
