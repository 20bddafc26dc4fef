//! The WIT text of core modules.

use crate::values::parse_wit;

fn printed(text: &str) -> Vec<String> {
    let functions = parse_wit(text).unwrap();
    functions.iter().map(|(name, signature)| format!("{name}: {signature}")).collect()
}

fn error(text: &str) -> String {
    parse_wit(text).unwrap_err().to_string()
}

#[test]
fn functions() {
    assert_eq!(printed("add: func(a: s32, b: s32) -> s32;"), ["add: func(a: s32, b: s32) -> s32"]);
    assert_eq!(
        printed(
            "export f: func();\n// a comment\n /* another /* nested */ one */ export: func(x:list<string>)->f32"
        ),
        ["f: func()", "export: func(x: list<string>) -> f32"]
    );
    assert_eq!(printed("%func: func(%list: char,) -> list<u8>;"), ["func: func(list: char) -> list<u8>"]);
    let all = "f: func(a: bool, b: s8, c: u8, d: s16, e: u16, f: s32, g: u32, h: s64, i: u64, j: f32, k: f64, \
               l: char, m: string)";
    assert_eq!(printed(all), [all]);
}

#[test]
fn errors() {
    for text in ["", "  \n", "// nothing\n", "/* nothing */"] {
        assert_eq!(error(text), "no functions found in WIT text");
    }
    assert_eq!(
        error("f: func(\n  a: thing);").split(": use").next().unwrap(),
        "WIT text, 2:6: type `thing` is not supported for a core module"
    );
    assert_eq!(error("f: record"), "WIT text, 1:4: expected `func`: only functions can be declared here");
    assert_eq!(error("f func()"), "WIT text, 1:3: expected `:`, found `func`");
    assert_eq!(error("f: func() g: func()"), "WIT text, 1:11: expected `;`, found `g`");
    assert_eq!(error("f: func(a: u8"), "WIT text, 1:14: expected `)`, found the end of the text");
    assert_eq!(error("f: func(a: u8, a: u8);"), "WIT text, 1:16: parameter \"a\" is declared twice");
    assert_eq!(error("f: func(); f: func();"), "WIT text, 1:21: function \"f\" is declared twice");
    assert_eq!(error("/* f: func();"), "WIT text, 1:1: comment without an end");
    assert_eq!(error("f: func() -> é;"), "WIT text, 1:14: unexpected character 'é'");
    assert_eq!(error("%: func();"), "WIT text, 1:1: `%` without a name");
    assert!(error("f: func(a: list<list<u8>>);").contains("type `list` is not supported"));
}

#[test]
fn never_panics() {
    let text = "/* é */ export %f: func(a: list<u8>, b: char) -> string; g: func(); // é\n";
    for (start, _) in text.char_indices() {
        for (end, _) in text.char_indices().skip(start) {
            if start <= end {
                let _ = parse_wit(&text[start..end]);
            }
        }
    }
}
