//! Prepared functions: an entry's module, linked with exactly the capabilities it declares, and its conversion plan.
//!
//! Everything that can be done once is done here, at load. What a call costs is in `call.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use wasmtime::component::Component;

use crate::call::Kept;
use crate::engine::Shared;
use crate::error::{Failure, What};
use crate::groups::Group;
use crate::imports::{self, preview1, stubs};
use crate::module::{Code, Import, Module};
use crate::net::access::Access;
use crate::pool::Pool;
use crate::resolve::{Method, Unresolved, resolve};
use crate::running;
use crate::script::{Script, ScriptSpec};
use crate::spares::Spares;
use crate::spec::Spec;
use crate::state::State;
use crate::stats::Stats;
use crate::table::{Log, Table};
use crate::values::{GuestValueError, Signature};

/// A module linked for one entry. Cheap to clone.
#[derive(Clone)]
pub enum Linked {
    Component(wasmtime::component::InstancePre<State>),
    Core(wasmtime::InstancePre<State>),
    /// No module: a function written in Lua.
    Script(Arc<Script>),
}

/// What instances of this function need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// A WASI context.
    pub wasi: bool,
    /// Captured output.
    pub output: bool,
    /// A fiber, because the guest may have to wait.
    pub fiber: bool,
    /// A frame, because the guest may call functions.
    pub frame: bool,
    /// A place on the network.
    pub network: bool,
    /// Permits of the engine's pool.
    pub weight: u32,
}

/// An export by the name that somebody called it.
pub struct NamedExport {
    pub name: String,
    pub(crate) method: Method,
}

impl NamedExport {
    pub fn signature(&self) -> &Arc<Signature> {
        &self.method.signature
    }
}

/// See the module's documentation.
pub struct Function {
    pub spec: Spec,
    pub table: Weak<Table>,
    pub lifecycle: Arc<crate::lifecycle::Lifecycle>,
    pub(crate) log: Arc<dyn Log>,
    pub stats: Stats,
    pub(crate) shared: &'static Shared,
    pub(crate) linked: Linked,
    pub(crate) needs: Needs,
    pub(crate) pool: Arc<Pool>,
    /// Instances without a call, where the entry wants some.
    pub(crate) spares: Option<Spares>,
    /// What it may reach outside; absent where it has no group that does.
    pub(crate) access: Option<Arc<Access>>,
    /// Instances that somebody keeps, to be ended with the function.
    pub(crate) kept: Mutex<Vec<Weak<Kept>>>,
    /// A script finds its own.
    method: Result<Method, String>,
    /// Shared by all functions that had this id since it was added.
    retired: OnceLock<Arc<AtomicBool>>,
}

impl Function {
    /// Links `module` for the entry that `spec` describes. A method that does not resolve fails its calls, not this
    /// (F-11).
    pub fn prepare(table: &Arc<Table>, module: &Module, spec: Spec) -> Result<Arc<Self>, Failure> {
        if spec.strict_imports {
            refuse_undeclared(&module.imports(), &spec)?;
        }
        let (linked, mut needs) = match &module.code {
            Code::Component(component) => link_component(component, &spec, module.shared)?,
            Code::Core(core) => link_core(core, &spec, module.shared)?,
        };
        let method = match resolve(&module.code, &spec.method, spec.wit.as_deref()) {
            Ok(method) => Ok(method),
            Err(Unresolved::NotFound(problem)) => Err(problem),
            Err(Unresolved::Unsupported(problem)) => return Err(Failure::load(problem)),
        };
        // An answer may run where the call's asynchronous functions do, which its frame knows.
        needs.frame |= needs.network && table.network.transport.is_some();
        Ok(Function::assemble(table, linked, needs, method, spec, module.shared))
    }

    /// The function of a script.
    pub fn prepare_script(table: &Arc<Table>, script: ScriptSpec, spec: Spec) -> Result<Arc<Self>, Failure> {
        let shared = Shared::get()?;
        let script = Script::new(script, &spec, shared);
        let needs = script.needs();
        let method = Err("a Lua function has no parameters that are known beforehand".to_owned());
        Ok(Function::assemble(table, Linked::Script(script), needs, method, spec, shared))
    }

