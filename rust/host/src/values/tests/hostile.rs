//! Guests that break the canonical ABI get their fault named; nothing panics, nothing is read out of bounds.

use super::guests::{Guest, REALLOC};
use crate::values::{Arguments, GuestValueError, ResultTooLarge};

/// Calls `f: func() -> <ty>` whose core function returns 16 as address, with `words` stored there.
fn returns(types: &str, ty: &str, words: &[u32]) -> wasmtime::Result<crate::values::Image> {
    returns_at(types, ty, 16, words)
}

fn returns_at(types: &str, ty: &str, address: u32, words: &[u32]) -> wasmtime::Result<crate::values::Image> {
    let stores: String = (0..)
        .zip(words)
        .map(|(i, word)| format!("(i32.store (i32.const {}) (i32.const {}))", 16 + 4 * i, *word as i32))
        .collect();
    let module = format!(
        r#"(module {REALLOC} (func (export "f") (result i32) {stores} (i32.const {})))"#,
        address as i32
    );
    Guest::new(&format!("{types} export f: func() -> {ty};"), &module).get("f")
}

fn fault(result: wasmtime::Result<crate::values::Image>) -> String {
    let error = result.unwrap_err();
    match error.downcast_ref::<GuestValueError>() {
        Some(GuestValueError(text)) => text.clone(),
        None => panic!("not the guest's fault: {error:?}"),
    }
}

#[test]
fn return_pointer() {
    assert_eq!(fault(returns_at("", "string", 18, &[])), "return pointer 0x12 is not aligned to 4");
    assert_eq!(fault(returns_at("", "tuple<u64, u8>", 20, &[])), "return pointer 0x14 is not aligned to 8");
    assert!(fault(returns_at("", "string", 65532, &[])).contains("out of bounds"));
    assert!(fault(returns_at("", "string", u32::MAX - 3, &[])).contains("out of bounds"));
}

#[test]
fn inner_pointers() {
    for (ty, pointer, len) in [
        ("string", 65535, 2),
        ("string", 0, 65537),
        ("string", u32::MAX, u32::MAX),
        ("string", 1, u32::MAX),
        ("list<u64>", 8, u32::MAX),
        ("list<tuple<u64, u64, string>>", 8, u32::MAX),
        ("list<list<u8>>", 65536, 1),
    ] {
        let text = fault(returns("", ty, &[pointer, len]));
        assert!(text.ends_with("out of bounds"), "{ty}: {text}");
    }
    assert_eq!(fault(returns("", "list<u64>", &[4, 1])), "list 0x4 is not aligned to 8");
    assert_eq!(fault(returns("", "list<string>", &[6, 0])), "list 0x6 is not aligned to 4");
    // A list whose only element is the list's own pair, read as a string: odd, but within the rules.
    assert_eq!(returns("", "list<string>", &[16, 1]).unwrap().size(), 8 + 8 + 1);
}

#[test]
fn the_end_of_memory_is_in_bounds() {
    assert_eq!(returns("", "list<u8>", &[65536, 0]).unwrap().list(0), (8, 0));
    assert_eq!(returns("", "list<u8>", &[65535, 1]).unwrap().list(0), (8, 1));
    assert_eq!(returns_at("", "list<u8>", 65528, &[]).unwrap().list(0), (8, 0));
}

