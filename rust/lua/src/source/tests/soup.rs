//! Random sources: what the engine takes is taken, what it refuses is refused, at the same line and for the same reason.

use super::*;

/// Xorshift: the same sources in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const ROUNDS: usize = 20_000;

/// Without any that may begin a type.
const TOKENS: &[&str] = &[
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while", "+", "-", "*", "/", "%", "^", "#",
    "&", "~", "|", "<<", ">>", "//", "==", "~=", "<=", ">=", "=", "(", ")", "{", "}", "[", "]", ";", ",",
    ".", "..", "...", "a", "b", "f", "1", "0x1p4", "'s'", "[[l]]", "\n", "--c\n", "=", "a", "b", "(", ")",
    "end", "end", ",",
];

/// Pieces that make longer right sources likelier than single tokens do.
const PIECES: &[&str] = &[
    "local a = 1",
    "local a, b",
    "local function f(a, ...)",
    "function f.g:h(a)",
    "a = function(...)",
    "return a, b",
    "return ...",
    "if a then",
    "elseif b then",
    "else",
    "end",
    "end",
    "end",
    "while a do",
    "for i = 1, 2 do",
    "for k, v in f(a) do",
    "repeat",
    "until a == b",
    "do",
    "break",
    "f(a, b)",
    "f'x'",
    "a:b{1, a = 2, [b] = 3}",
    "a.b, c[1] = 2, 3",
    "a = b",
    "(f or g)(a)",
    "local a <const> = 1",
    "a = a + b .. 'x' ^ -2 // 3",
    "= 3",
    ";",
    "{",
    "(",
    ")",
    "}",
];

/// A line and a message; `break` and constants are told elsewhere by the engine, and with less.
fn told(source: &str) -> Result<(), String> {
    prepare(source).map(drop).map_err(|error| format!("{}: {}", error.line, error.message))
}

fn agree(source: &str) {
    let (ours, theirs) = (told(source), engine(source));
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{source:?}: {ours:?}, engine {theirs:?}");
    let same = |error: &String| !error.contains("break outside") && !error.contains("const variable");
    if let (Err(ours), Err(theirs)) = (ours, theirs)
        && same(&ours)
        && same(&theirs)
    {
        assert_eq!(ours, theirs, "{source:?}");
    }
}

#[test]
fn tokens_in_any_order_are_judged_as_by_the_engine() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        let count = random.below(9);
        let tokens: Vec<_> = (0..=count).map(|_| random.of(TOKENS)).collect();
        agree(&tokens.join(" "));
    }
}

/// With all that types are written with: what is Lua without them stays so, and what is not becomes Lua.
#[test]
fn types_are_seen_only_where_lua_has_none() {
    const TYPED: &[&str] = &[
        ":",
        "::",
        "type",
        "export",
        "<",
        ">",
        "T",
        "goto",
        "?",
        "!",
        "->",
        "as T",
        ": T",
        "= a :: T",
        "local a : T",
    ];
    let (mut random, mut typed) = (Random(0x0fed_cba9_8765_4321), 0);
    for _ in 0..ROUNDS {
        let count = random.below(5);
        let tokens = (0..=count).map(|_| [TOKENS, TYPED, PIECES][random.below(3)]).collect::<Vec<_>>();
        let tokens = tokens.into_iter().map(|choices| random.of(choices));
        let source = tokens.collect::<Vec<_>>().join(" ");
        let prepared = prepare(&source);
        if engine(&source).is_ok() {
            assert_eq!(prepared.map(|prepared| prepared.text), Ok(source));
        } else if let Ok(prepared) = prepared {
            typed += 1;
            lua_but_for_labels(&source, &prepared.text);
        }
    }
    assert!(typed > 20, "{typed}");
}

/// Labels are the engine's business.
fn lua_but_for_labels(source: &str, text: &str) {
    let judged = engine(text);
    let labels = judged.as_ref().err().is_none_or(|error| error.contains("label"));
    assert!(labels, "{source:?} became {text:?}: {judged:?}");
}

#[test]
fn statements_in_any_order_are_judged_as_by_the_engine() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut right = 0;
    for _ in 0..ROUNDS {
        let count = random.below(7);
        let source: String =
            (0..=count).map(|_| random.of(PIECES).to_owned() + random.of(&[" ", "\n"])).collect();
        right += usize::from(told(&source).is_ok());
        agree(&source);
    }
    assert!(right > 500, "{right}");
}

#[test]
fn characters_in_any_order_do_no_harm() {
    const CHARS: &[&str] = &[
        "\0",
        "\n",
        "\r",
        " ",
        "\t",
        "'",
        "\"",
        "\\",
        "[",
        "]",
        "=",
        "-",
        "x",
        "u",
        "z",
        "{",
        "}",
        "0",
        "9",
        "e",
        "p",
        ".",
        ":",
        "<",
        ">",
        "é",
        "\u{feff}",
        "#",
        "!",
        "(",
        ")",
        "~",
        "`",
        "?",
        "@",
        "_",
        "\u{1f600}",
        "1",
        "a",
    ];
    let mut random = Random(0xdead_beef_cafe_f00d);
    for _ in 0..ROUNDS {
        let count = random.below(24);
        let source: String = (0..count).map(|_| random.of(CHARS)).collect();
        if let Ok(prepared) = prepare(&source) {
            assert_eq!(engine(&prepared.text), Ok(()), "{source:?}");
        }
    }
}

/// Strings and numbers alone: their ends and their faults are Lua's.
#[test]
fn literals_are_judged_as_by_the_engine() {
    const PARTS: &[&str] = &[
        "0", "1", "9", "a", "f", "x", "e", "p", ".", "+", "-", "\\x4", "\\u{", "}", "\\z ", "\\1", "\\25",
        "\\n", "\\", "'", "\"", "[[", "]]", "[=[", "]=]", "=", "\n", "--", "_", " ",
    ];
    let mut random = Random(0x0123_4567_89ab_cdef);
    for _ in 0..ROUNDS {
        let first = random.of(&["", "0x", "1", "'", "[[", "--[[", "[=["]);
        let count = random.below(7);
        let parts: String = (0..count).map(|_| random.of(PARTS)).collect();
        let source = format!("return {first}{parts}");
        let (ours, theirs) = (told(&source), engine(&source));
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{source:?}: {ours:?}, engine {theirs:?}");
    }
}

#[test]
fn types_in_any_order_leave_lua() {
    const PARTS: &[&str] = &[
        "local a: number = 1",
        "local a: T",
        "type T = {a: U}",
        "type T<A> = A",
        "a = b :: T",
        "a = b as T",
        "(f)()",
        "local a = b :: {T}",
        "function f<T>(a: T): T",
        "end",
        "f(a :: T)",
        "::l::",
        "do",
        "a = b",
        "| U",
        "?",
        "-> T",
        "<A>",
        "(A)",
        "return a :: T",
        "repeat",
        "until a :: T",
        "!",
        "local a: T <const> = 1",
        "@min(1)",
        "f()",
    ];
    let mut random = Random(0x1357_9bdf_0246_8ace);
    let mut right = 0;
    for _ in 0..ROUNDS {
        let count = random.below(6);
        let source: String =
            (0..=count).map(|_| random.of(PARTS).to_owned() + random.of(&[" ", "\n"])).collect();
        if let Ok(prepared) = prepare(&source) {
            right += 1;
            lua_but_for_labels(&source, &prepared.text);
            assert_eq!(prepare(&prepared.text).map(|again| again.text), Ok(prepared.text));
        }
    }
    assert!(right > 2_000, "{right}");
}
