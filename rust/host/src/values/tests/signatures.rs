//! Plans from components: printing, what is refused, arguments of another guest.

use super::guests::{component_bytes, engine, signature};
use crate::values::{Arguments, Kind, Signature};

const EMPTY: &str = r#"(module (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "f") (param i32 i32) (result i32) unreachable))"#;

#[test]
fn display() {
    let types = "record user { id: u32, name: string } variant shape { circle(f64), empty } \
                 enum color { red, dark-blue } flags rights { read, write }";
    let result = "result<tuple<user, shape, color, rights, option<char>>, list<s8>>";
    let wit = format!("{types} export f: func(the-name: string) -> {result};");
    let found = signature(&wit, EMPTY, "f").unwrap();
    assert_eq!(
        found.to_string(),
        "func(the-name: string) -> result<tuple<record { id: u32, name: string }, variant { circle(f64), empty }, \
         enum { red, dark-blue }, flags { read, write }, option<char>>, list<s8>>"
    );
}

#[test]
fn resources_are_refused() {
    let text = r#"(component
        (type $r (resource (rep i32)))
        (core module $m (func (export "f") (param i32)))
        (core instance $i (instantiate $m))
        (export $r' "r" (type $r))
        (func (export "f") (param "left" u32) (canon lift (core func $i "f")))
        (func (export "g") (param "thing" (own $r')) (canon lift (core func $i "f"))))"#;
    let component = wasmtime::component::Component::new(&engine(), text).unwrap();
    let ty = component.get_export(None, "g").unwrap().0;
    let wasmtime::component::types::ComponentItem::ComponentFunc(func) = ty else { panic!("{ty:?}") };
    let error = Signature::of_component(&func).unwrap_err();
    assert_eq!(error.to_string(), r#"parameter "thing": a resource handle is not supported"#);
}

#[test]
fn exploding_types_are_refused() {
    let mut types = "record t0 { a: u8, b: u8, c: u8, d: u8 }".to_owned();
    for i in 1..8 {
        let p = i - 1;
        types += &format!("record t{i} {{ a: t{p}, b: t{p}, c: t{p}, d: t{p} }}");
    }
    let wit = format!("{types} export f: func(x: string) -> list<t7>;");
    let module = component_bytes(&wit, EMPTY, wit_component::StringEncoding::UTF8);
    assert!(module.len() < 10_000);
    let error = signature(&wit, EMPTY, "f").unwrap_err();
    assert_eq!(error.to_string(), "result: types this large are not supported");
}

#[test]
fn arguments_of_another_guest() {
    let of = |params: &str| {
        let core = r#"(module (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "f") PARAMS))"#;
        let core_params = match params {
            "" => "",
            "n: u32" => "(param i32)",
            "a: string, b: u32" => "(param i32 i32 i32)",
            _ => "(param i32 i32)",
        };
        signature(&format!("export f: func({params});"), &core.replace("PARAMS", core_params), "f").unwrap()
    };
    assert!(Arguments::of_string(&of("x: string"), "hi").is_ok());
    assert!(Arguments::of_bytes(&of("x: list<u8>"), b"hi").is_ok());
    let text = |signature: &Signature| Arguments::of_string(signature, "hi").err().unwrap().to_string();
    assert_eq!(text(&of("")), "[encode] invalid_data: parameter count mismatch: expected 0, got 1");
    assert_eq!(
        text(&of("a: string, b: u32")),
        "[encode] invalid_data: parameter count mismatch: expected 2, got 1"
    );
    assert_eq!(
        text(&of("n: u32")),
        "[encode] invalid_data at param[0]: failed to encode parameter 0: [encode] type_mismatch: n: expected u32, \
         got string"
    );
    let error = Arguments::of_bytes(&of("x: string"), b"").err().unwrap();
    assert!(error.to_string().ends_with("x: expected string, got list<u8>"), "{error}");
}

#[test]
fn layout_of_parameters() {
    let found = signature("export f: func(x: list<u8>) -> string;", EMPTY, "f").unwrap();
    assert_eq!((found.size, found.align, found.flat), (8, 4, 2));
    assert!(matches!(&found.params[0].ty.kind, Kind::List(element) if element.kind == Kind::U8));
}
