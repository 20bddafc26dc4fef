//! Core modules described by a WIT text (F-14, F-16).

use wasmtime::{Engine, Instance, Module, Store};

use super::guests::REALLOC;
use crate::values::core_module::CoreFunction;
use crate::values::{Arguments, GuestValueError, Image, ResultTooLarge, Signature, parse_wit};

struct Core {
    store: Store<()>,
    module: Module,
    instance: Instance,
}

impl Core {
    fn new(module: &str) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, module).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        Self { store, module, instance }
    }

    fn call(&mut self, wit: &str, fill: impl FnOnce(&mut Arguments)) -> wasmtime::Result<Image> {
        let (name, signature) = parse_wit(wit).unwrap().remove(0);
        let function = CoreFunction::new(&self.module, &name, &signature).unwrap();
        let mut arguments = Arguments::new(&signature);
        fill(&mut arguments);
        function.call(&mut self.store, self.instance, &signature, &mut arguments, 1 << 16)
    }
}

fn mismatch(module: &str, wit: &str) -> String {
    let module = Module::new(&Engine::default(), module).unwrap();
    let (name, signature) = parse_wit(wit).unwrap().remove(0);
    CoreFunction::new(&module, &name, &signature).err().unwrap().to_string()
}

#[test]
fn numbers() {
    let mut core = Core::new(
        r#"(module
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
            (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
            (func (export "wide") (param i64 f32) (result i64) (local.get 0)))"#,
    );
    let image = core.call("add: func(a: s32, b: s32) -> s32;", |arguments| {
        arguments.write(0, (-5_i32).to_le_bytes());
        arguments.write(4, 7_i32.to_le_bytes());
    });
    assert_eq!(i32::from_le_bytes(image.unwrap().read(0)), 2);
    let image = core.call("half: func(a: f64) -> f64;", |arguments| arguments.write(0, 3_f64.to_le_bytes()));
    assert_eq!(f64::from_le_bytes(image.unwrap().read(0)), 1.5);
    let image = core.call("wide: func(a: u64, b: f32) -> u64;", |arguments| {
        arguments.write(0, u64::MAX.to_le_bytes());
    });
    assert_eq!(u64::from_le_bytes(image.unwrap().read(0)), u64::MAX);
}

fn echo() -> String {
    format!(
        r#"(module {REALLOC}
            (global $freed (mut i32) (i32.const 0))
            (func (export "echo") (param i32 i32) (result i32)
                (i32.store (i32.const 16) (local.get 0))
                (i32.store (i32.const 20) (local.get 1))
                (i32.const 16))
            (func (export "cabi_post_echo") (param i32) (global.set $freed (local.get 0)))
            (func (export "freed") (result i32) (global.get $freed)))"#
    )
}

#[test]
fn strings_and_lists() {
    let mut core = Core::new(&echo());
    let image =
        core.call("echo: func(x: string) -> string;", |arguments| arguments.text(0, "héllo").unwrap());
    assert_eq!(image.unwrap().text(0).unwrap(), "héllo");
    let freed = core.call("freed: func() -> u32;", |_| {}).unwrap();
    assert_eq!(u32::from_le_bytes(freed.read(0)), 16);
    let image = core.call("echo: func(x: list<string>) -> list<string>;", |arguments| {
        let start = arguments.begin_list(8, 2).unwrap();
        arguments.text(start, "a").unwrap();
        arguments.text(start + 8, "bc").unwrap();
        arguments.end_list(0, start, 8, 4, 2);
    });
    let image = image.unwrap();
    let (start, _) = image.list(0);
    assert_eq!((image.text(start).unwrap(), image.text(start + 8).unwrap()), ("a", "bc"));
}

#[test]
fn more_than_sixteen_core_parameters() {
    let module = format!(
        r#"(module {REALLOC} (func (export "last") (param i32) (result i32) (i32.load offset=64 (local.get 0))))"#
    );
    let params: Vec<_> = (0..17).map(|i| format!("p{i}: u32")).collect();
    let wit = format!("last: func({}) -> u32;", params.join(", "));
    let image = Core::new(&module).call(&wit, |arguments| arguments.write(64, 42_u32.to_le_bytes()));
    assert_eq!(u32::from_le_bytes(image.unwrap().read(0)), 42);
}

#[test]
fn checked_when_prepared() {
    let text = r#"(module (func (export "f") (param i32) (result i32) (local.get 0)) (memory (export "memory") 1)
        (global (export "g") i32 (i32.const 0)))"#;
    assert_eq!(
        mismatch(text, "f: func(x: string) -> u32;"),
        r#"export "f" has the core signature (i32) -> i32, its WIT text needs (i32, i32) -> i32"#
    );
    assert_eq!(mismatch(text, "h: func();"), r#"export "h" not found in module"#);
    assert_eq!(mismatch(text, "g: func();"), r#"export "g" is not a function"#);
    let text = r#"(module (func (export "f") (param i32 i32)) (memory (export "memory") 1))"#;
    assert!(mismatch(text, "f: func(x: string);").contains("cabi_realloc"));
    let text = r#"(module (func (export "f") (result i32) unreachable))"#;
    assert!(mismatch(text, "f: func() -> string;").contains("memory"));
}

#[test]
fn hostile() {
    let wit = "f: func(x: string) -> string;";
    let run = |realloc: &str, body: &str| {
        let module = format!(
            r#"(module (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "f") (param i32 i32) (result i32) {body}))"#
        );
        Core::new(&module).call(wit, |arguments| arguments.text(0, "hello").unwrap()).unwrap_err()
    };
    for (realloc, body) in [
        ("i32.const 65533", "i32.const 0"),
        ("i32.const -4", "i32.const 0"),
        ("i32.const 8", "i32.const 2"),
        ("i32.const 8", "i32.const 65532"),
        ("i32.const 8", "(i32.store (i32.const 4) (i32.const -1)) (i32.const 0)"),
    ] {
        let error = run(realloc, body);
        assert!(error.downcast_ref::<GuestValueError>().is_some(), "{realloc} {body}: {error:?}");
    }
    let error = run("i32.const 8", "(i32.store (i32.const 4) (i32.const 65536)) (i32.const 0)");
    assert!(error.downcast_ref::<ResultTooLarge>().is_some(), "{error:?}");
    assert!(run("unreachable", "unreachable").downcast_ref::<wasmtime::Trap>().is_some());
}

#[test]
fn another_module() {
    let (mut core, other) = (Core::new(&echo()), Module::new(&Engine::default(), echo()).unwrap());
    let (name, signature): (String, Signature) =
        parse_wit("echo: func(x: string) -> string;").unwrap().remove(0);
    let function = CoreFunction::new(&other, &name, &signature).unwrap();
    let mut arguments = Arguments::of_string(&signature, "x").unwrap();
    let result = function.call(&mut core.store, core.instance, &signature, &mut arguments, 100);
    assert_eq!(result.unwrap_err().to_string(), "instance of another module");
}
