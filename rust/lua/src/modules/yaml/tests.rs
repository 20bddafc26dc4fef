use std::time::Instant;

use mlua::FromLuaMulti;

use super::*;
use crate::modules::{errors, json};

fn state() -> Lua {
    let lua = Lua::new();
    lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
    lua.globals().set("json", json::open(&lua).unwrap()).unwrap();
    lua.globals().set("yaml", open(&lua).unwrap()).unwrap();
    lua
}

fn run<T: FromLuaMulti>(source: &str) -> T {
    state().load(source).eval().unwrap()
}

/// A text, decoded, as JSON; or its error, which is of kind Invalid (L-20).
fn json_of(text: impl AsRef<[u8]>) -> String {
    let lua = state();
    let source = "local v, e = yaml.decode(...)
                  if e then assert(v == nil and e:kind() == errors.INVALID) return e:message() end
                  return assert(json.encode(v))";
    lua.load(source).call(lua.create_string(text).unwrap()).unwrap()
}

fn encoded(source: &str) -> String {
    run(&format!(
        "local v, e = yaml.encode({source})
         if e then assert(v == nil and e:kind() == errors.INVALID) return e:message() end
         return v"
    ))
}

#[test]
fn text_is_read() {
    for (text, wanted) in [
        (
            "server:\n  host: localhost\n  port: 8080\nfeatures:\n  - auth\n  - logging\n",
            r#"{"features":["auth","logging"],"server":{"host":"localhost","port":8080}}"#,
        ),
        (
            "name: test\nratio: 3.14\non: true\nempty:\ntext: '1'",
            r#"{"name":"test","on":true,"ratio":3.14,"text":"1"}"#,
        ),
        ("[1, 0x10, .inf, yes, \"a\\u00e9\"]", "[1,16,null,\"yes\",\"aé\"]"),
        ("{a: {b: []}}", r#"{"a":{"b":[]}}"#),
        ("a: |\n  x\n  y\nb: >\n  x\n  y\n", r#"{"a":"x\ny\n","b":"x y\n"}"#),
        ("!!str 1", "\"1\""),
        ("!!float 1", "1"),
        ("!custom 1", "1"),
        ("- !!int '7'", "[7]"),
        ("just text", "\"just text\""),
        ("# nothing", "null"),
        ("---\na: 1\n---\nb: 2\n", r#"{"a":1}"#),
        ("true: 1\nnull: 2\n1.5: 3\n", r#"{"1.5":3,"null":2,"true":1}"#),
        ("1: a\n2: b\n", r#"["a","b"]"#),
        ("? a\n: b\n", r#"{"a":"b"}"#),
    ] {
        assert_eq!(json_of(text), wanted, "{text}");
    }
}

#[test]
fn aliases_are_copies() {
    assert_eq!(json_of("a: &x [1]\nb: *x\n"), r#"{"a":[1],"b":[1]}"#);
    assert!(run::<bool>("local v = yaml.decode('a: &x [1]\\nb: *x') v.a[1] = 2 return v.b[1] == 1"));
    assert_eq!(json_of("- &x 1\n- *x\n"), "[1,1]");
    assert_eq!(json_of("- &k key\n- {*k : 1}\n"), r#"["key",{"key":1}]"#);
    assert_eq!(json_of("- 1\n- &x ~\n- *x\n"), "[1]");
}

/// Nine lines for a billion values; and what contains itself.
#[test]
fn aliases_have_a_budget() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    assert!(json_of(&bomb).contains("more than 100000 values at line"), "{}", json_of(&bomb));
    assert!(json_of("&a [*a]").contains("inside of what it stands for"));
    assert!(json_of("&a {b: [*a]}").contains("inside of what it stands for"));
    assert!(json_of("*a").contains("invalid YAML"));
    // Each level is one deeper than the alias.
    let mut deep = String::from("- &a0 []\n");
    for level in 1..200 {
        deep += &format!("- &a{level} [*a{}]\n", level - 1);
    }
    assert!(json_of(&deep).contains("128 levels"));
}

#[test]
fn bad_text_is_told_with_its_place() {
    assert!(json_of("a: [1\nb: 2").starts_with("invalid YAML: "));
    assert_eq!(run::<i64>("return select(2, yaml.decode('a: 1\\nb: [}')):details().line"), 2);
    assert_eq!(json_of("a: 1\na: 2"), "invalid YAML: a key is there twice at line 2 column 1");
    assert!(json_of("[a]: 1").contains("a key that is no scalar"));
    assert!(json_of("!!int x").contains("not what its tag says"));
    assert_eq!(json_of(""), "YAML is empty");
    assert_eq!(json_of(b"\xff"), "YAML is not valid UTF-8");
    for bad in [
        "%YAML 9",
        "\t- a",
        "a: b: c",
        "'",
        "\"\\x\"",
        "{",
        "- a\nb",
        "&",
        "*",
        "!<",
        "@",
        "`",
        "|9999999999",
    ] {
        json_of(bad);
    }
}

/// L-20
#[test]
fn arguments_of_other_types_are_errors() {
    assert_eq!(encoded("'x'"), "data must be a table, not string");
    assert_eq!(encoded(""), "data must be a table, not nil");
    assert_eq!(
        run::<String>("return select(2, yaml.decode({})):message()"),
        "YAML must be a string, not table"
    );
}

#[test]
fn depth_has_a_bound() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(json_of(nested(128)), nested(128));
    assert!(json_of(nested(129)).contains("128 levels"));
    assert!(json_of("- ".repeat(200)).contains("128 levels"));
    let table = |levels: usize| {
        format!("(function() local t = {{1}} for i = 2, {levels} do t = {{t}} end return t end)()")
    };
    assert!(encoded(&table(128)).ends_with("- 1\n"));
    assert!(encoded(&table(129)).contains("128 levels"));
    assert!(encoded("(function() local t = {} t.t = t return t end)()").contains("contains itself"));
}

#[test]
fn tables_are_written() {
    for (source, wanted) in [
        ("{name = 'myapp', port = 8080, debug = true}", "debug: true\nname: myapp\nport: 8080\n"),
        ("{'apple', 'banana'}", "- apple\n- banana\n"),
        (
            "{http = {address = ':8080', list = {1, {a = 1, b = {}}, {2, {3}}}}}",
            "http:\n  address: \":8080\"\n  list:\n    - 1\n    - a: 1\n      b: {}\n    - - 2\n      - - 3\n",
        ),
        ("{}", "{}\n"),
        ("{1.5, 2.0, 0/0 ~= 0/0 and 1/0, -1/0}", "- 1.5\n- 2\n- .inf\n- -.inf\n"),
        (
            "{'yes', '1', 'null', '', 'a: b', 'x ', '- a', 'é\\n', 'a #b', 'NO', '2024-01-01'}",
            "- \"yes\"\n- \"1\"\n- \"null\"\n- \"\"\n- \"a: b\"\n- \"x \"\n- \"- a\"\n- \"é\\n\"\n- \"a #b\"\n- \"NO\"\n- \"2024-01-01\"\n",
        ),
        (
            "{zebra = 1, alpha = 2, name = 'test', kind = 'k'}, {field_order = {'name', 'kind'}, sort_unordered = true}",
            "name: test\nkind: k\nalpha: 2\nzebra: 1\n",
        ),
    ] {
        assert_eq!(encoded(source), wanted, "{source}");
    }
    assert_eq!(encoded("{1, a = 2}"), "table has both indexes and text as keys");
    assert_eq!(encoded("{a = print}"), "cannot encode a function as YAML");
    assert!(encoded(r"{'\xff'}").contains("UTF-8"));
}

#[test]
fn what_is_written_reads_as_the_same() {
    let source = r"
        local v = {list = {1, 'two', {three = {'\n', '\t', 'é', '\0', '\127', '---', '...', '%', '@', '#'}}}, [('k'):rep(2000)] = 'long',
            ['a\nb'] = 1, ['? '] = {{}, {{{'deep'}}}}, t = 'true', n = '~', f = 0.1, big = 2^60 | 0, e = '1e3', s = ' x', ['-'] = '-'}
        local back = assert(yaml.decode((assert(yaml.encode(v)))))
        return json.encode(back) == json.encode(v)";
    assert!(run::<bool>(source));
}

#[test]
fn the_result_has_a_bound() {
    let shared = "local t = {1} for i = 1, 60 do t = {t, t} end return t";
    let error =
        encode::encode_within(&state().load(shared).eval().unwrap(), &Value::Nil, 10_000).unwrap_err();
    assert_eq!(error.message, "there are too many values");
    let large = "(function() local a = ('x'):rep(40 << 20) return {a, a} end)()";
    assert!(encoded(large).contains("larger"));
}

/// What is long and strange takes time in proportion to its length. The bound is far above what is measured.
#[test]
fn hostile_texts_are_quick() {
    let texts = |n: usize| {
        [
            "[".repeat(n),
            "{".repeat(n),
            "- ".repeat(n),
            "? ".repeat(n),
            "a: ".repeat(n),
            "[a, ".repeat(n),
            "{a: ".repeat(n),
            "&a ".repeat(n),
            "!a ".repeat(n),
            "*a ".repeat(n),
            "'".repeat(n),
            "\"".repeat(n),
            " ".repeat(n),
            "\n".repeat(n),
            "\t".repeat(n),
            "#".repeat(n),
            "---\n".repeat(n),
            "%TAG ! a\n".repeat(n),
            format!("|\n{}", " x\n".repeat(n)),
            format!(">\n{}", " \n".repeat(n)),
            format!("a{}", "\n ".repeat(n)),
            format!("a{}b", " ".repeat(n)),
            format!("\"{}\"", "\\\n".repeat(n)),
            format!("[{}]", "&a a,".repeat(n)),
            format!("[{}]", "a,".repeat(n)),
            format!("{{{}}}", "? a,".repeat(n)),
            format!("[{}]", "\n".repeat(n)),
            "x".repeat(n),
            (0..n / 8).map(|i| format!("k{i}: v\n")).collect(),
            (0..n / 8).map(|i| format!("- &k{i} [*k{}]\n", i.max(1) - 1)).collect(),
        ]
    };
    let lua = state();
    let decode: mlua::Function = lua.load("return function(s) yaml.decode(s) end").eval().unwrap();
    for text in texts(20_000) {
        let started = Instant::now();
        decode.call::<()>(lua.create_string(&text).unwrap()).unwrap();
        let shown: String = text.chars().take(12).collect();
        assert!(started.elapsed().as_secs() < 5, "{shown:?}: {:?}", started.elapsed());
    }
}

/// Pieces in any order: whatever comes of them, nothing panics.
#[test]
fn nonsense_is_read_or_refused() {
    const PIECES: [&str; 40] = [
        "a",
        "é",
        "\u{feff}",
        "\u{85}",
        "1",
        "-",
        "- ",
        "? ",
        ": ",
        ":",
        ",",
        "[",
        "]",
        "{",
        "}",
        "#",
        " #",
        "&a",
        "*a",
        "!",
        "!!str",
        "!<",
        ">",
        "|",
        "|2",
        ">-",
        "'",
        "\"",
        "\\",
        "\\x",
        "%",
        "%YAML 1.2",
        "%TAG ! !",
        "@",
        "`",
        "\n",
        "\n ",
        "\n  ",
        "\t",
        "---\n",
    ];
    let lua = state();
    let decode: mlua::Function = lua.load("return function(s) yaml.decode(s) end").eval().unwrap();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..CASES {
        let mut text = String::new();
        for _ in 0..seed % 24 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text += PIECES[(seed >> 20) as usize % PIECES.len()];
        }
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        decode.call::<()>(lua.create_string(&text).unwrap()).unwrap();
    }
}

const CASES: usize = 5_000;
