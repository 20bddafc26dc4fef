//! `prelude/patterns.lua`, as programs see it.

use super::*;

/// Which of the engine's functions and of ours gets what.
#[test]
fn hostile_patterns_do_not_reach_the_engine() {
    let lua = state();
    let source = "local spied = {byte = string.byte, sub = string.sub}
        local marked = {reach = native.reach, captures = native.captures, asks = native.asks}
        for _, name in next, {'find', 'match', 'gmatch', 'gsub'} do
          spied[name] = function() return 'engine' end
          marked[name] = function() return 'ours' end
        end
        marked.find_plain, marked.search = marked.find, marked.find
        return marked, spied";
    let (native, string): (Table, Table) = lua.load(source).eval().unwrap();
    let chunk = lua.load(include_str!("../../prelude/patterns.lua"));
    let patterns: Table = chunk.call((native, string)).unwrap();
    let find: Function = patterns.get("find").unwrap();
    let goes_to = |subject: &str, pattern: &str, plain: bool| -> String {
        find.call((subject, pattern, mlua::Nil, plain)).unwrap()
    };
    let (short, long) = ("a".repeat(28), "a".repeat(100_000));
    assert_eq!(goes_to(&short, "^%s*(%w+)=(.*)$", false), "engine");
    assert_eq!(goes_to(&short, "a", true), "engine");
    assert_eq!(goes_to(&short, &format!("{}{}", "a?".repeat(28), &short), false), "ours");
    assert_eq!(goes_to(&short, &".-".repeat(10), false), "engine");
    assert_eq!(goes_to(&short, &(".-".repeat(10) + "b"), false), "ours");
    assert_eq!(goes_to(&short, "%", false), "ours");
    assert_eq!(goes_to(&long, &(short + "b"), true), "ours");
    assert_eq!(goes_to(&long, "%w+=", false), "ours");
    assert_eq!(goes_to("", &long, false), "ours");
}

