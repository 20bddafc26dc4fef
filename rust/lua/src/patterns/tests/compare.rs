//! Against the engine's own functions.

use super::*;

const PIECES: &[&str] = &[
    "a", "b", "a", "b", ".", "%a", "%d", "%s", "%w", "%x", "%p", "%l", "%u", "%c", "%g", "%A", "%S", "%W",
    "%G", "[ab]", "[^a]", "[a-c]", "[%w_]", "[%a-z]", "[a%]]", "[]a]", "[^]]", "[a-]", "[-a]", "[a-%%]",
    "[^%s]", "*", "+", "-", "?", "*", "?", "(", ")", "(", ")", "()", "%1", "%2", "%0", "%b()", "%bab",
    "%baa", "%f[%w]", "%f[^a]", "%f[%z]", "^", "$", "%.", "%(", "%%", "[", "]", "%", "%b", "%f", "%z", "\0",
    "[%", "1", " ", "\u{e9}",
];
/// Those that patterns mostly consist of.
const USUAL: &[&str] = &[
    "a", "b", ".", "%a", "[ab]", "[^b]", "a*", "b-", ".-", "%w+", "a?", "(a)", "(.-)", "()", "%s*", "(b*)",
    "%1", "$",
];
const TEXTS: &[&str] = &["a", "b", "a", "b", "c", "(", ")", "1", " ", "_", "\0", "A", "]", "%", "\u{e9}"];
const REPLACEMENTS: &[&str] = &["", "x", "<%0>", "%1", "[%1]%%", "%2%1", "%9", "%", "a%x", "%%1"];

fn compare(pieces: &[&str], longest: usize, rounds: usize, seed: u64) {
    let lua = state();
    let compare = function(&lua, include_str!("compare.lua"));
    let mut chance = Chance(seed);
    for _ in 0..rounds {
        let subject = chance.text(TEXTS, 10);
        let pattern = chance.text(pieces, longest);
        let from = Some(chance.below(28) as i64 - 14).filter(|from| *from != 0);
        let most = Some(chance.below(6) as i64 - 1).filter(|most| *most != 4);
        let arguments = (subject, pattern, chance.pick(REPLACEMENTS), from, most);
        compare.call::<()>(arguments).unwrap();
    }
}

#[test]
fn any_patterns() {
    compare(PIECES, 7, 6000, 1);
}

#[test]
fn usual_patterns() {
    compare(USUAL, 5, 6000, 2);
}

#[test]
fn every_byte_in_every_class() {
    let lua = state();
    let check = function(
        &lua,
        r#"return function(p)
          for c = 0, 255 do
            local s = string.char(c)
            assert(native.find(s, p) == string.find(s, p), p .. " " .. c)
          end
        end"#,
    );
    for class in (1..128u8).filter(|class| !b"bf0123456789".contains(class)) {
        let class = char::from(class);
        for pattern in
            [format!("%{class}"), format!("[%{class}]"), format!("[^%{class}x]"), format!("[!-{class}z]")]
        {
            if !pattern.starts_with("[!-]") && !pattern.starts_with("[!-%") {
                check.call::<()>(pattern).unwrap();
            }
        }
    }
}

#[test]
fn as_deep_as_the_engine() {
    let lua = state();
    let check = function(
        &lua,
        r#"return function(s, p)
          local ok, one = pcall(string.find, s, p)
          local other, text = native.find(s, p)
          assert(one == (other or text), p .. ": " .. tostring(one) .. " or " .. tostring(other or text))
          return ok
        end"#,
    );
    for piece in ["a?", "a*", "a-", "()"] {
        for count in [10, 198, 199, 200, 201, 250] {
            let pattern = if piece == "()" {
                format!("{}{}", "()".repeat(31), "a*".repeat(count - 31.min(count)))
            } else {
                piece.repeat(count)
            };
            let fine: bool = check.call(("a".repeat(300), pattern)).unwrap();
            assert!(fine || count >= 200, "{count} times {piece}");
        }
    }
    assert!(check.call::<bool>(("b", "a?".repeat(250))).unwrap());
    assert!(!check.call::<bool>(("a", "()".repeat(33))).unwrap());
    assert!(!check.call::<bool>(("a", "(".repeat(33))).unwrap());
}
