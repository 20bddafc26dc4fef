//! What is wrong, and where.

use super::*;

#[test]
fn errors_are_told_in_the_words_of_lua() {
    for (source, expected) in [
        ("if x\nx = 1", "2:1: 'then' expected near 'x'"),
        ("x =", "1:4: unexpected symbol near '<eof>'"),
        ("x = \"abc", "1:5: unfinished string near '<eof>'"),
        ("x = \"abc\n", "1:5: unfinished string near '\"abc'"),
        ("\n\nfunction f()\n  x()\n", "5:1: 'end' expected (to close 'function' at line 3) near '<eof>'"),
        ("function f()", "1:13: 'end' expected near '<eof>'"),
        ("x = 3x", "1:5: malformed number near '3x'"),
        ("x = 3xyz", "1:5: malformed number near '3x'"),
        ("x = 0x", "1:5: malformed number near '0x'"),
        ("x = 1..2", "1:5: malformed number near '1..2'"),
        ("x = 3e", "1:5: malformed number near '3e'"),
        ("end", "1:1: '<eof>' expected near 'end'"),
        ("f(", "1:3: unexpected symbol near '<eof>'"),
        ("f(1\n", "2:1: ')' expected (to close '(' at line 1) near '<eof>'"),
        ("x = {1 2}", "1:8: '}' expected near '2'"),
        ("x", "1:2: syntax error near '<eof>'"),
        ("(x) = 1", "1:5: syntax error near '='"),
        ("f() = 1", "1:5: syntax error near '='"),
        ("a, f() = 1", "1:8: syntax error near '='"),
        ("local 1", "1:7: <name> expected near '1'"),
        ("a.1 = 2", "1:2: syntax error near '.1'"),
        ("a:b = 2", "1:5: function arguments expected near '='"),
        ("for x do", "1:7: '=' or 'in' expected near 'do'"),
        ("for x = 1 do", "1:11: ',' expected near 'do'"),
        ("function f(1)", "1:12: <name> or '...' expected near '1'"),
        ("function f(..., a)", "1:15: ')' expected near ','"),
        ("goto 1", "1:6: <name> expected near '1'"),
        ("::a", "1:4: '::' expected near '<eof>'"),
        ("x = 'é' é", "1:9: unexpected symbol near 'é'"),
        ("x = \u{1}", "1:5: unexpected symbol near '<\\1>'"),
        ("x = \0", "1:5: unexpected symbol near '<\\0>'"),
        ("return 1 x", "1:10: '<eof>' expected near 'x'"),
        ("x = [==", "1:5: invalid long string delimiter near '[=='"),
        ("\n x = [[a\n", "2:6: unfinished long string (starting at line 2) near '<eof>'"),
        ("\n--[[a\n", "2:1: unfinished long comment (starting at line 2) near '<eof>'"),
        ("x = function() return ... end", "1:23: cannot use '...' outside a vararg function near '...'"),
        ("break", "1:1: break outside a loop near 'break'"),
        ("while x do f(function() break end) end", "1:25: break outside a loop near 'break'"),
        ("local x <foo> = 1", "1:10: unknown attribute 'foo'"),
        ("local x <close>, y <close> = 1", "1:21: multiple to-be-closed variables in local list"),
        ("local x <const> = 1\ny, x = 2", "2:4: attempt to assign to const variable 'x'"),
        ("local x <close> = f function x() end", "1:30: attempt to assign to const variable 'x'"),
    ] {
        assert_eq!(error(source), expected, "{source:?}");
    }
}

#[test]
fn escapes_are_told_with_the_string_so_far() {
    for (source, expected) in [
        (r"x = 'a\q'", r"1:7: invalid escape sequence near ''a\q'"),
        (r"x = '\é'", r"1:6: invalid escape sequence near ''\é'"),
        (r"x = '\256'", r"1:6: decimal escape too large near ''\256''"),
        (r"x = '\x4é'", r"1:6: hexadecimal digit expected near ''\x4é'"),
        (r"x = '\u41'", r"1:6: missing '{' near ''\u4'"),
        (r"x = '\u{}'", r"1:6: hexadecimal digit expected near ''\u{}'"),
        (r"x = '\u{80000000}'", r"1:6: UTF-8 value too large near ''\u{80000000'"),
        (r"x = '\u{41'", r"1:6: missing '}' near ''\u{41''"),
        (r"x = '\", "1:5: unfinished string near '<eof>'"),
        (r"x = '\x", r"1:6: hexadecimal digit expected near ''\x'"),
    ] {
        assert_eq!(error(source), expected, "{source:?}");
    }
}

#[test]
fn types_have_errors_too() {
    for (source, expected) in [
        ("local x: = 1", "1:10: type expected near '='"),
        ("x = y :: (a, b)", "1:16: '->' expected near '<eof>'"),
        ("type T = (a: b)", "1:16: '->' expected near '<eof>'"),
        ("type T = 5 6", "1:12: unexpected symbol near '6'"),
        ("type T =", "1:9: type expected near '<eof>'"),
        ("type T U", "1:6: syntax error near 'T'"),
        ("local x: {a: number", "1:20: '}' expected near '<eof>'"),
        ("local x: Map<string", "1:20: '>' expected near '<eof>'"),
        ("local x: <T> = 1", "1:14: '(' expected near '='"),
        ("x :: T = 5", "1:3: syntax error near '::'"),
        ("f() :: T = 5", "1:10: '::' expected near '='"),
    ] {
        assert_eq!(error(source), expected, "{source:?}");
    }
}

#[test]
fn luau_beyond_types_is_no_lua() {
    for source in [
        "x += 1",
        "for i = 1, 2 do continue end",
        "x = `a`",
        "x = if a then b else c",
        "if a != b then end",
        "local x = a ? b : c",
        "x = 1_000",
        "x = 0b1",
        "f<<T>>()",
    ] {
        error(source);
    }
    assert_eq!(error("if a != b then end"), "1:6: 'then' expected near '!'");
}

#[test]
fn lines_and_columns_are_counted_as_lua_and_readers_do() {
    for (source, line, column) in [
        ("\n\n  )", 3, 3),
        ("\r\n\r\n)", 3, 1),
        ("\n\r)", 2, 1),
        ("\r\r)", 3, 1),
        ("x = 'é\\\né' )", 2, 4),
        ("--[[\n\n]] )", 3, 4),
        ("\t)", 1, 2),
        ("\u{feff})", 1, 2),
    ] {
        let error = prepare(source).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{source:?}");
        assert_eq!(error.message, "unexpected symbol near ')'");
    }
}

#[test]
fn long_tokens_are_shown_in_part() {
    let shown = error(&format!("x y{} = 1", "z".repeat(1000)));
    assert_eq!(shown, format!("1:3: syntax error near 'y{}...'", "z".repeat(59)));
    assert_eq!(error("x [[a\nb]]\nz = 1 2"), "3:7: unexpected symbol near '2'");
    assert_eq!(error("return 1 [[a\nb]]"), "1:10: '<eof>' expected near '[[a...'");
}