    fn assemble(
        table: &Arc<Table>,
        linked: Linked,
        needs: Needs,
        method: Result<Method, String>,
        spec: Spec,
        shared: &'static Shared,
    ) -> Arc<Self> {
        let access =
            needs.network.then(|| Access::new(table, Arc::clone(&spec.id), spec.network.clone(), shared));
        let pool = Pool::new(spec.id.to_string(), spec.capacity, spec.inline);
        let spares = match linked {
            Linked::Script(_) => None,
            _ => Spares::of(&spec, needs.weight, shared),
        };
        Arc::new(Function {
            table: Arc::downgrade(table),
            lifecycle: Arc::clone(&table.lifecycle),
            log: Arc::clone(&table.log),
            stats: Stats::new(table.timed),
            shared,
            kept: Mutex::default(),
            spares,
            access,
            linked,
            needs,
            pool,
            method,
            retired: OnceLock::new(),
            spec,
        })
    }

    /// The script, if it is one.
    pub fn script(&self) -> Option<&Arc<Script>> {
        match &self.linked {
            Linked::Script(script) => Some(script),
            _ => None,
        }
    }

    /// Fails where the method does not resolve; a script's is looked for in the call.
    pub(crate) fn check_method(&self) -> Result<(), Failure> {
        if self.script().is_some() { Ok(()) } else { self.method().map(drop) }
    }

    /// The plan of parameters and result.
    pub fn signature(&self) -> Result<&Arc<Signature>, Failure> {
        self.method().map(|method| &method.signature)
    }

    pub(crate) fn method(&self) -> Result<&Method, Failure> {
        self.method.as_ref().map_err(|problem| {
            let Spec { id, method, .. } = &self.spec;
            Failure::new(What::Method, format!("{id}: failed to call wasm method: {method}: {problem}"))
        })
    }

    /// Whether what its guests write reaches anybody.
    pub(crate) fn has_output(&self) -> bool {
        self.needs.output && self.spec.grants.has(Group::Cli)
    }

    /// Another export of the module, found as `method` is.
    pub fn export(&self, name: &str) -> Result<NamedExport, Failure> {
        let code = match &self.linked {
            Linked::Component(pre) => Code::Component(pre.component().clone()),
            Linked::Core(pre) => Code::Core(pre.module().clone()),
            Linked::Script(_) => {
                let text = format!("{}: a Lua function has no further exports", self.spec.id);
                return Err(Failure::new(What::Method, text));
            }
        };
        match resolve(&code, name, self.spec.wit.as_deref()) {
            Ok(method) => Ok(NamedExport { name: name.to_owned(), method }),
            Err(Unresolved::NotFound(problem) | Unresolved::Unsupported(problem)) => {
                let text = format!("{}: failed to call wasm method: {name}: {problem}", self.spec.id);
                Err(Failure::new(What::Method, text))
            }
        }
    }

    /// The words in front of an argument error (V-28).
    pub fn encode_prefix(&self) -> String {
        format!("failed to call wasm method: {}: encode params", self.spec.method)
    }

    /// A result that breaks the canonical ABI: the guest's fault, like a trap.
    pub fn broken_result(&self, broken: &GuestValueError) -> Failure {
        let Spec { id, method, .. } = &self.spec;
        let message = format!("{id}: failed to call wasm method: {method}: {broken}");
        Failure::new(What::Trap { trap: "invalid value".to_owned(), backtrace: Vec::new() }, message)
    }

    /// Gives the function an id in a table, or the id of `before`, which it replaces. Who holds the replaced function
    /// may go on calling it (F-40); removing the id ends both (F-36).
    pub(crate) fn enlist(self: &Arc<Self>, before: Option<&Function>) {
        let inherited = before.and_then(|before| before.retired.get()).cloned();
        self.retired.get_or_init(|| inherited.unwrap_or_default());
        if let Some(before) = before {
            before.drop_unused();
        }
        if let Some(spares) = &self.spares {
            spares.start(self);
        }
    }

    /// No more instances without a call, for good, and no connections without one.
    pub(crate) fn drop_unused(&self) {
        if let Some(spares) = &self.spares {
            spares.close();
        }
        if let Some(script) = self.script() {
            script.program.close();
        }
        if let Some(access) = &self.access {
            access.pool.clear();
        }
    }

