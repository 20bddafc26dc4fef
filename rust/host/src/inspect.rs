//! What a component says of itself in WIT, with the names of its types.
//!
//! wasmtime's reflection keeps no names of WIT types, so the binary is decoded once more. Asked for by people, not by
//! calls.

use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{Function, Handle, PackageId, Resolve, Type, TypeDefKind, WorldId, WorldItem};

use crate::error::Failure;

/// A decoded component.
pub struct Wit {
    resolve: Resolve,
    package: PackageId,
    world: WorldId,
}

impl Wit {
    /// Decodes a component; None for a core module, which has no WIT.
    pub fn decode(source: &[u8], text: bool) -> Result<Option<Wit>, Failure> {
        let failed = |error: String| Failure::load(format!("failed to load wasm module: {error}"));
        let binary = if text {
            wat::parse_bytes(source).map_err(|error| failed(error.to_string()))?
        } else {
            source.into()
        };
        if binary.get(4..8) == Some(&[1, 0, 0, 0]) {
            return Ok(None);
        }
        match wit_component::decode(&binary).map_err(|error| failed(format!("{error:#}")))? {
            DecodedWasm::Component(resolve, world) => {
                let package = resolve.worlds[world].package;
                let package = package.ok_or_else(|| failed("its world has no package".to_owned()))?;
                Ok(Some(Wit { resolve, package, world }))
            }
            DecodedWasm::WitPackage(..) => Err(failed("it holds WIT definitions, no code".to_owned())),
        }
    }

    /// The world and the packages it names, without those of WASI, which everybody knows.
    pub fn text(&self) -> Result<String, Failure> {
        let packages = self.resolve.packages.iter();
        let others = packages.filter(|(id, package)| *id != self.package && package.name.namespace != "wasi");
        let others: Vec<PackageId> = others.map(|(id, _)| id).collect();
        let mut printer = WitPrinter::default();
        let printed = printer.print(&self.resolve, self.package, &others);
        printed.map_err(|error| Failure::load(format!("failed to print the module's WIT: {error:#}")))?;
        Ok(printer.output.to_string())
    }

    /// Every exported function, by its name as `method` takes it, with the names of its types.
    pub fn exports(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (key, item) in &self.resolve.worlds[self.world].exports {
            let name = self.resolve.name_world_key(key);
            match item {
                WorldItem::Function(function) => found.push((name, self.signature(function))),
                WorldItem::Interface { id, .. } => {
                    let functions = self.resolve.interfaces[*id].functions.iter();
                    found.extend(
                        functions.map(|(function, ty)| (format!("{name}#{function}"), self.signature(ty))),
                    );
                }
                WorldItem::Type { .. } => {}
            }
        }
        found
    }

    fn signature(&self, function: &Function) -> String {
        let params = function.params.iter().map(|param| format!("{}: {}", param.name, self.name(&param.ty)));
        let params = params.collect::<Vec<_>>().join(", ");
        match &function.result {
            Some(result) => format!("func({params}) -> {}", self.name(result)),
            None => format!("func({params})"),
        }
    }

    fn name(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else { return primitive(ty).to_owned() };
        let definition = &self.resolve.types[*id];
        if let Some(name) = &definition.name {
            return name.clone();
        }
        let or_none = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| self.name(ty));
        match &definition.kind {
            TypeDefKind::List(item) => format!("list<{}>", self.name(item)),
            TypeDefKind::FixedLengthList(item, len) => format!("list<{}, {len}>", self.name(item)),
            TypeDefKind::Option(some) => format!("option<{}>", self.name(some)),
            TypeDefKind::Tuple(tuple) => {
                let items: Vec<String> = tuple.types.iter().map(|item| self.name(item)).collect();
                format!("tuple<{}>", items.join(", "))
            }
            TypeDefKind::Result(result) => match (&result.ok, &result.err) {
                (None, None) => "result".to_owned(),
                (ok, None) => format!("result<{}>", or_none(ok)),
                (ok, err) => format!("result<{}, {}>", or_none(ok), or_none(err)),
            },
            TypeDefKind::Handle(Handle::Own(resource)) => self.name(&Type::Id(*resource)),
            TypeDefKind::Handle(Handle::Borrow(resource)) => {
                format!("borrow<{}>", self.name(&Type::Id(*resource)))
            }
            TypeDefKind::Type(other) => self.name(other),
            other => other.as_str().to_owned(),
        }
    }
}

fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "",
    }
}
