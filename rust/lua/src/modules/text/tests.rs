use std::time::{Duration, Instant};

use mlua::FromLuaMulti;

use super::*;
use crate::modules::{errors, json};

fn state() -> Lua {
    let lua = Lua::new();
    lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
    lua.globals().set("json", json::open(&lua).unwrap()).unwrap();
    lua.globals().set("text", open(&lua).unwrap()).unwrap();
    lua
}

fn run<T: FromLuaMulti>(source: &str) -> T {
    state().load(source).eval().unwrap()
}

/// A call's result as JSON, or its error's message.
fn told(call: &str) -> String {
    run(&format!(
        "local v, e = {call}
         if e then assert(v == nil and type(e:kind()) == 'string') return e:message() end
         return assert(json.encode(v))"
    ))
}

fn matched(pattern: &str, call: &str) -> String {
    told(&format!("assert(text.regexp.compile([==[{pattern}]==])):{call}"))
}

#[test]
fn texts_are_cut() {
    for (call, wanted) in [
        ("trim('  a b\\t\\n')", "\"a b\""),
        ("trim('\u{a0}a\u{2003}')", "\"a\""),
        ("trim('xxaxx', 'x')", "\"a\""),
        ("trim('')", "\"\""),
        ("trim_left(' a ')", "\"a \""),
        ("trim_right(' a ')", "\" a\""),
        ("trim_prefix('abc', 'ab')", "\"c\""),
        ("trim_prefix('abc', 'x')", "\"abc\""),
        ("trim_suffix('abc', 'bc')", "\"a\""),
        ("sub('héllo', 2, 3)", "\"él\""),
        ("sub('héllo', -2)", "\"lo\""),
        ("sub('héllo', 0, 99)", "\"héllo\""),
        ("sub('héllo', math.mininteger, math.maxinteger)", "\"héllo\""),
        ("sub('héllo', math.maxinteger, math.mininteger)", "\"\""),
        ("sub('héllo', 4, 2)", "\"\""),
        ("len('héllo')", "5"),
        ("reverse('hé')", "\"éh\""),
        ("upper('straße')", "\"STRASSE\""),
        ("lower('ÀB')", "\"àb\""),
    ] {
        assert_eq!(told(&format!("text.{call}")), wanted, "{call}");
    }
}

