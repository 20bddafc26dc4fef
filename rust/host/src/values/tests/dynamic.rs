//! Values of Lua programs into a guest and back (V-1 to V-28).

use wippy_lua::value::Value;

use super::guests::{Guest, REALLOC};
use super::model::{Random, get, put, random_type, random_value};
use crate::values::{Arguments, Kind, Misfit, ResultStyle, Ty};

mod choices;
mod lists;
mod results;
mod scalars;

/// A guest that keeps the value of a type and gives it back.
struct Echo(Guest);

impl Echo {
    fn new(types: &str, ty: &str) -> Self {
        let pad = ["u64"; 17].join(", ");
        let wit = format!(
            "{types} export put: func(x: {ty}, pad: tuple<{pad}>); export get: func() -> tuple<{ty}, u64>;"
        );
        let module = format!(
            r#"(module {REALLOC}
                (global $kept (mut i32) (i32.const 0))
                (func (export "put") (param i32) (global.set $kept (local.get 0)))
                (func (export "get") (result i32) (global.get $kept)))"#
        );
        Self(Guest::new(&wit, &module))
    }

    fn arguments(&mut self, value: Value) -> Result<Arguments, Misfit> {
        let (_, signature) = self.0.func("put");
        let pad = Value::List(vec![Value::Int(0); 17]);
        Arguments::of_values(&signature, &[value, pad])
    }

    /// What comes back of `value`.
    fn pass(&mut self, value: Value) -> Value {
        let mut arguments = self.arguments(value).unwrap_or_else(|misfit| panic!("{misfit}"));
        self.0.call("put", &mut arguments).unwrap();
        self.get().unwrap()
    }

    fn get(&mut self) -> Result<Value, String> {
        let (_, signature) = self.0.func("get");
        let image = self.0.get("get").unwrap();
        let found = image.to_value(signature.result.as_deref(), ResultStyle::Pair).map_err(|e| e.0)?.unwrap();
        let Value::List(mut found) = found else { panic!("{found:?}") };
        Ok(found.swap_remove(0))
    }

    /// Why `value` does not fit, without the words in front that are always the same.
    fn misfit(&mut self, value: Value) -> String {
        let misfit = self.arguments(value.clone()).err().unwrap_or_else(|| panic!("{value:?} fits"));
        let (front, inner) = misfit.message.split_once(": failed to encode parameter 0: ").unwrap();
        assert_eq!(front, "[encode] invalid_data at param[0]");
        assert!(inner.contains(&format!(": {}: ", misfit.path)), "{misfit:?}");
        inner.to_owned()
    }

    #[track_caller]
    fn same(&mut self, value: Value) {
        assert_eq!(self.pass(value.clone()), value);
    }

    #[track_caller]
    fn check(&mut self, given: Value, expected: Value) {
        assert_eq!(self.pass(given), expected);
    }

    #[track_caller]
    fn refuses(&mut self, value: Value, inner: &str) {
        assert_eq!(self.misfit(value), inner);
    }
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn float(number: f64) -> Value {
    Value::Float(number)
}

fn yes() -> Value {
    Value::Bool(true)
}

fn nil() -> Value {
    Value::Nil
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::List(items.into())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// `{}`: what is nil in a table is gone in Lua.
fn empty() -> Value {
    map([])
}

/// Every value that comes out goes in again as what it was.
#[test]
fn random_types() {
    let mut passed = 0;
    for seed in 1..=150 {
        let mut types = String::new();
        let ty = random_type(&mut Random(seed * 0x9e37_79b9_7f4a_7c15), 3, &mut types);
        let mut echo = Echo::new(&types, &ty);
        let (_, signature) = echo.0.func("put");
        let (_, out) = echo.0.func("get");
        let Kind::Tuple(items) = &out.result.as_ref().unwrap().kind else { panic!("{out}") };
        let plan: &Ty = &signature.params[0].ty;
        let mut random = Random(seed);
        for _ in 0..4 {
            let value = random_value(&mut random, plan);
            let mut arguments = Arguments::new(&signature);
            put(&mut arguments, plan, 0, &value);
            echo.0.call("put", &mut arguments).unwrap();
            let found = match echo.get() {
                Err(text) if text.ends_with("does not fit a Lua integer") => continue,
                found => found.unwrap(),
            };
            let again = echo.pass(found.clone());
            assert_eq!(again, found, "{ty}\n{types}");
            assert_eq!(get(&echo.0.get("get").unwrap(), &items[0].ty, 0), value, "{ty}\n{types}");
            passed += 1;
        }
    }
    assert!(passed > 300, "{passed} values");
}

#[test]
fn parameters() {
    let wit = "export f: func(name: string, limit: option<u32>, at: option<f64>);";
    let module = format!("(module {REALLOC} (func (export \"f\") (param i32 i32 i32 i32 i32 f64)))");
    let (_, signature) = Guest::new(wit, &module).func("f");
    let of = |values: &[Value]| Arguments::of_values(&signature, values).map(drop);
    assert_eq!(of(&[text("a")]), Ok(()));
    assert_eq!(of(&[text("a"), int(1)]), Ok(()));
    assert_eq!(of(&[text("a"), nil(), float(0.5)]), Ok(()));
    let count = |given: usize| {
        let message = format!("[encode] invalid_data: parameter count mismatch: expected 3, got {given}");
        Err(Misfit { path: String::new(), message })
    };
    assert_eq!(of(&[]), count(0));
    assert_eq!(of(&[text("a"), nil(), nil(), nil()]), count(4));
    let misfit = of(&[text("a"), text("b")]).unwrap_err();
    assert_eq!(misfit.path, "limit");
    assert_eq!(
        misfit.to_string(),
        "[encode] invalid_data at param[1]: failed to encode parameter 1: \
         [encode] type_mismatch: limit: expected u32, got string (\"b\")"
    );
}

#[test]
fn one_text() {
    let module = format!(
        r#"(module {REALLOC} (func (export "f") (param i32 i32) (result i32)
            (i32.store (i32.const 16) (local.get 0))
            (i32.store (i32.const 20) (local.get 1))
            (i32.const 16)))"#
    );
    let mut guest = Guest::new("export f: func(x: string) -> string;", &module);
    let (_, signature) = guest.func("f");
    for value in ["", "hé", &"long ".repeat(10_000)] {
        let mut arguments = Arguments::of_values(&signature, &[text(value)]).unwrap();
        let image = guest.call("f", &mut arguments).unwrap();
        assert_eq!(image.to_value(signature.result.as_deref(), ResultStyle::Table), Ok(Ok(text(value))));
    }
}