#[test]
fn what_takes_too_long_fails() {
    assert_eq!(
        run("local s, p = ('a'):rep(100), ('.-'):rep(12) .. 'b'
             return select(2, pcall(function() return (ours.find(s, p)) end))"),
        "program:2: pattern matching took too long (over 200000000 steps)"
    );
}

#[test]
fn errors_point_at_the_program() {
    let cases = [
        ("find('a', '%')", "malformed pattern (ends with '%')"),
        ("find('a', '(a')", "unfinished capture"),
        ("match('a', '[a')", "malformed pattern (missing ']')"),
        ("match('a', 'a)')", "invalid pattern capture"),
        ("gmatch('a', '%f')()", "missing '[' after '%f' in pattern"),
        ("gsub('a', '%ba', '')", "malformed pattern (missing arguments to '%b')"),
        ("gsub('a', '%1', print)", "invalid capture index %1"),
        ("gsub('a', 'a', '%2')", "invalid capture index %2"),
        ("gsub('a', 'a', '%')", "invalid use of '%' in replacement string"),
        ("gsub('a', 'a', function() return {} end)", "invalid replacement value (a table)"),
        ("gsub('a', 'a', {a = true})", "invalid replacement value (a boolean)"),
        ("find(nil, 'a')", "bad argument #1 to 'find' (string expected, got nil)"),
        ("find('a')", "bad argument #2 to 'find' (string expected, got nil)"),
        ("find('a', 'a', {})", "bad argument #3 to 'find' (number expected, got table)"),
        ("match('a', 'a', 1.5)", "bad argument #3 to 'match' (number has no integer representation)"),
        ("gmatch({}, 'a')", "bad argument #1 to 'gmatch' (string expected, got table)"),
        ("gsub('a', 'a')", "bad argument #3 to 'gsub' (string/function/table expected, got nil)"),
        ("gsub('a', 'a', '', 'x')", "bad argument #4 to 'gsub' (number expected, got string)"),
        ("gsub('a', 'a', true)", "bad argument #3 to 'gsub' (string/function/table expected, got boolean)"),
    ];
    for (call, message) in cases {
        for library in ["ours", "checked"] {
            let source = format!("return select(2, pcall(function()\n local x = {library}.{call} end))");
            assert_eq!(run(&source), format!("program:2: {message}"), "{call}");
        }
    }
}

#[test]
fn arguments_are_taken_as_the_engine_takes_them() {
    for library in ["ours", "checked"] {
        for (call, expected) in [
            ("find(12345, 34)", "3 4"),
            ("find('abc', 'b', '2')", "2 2"),
            ("find('abc', 'b', 2.0)", "2 2"),
            ("find('abc', 'b', -1)", "nil"),
            ("find('abc', '', 4)", "4 3"),
            ("find('abc', '', 5)", "nil"),
            ("find('abc', '', math.maxinteger)", "nil"),
            ("find('abc', 'a', math.mininteger)", "1 1"),
            ("find('abc', 'a', 0)", "1 1"),
            ("find('a.c', '.', 2, true)", "2 2"),
            ("find('a.c', '.', '1', 1)", "2 2"),
            ("match('key = value', '^(%w+)%s*=%s*(%w+)$')", "key value"),
            ("match(2.5, '%d$')", "5"),
            ("gsub(121, 1, 3)", "323 2"),
            ("gsub('abc', '%w', '%0%0', '2')", "aabbc 2"),
            ("gsub('abc', 'b', {b = 2})", "a2c 1"),
            ("gsub('abc', '', '-')", "-a-b-c- 4"),
            ("gsub('abc', '^.', string.upper)", "Abc 1"),
            ("gsub('abc def', '%w+', function(w) return w == 'abc' and 1.5 end)", "1.5 def 2"),
            ("gsub('abc', 'b', setmetatable({}, {__index = function(_, k) return k .. k end}))", "abbc 1"),
            ("gsub('abc', '.', '', -1)", "abc 0"),
        ] {
            assert_eq!(run(&format!("return {library}.{call}")), expected, "{library}.{call}");
        }
    }
}

#[test]
fn anchors_are_characters_to_gmatch() {
    for library in ["ours", "checked"] {
        let source =
            format!("local n = 0 for x in {library}.gmatch('a^a^a', '^a') do n = n + 1 end return n");
        assert_eq!(run(&source), "2");
    }
}

/// What is raised in a function that replaces arrives as it is. With our matcher it may also yield.
#[test]
fn callbacks_are_like_any_function() {
    for library in ["ours", "checked"] {
        let raise = format!(
            "local e = {{}} return select(2, pcall({library}.gsub, 'a', 'a', function() error(e) end)) == e"
        );
        assert_eq!(run(&raise), "true");
        let count = format!(
            "return {library}.gsub('abcd', '(.)(.)()(.)', function(...) return select('#', ...) end),
               {library}.gsub('abcd', '(.)(.)()(.)(.)', function(...) return select('#', ...) end),
               {library}.gsub('abc', '(.)(.)', function(...) return select('#', ...) end),
               {library}.gsub('abc', '.', function(...) return select('#', ...) end)"
        );
        assert_eq!(run(&count), "4d 5 2c 111 3");
    }
    let wait = "local co = coroutine.wrap(function() return checked.gsub('abc', '%w', coroutine.yield) end)
        local a, b, c = co(), co('x'), co('y')
        return a, b, c, co()";
    assert_eq!(run(wait), "a b c xyc 3");
}

#[test]
fn results_have_a_bound() {
    let grow = "local s = ('x'):rep(2^16)
        return select(2, pcall(checked.gsub, s, '.', function() return s end))";
    assert_eq!(run(grow), "resulting string too large");
}

/// What a long result takes is in Lua's memory, and of that a worker has only so much.
#[test]
fn results_are_in_the_memory_of_the_worker() {
    let lua = state();
    let grow = function(
        &lua,
        "return function() local s = ('x'):rep(2^13) return #checked.gsub(s, '.', s:sub(1, 2^12)) end",
    );
    assert_eq!(grow.call::<i64>(()).unwrap(), 1 << 25);
    lua.gc_collect().unwrap();
    lua.set_memory_limit(lua.used_memory() + (8 << 20)).unwrap();
    assert!(grow.call::<i64>(()).unwrap_err().to_string().contains("not enough memory"));
}

#[test]
fn many_patterns_are_not_all_kept() {
    assert_eq!(
        run(r#"
          for i = 1, 3000 do
            assert(ours.find("x" .. i .. "y", "%l" .. i .. "(%l)") == 1)
            assert(ours.gsub("ab", "(a)(b)", i .. "%2%1") == i .. "ba")
          end
          return ours.match(("a"):rep(5000) .. "b", ("a"):rep(4999) .. ".(b)")
        "#),
        "b"
    );
}
