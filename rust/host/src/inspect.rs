//! The WIT of a component, with the names of its types.
//!
//! wasmtime's reflection keeps no names of WIT types, so the binary is decoded once more. Asked for by people, not by
//! calls.

use wit_component::{DecodedWasm, WitPrinter};

use crate::error::Failure;

/// The WIT of a component's world and of every package it names; empty for a core module.
pub fn wit_text(source: &[u8], text: bool) -> Result<String, Failure> {
    let failed = |error: String| Failure::load(format!("failed to load wasm module: {error}"));
    let binary = if text {
        wat::parse_bytes(source).map_err(|error| failed(error.to_string()))?
    } else {
        source.into()
    };
    if binary.get(4..8) == Some(&[1, 0, 0, 0]) {
        return Ok(String::new());
    }
    let decoded = wit_component::decode(&binary).map_err(|error| failed(format!("{error:#}")))?;
    let (resolve, main) = match &decoded {
        DecodedWasm::WitPackage(resolve, package) => (resolve, *package),
        DecodedWasm::Component(resolve, world) => {
            let package = resolve.worlds[*world].package;
            (resolve, package.ok_or_else(|| failed("its world has no package".to_owned()))?)
        }
    };
    let others: Vec<_> = resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != main).collect();
    let mut printer = WitPrinter::default();
    printer.print(resolve, main, &others).map_err(|error| failed(format!("{error:#}")))?;
    Ok(printer.output.to_string())
}
