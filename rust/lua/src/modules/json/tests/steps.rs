//! Text whose tables are made in more than one go, and states that have no room for them.

use super::*;

/// A value as another reader has it, of about so many parts, without nulls and empty tables: they are not written as they
/// were read.
pub(super) fn value(parts: usize, seed: &mut u64) -> serde_json::Value {
    let mut next = |most: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % most
    };
    let text = |n: u64| match n % 5 {
        0 => "a\"b\\\n\u{0}é".repeat(n as usize % 7),
        1 => "\n".repeat(n as usize % 20_000),
        _ => format!("text {n}"),
    };
    if parts <= 1 {
        return match next(5) {
            0 => (next(1 << 20) as i64 - 5000).into(),
            1 => (next(1000) as f64 + 0.25).into(),
            2 => (next(2) == 0).into(),
            _ => text(next(100_000)).into(),
        };
    }
    let width = 1 + next(parts.min(300) as u64) as usize;
    let names: Vec<_> = (0..width).map(|_| text(next(1 << 20))).collect();
    let is_list = next(2) == 0;
    let inner: Vec<_> = (0..width).map(|_| value((parts - 1) / width, seed)).collect();
    if is_list {
        inner.into()
    } else {
        names.into_iter().zip(inner).collect::<serde_json::Map<_, _>>().into()
    }
}

#[test]
fn values_of_many_steps_are_read_as_others_read_them() {
    let lua = state();
    let round: mlua::Function =
        lua.load("return function(t) return json.encode(json.decode(t)) end").eval().unwrap();
    let mut seed = 7;
    for parts in (1..6000).step_by(211) {
        let text = value(parts, &mut seed).to_string();
        assert_eq!(round.call::<String>(text.as_str()).unwrap(), text, "{parts}");
    }
}

/// Whatever step a table, a key or its value is when what is kept is full.
#[test]
fn tables_go_on_after_the_steps_that_are_kept() {
    let lua = state();
    for before in 1000..1040 {
        let list = "1,".repeat(before);
        let text = format!(r#"[{list}{{"a":{{"b":[1,[2,{{"c\n":"d\n"}}]],"e":{{}}}},"f":2}},"end"]"#);
        let check = "local text, n = ... local v = assert(json.decode(text)) local t = v[n + 1]
            return #v == n + 2 and v[n + 2] == 'end' and t.f == 2 and t.a.b[2][2]['c\\n'] == 'd\\n'
                and t.a.b[1] == 1 and t.a.b[2][1] == 2 and next(t.a.e) == nil";
        assert!(lua.load(check).call::<bool>((text, before)).unwrap(), "{before}");
    }
}

#[test]
fn tables_inside_each_other_go_on_too() {
    let lua = state();
    let check = "local text, n = ... local v, d = assert(json.decode(text)), 0
        while type(v) == 'table' do v, d = v.k or v[2], d + 1 end return d == n and v == 'x'";
    for levels in [1, 60, 126] {
        // The lists in front are two levels deeper. All levels are open over many rounds.
        let list = "1,".repeat(200).replace("1,1,", "[1],") + "1";
        let open = |level: usize| {
            if level.is_multiple_of(2) { format!(r#"{{"a":[{list}],"k\u006b":1,"k":"#) } else { "[0,".into() }
        };
        let close = |level: usize| if level.is_multiple_of(2) { "}" } else { "]" };
        let text: String = (0..levels).map(open).collect::<String>() + "\"x\"";
        let text: String = text + &(0..levels).rev().map(close).collect::<String>();
        assert!(lua.load(check).call::<bool>((text, levels)).unwrap(), "{levels}");
    }
}

#[test]
fn long_strings_are_read() {
    let same: bool = run(r#"local plain, odd = ('x'):rep(100000), ('\n"'):rep(30000)
        local t = {[plain] = odd, [odd] = plain, list = {odd, plain, odd, 'a\n', 'b'}}
        local v = assert(json.decode((json.encode(t))))
        return v[plain] == odd and v[odd] == plain and #v.list == 5 and v.list[3] == odd and v.list[4] == 'a\n'"#);
    assert!(same);
}

/// A list with holes has the length it always had.
#[test]
fn holes_are_as_in_a_table_that_grew() {
    let same: bool =
        run("for _, text in ipairs{'[1,null,3]', '[null,2]', '[1,2,null,4]', '[null,null,3,4,5,6,7]'} do
            local grown, n = {}, 0
            for word in text:gmatch('%w+') do n = n + 1 grown[n] = tonumber(word) end
            if #json.decode(text) ~= #grown then return false end
        end
        return true");
    assert!(same);
}

/// However little the limit leaves.
#[test]
fn wherever_memory_ends_the_state_goes_on() {
    let lua = state();
    let decode: mlua::Function = lua.load("return json.decode").eval().unwrap();
    let text = format!(
        "[{}]",
        (0..60)
            .map(|n| format!(r#"{{"name {n}":[1,2,3],"b\n{n}":{{"c":"{n:050}"}}}}"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    let text = lua.create_string(text).unwrap();
    lua.gc_collect().unwrap();
    let (least, mut done) = (lua.used_memory(), 0);
    for spare in (0..60_000).step_by(397) {
        lua.gc_collect().unwrap();
        lua.set_memory_limit(least + spare).unwrap();
        match decode.call::<Value>(&text) {
            Ok(_) => done += 1,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("memory") || text.contains("out of Lua stack"), "{text}");
            }
        }
        lua.set_memory_limit(0).unwrap();
    }
    assert!((5..150).contains(&done), "{done}");
    lua.gc_collect().unwrap();
    assert!(lua.used_memory() < least + (64 << 10));
}
