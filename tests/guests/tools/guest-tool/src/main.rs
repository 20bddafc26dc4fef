//! The three steps of building guests that language toolchains leave out: C bindings from WIT,
//! a component from a core module, and the WIT text of a component.
//!
//! Only `build.py` runs this. It exists because installing the complete command line tools takes a quarter of
//! an hour of compiling, and these three steps take one minute.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, bail};
use wasi_preview1_component_adapter_provider as adapters;
use wit_component::{ComponentEncoder, DecodedWasm, WitPrinter};
use wit_parser::{PackageId, Resolve};

const USAGE: &str = "usage: guest-tool c-bindings WIT_DIR WORLD OUT_DIR
       guest-tool component MODULE OUT [reactor|command]
       guest-tool wit COMPONENT";

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["c-bindings", wit, world, out] => c_bindings(wit, world, Path::new(out)),
        ["component", module, out] => component(module, out, None),
        ["component", module, out, adapter] => component(module, out, Some(adapter)),
        ["wit", file] => wit(file),
        _ => bail!("{USAGE}"),
    }
}

fn c_bindings(wit: &str, world: &str, out: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut files = wit_bindgen_core::Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    fs::create_dir_all(out)?;
    for (name, text) in files.iter() {
        fs::write(out.join(name), text)?;
    }
    Ok(())
}

fn component(module: &str, out: &str, adapter: Option<&str>) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("reading {module}"))?;
    let mut encoder = ComponentEncoder::default().validate(true).module(&bytes)?;
    if let Some(kind) = adapter {
        let adapter = match kind {
            "reactor" => adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            "command" => adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
            _ => bail!("no adapter named {kind}"),
        };
        encoder = encoder.adapter(adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?;
    }
    fs::write(out, encoder.encode()?)?;
    Ok(())
}

fn wit(file: &str) -> Result<()> {
    let decoded = wit_component::decode(&fs::read(file)?)?;
    let main = decoded.package();
    let resolve = match &decoded {
        DecodedWasm::WitPackage(resolve, _) | DecodedWasm::Component(resolve, _) => resolve,
    };
    let others: Vec<PackageId> = resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != main).collect();
    let mut printer = WitPrinter::default();
    printer.print(resolve, main, &others)?;
    print!("{}", printer.output);
    Ok(())
}
