//! Calls on fibers: they nest, they move between threads, and each keeps its own plan.

use std::future::poll_fn;
use std::task::Poll;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};
use wit_component::StringEncoding;

use super::guests::{REALLOC, component_bytes};
use crate::values::{Arguments, Image, Signature, component};

const WIT: &str =
    "import outer: func(depth: u32); export f: func(depth: u32) -> string; export n: func() -> u64;";

fn module() -> String {
    format!(
        r#"(module
            (import "$root" "outer" (func $outer (param i32)))
            {REALLOC}
            (func (export "f") (param $depth i32) (result i32)
                (call $outer (local.get $depth))
                (i32.store (i32.const 16) (i32.const 24))
                (i32.store (i32.const 20) (i32.const 1))
                (i32.store8 (i32.const 24) (i32.add (i32.const 48) (local.get $depth)))
                (i32.const 16))
            (func (export "n") (result i64) (i64.const 77)))"#
    )
}

/// Suspends once.
async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[derive(Clone)]
struct World {
    engine: Engine,
    component: Component,
}

impl World {
    fn new() -> Self {
        let engine = Engine::default();
        let bytes = component_bytes(WIT, &module(), StringEncoding::UTF8);
        Self { component: Component::new(&engine, bytes).unwrap(), engine }
    }

    /// Calls `f(depth)`; its import calls `n`, or `f(depth - 1)`, in a store of its own.
    fn call(self, name: &'static str, depth: u32) -> std::pin::Pin<Box<dyn Future<Output = Image> + Send>> {
        Box::pin(async move {
            let mut linker: Linker<()> = Linker::new(&self.engine);
            let world = self.clone();
            linker
                .root()
                .func_wrap_async("outer", move |_, (depth,): (u32,)| {
                    let world = world.clone();
                    Box::new(async move {
                        pause().await;
                        let inner = if depth == 0 { world.call("n", 0) } else { world.call("f", depth - 1) };
                        let image = inner.await;
                        pause().await;
                        assert_eq!(image.size(), if depth == 0 { 8 } else { 9 });
                        Ok(())
                    })
                })
                .unwrap();
            let mut store = Store::new(&self.engine, ());
            let instance = linker.instantiate_async(&mut store, &self.component).await.unwrap();
            let func = instance.get_func(&mut store, name).unwrap();
            let signature = Signature::of_component(&func.ty(&store)).unwrap();
            let mut arguments = Arguments::new(&signature);
            if name == "f" {
                arguments.write(0, depth.to_le_bytes());
            }
            component::call_async(&mut store, func, &signature, &mut arguments, 100).await.unwrap()
        })
    }
}

#[test]
fn nested_and_moving() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let world = World::new();
    let calls: Vec<_> = (0..64).map(|i| runtime.spawn(world.clone().call("f", i % 5))).collect();
    for (i, call) in (0..).zip(calls) {
        let image = runtime.block_on(call).unwrap();
        assert_eq!(image.text(0).unwrap(), (i % 5).to_string());
    }
}
