//! The cases of components without imports, each with typed functions.

use std::hint::black_box;
use std::path::Path;

use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, InstancePre, Lift, Linker, Lower,
    TypedFunc,
};
use wasmtime::{Engine, Result, Store};

use crate::engine::{load, store};
use crate::measure::Budget;

#[derive(ComponentType, Lift, Lower, Clone)]
#[component(record)]
struct Rec {
    id: u32,
    name: String,
    score: f64,
}

/// One export of one component, ready to be instantiated.
pub struct Export {
    engine: Engine,
    pre: InstancePre<()>,
    index: ComponentExportIndex,
}

impl Export {
    pub fn new(engine: &Engine, component: &Component, name: &str) -> Result<Export> {
        let pre = Linker::new(engine).instantiate_pre(component)?;
        let index = component.get_export_index(None, name);
        let index = index.ok_or_else(|| wasmtime::Error::msg(format!("no export {name}")))?;
        Ok(Export { engine: engine.clone(), pre, index })
    }

    fn instance<P, R>(&self) -> Result<(Store<()>, TypedFunc<P, R>)>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let mut store = store(&self.engine, ());
        let instance = self.pre.instantiate(&mut store)?;
        let function = instance.get_typed_func(&mut store, self.index)?;
        Ok((store, function))
    }

    /// The call, in an instance of its own.
    pub fn call_fresh<P, R>(&self, arguments: P) -> Result<()>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let (mut store, function) = self.instance::<P, R>()?;
        black_box(function.call(&mut store, arguments)?);
        Ok(())
    }

    /// Reports the call in a fresh instance and in one that is kept.
    fn report<P, R>(&self, budget: Budget, case: &str, arguments: impl Fn() -> P) -> Result<()>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        budget.report(case, "rust fresh", || self.call_fresh::<P, R>(arguments()))?;
        let (mut store, function) = self.instance::<P, R>()?;
        budget.report(case, "rust warm", || {
            black_box(function.call(&mut store, arguments())?);
            Ok(())
        })
    }
}

pub fn run(engine: &Engine, guests: &Path, cache: &Path, budget: Budget) -> Result<()> {
    let add = load(engine, &guests.join("wat/add.wat"), cache)?;
    Export::new(engine, &add, "add")?.report::<_, (i32,)>(budget, "add", || (1i32, 2i32))?;

    let echo = load(engine, &guests.join("wat/echo.wat"), cache)?;
    let export = |name| Export::new(engine, &echo, name);
    export("echo")?.report::<_, (String,)>(budget, "echo 16 B", || ("sixteen letters!",))?;
    for (size, label) in [(1 << 10, "1 KiB"), (1 << 20, "1 MiB")] {
        let bytes = vec![7u8; size];
        let bytes = bytes.as_slice();
        export("echo-bytes")?.report::<_, (Vec<u8>,)>(budget, &format!("bytes {label}"), || (bytes,))?;
        export("len-bytes")?.report::<_, (u32,)>(budget, &format!("bytes {label} in"), || (bytes,))?;
    }
    let numbers: Vec<f64> = (0..10_000).map(f64::from).collect();
    export("sum-f64")?.report::<_, (f64,)>(budget, "sum 10k f64", || (numbers.as_slice(),))?;
    let records: Vec<Rec> =
        (0..1000).map(|id| Rec { id, name: format!("record {id}"), score: f64::from(id) / 2.0 }).collect();
    export("echo-recs")?.report::<_, (Vec<Rec>,)>(budget, "records 1000", || (records.as_slice(),))
}
