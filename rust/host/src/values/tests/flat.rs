//! Core values: ours and wasmtime's of the same arguments are the same, bit by bit.

use wit_parser::abi::{AbiVariant, WasmType};

use super::guests::{Guest, REALLOC, world};
use super::model::{Random, put, random_type, random_value, val};
use crate::values::Arguments;

/// A guest whose `flat` stores its core parameters as 64-bit words, and `dump` returns them.
fn recorder(types: &str, ty: &str) -> Option<(String, String)> {
    let wit = format!("{types} export flat: func(x: {ty}); export dump: func() -> list<u64>;");
    let (resolve, id) = world(&wit);
    let item = resolve.worlds[id].exports.values().find_map(|item| match item {
        wit_parser::WorldItem::Function(func) if func.name == "flat" => Some(func),
        _ => None,
    });
    let signature = resolve.wasm_signature(AbiVariant::GuestExport, item?);
    if signature.indirect_params {
        return None;
    }
    let mut params = String::new();
    let mut stores = String::new();
    for (i, ty) in signature.params.iter().enumerate() {
        let (ty, wide) = match ty {
            WasmType::F32 => ("f32", format!("(i64.extend_i32_u (i32.reinterpret_f32 (local.get {i})))")),
            WasmType::F64 => ("f64", format!("(i64.reinterpret_f64 (local.get {i}))")),
            WasmType::I64 | WasmType::PointerOrI64 => ("i64", format!("(local.get {i})")),
            _ => ("i32", format!("(i64.extend_i32_u (local.get {i}))")),
        };
        params += &format!("(param {ty}) ");
        stores += &format!("(i64.store (i32.const {}) {wide})\n", 64 + 8 * i);
    }
    let count = signature.params.len();
    let module = format!(
        r#"(module {REALLOC}
            (func (export "flat") {params} {stores})
            (func (export "dump") (result i32)
                (i32.store (i32.const 16) (i32.const 64))
                (i32.store (i32.const 20) (i32.const {count}))
                (i32.const 16)))"#
    );
    Some((wit, module))
}

fn dump(guest: &mut Guest) -> Vec<u64> {
    let image = guest.get("dump").unwrap();
    let (start, count) = image.list(0);
    (0..count).map(|i| u64::from_le_bytes(image.read(start + 8 * i))).collect()
}

#[test]
fn same_core_values_as_wasmtime() {
    let mut compared = 0;
    for seed in 1..=200 {
        let mut types = String::new();
        let mut random = Random(seed * 0x9e37_79b9_7f4a_7c15);
        let ty = random_type(&mut random, 2, &mut types);
        let Some((wit, module)) = recorder(&types, &ty) else { continue };
        // Two instances, so that both allocate at the same addresses.
        let (mut ours, mut theirs) = (Guest::new(&wit, &module), Guest::new(&wit, &module));
        let (func, signature) = theirs.func("flat");
        let plan = &signature.params[0].ty;
        let value = random_value(&mut random, plan);
        let mut arguments = Arguments::new(&signature);
        put(&mut arguments, plan, 0, &value);
        ours.call("flat", &mut arguments).unwrap();
        func.call(&mut theirs.store, &[val(plan, &value)], &mut []).unwrap();
        let (ours, theirs) = (dump(&mut ours), dump(&mut theirs));
        // Addresses differ where lists hold strings: wasmtime allocates parents first. All else is equal.
        let same = ours.iter().zip(&theirs).filter(|(a, b)| a == b).count();
        assert!(plan.pointers || same == ours.len(), "{value:?} of {ty}: {ours:?} {theirs:?}\n{types}");
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn one_core_result() {
    for (types, ty, core, given, expected) in [
        ("", "bool", "i32", "i32.const 7", 1),
        ("", "u8", "i32", "i32.const 0x1ff", 0xff),
        ("", "s8", "i32", "i32.const -2", 0xfe),
        ("", "s16", "i32", "i32.const -2", 0xfffe),
        ("", "u32", "i32", "i32.const -1", 0xffff_ffff),
        ("", "s64", "i64", "i64.const -1", u64::MAX),
        ("", "f32", "f32", "f32.const 1.5", 0x3fc0_0000),
        ("", "f64", "f64", "f64.const 1.5", 0x3ff8_0000_0000_0000),
        ("", "char", "i32", "i32.const 0x1f980", 0x1f980),
        ("", "result", "i32", "i32.const 1", 1),
        ("enum e { a, b, c }", "e", "i32", "i32.const 2", 2),
        ("flags f { a, b, c }", "f", "i32", "i32.const 0xfd", 0xfd),
        ("record r { only: tuple<u16> }", "r", "i32", "i32.const 0x12345", 0x2345),
    ] {
        let wit = format!("{types} export f: func() -> {ty};");
        let mut guest = Guest::new(&wit, &format!(r#"(module (func (export "f") (result {core}) {given}))"#));
        let image = guest.get("f").unwrap();
        let mut word = [0; 8];
        word[..image.size()].copy_from_slice(image.bytes(0, image.size()));
        assert_eq!(u64::from_le_bytes(word), expected, "{ty}");
    }
}
