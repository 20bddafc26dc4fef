use super::*;
use mlua::FromLuaMulti;

fn state() -> Lua {
    let lua = Lua::new();
    lua.globals().set("errors", open(&lua).unwrap()).unwrap();
    lua
}

fn run<T: FromLuaMulti>(source: &str) -> T {
    state().load(source).eval().unwrap()
}

/// L-21
#[test]
fn constants_are_the_names_of_kinds() {
    assert_eq!(run::<String>("return errors.NOT_FOUND"), "NotFound");
    for (_, constant, name) in Kind::ALL {
        assert_eq!(run::<String>(&format!("return errors.{constant}")), name);
    }
}

/// L-22, L-23
#[test]
fn an_error_says_what_it_was_made_of() {
    let made: (String, String, Option<bool>, i64, String) = run(
        "local e = errors.new{message = 'no user', kind = errors.NOT_FOUND, retryable = false, details = {id = 7}}
         return e:kind(), e:message(), e:retryable(), e:details().id, tostring(e)",
    );
    assert_eq!(made, ("NotFound".into(), "no user".into(), Some(false), 7, "no user".into()));
    let plain: (String, String, Option<bool>, bool) =
        run("local e = errors.new('oh') return e:kind(), e:message(), e:retryable(), e:details() == nil");
    assert_eq!(plain, ("Unknown".into(), "oh".into(), None, true));
}

/// L-22
#[test]
fn a_kind_may_come_before_the_message() {
    let texts = "local e = errors.new(...) return e:kind(), e:message()";
    let call = |arguments: (&str, &str)| -> (String, String) { state().load(texts).call(arguments).unwrap() };
    assert_eq!(call(("NOT_FOUND", "m")), ("NotFound".into(), "m".into()));
    assert_eq!(call(("Timeout", "m")), ("Timeout".into(), "m".into()));
    assert_eq!(call(("hello", "m")), ("Unknown".into(), "hello".into()));
}

/// L-20: `return nil, errors.new(x)` is an error whatever `x` is.
#[test]
fn what_new_gives_is_always_an_error() {
    for arguments in [
        "",
        "nil",
        "{}",
        "true",
        "{message = {}}",
        "{message = 'm', details = setmetatable({}, {__index = error})}",
    ] {
        let is_error: bool = run(&format!("return type(errors.new({arguments}):kind()) == 'string'"));
        assert!(is_error, "{arguments}");
    }
    let looped: String = run("local t = {} t.t = t return errors.new{message = 'm', details = t}:message()");
    assert!(looped.contains("contains itself"), "{looped}");
}

/// As samples of the platform's documentation do.
#[test]
fn a_new_error_can_be_given_its_kind() {
    assert_eq!(run::<String>("return errors.new('m'):kind(errors.INVALID):kind()"), "Invalid");
    assert_eq!(run::<String>("return errors.new('m'):kind('nonsense')"), "Unknown");
}

/// L-22
#[test]
fn wrapping_keeps_all_but_the_message() {
    let wrapped: (String, String, bool, i64) =
        run("local e = errors.new{message = 'a', kind = errors.TIMEOUT, retryable = true, details = {n = 1}}
         e = errors.wrap(errors.wrap(e, 'b'), 'c')
         return e:kind(), e:message(), e:retryable(), e:details().n");
    assert_eq!(wrapped, ("Timeout".into(), "c: b: a".into(), true, 1));
    assert_eq!(run::<String>("return errors.wrap('a', 'b'):message()"), "b: a");
    assert!(run::<bool>("return errors.wrap(nil, 'b') == nil"));
    assert_eq!(run::<String>("return errors.wrap({}, function() end):message()"), "(function): (table)");
}

#[test]
fn is_compares_kinds() {
    let found: (bool, bool, bool, bool) = run(
        "local e = errors.new{message = 'm', kind = errors.INVALID}
         return errors.is(e, errors.INVALID), errors.is(e, 'INVALID'), errors.is(e, errors.TIMEOUT), errors.is('x', 'Invalid')",
    );
    assert_eq!(found, (true, true, false, false));
    assert!(!run::<bool>("return errors.is(errors.new('m'), nil)"));
}

#[test]
fn errors_can_be_put_into_texts() {
    assert_eq!(run::<String>("return 'failed: ' .. errors.new('m') .. 1"), "failed: m1");
    let failed = state().load("return {} .. errors.new('m')").eval::<String>().unwrap_err();
    assert!(failed.to_string().contains("attempt to concatenate a table value"), "{failed}");
}

/// L-22, L-23
#[test]
fn an_error_knows_where_it_was_made() {
    let lua = state();
    let source = "local function inner() return errors.new('m') end
                  local e = inner()
                  local stack = errors.call_stack(e)
                  return e:stack(), stack.thread, stack.frames[1].line, stack.frames[1].source, stack.frames[1].name";
    let (text, thread, line, place, name): (String, String, i64, String, String) =
        lua.load(source).set_name("@app:main.lua").eval().unwrap();
    assert!(text.starts_with("app:main.lua:"), "{text}");
    assert_eq!((thread.as_str(), place.as_str()), ("main", "app:main.lua"));
    assert!(line >= 1 && !name.is_empty());
    assert!(run::<bool>("return errors.call_stack('x') == nil"));
}

#[test]
fn what_rust_raised_is_an_error_too() {
    let lua = state();
    let ours = ErrorValue::new(Kind::Conflict, "ours");
    let raise = lua
        .create_function(move |_, ()| -> mlua::Result<()> { Err(mlua::Error::external(ours.clone())) })
        .unwrap();
    lua.globals().set("raise", raise).unwrap();
    let caught: LuaValue = lua.load("return select(2, pcall(raise))").eval().unwrap();
    assert_eq!(from_lua(&caught).unwrap().message, "ours");
    let wrapped: String = lua.load("return errors.wrap(select(2, pcall(raise)), 'w'):kind()").eval().unwrap();
    assert_eq!(wrapped, "Conflict");
}

/// Details of details: a chain of any length would overflow the stack when it is dropped.
#[test]
fn errors_inside_each_other_have_a_bound() {
    let message: String = run("local e = errors.new('m')
         for i = 1, 100000 do
             e = errors.new{message = 'm', details = {inner = e}}
             if e:message() ~= 'm' then return e:message() end
         end
         return 'none'");
    assert!(message.contains("nested deeper than 128"), "{message}");
}

/// Texts of errors are outside of Lua's memory, and count against it all the same.
#[test]
fn many_large_errors_meet_the_memory_limit() {
    let lua = state();
    lua.set_memory_limit(16 << 20).unwrap();
    let failed = lua
        .load("local all, text = {}, ('x'):rep(100000) for i = 1, 10000 do all[i] = errors.new(text) end")
        .exec()
        .unwrap_err();
    assert!(failed.to_string().contains("memory"), "{failed}");
    let objects: usize = lua.load("collectgarbage() return 1").eval().unwrap();
    assert_eq!(objects, 1);
}

#[test]
fn objects_cannot_be_changed_or_looked_into() {
    assert!(!run::<bool>("return pcall(function() errors.new('m').x = 1 end)"));
    assert!(run::<bool>("return type(getmetatable(errors.new('m'))) ~= 'table'"));
    assert!(!run::<bool>("return pcall(errors.new('m').kind, {})"));
}
