//! Compiled modules: components and core modules, from bytes, text or the compile cache.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmparser::{Parser, Payload};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wasmtime::{Engine, ExternType, Module as CoreModule};

use crate::cache::Cache;
use crate::engine::Shared;
use crate::error::Failure;
use crate::groups::Group;
use crate::signals;
use crate::values::Signature;

/// The two kinds of binaries; the header decides, not the entry (F-9).
#[derive(Clone)]
pub enum Code {
    Component(Component),
    Core(CoreModule),
}

/// A module ready to be prepared into functions. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    pub code: Code,
    /// Bytes of the source.
    pub size: usize,
    pub shared: &'static Shared,
}

/// A function some module wants from its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub interface: String,
    pub function: String,
}

impl Import {
    pub fn group(&self) -> &'static str {
        Group::of_interface(&self.interface).map_or("", Group::name)
    }
}

impl Module {
    /// Compiles `source`, or takes its code from the cache.
    ///
    /// `digest` is the SHA-256 of `source`, in lower-case hex. `text` says that `source` is WAT.
    pub fn load(source: &[u8], digest: &str, text: bool, cache: Option<&Cache>) -> Result<Module, Failure> {
        let loaded = catch_unwind(AssertUnwindSafe(|| Module::load_inner(source, digest, text, cache)));
        loaded.unwrap_or_else(|_| Err(Failure::internal("internal error: loading the module panicked")))
    }

    fn load_inner(source: &[u8], digest: &str, text: bool, cache: Option<&Cache>) -> Result<Module, Failure> {
        let shared = Shared::get()?;
        let engine = &shared.engine;
        let kind = if text { "wat" } else { "wasm" };
        let binary = if text {
            wat::parse_bytes(source).map_err(|error| load_failure(kind, &error.to_string()))?
        } else {
            source.into()
        };
        let component = is_component(&binary).map_err(|problem| load_failure(kind, &problem))?;
        let code = match cache {
            Some(cache) => cached(engine, &binary, component, digest, cache)?,
            None => compile(engine, &binary, component)?,
        };
        signals::register_code(match &code {
            Code::Component(component) => component.image_range(),
            Code::Core(module) => module.image_range(),
        });
        Ok(Module { code, size: source.len(), shared })
    }

    /// Every function the module imports, in the order of the binary.
    pub fn imports(&self) -> Vec<Import> {
        match &self.code {
            Code::Core(module) => module
                .imports()
                .filter(|import| matches!(import.ty(), ExternType::Func(_)))
                .map(|import| Import {
                    interface: import.module().to_owned(),
                    function: import.name().to_owned(),
                })
                .collect(),
            Code::Component(component) => component_imports(component),
        }
    }

    /// Every exported function: its name as `method` takes it (F-13) and its signature.
    pub fn exports(&self) -> Vec<(String, String)> {
        match &self.code {
            Code::Core(module) => module
                .exports()
                .filter_map(|export| match export.ty() {
                    ExternType::Func(ty) => Some((export.name().to_owned(), core_signature(&ty))),
                    _ => None,
                })
                .collect(),
            Code::Component(component) => component_exports(component)
                .into_iter()
                .map(|(name, ty)| {
                    let signature = match Signature::of_component(&ty) {
                        Ok(signature) => signature.to_string(),
                        Err(unsupported) => format!("func(...): {unsupported}"),
                    };
                    (name, signature)
                })
                .collect(),
        }
    }
}

/// Every function a component exports, with its name as `method` takes it.
pub fn component_exports(component: &Component) -> Vec<(String, wasmtime::component::types::ComponentFunc)> {
    let engine = component.engine();
    let mut found = Vec::new();
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => found.push((name.to_owned(), ty)),
            ComponentItem::ComponentInstance(instance) => {
                for (function, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = item.ty {
                        found.push((format!("{name}#{function}"), ty));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn component_imports(component: &Component) -> Vec<Import> {
    let engine = component.engine();
    let mut found = Vec::new();
    for (name, item) in component.component_type().imports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                found.push(Import { interface: "$root".to_owned(), function: name.to_owned() });
            }
            ComponentItem::ComponentInstance(instance) => {
                for (function, item) in instance.exports(engine) {
                    if matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                        found.push(Import { interface: name.to_owned(), function: function.to_owned() });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn core_signature(ty: &wasmtime::FuncType) -> String {
    let mut text = "func(".to_owned();
    for (index, param) in ty.params().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{param}");
    }
    text.push(')');
    for (index, result) in ty.results().enumerate() {
        let _ = write!(text, "{}{result}", if index == 0 { " -> " } else { ", " });
    }
    text
}

/// Whether the header is a component's; an error where it is no WebAssembly at all.
fn is_component(binary: &[u8]) -> Result<bool, String> {
    match binary {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(false),
        [b'\0', b'a', b's', b'm', _, 0, 1, 0, ..] => Ok(true),
        [b'\0', b'a', b's', b'm', version @ ..] => {
            let version: Vec<u8> = version.iter().copied().take(4).collect();
            Err(format!("the WebAssembly header has the unknown version {version:?}"))
        }
        _ => {
            let head: Vec<u8> = binary.iter().copied().take(4).collect();
            Err(format!(
                "not a WebAssembly binary: it starts with {head:?}, expected [0, 97, 115, 109] (\"\\0asm\")"
            ))
        }
    }
}

fn compile(engine: &Engine, binary: &[u8], component: bool) -> Result<Code, Failure> {
    check_nesting(binary)?;
    let code = if component {
        Component::from_binary(engine, binary).map(Code::Component)
    } else {
        CoreModule::from_binary(engine, binary).map(Code::Core)
    };
    code.map_err(|error| Failure::load(format!("failed to compile wasm module: {error:#}")))
}

/// Components within components take the compiler time that grows with the square of their depth.
fn check_nesting(binary: &[u8]) -> Result<(), Failure> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(binary) {
        match payload {
            Ok(Payload::ComponentSection { .. } | Payload::ModuleSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(_) => {}
            // The compiler says it better.
            Err(_) => return Ok(()),
        }
        if depth > DEEPEST {
            let text =
                format!("failed to compile wasm module: components are nested more than {DEEPEST} deep");
            return Err(Failure::load(text));
        }
    }
    Ok(())
}

/// Composed components nest a few levels.
const DEEPEST: u32 = 100;

fn cached(
    engine: &Engine,
    binary: &[u8],
    component: bool,
    digest: &str,
    cache: &Cache,
) -> Result<Code, Failure> {
    let path = cache.path(engine, digest);
    if cache.is_private() && cache.is_intact(&path) {
        // SAFETY: the directory is ours alone, and the name says that this engine wrote the file for these bytes. A
        // damaged file is refused by wasmtime's checks of its header and sections.
        let load = || unsafe {
            if component {
                Component::deserialize_file(engine, &path).map(Code::Component)
            } else {
                CoreModule::deserialize_file(engine, &path).map(Code::Core)
            }
        };
        // Some damage makes wasmtime panic. Whatever it is, the module is compiled anew and the file replaced.
        let code = catch_unwind(AssertUnwindSafe(load));
        if let Ok(Ok(code)) = code {
            return Ok(code);
        }
    }
    let code = compile(engine, binary, component)?;
    let serialized = match &code {
        Code::Component(component) => component.serialize(),
        Code::Core(module) => module.serialize(),
    };
    if let Ok(bytes) = serialized {
        cache.store(&path, &bytes);
    }
    Ok(code)
}

fn load_failure(kind: &str, problem: &str) -> Failure {
    Failure::load(format!("failed to load {kind} module: {problem}"))
}
