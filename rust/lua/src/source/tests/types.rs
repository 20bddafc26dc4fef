//! What is taken out, and what stays.

use super::*;

#[test]
fn lua_stays_as_it_is() {
    for source in [
        "",
        "\n\r\n\t ",
        "-- only a comment",
        "--[==[ long ]] ]==] return 1",
        "local a <const>, b <close>, c = 1, nil, 3",
        "do goto done; local x = a ::done:: end",
        "for i = 1, 3 do if i == 2 then goto continue end x = y\n::continue:: end",
        "x = y\n::a:: ::b::\nz()\ngoto a",
        "a:b():c'x'.d{1}[2](3)",
        "print(type(x), type 'y', type.z) type = 5 type(x) type.y = 2 type, t = 1, 2",
        "export = 1 export.type = 2 export(type) typeof(x) as = 1\nas(b) as.c = 2",
        "x = y\nas(z)",
        "x = y\nas = z",
        "return a << 1 >> 2 // 3 | 4 ~ 5 & ~6 ~= 7 <= 8 >= 9 == 0 ^ -1 .. #t % 2 and not b or ...",
        "return 0x.8p-1, 0xA.8, 0XFFp+2, .5, 5., 3e-2, 3E+4, 0xffffffffffffffffff, 1//1",
        "return '\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\'\\065\\x41\\u{7FFFFFFF}\\z\n   \\\n', [==[]]]=]]==], \"\\\r\nx\"",
        "local function f(...) return function(a, ...) return ... end end",
        "function a.b.c:d() self.x = self end function e() end",
        "while true do repeat local x = 1 break until x end",
        "if a then elseif b then else end ;;; do end return;",
        "t = {1, 2; a = 1, ['b'] = 2, f(), ...,} f{} f'' f[[]]",
        "local function f() return end return (f())",
    ] {
        assert_eq!(stripped(source), source);
    }
}

#[test]
fn declarations() {
    check("local x«: number» = 1");
    check("local a«: string?», b, c«: {number}» = 1");
    check("local x <const>«: number» = 1");
    check("local x«: number» <const> = 1");
    check("local x«: Map<string, List<number>>» <close> = nil");
    check("local x«: List<List<number>>»=y");
    check("local x«: List<number>»= y");
    check("local x«: number @min(0) @max(100)» = 50");
    check("local x«: number @min(1) | string @check» = 50");
    check("for i«: number» = 1, 2 do end");
    check("for i«: number», v«: any» in pairs(t) do end");
    check("for i, v«: any» in pairs(t) do end");
}

#[test]
fn functions() {
    check("function f(a«: string», ...«: any»)«: boolean» end");
    check("function f(a«: string», b«?: number»)«: (string, number?)» return a end");
    check("local function f«<T>»(a«: T»)«: (string, number?)» return a end");
    check("function a.b:c«<T: Named, U = T, V...>»()«: ()» end");
    check("x = function«<T>»(a)«: T» return a end");
    check("function f()«: T» (g)() end");
    check("function f()«: ...number» return 1 end");
    check("function f(...«: T...»)«: T...» return ... end");
    check("function f()«: (number) -> string» (g)() end");
    check("function f()«: T» ::top:: goto top end");
    check("return function()«: {string}» return {} end");
    check("function f()«: typeof(require('x'))» return end");
}

#[test]
fn types() {
    for ty in [
        "nil",
        "true | false",
        "\"a\" | 'b' | [[c]]",
        "number?",
        "number??",
        "(number | string)?",
        "| \"a\" | \"b\"",
        "& A & B",
        "a.b.C",
        "a.B<number, (string), ...any>",
        "F<>",
        "F<(number, string), T...>",
        "{}",
        "{number}",
        "{ [string]: number, name: string; other?: {}, }",
        "{ read x: number, write [string]: T, readonly: boolean, read: string, end: T }",
        "{ age: number @min(0) @max(150), name: string @pattern(\"^.+$\") }",
        "() -> ()",
        "(number, ...string) -> (number) -> string?",
        "(a: number, b?: string, ...: any) -> (...any)",
        "(a: number, ...T) -> T...",
        "<T, U...>(T, U...) -> (T, U...)",
        "((number) -> string)?",
        "typeof(x)",
        "typeof({ a = 1, f = function(): T return y :: T end }) | nil",
        "{\n -- a comment: with 'quotes\n a: number, --[[ é ]]\n\tb: \"é\"\n}",
        "Map<string, List<List<number>>>",
    ] {
        check(&format!("local x«: {ty}» = y"));
        check(&format!("local x = (y «:: {ty}»)"));
        check(&format!("«type T = {ty}» x = 1"));
        check(&format!("function f(a«: {ty}», ...«: {ty}»)«: {ty}» return end"));
    }
}

#[test]
fn type_statements() {
    check("«type A = number»\n«export type B<T, U...> = {T}»; return 1");
    check("«type A<T>= T»");
    check("do «type A<T = List<number>> = T» end");
    check("«type type = type» type(x) «export type export = type» export()");
}

#[test]
fn casts() {
    check("local x = y «:: T» + z «:: T» .. -w «:: number»");
    check("f(a «:: T», b «as T»).c = {d «:: T», e = f «as any»; [g «:: T»] = 1}");
    check("(x «:: any»).y = 1");
    check("local x = y «as any as {number}»");
    check("local x = y «as (number) -> string»");
    check("local name = (user«!»).name .. user«!».name .. f()«!»");
    check("return x «:: T»");
    check("if x «:: T» then elseif y «as nil» then end");
    check("x = y «:: T» ::label:: goto label");
    check("x = y «:: List<T>» ::label:: goto label");
    check("x = function() end «:: T»");
    check("x = 'a' «:: \"a\"» y = ... «:: any»");
}

#[test]
fn a_type_between_statements_keeps_them_apart() {
    assert_eq!(stripped("x = a :: T\n(f)()"), "x = a ;   \n(f)()");
    assert_eq!(stripped("x = a as T (f)()"), "x = a ;    (f)()");
    assert_eq!(stripped("repeat until a :: T (f)()"), "repeat until a ;    (f)()");
    assert_eq!(stripped("x = a\ntype T = U\n(f)()"), "x = a\n;         \n(f)()");
    assert_eq!(stripped("x = a type T = U type V = W (f)()"), "x = a            ;          (f)()");
    assert_eq!(stripped("x = a :: T; (f)()"), "x = a     ; (f)()");
    assert_eq!(stripped("x = (a :: T)(f)()"), "x = (a     )(f)()");
    let lua = mlua::Lua::new();
    let text =
        stripped("local log = {}\nlocal f = 1 :: number\n(function() log[1] = 2 end)()\nreturn log[1] + f");
    assert_eq!(lua.load(text).eval::<i64>().unwrap(), 3);
}

#[test]
fn what_only_files_may_start_with_is_blanked() {
    assert_eq!(stripped("#!/usr/bin/lua é\nreturn 1"), format!("{}\nreturn 1", " ".repeat(16)));
    assert_eq!(stripped("\u{feff}local x: T = 1"), " local x    = 1");
    assert_eq!(stripped("\u{feff}#!x"), "    ");
    assert_eq!(error("# x"), "1:1: unexpected symbol near '#'");
    assert_eq!(error("\n#!"), "2:1: unexpected symbol near '#'");
    assert_eq!(error("#!x\n)"), "2:1: unexpected symbol near ')'");
}