    /// The id was removed: no new calls; running ones finish.
    pub(crate) fn retire(&self) {
        if let Some(retired) = self.retired.get() {
            retired.store(true, Ordering::Release);
        }
        self.drop_unused();
        self.end_kept();
    }

    /// Ends the instances that are kept; those of running calls when these end.
    pub(crate) fn end_kept(&self) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.iter().filter_map(Weak::upgrade).for_each(|kept| kept.close());
    }

    /// The calls of this function that the calling thread is in the middle of.
    pub(crate) fn running_here(&self) -> usize {
        running::holding(&self.pool)
    }

    /// Fails in the child of a fork, where the threads that would run a call do not exist.
    pub fn check_process(&self) -> Result<(), Failure> {
        if self.shared.is_current() {
            return Ok(());
        }
        let text = format!(
            "{}: this runtime was made before the process was forked and does not work in the child; load a new one \
             there",
            self.spec.id
        );
        Err(Failure::new(What::Forked, text))
    }

    /// `nested` calls are part of calls that a closing runtime waits for.
    pub(crate) fn check_open(&self, nested: bool) -> Result<(), Failure> {
        let id = &self.spec.id;
        self.check_process()?;
        if self.lifecycle.is_closed() && (!nested || self.lifecycle.is_cancelled()) {
            return Err(Failure::new(What::Closed, format!("{id}: pool is closed")));
        }
        if self.retired.get().is_some_and(|retired| retired.load(Ordering::Acquire)) {
            return Err(Failure::new(What::Closed, format!("pool not found: {id}: the entry was removed")));
        }
        Ok(())
    }
}

fn link_component(component: &Component, spec: &Spec, shared: &Shared) -> Result<(Linked, Needs), Failure> {
    let failed = |error: wasmtime::Error| Failure::load(format!("failed to load wasm module: {error:#}"));
    let (linker, wanted) = imports::linker(component, &spec.grants).map_err(failed)?;
    let pre = linker.instantiate_pre(component).map_err(failed)?;
    let (memories, tables) = match component.resources_required() {
        Some(required) => (required.num_memories, required.num_tables),
        None => (1, 1),
    };
    let needs = Needs {
        wasi: wanted.wasi(),
        output: wanted.has("wasi:cli/stdout") || wanted.has("wasi:cli/stderr"),
        fiber: wanted.can_wait(),
        frame: wanted.has(imports::funcs::INTERFACE),
        network: wanted.network(),
        weight: shared.weight(memories, tables),
    };
    Ok((Linked::Component(pre), needs))
}

fn link_core(module: &wasmtime::Module, spec: &Spec, shared: &Shared) -> Result<(Linked, Needs), Failure> {
    let failed = |error: wasmtime::Error| Failure::load(format!("failed to load wasm module: {error:#}"));
    let linker = preview1::linker(module.engine(), module, &spec.grants)?;
    let pre = linker.instantiate_pre(module).map_err(failed)?;
    let required = module.resources_required();
    let wasi = preview1::is_used(module, &spec.grants);
    let needs = Needs {
        wasi,
        output: wasi && spec.grants.has(Group::Cli),
        fiber: wasi,
        frame: false,
        network: false,
        weight: shared.weight(required.num_memories, required.num_tables),
    };
    Ok((Linked::Core(pre), needs))
}

/// `strict_imports`: every group the module imports must be declared.
fn refuse_undeclared(imports: &[Import], spec: &Spec) -> Result<(), Failure> {
    let declared = |import: &&Import| {
        spec.grants.open(&import.interface)
            || (import.group() == Group::Preview1.name() && spec.grants.preview1())
    };
    let undeclared: Vec<&Import> = imports.iter().filter(|import| !declared(import)).collect();
    let Some(first) = undeclared.first() else { return Ok(()) };
    let denied = stubs::ungranted(&first.interface, &first.function);
    let mut others: Vec<_> = undeclared.iter().map(|import| import.group()).collect();
    others.retain(|group| !group.is_empty() && *group != denied.group);
    others.sort_unstable();
    others.dedup();
    let others: Vec<_> = others.iter().map(|group| format!("`- {group}`")).collect();
    let also = if others.is_empty() { String::new() } else { format!("; also {}", others.join(", ")) };
    Err(Failure::load(format!("failed to load wasm module: {denied}{also} (strict_imports is set)")))
}
