//! Components made from a WIT world and a core module in text.

use std::sync::Arc;

use wasmtime::component::{Component, Func, Instance, Linker, types::ComponentItem};
use wasmtime::{Config, Engine, Store};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::values::{Arguments, Image, Signature, component};

/// A bump allocator that grows memory, for use in module texts.
pub const REALLOC: &str = r#"
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 4096))
    (func $alloc (export "cabi_realloc")
        (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
        (local $start i32)
        (if (i32.and (i32.ne (local.get $old) (i32.const 0)) (i32.le_u (local.get $size) (local.get $old-size)))
            (then (return (local.get $old))))
        (local.set $start (i32.and
            (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
        (global.set $next (i32.add (local.get $start) (local.get $size)))
        (drop (memory.grow (i32.sub
            (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16))
            (memory.size))))
        (memory.copy (local.get $start) (local.get $old) (local.get $old-size))
        (local.get $start))
"#;

pub fn world(text: &str) -> (Resolve, wit_parser::WorldId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("test.wit", &format!("package t:t;\nworld w {{ {text} }}")).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    (resolve, world)
}

pub fn component_bytes(wit: &str, module: &str, encoding: StringEncoding) -> Vec<u8> {
    let (resolve, world) = world(wit);
    let mut module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

pub fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_component_model_fixed_length_lists(true);
    Engine::new(&config).unwrap()
}

/// One instance to call.
pub struct Guest {
    pub store: Store<()>,
    instance: Instance,
}

impl Guest {
    pub fn new(wit: &str, module: &str) -> Self {
        Self::encoded(wit, module, StringEncoding::UTF8)
    }

    pub fn encoded(wit: &str, module: &str, encoding: StringEncoding) -> Self {
        let engine = engine();
        let component = Component::new(&engine, component_bytes(wit, module, encoding)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        Self { store, instance }
    }

    pub fn func(&mut self, name: &str) -> (Func, Arc<Signature>) {
        let func = self.instance.get_func(&mut self.store, name).unwrap();
        let signature = Signature::of_component(&func.ty(&self.store)).unwrap();
        (func, Arc::new(signature))
    }

    pub fn call(&mut self, name: &str, arguments: &mut Arguments) -> wasmtime::Result<Image> {
        self.call_limited(name, arguments, 1 << 20)
    }

    pub fn call_limited(
        &mut self,
        name: &str,
        arguments: &mut Arguments,
        limit: usize,
    ) -> wasmtime::Result<Image> {
        let (func, signature) = self.func(name);
        component::call(&mut self.store, func, &signature, arguments, limit)
    }

    /// A call without arguments.
    pub fn get(&mut self, name: &str) -> wasmtime::Result<Image> {
        self.call(name, &mut Arguments::default())
    }
}

/// The signature of one export, without an instance.
pub fn signature(wit: &str, module: &str, name: &str) -> Result<Signature, crate::values::Unsupported> {
    let engine = engine();
    let component = Component::new(&engine, component_bytes(wit, module, StringEncoding::UTF8)).unwrap();
    let ComponentItem::ComponentFunc(func) = component.get_export(None, name).unwrap().0 else {
        panic!("{name} is not a function")
    };
    Signature::of_component(&func)
}
