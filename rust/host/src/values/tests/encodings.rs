//! Guests whose strings are not UTF-8: wasmtime encodes and decodes for us.

use wit_component::StringEncoding;

use super::guests::{Guest, REALLOC};
use crate::values::{Arguments, GuestValueError, ResultTooLarge};

const WIT: &str = "export f: func(x: list<string>) -> list<string>; export bad: func() -> string;";

fn echo(encoding: StringEncoding) -> Guest {
    let module = format!(
        r#"(module {REALLOC}
            (func (export "f") (param i32 i32) (result i32)
                (i32.store (i32.const 16) (local.get 0))
                (i32.store (i32.const 20) (local.get 1))
                (i32.const 16))
            (func (export "bad") (result i32)
                (i32.store (i32.const 24) (i32.const 0xd800))
                (i32.store (i32.const 16) (i32.const 24))
                (i32.store (i32.const 20) (i32.const 0x80000001))
                (i32.const 16)))"#
    );
    Guest::encoded(WIT, &module, encoding)
}

#[test]
fn round_trips() {
    let texts = ["", "plain", "latin é", "漢字 and 🦀", &"x".repeat(5000)];
    for encoding in [StringEncoding::UTF8, StringEncoding::UTF16, StringEncoding::CompactUTF16] {
        let mut guest = echo(encoding);
        let (_, signature) = guest.func("f");
        let mut arguments = Arguments::new(&signature);
        let start = arguments.begin_list(8, texts.len()).unwrap();
        for (i, text) in texts.iter().enumerate() {
            arguments.text(start + 8 * i, text).unwrap();
        }
        arguments.end_list(0, start, 8, 4, texts.len());
        let image = guest.call("f", &mut arguments).unwrap();
        let (start, count) = image.list(0);
        let found: Vec<_> = (0..count).map(|i| image.text(start + 8 * i).unwrap()).collect();
        assert_eq!(found, texts, "{encoding:?}");
    }
}

#[test]
fn limits_and_faults() {
    let mut guest = echo(StringEncoding::UTF16);
    let (_, signature) = guest.func("f");
    let mut arguments = Arguments::new(&signature);
    let start = arguments.begin_list(8, 1).unwrap();
    arguments.text(start, "漢字漢字").unwrap();
    arguments.end_list(0, start, 8, 4, 1);
    // 28 bytes of the image, 64 for the list and 72 for its element as objects.
    assert!(guest.call_limited("f", &mut arguments, 164).is_ok());
    let error = guest.call_limited("f", &mut arguments, 163).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&ResultTooLarge { limit: 163 }));

    // A lone surrogate, tagged as UTF-16.
    let error = echo(StringEncoding::CompactUTF16).get("bad").unwrap_err();
    assert!(error.downcast_ref::<GuestValueError>().is_some(), "{error:?}");
}