#[test]
fn texts_are_split_joined_and_replaced() {
    for (call, wanted) in [
        ("split('a,b,,c', ',')", r#"["a","b","","c"]"#),
        ("split('a,b,c', ',', 2)", r#"["a","b,c"]"#),
        ("split('a,b', ',', 0)", "[]"),
        ("split('', ',')", r#"[""]"#),
        ("split('aé1', '')", r#"["a","é","1"]"#),
        ("split('aé1', '', 2)", r#"["a","é1"]"#),
        ("split('', '')", "[]"),
        ("split('ab', 'ab')", r#"["",""]"#),
        ("join({'a', 1, 2.5}, ', ')", r#""a, 1, 2.5""#),
        ("join({'a', 'b'})", r#""ab""#),
        ("join({}, 'x')", r#""""#),
        ("replace('aaa', 'a', 'bb')", r#""bbbbbb""#),
        ("replace('aaa', 'a', 'b', 2)", r#""bba""#),
        ("replace('aaa', 'x', 'b')", r#""aaa""#),
        ("repeat('ab', 3)", r#""ababab""#),
        ("repeat('ab', 3, '-')", r#""ab-ab-ab""#),
        ("repeat('ab', -1)", r#""""#),
        ("repeat('', math.maxinteger)", r#""""#),
        ("contains('abc', 'bc')", "true"),
        ("contains('abc', '')", "true"),
        ("starts_with('abc', 'ab')", "true"),
        ("has_prefix('abc', 'b')", "false"),
        ("ends_with('abc', 'bc')", "true"),
        ("has_suffix('abc', 'b')", "false"),
    ] {
        let call = call.replace("repeat(", "['repeat'](");
        let dot = if call.starts_with('[') { "" } else { "." };
        assert_eq!(told(&format!("text{dot}{call}")), wanted, "{call}");
    }
    assert!(run::<bool>(r"local t = text.split('\xffa', '') return t[1] == '\xff' and t[2] == 'a'"));
}

/// L-20
#[test]
fn bad_arguments_are_refused() {
    assert_eq!(told("text.trim({})"), "text must be a string, not table");
    assert_eq!(told("text.contains('a')"), "second text must be a string, not nil");
    assert_eq!(told("text.join('a')"), "list must be a table, not string");
    assert_eq!(told("text.join({{}})"), "item of the list must be a string, not table");
    assert_eq!(told(r"text.upper('\xff')"), "text is not valid UTF-8");
    assert_eq!(told("text.replace('a', '', 'b')"), "the text to replace must not be empty");
    assert_eq!(told("text.split('a', 'b', 'c')"), "most must be an integer, not string");
    assert_eq!(told("text.regexp.compile({})"), "pattern must be a string, not table");
    assert_eq!(matched("a", "match_string({})"), "text must be a string, not table");
    assert_eq!(matched("a", "replace_all_string('a')"), "new text must be a string, not nil");
}

#[test]
fn results_have_a_bound() {
    for call in [
        "['repeat']('x', math.maxinteger)",
        "['repeat']('x', (64 << 20) + 1)",
        ".replace(('a'):rep(100000), 'a', ('b'):rep(1000))",
        ".join({('a'):rep(40 << 20), ('a'):rep(40 << 20)})",
    ] {
        assert!(told(&format!("text{call}")).contains("larger than"), "{call}");
    }
    assert!(matched("a", "replace_all_string(('a'):rep(100000), ('b'):rep(1000))").contains("larger"));
    assert!(matched("a+", "replace_all_string(('a'):rep(100000), ('$0'):rep(1000))").contains("larger"));
}

#[test]
fn expressions_find() {
    for (pattern, call, wanted) in [
        ("[0-9]+", "match_string('abc123')", "true"),
        ("^[0-9]+$", "match_string('abc123')", "false"),
        ("[0-9]+", "find_string('abc123def')", "\"123\""),
        ("x", "find_string('abc')", "null"),
        ("[0-9]", "find_all_string('a1b2c3')", r#"["1","2","3"]"#),
        ("[0-9]", "find_all_string('a1b2c3', 2)", r#"["1","2"]"#),
        ("x", "find_all_string('abc')", "[]"),
        (
            r"(\w+)@(\w+)\.com(x)?",
            "find_string_submatch('user@example.com')",
            r#"["user@example.com","user","example",""]"#,
        ),
        ("x(y)", "find_string_submatch('a')", "null"),
        (r"(\w)=(\d)", "find_all_string_submatch('a=1 b=2')", r#"[["a=1","a","1"],["b=2","b","2"]]"#),
        ("[0-9]+", "find_string_index('abc123')", "[4,6]"),
        ("x", "find_string_index('abc')", "null"),
        ("[0-9]", "find_all_string_index('a1b2')", "[[2,2],[4,4]]"),
        ("x", "find_all_string_index('a1b2')", "null"),
        ("[0-9]", "replace_all_string('a1b2', 'X')", "\"aXbX\""),
        ("(?P<k>[a-z])([0-9])", "replace_all_string('a1b2', '$2${k}$$$x')", "\"1a$2b$\""),
        ("([a-z])", "replace_all_literal_string('ab', '$1')", "\"$1$1\""),
        ("", "replace_all_string('aé', '-')", "\"-a-é-\""),
        (",", "split('a,b,c', -1)", r#"["a","b","c"]"#),
        (",", "split('a,b,c', 2)", r#"["a","b,c"]"#),
        (",", "split('a,b,c', 0)", "[]"),
        (",", "split('a,b,')", r#"["a","b",""]"#),
        (",", "split('')", r#"[""]"#),
        ("a*", "split('abaabaccadaaae', 5)", r#"["","b","b","c","cadaaae"]"#),
        ("", "split('abc')", r#"["a","b","c"]"#),
        ("(a)(?P<n>b)", "num_subexp()", "2"),
        ("(a)(?P<n>b)", "subexp_names()", r#"["","","n"]"#),
        ("a+", "string()", "\"a+\""),
        // RE2's classes are ASCII; letters are not bytes.
        (r"\w+", "find_string('aé')", "\"a\""),
        (r"\bé", "find_string('aé')", "\"é\""),
        ("^.$", "match_string('é')", "true"),
        ("(?i)É", "match_string('é')", "true"),
    ] {
        assert_eq!(matched(pattern, call), wanted, "{pattern} {call}");
    }
    assert!(run::<bool>(r"return text.regexp.compile('b'):find_string('\xffb\xff') == 'b'"));
    assert_eq!(run::<String>("return tostring(text.regexp.compile('b'))"), "b");
}

#[test]
fn bad_patterns_are_refused() {
    for (pattern, problem) in [
        ("(", "invalid pattern: unclosed group"),
        ("[", "invalid pattern: unclosed character class"),
        ("*", "invalid pattern: repetition operator missing expression"),
        (r"(a)\1", "invalid pattern: backreferences are not supported"),
        (r"\pL{1000}", "invalid pattern: it is too large"),
        ("((a{100}){100}){100}", "invalid pattern: it is too large"),
    ] {
        assert_eq!(told(&format!("text.regexp.compile([==[{pattern}]==])")), problem);
    }
    assert!(told("text.regexp.compile(('('):rep(500) .. (')'):rep(500))").contains("invalid pattern"));
    assert!(told("text.regexp.compile(('()'):rep(1500))").contains("too many groups"));
    assert_eq!(told("text.regexp.compile(('a'):rep(4097))"), "pattern is longer than 4096 bytes");
    assert_eq!(told(r"text.regexp.compile('\xff')"), "pattern is not valid UTF-8");
}

/// Patterns that other engines need forever for, texts that are long, and matches that take the square of the text.
#[test]
fn hostile_searches_end() {
    let started = Instant::now();
    for (pattern, call) in [
        ("(a*)*b", "match_string(('a'):rep(100000))"),
        ("(a|aa)+$", "match_string(('a'):rep(100000) .. 'b')"),
        ("(x+x+)+y", "find_string_submatch(('x'):rep(20000))"),
        (".*[^A-Z]|[A-Z]", "find_all_string(('A'):rep(1 << 20))"),
        ("[ab]*a[ab]{200}", "match_string(('ab'):rep(100000))"),
        ("((a?){40}){40}b", "find_string_submatch(('a'):rep(1 << 20))"),
    ] {
        matched(pattern, call);
    }
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
    assert!(matched(".*[^A-Z]|[A-Z]", "find_all_string(('A'):rep(1 << 20))").contains("too long"));
    assert!(
        matched("[ab]*a[ab]{2000}", "match_string(('ab'):rep(10 << 20))")
            .contains("too long for this pattern")
    );
}

/// An expression's memory counts against the limit.
#[test]
fn many_expressions_meet_the_memory_limit() {
    let lua = state();
    lua.set_memory_limit(16 << 20).unwrap();
    let source =
        "local all = {} for i = 1, 10000 do all[i] = assert(text.regexp.compile('[a-z]{50}' .. i)) end";
    let failed = lua.load(source).exec().unwrap_err();
    assert!(failed.to_string().contains("memory"), "{failed}");
    // Garbage makes room.
    let garbage = "for i = 1, 1000 do assert(text.regexp.compile('a' .. i)) end";
    lua.load(garbage).exec().unwrap();
}