#[test]
fn discriminants() {
    assert_eq!(fault(returns("", "option<string>", &[2, 0, 0])), "discriminant 2 of 2 cases");
    assert_eq!(fault(returns("", "list<option<string>>", &[24, 1, 9])), "discriminant 9 of 2 cases");
    let wit = "enum e { a, b } export f: func() -> e;";
    let mut guest = Guest::new(wit, r#"(module (func (export "f") (result i32) (i32.const 256)))"#);
    assert_eq!(fault(guest.get("f")), "discriminant 256 of 2 cases");
    // Without pointers behind it, a discriminant is checked when read.
    let (image, ty) = plain("option<u32>", &[5, 0]);
    assert_eq!(image.tag(&ty, 0).unwrap_err().0, "discriminant 5 of 2 cases");
}

#[test]
fn characters_and_text() {
    for code in [0xd800, 0xdfff, 0x11_0000, u32::MAX] {
        let (image, _) = plain("tuple<char, u8>", &[code, 0]);
        assert_eq!(image.char(0).unwrap_err().0, format!("{code:#x} is not a character"));
    }
    let (image, _) = plain("string", &[24, 3, 0xff_6161]);
    assert_eq!(image.text(0).unwrap_err().0, "string is not valid UTF-8 at byte 2");
    let (image, _) = plain("tuple<bool, u32>", &[0x77, 0]);
    assert!(image.bool(0));
}

fn plain(ty: &str, words: &[u32]) -> (crate::values::Image, std::sync::Arc<crate::values::Ty>) {
    let wit = format!("export f: func() -> {ty};");
    let signature = super::guests::signature(
        &wit,
        r#"(module (memory (export "memory") 1) (func (export "f") (result i32) unreachable))"#,
        "f",
    )
    .unwrap();
    (returns("", ty, words).unwrap(), signature.result.unwrap())
}

#[test]
fn too_large() {
    // Sixty-four times the same page.
    let pairs: Vec<u32> = (0..64).flat_map(|_| [0, 65536]).collect();
    let words: Vec<u32> = [24, 64].into_iter().chain(pairs).collect();
    let error = returns("", "list<string>", &words).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&ResultTooLarge { limit: 1 << 20 }));

    let module = format!(
        r#"(module {REALLOC} (func (export "f") (result i32)
            (i32.store (i32.const 20) (i32.const 100)) (i32.const 16)))"#
    );
    // 108 bytes of the image, 64 for the object.
    let mut guest = Guest::new("export f: func() -> list<u8>;", &module);
    assert!(guest.call_limited("f", &mut Arguments::default(), 172).is_ok());
    let error = guest.call_limited("f", &mut Arguments::default(), 171).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&ResultTooLarge { limit: 171 }));
}

#[test]
fn realloc() {
    let call = |realloc: &str, ty: &str| {
        let module = format!(
            r#"(module (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "f") (param i32 i32)))"#
        );
        let mut guest = Guest::new(&format!("export f: func(x: {ty});"), &module);
        let (_, signature) = guest.func("f");
        let mut arguments = Arguments::new(&signature);
        if ty == "string" {
            arguments.text(0, "hello").unwrap();
        } else {
            arguments.plain_list(0, &[0; 40], 5, 8).unwrap();
        }
        guest.call("f", &mut arguments)
    };
    assert!(call("i32.const 65531", "string").is_ok());
    assert_eq!(fault(call("i32.const 65532", "string")), "realloc return: beyond end of memory");
    assert_eq!(fault(call("i32.const -1", "string")), "realloc return: beyond end of memory");
    assert_eq!(fault(call("i32.const 12", "list<u64>")), "realloc return: result not aligned");
    let error = call("unreachable", "string").unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&wasmtime::Trap::UnreachableCodeReached));
}

#[test]
fn arguments_can_be_lowered_again() {
    let module = format!(
        r#"(module {REALLOC}
            (func (export "f") (param i32 i32) (result i32)
                (i32.store (i32.const 16) (local.get 0))
                (i32.store (i32.const 20) (local.get 1))
                (i32.const 16)))"#
    );
    let mut guest = Guest::new("export f: func(x: list<string>) -> list<string>;", &module);
    let (_, signature) = guest.func("f");
    let mut arguments = Arguments::new(&signature);
    let start = arguments.begin_list(8, 2).unwrap();
    arguments.text(start, "one").unwrap();
    arguments.text(start + 8, "two").unwrap();
    arguments.end_list(0, start, 8, 4, 2);
    for _ in 0..3 {
        let image = guest.call("f", &mut arguments).unwrap();
        let (start, 2) = image.list(0) else { panic!("{image:?}") };
        assert_eq!((image.text(start).unwrap(), image.text(start + 8).unwrap()), ("one", "two"));
    }
}
