//! Sources made to hurt.

use std::time::{Duration, Instant};

use super::*;
use crate::source::parser::LEVELS;

const MUCH: usize = 1 << 18;

/// A slow machine takes a second for none of these; what is not linear takes minutes.
fn soon(source: &str) -> Result<Prepared, SyntaxError> {
    let begun = Instant::now();
    let result = prepare(source);
    assert!(begun.elapsed() < Duration::from_secs(20), "{}", &source[..20]);
    result
}

#[test]
fn nesting_ends_before_the_stack_does() {
    for open in [
        "x=(",
        "x={",
        "do ",
        "x=- ",
        "x=a..",
        "x=a^",
        "x=not ",
        "x=f(",
        "x=f{",
        "x=a[",
        "x=function()return ",
        "function f() ",
        "if x then ",
        "repeat ",
        "x,",
        "local x:(",
        "local x:{",
        "local x:A<",
        "local x:()->",
        "local x:typeof(",
        "type T=<T>(",
        "x=a::typeof(",
    ] {
        let (first, rest) = open.split_at(open.find(['=', ':']).map_or(0, |index| index + 1));
        let error = soon(&format!("{first}{}", rest.repeat(MUCH / rest.len()))).unwrap_err();
        assert!(error.message.contains("too many syntax levels"), "{open}: {error}");
    }
}

#[test]
fn what_is_flat_may_be_long() {
    for (first, rest) in [
        ("x=a", "+a"),
        ("x=a", ".b"),
        ("x=a", "()"),
        ("x=a", "{}"),
        ("x=a", "!"),
        ("x={", "1,"),
        ("", ";"),
        ("", "x()"),
        ("", "require'x' "),
        ("", "do local require end "),
        ("", "local x "),
        ("", "type T=U "),
        ("", "local x:T(f)()"),
        ("if x then ", "elseif x then "),
        ("local x:T", "|T"),
        ("local x:T", "?"),
        ("x=a", " as T"),
        ("x='", "\\z "),
        ("x=[[", "]=]=="),
        ("x='", "é"),
    ] {
        let last = match first {
            "x={" => "}",
            "if x then " => " end",
            "x='" => "'",
            "x=[[" => "]]",
            _ => "",
        };
        let source = format!("{first}{}{last}", rest.repeat(MUCH / rest.len()));
        assert!(soon(&source).is_ok(), "{first}{rest}: {:?}", prepare(&source).err());
    }
}

#[test]
fn what_never_ends_is_told_at_once() {
    for (first, rest) in [
        ("", "("),
        ("x='", "x"),
        ("x='", "\\\n"),
        ("x=[", "="),
        ("x=[[", "]"),
        ("x=[==[", "]="),
        ("--[==[", "]="),
        ("--", "[="),
        ("", "[="),
        ("x=", "0"),
        ("x=0x", "ep"),
        ("", "::"),
        ("", "::a"),
        ("x=a", "::a"),
        ("x=a", "::a::a::"),
        ("", "@"),
        ("", "type "),
        ("", "export type "),
        ("local x:", "a."),
        ("local x:", ">"),
        ("", "\0"),
        ("", "\u{feff}"),
    ] {
        _ = soon(&format!("{first}{}", rest.repeat(MUCH / rest.len())));
    }
}

/// The engine must not refuse, for its depth, what was found right.
#[test]
fn the_engine_goes_as_deep() {
    for (open, middle, close) in [
        ("(", "x", ")"),
        ("{", "", "}"),
        ("- ", "x", ""),
        ("f(", "", ")"),
        ("function() return ", "x", " end"),
    ] {
        let levels = LEVELS as usize;
        let deepest = (1..=levels)
            .map(|depth| format!("x = {}{middle}{}", open.repeat(depth), close.repeat(depth)))
            .rfind(|source| prepare(source).is_ok())
            .unwrap();
        let depth = deepest.matches(open).count();
        assert!(depth >= levels / 2 - 5, "{open}: {depth}");
        assert_eq!(engine(&deepest), Ok(()), "{open}: {depth}");
    }
}
