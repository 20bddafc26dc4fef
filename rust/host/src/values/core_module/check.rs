//! Does a core module have what its WIT text says?

use std::fmt;

use wasmtime::{ExternType, FuncType, Module, ModuleExport, ValType};

use super::CoreFunction;
use crate::values::signature::Signature;
use crate::values::ty::{Kind, Ty};

/// The module and the WIT text do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreMismatch(pub String);

impl fmt::Display for CoreMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CoreMismatch {}

pub(super) fn check(
    module: &Module,
    name: &str,
    signature: &Signature,
) -> Result<CoreFunction, CoreMismatch> {
    let (params, results) = core_signature(signature);
    let func = function(module, name, &params, &results)?
        .ok_or_else(|| CoreMismatch(format!("export {name:?} not found in module")))?;
    let pointers_in = signature.spills() || signature.params.iter().any(|param| param.ty.pointers);
    let pointers = pointers_in || signature.returns_pointer();
    let post = format!("cabi_post_{name}");
    Ok(CoreFunction {
        func,
        params,
        memory: pointers.then(|| memory(module)).transpose()?,
        realloc: pointers_in.then(|| realloc(module)).transpose()?,
        post_return: function(module, &post, &results, &[])?,
    })
}

/// What the function is at the core level, by the canonical ABI.
fn core_signature(signature: &Signature) -> (Vec<ValType>, Vec<ValType>) {
    let mut params = Vec::new();
    if signature.spills() {
        params.push(ValType::I32);
    } else {
        signature.params.iter().for_each(|param| core_types(&param.ty, &mut params));
    }
    let mut results = Vec::new();
    match &signature.result {
        Some(_) if signature.returns_pointer() => results.push(ValType::I32),
        Some(ty) => core_types(ty, &mut results),
        None => {}
    }
    (params, results)
}

/// Of the types a WIT text can name (F-14).
fn core_types(ty: &Ty, out: &mut Vec<ValType>) {
    match ty.kind {
        Kind::String | Kind::List(_) => out.extend([ValType::I32, ValType::I32]),
        Kind::S64 | Kind::U64 => out.push(ValType::I64),
        Kind::F32 => out.push(ValType::F32),
        Kind::F64 => out.push(ValType::F64),
        _ => out.push(ValType::I32),
    }
}

fn function(
    module: &Module,
    name: &str,
    params: &[ValType],
    results: &[ValType],
) -> Result<Option<ModuleExport>, CoreMismatch> {
    let found = match module.get_export(name) {
        None => return Ok(None),
        Some(ExternType::Func(found)) => found,
        Some(_) => return Err(CoreMismatch(format!("export {name:?} is not a function"))),
    };
    if same(found.params(), params) && same(found.results(), results) {
        return Ok(module.get_export_index(name));
    }
    Err(CoreMismatch(format!(
        "export {name:?} has the core signature {}, its WIT text needs {}",
        of_func(&found),
        text(params, results)
    )))
}

fn memory(module: &Module) -> Result<ModuleExport, CoreMismatch> {
    match module.get_export("memory") {
        Some(ExternType::Memory(memory)) if !memory.is_64() && !memory.is_shared() => {}
        Some(_) => return Err(CoreMismatch("export \"memory\" is not a 32-bit unshared memory".to_owned())),
        None => return Err(CoreMismatch("strings and lists need an exported \"memory\"".to_owned())),
    }
    module.get_export_index("memory").ok_or_else(|| CoreMismatch("no memory".to_owned()))
}

fn realloc(module: &Module) -> Result<ModuleExport, CoreMismatch> {
    let params = [const { ValType::I32 }; 4];
    function(module, "cabi_realloc", &params, &[ValType::I32])?.ok_or_else(|| {
        CoreMismatch("string and list parameters need an exported function \"cabi_realloc\"".to_owned())
    })
}

fn same(found: impl ExactSizeIterator<Item = ValType>, wanted: &[ValType]) -> bool {
    found.len() == wanted.len() && found.zip(wanted).all(|(a, b)| ValType::eq(&a, b))
}

fn of_func(ty: &FuncType) -> String {
    text(&ty.params().collect::<Vec<_>>(), &ty.results().collect::<Vec<_>>())
}

fn text(params: &[ValType], results: &[ValType]) -> String {
    let join = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match results {
        [] => format!("({})", join(params)),
        _ => format!("({}) -> {}", join(params), join(results)),
    }
}
