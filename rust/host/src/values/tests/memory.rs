//! Layout in memory: what we write wasmtime reads, what wasmtime writes we read.

use wasmtime::component::Val;

use super::guests::{Guest, REALLOC};
use super::model::{Random, get, put, random_type, random_value, val};
use crate::values::{Arguments, Kind};

/// `put` keeps the address of its parameters, which spill; `get` gives it back as the address of its result.
fn keeper(types: &str, ty: &str) -> Guest {
    let pad = ["u64"; 17].join(", ");
    let wit = format!(
        "{types} export put: func(x: {ty}, pad: tuple<{pad}>); export get: func() -> tuple<{ty}, u64>;"
    );
    let module = format!(
        r#"(module {REALLOC}
            (global $kept (mut i32) (i32.const 0))
            (func (export "put") (param i32) (global.set $kept (local.get 0)))
            (func (export "get") (result i32) (global.get $kept)))"#
    );
    Guest::new(&wit, &module)
}

fn check(seed: u64, types: &str, ty: &str) {
    let mut guest = keeper(types, ty);
    let (put_func, signature) = guest.func("put");
    let (get_func, get_signature) = guest.func("get");
    let plan = &signature.params[0].ty;
    let result = get_signature.result.clone().unwrap();
    let mut random = Random(seed);
    for _ in 0..4 {
        let value = random_value(&mut random, plan);
        let mut arguments = Arguments::new(&signature);
        put(&mut arguments, plan, 0, &value);
        guest.call("put", &mut arguments).unwrap();

        let mut found = [Val::Bool(false)];
        get_func.call(&mut guest.store, &[], &mut found).unwrap();
        let [Val::Tuple(found)] = &found else { panic!("{found:?}") };
        assert_eq!(found[0], val(plan, &value), "ours to wasmtime: {ty}\n{types}");
        let Kind::Tuple(items) = &result.kind else { panic!("{result}") };
        let image = guest.get("get").unwrap();
        assert_eq!(get(&image, &items[0].ty, 0), value, "ours to ours: {ty}\n{types}");

        let value = random_value(&mut random, plan);
        let pad = Val::Tuple(vec![Val::U64(7); 17]);
        put_func.call(&mut guest.store, &[val(plan, &value), pad], &mut []).unwrap();
        let image = guest.get("get").unwrap();
        assert_eq!(get(&image, &items[0].ty, 0), value, "wasmtime to ours: {ty}\n{types}");
    }
}

#[test]
fn random_types() {
    for seed in 1..=120 {
        let mut types = String::new();
        let ty = random_type(&mut Random(seed * 0x9e37_79b9_7f4a_7c15), 3, &mut types);
        check(seed, &types, &ty);
    }
}

#[test]
fn chosen_types() {
    let records = "record point { x: f64, y: f32, tag: u8 } record line { a: point, b: option<point> }";
    let variants = "variant shape { none, circle(f64), tall(tuple<u8, u64>), name(string) }";
    let many: Vec<_> = (0..300).map(|i| format!("c{i}")).collect();
    let many = format!("enum many {{ {} }}", many.join(", "));
    for (types, ty) in [
        (records, "list<line>"),
        (variants, "list<shape>"),
        (&*many, "list<many>"),
        ("", "option<option<option<string>>>"),
        ("", "result<list<list<string>>, tuple<char, bool>>"),
        ("", "list<tuple<u8, list<u8>, u64>>"),
        ("", "list<option<char>, 5>"),
    ] {
        check(1, types, ty);
    }
}
