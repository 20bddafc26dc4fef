//! From an entry's `method` to an export and its signature (F-13, F-13a, F-14).

use std::sync::Arc;

use wasmtime::component::{Component, ComponentExportIndex};

use crate::groups::without_version;
use crate::module::{Code, component_exports};
use crate::values::core_module::CoreFunction;
use crate::values::{Signature, parse_wit};

/// The export of a method, ready to be looked up in an instance.
pub enum Export {
    Component(ComponentExportIndex),
    Core(CoreFunction),
}

/// A method that can be called.
pub struct Method {
    pub export: Export,
    pub signature: Arc<Signature>,
}

/// Why a method cannot be called, without the words in front that every call error has.
pub enum Unresolved {
    /// Said by each call, not by the load (F-11).
    NotFound(String),
    /// It exists, and takes or gives what cannot cross the border (V-19): the entry cannot be loaded.
    Unsupported(String),
}

impl From<String> for Unresolved {
    fn from(reason: String) -> Self {
        Unresolved::NotFound(reason)
    }
}

/// Finds `method`.
pub fn resolve(code: &Code, method: &str, wit: Option<&str>) -> Result<Method, Unresolved> {
    match code {
        Code::Component(component) => in_component(component, method),
        Code::Core(module) => Ok(in_core(module, method, wit)?),
    }
}

fn in_component(component: &Component, method: &str) -> Result<Method, Unresolved> {
    let exports = component_exports(component);
    let names: Vec<&str> = exports.iter().map(|(name, _)| name.as_str()).collect();
    let found = find(&names, method)?;
    let (name, ty) = &exports[found];
    let signature = Signature::of_component(ty)
        .map_err(|unsupported| Unresolved::Unsupported(format!("method {name}: {unsupported}")))?;
    let index = match name.rsplit_once('#') {
        None => component.get_export_index(None, name),
        Some((interface, function)) => component
            .get_export_index(None, interface)
            .and_then(|instance| component.get_export_index(Some(&instance), function)),
    };
    let index = index.ok_or_else(|| not_found(method, &names))?;
    Ok(Method { export: Export::Component(index), signature: Arc::new(signature) })
}

/// The index of the one export that `method` names: exactly, in the other spelling, or without version or package.
fn find(names: &[&str], method: &str) -> Result<usize, String> {
    if let Some(exact) = names.iter().position(|name| *name == method) {
        return Ok(exact);
    }
    let wanted = kebab(method);
    let tests: [fn(&str, &str) -> bool; 3] = [
        |name, wanted| name == wanted,
        |name, wanted| interface_matches(name, wanted, without_version),
        |name, wanted| interface_matches(name, wanted, short_name),
    ];
    for matches in tests {
        let hits: Vec<usize> = (0..names.len()).filter(|&at| matches(names[at], &wanted)).collect();
        match hits[..] {
            [] => {}
            [only] => return Ok(only),
            _ => {
                let choices: Vec<&str> = hits.iter().map(|&at| names[at]).collect();
                return Err(format!("\"{method}\" is ambiguous: write one of {}", choices.join(", ")));
            }
        }
    }
    Err(not_found(method, names))
}

fn interface_matches(name: &str, wanted: &str, shorten: fn(&str) -> &str) -> bool {
    match (name.rsplit_once('#'), wanted.rsplit_once('#')) {
        (Some((interface, function)), Some((wanted_interface, wanted_function))) => {
            shorten(interface) == wanted_interface && function == wanted_function
        }
        _ => false,
    }
}

/// `ns:pkg/iface@1.2.3` → `iface`.
fn short_name(interface: &str) -> &str {
    let bare = without_version(interface);
    bare.rsplit_once('/').map_or(bare, |(_, short)| short)
}

/// Snake case spelled as WIT does; versions and packages have no underscores.
fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

fn not_found(method: &str, names: &[&str]) -> String {
    format!("export \"{method}\" not found in component{}", exported(names))
}

/// What there is instead, to be put behind the words of F-13.
fn exported(names: &[&str]) -> String {
    if names.is_empty() {
        return "; it exports no functions".to_owned();
    }
    let shown: Vec<&str> = names.iter().copied().take(12).collect();
    let more = if names.len() > shown.len() { ", ..." } else { "" };
    format!("; it exports {}{more}", shown.join(", "))
}

fn in_core(module: &wasmtime::Module, method: &str, wit: Option<&str>) -> Result<Method, String> {
    let Some(wit) = wit.filter(|wit| !wit.trim().is_empty()) else {
        return Err(
            "Call() requires a component or WIT definitions: add the signature of the method to the \
                    entry's wit field, such as `wit: \"add: func(a: s32, b: s32) -> s32;\"`"
                .to_owned(),
        );
    };
    let signatures = parse_wit(wit).map_err(|error| error.to_string())?;
    let found = signatures.into_iter().find(|(name, _)| name == method || kebab(name) == kebab(method));
    let Some((name, signature)) = found else {
        return Err(format!("in the entry's wit text: function \"{method}\" not found"));
    };
    let snake = name.replace('-', "_");
    let exports = |name: &&str| module.get_export(name).is_some_and(|ty| ty.func().is_some());
    let Some(export) = [method, &name, &snake].into_iter().find(exports) else {
        let functions = module.exports().filter(|export| export.ty().func().is_some());
        let names: Vec<&str> = functions.map(|export| export.name()).collect();
        return Err(format!("export \"{method}\" not found in module{}", exported(&names)));
    };
    let function = CoreFunction::new(module, export, &signature).map_err(|mismatch| mismatch.to_string())?;
    Ok(Method { export: Export::Core(function), signature: Arc::new(signature) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &[
        "transform-users",
        "ns:pkg/iface@1.2.3#fn",
        "other:pkg/iface@0.1.0#gn",
        "a:b/c@1.0.0#f",
        "a:b/c@2.0.0#f",
    ];

    #[test]
    fn exact_names_and_both_spellings() {
        assert_eq!(find(NAMES, "transform-users"), Ok(0));
        assert_eq!(find(NAMES, "transform_users"), Ok(0));
        assert_eq!(find(NAMES, "ns:pkg/iface@1.2.3#fn"), Ok(1));
    }

    #[test]
    fn interfaces_without_version_or_package() {
        assert_eq!(find(NAMES, "ns:pkg/iface#fn"), Ok(1));
        assert_eq!(find(NAMES, "iface#gn"), Ok(2));
    }

    #[test]
    fn ambiguity_names_the_choices() {
        let text = find(NAMES, "a:b/c#f").unwrap_err();
        assert!(text.contains("a:b/c@1.0.0#f, a:b/c@2.0.0#f"), "{text}");
    }

    #[test]
    fn matching_is_case_sensitive() {
        let text = find(NAMES, "Transform-Users").unwrap_err();
        assert!(
            text.starts_with("export \"Transform-Users\" not found in component; it exports transform-users")
        );
    }
}
