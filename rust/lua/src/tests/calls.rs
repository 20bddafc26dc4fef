//! Arguments, results, coroutines, waiting (L-1 to L-17).

use std::sync::Arc;

use super::support::{ALL, Fake, eval, failing, program, program_of, run, run_with, unit};
use crate::error::Kind;
use crate::run::Failure;
use crate::value::Value;

#[test]
fn a_function_or_a_table_of_functions_l_1() {
    assert_eq!(run("return function(a) return a end", &[Value::Int(3)]).unwrap(), Value::Int(3));
    assert_eq!(
        run("return { main = function(a, b) return a + b end }", &[Value::Int(3), Value::Int(4)]).unwrap(),
        Value::Int(7)
    );
    let missing = run("return { other = 1 }", &[]);
    let Err(Failure::Error(error)) = missing else { panic!("{missing:?}") };
    assert_eq!((error.kind, &*error.message), (Kind::NotFound, "method \"main\" not found in module"));
}

#[test]
fn a_worker_keeps_what_its_chunk_keeps_l_2() {
    let program = program("local n = 0 return { main = function() n = n + 1 return n end }");
    let calls: Vec<_> = (0..3).map(|_| run_with(&program, &[], &Arc::default()).unwrap()).collect();
    assert_eq!(calls, [Value::Int(1), Value::Int(2), Value::Int(3)]);
}

#[test]
fn libraries_are_required_by_their_alias_l_3() {
    let library = unit("local m = {} function m.twice(x) return 2 * x end return m", &[], Vec::new());
    let source = "local lib = require('lib') return { main = function(x) return lib.twice(x) end }";
    let program = program_of(unit(source, &[], vec![("lib".to_owned(), library)]));
    assert_eq!(run_with(&program, &[Value::Int(21)], &Arc::default()).unwrap(), Value::Int(42));
    assert!(failing("require('nope')").message.ends_with("module 'nope' not found"));
}

#[test]
fn an_error_in_second_place_fails_the_call_l_13() {
    let error = failing("return 1, 'no luck'");
    assert_eq!((error.kind, &*error.message, error.retryable), (Kind::Internal, "no luck", Some(false)));
    let error =
        failing("return nil, errors.new{ message = 'gone', kind = errors.NOT_FOUND, retryable = true }");
    assert_eq!((error.kind, &*error.message, error.retryable), (Kind::NotFound, "gone", Some(true)));
    assert_eq!(eval("return 1, { 2 }"), Value::Int(1));
    assert_eq!(eval("return 1, true"), Value::Int(1));
}

#[test]
fn a_raised_error_has_its_place_l_14() {
    let source = "local function inner()\n  error('bad')\nend\nreturn { main = function()\n  inner()\nend }";
    let Err(Failure::Error(error)) = run(source, &[]) else { panic!("no error") };
    assert_eq!((error.kind, &*error.message), (Kind::Internal, "test.lua:2: bad"));
    assert!(error.traceback.starts_with("test.lua:2:"), "{}", error.traceback);
    assert!(error.traceback.contains("test.lua:5:"), "{}", error.traceback);
    assert!(!error.traceback.contains("wippy"), "{}", error.traceback);
    let error = failing("error(errors.new('TIMEOUT', 'late'))");
    assert_eq!((error.kind, &*error.message), (Kind::Timeout, "late"));
}

#[test]
fn a_worker_serves_again_after_an_error() {
    let program = program("return { main = function(x) if x then error(x) end return 'fine' end }");
    let host = Arc::default();
    for _ in 0..3 {
        assert!(run_with(&program, &[Value::text("bad")], &host).is_err());
        assert_eq!(run_with(&program, &[], &host).unwrap(), Value::text("fine"));
    }
}

#[test]
fn coroutines_talk_over_channels() {
    assert_eq!(
        eval(
            "local ch = channel.new()
             for i = 1, 3 do coroutine.spawn(function() ch:send(i * i) end) end
             return ch:receive() + ch:receive() + ch:receive()"
        ),
        Value::Int(14)
    );
    assert_eq!(
        eval(
            "local jobs, done = channel.new(10), channel.new()
             coroutine.spawn(function()
               local n = 0
               while true do
                 local v, ok = jobs:receive()
                 if not ok then break end
                 n = n + v
               end
               done:send(n)
             end)
             for i = 1, 10 do jobs:send(i) end
             jobs:close()
             return (done:receive())"
        ),
        Value::Int(55)
    );
}

#[test]
fn select_takes_what_is_ready_and_waits_else() {
    assert_eq!(
        eval(
            "local ch = channel.new(1) local r = channel.select{ ch:case_receive(), default = true } return r.default"
        ),
        Value::Bool(true)
    );
    assert_eq!(
        eval(
            "local a, b = channel.new(), channel.new()
             coroutine.spawn(function() b:send('from b') end)
             local r = channel.select{ a:case_receive(), b:case_receive() }
             return (r.channel == b and r.ok) and r.value"
        ),
        Value::text("from b")
    );
}

#[test]
fn nothing_left_to_wait_for_is_a_deadlock_l_17() {
    let error = failing("local ch = channel.new() coroutine.spawn(function() ch:receive() end) ch:receive()");
    assert_eq!(error.message, "deadlock: all 2 coroutines blocked with no pending operations");
    let error = failing("channel.new():receive()");
    assert_eq!(error.message, "deadlock: all 1 coroutines blocked with no pending operations");
}

#[test]
fn spawned_coroutines_end_with_the_call_l_17() {
    let program = program(
        "local after = 0
         return { main = function(go)
           if go then
             coroutine.spawn(function() require('time').sleep('10ms') after = after + 1 end)
             coroutine.spawn(function() while true do coroutine.yield() end end)
           end
           require('time').sleep('30ms')
           return after
         end }",
    );
    let host = Arc::default();
    assert_eq!(run_with(&program, &[Value::Bool(true)], &host).unwrap(), Value::Int(1));
    assert_eq!(run_with(&program, &[], &host).unwrap(), Value::Int(1));
}

#[test]
fn sleeping_and_time_after() {
    assert_eq!(eval("local time = require('time') time.sleep('5ms') return 1"), Value::Int(1));
    assert_eq!(
        eval(
            "local time = require('time')
             local never = channel.new()
             local timeout = time.after('5ms')
             local r = channel.select{ never:case_receive(), timeout:case_receive() }
             return r.channel == timeout"
        ),
        Value::Bool(true)
    );
}

#[test]
fn functions_are_called_and_their_errors_kept_l_24() {
    assert_eq!(eval("local funcs = require('funcs') return funcs.call('app:echo', 'x')"), Value::text("x"));
    assert_eq!(
        eval(
            "local _, err = require('funcs').call('app:missing') return err:kind() .. ': ' .. err:message()"
        ),
        Value::text("NotFound: no handler registered for target")
    );
    for (target, text) in [
        ("''", "function ID required"),
        ("nil", "function ID required"),
        ("'x'", "namespace required in function ID"),
        ("':x'", "namespace required in function ID"),
        ("'x:'", "name required in function ID"),
    ] {
        let body = format!("local _, err = require('funcs').call({target}) return err:message()");
        assert_eq!(eval(&body), Value::text(text));
    }
}

#[test]
fn futures_run_beside_each_other() {
    assert_eq!(
        eval(
            "local funcs = require('funcs')
             local a, b = funcs.async('app:slow', 1), funcs.async('app:slow', 2)
             assert(not a:is_complete())
             local p, ok = a:response():receive()
             local q = b:channel():receive()
             assert(ok and a:is_complete() and a:result():data() == 1 and not a:error())
             return p:data() + q:data()"
        ),
        Value::Int(3)
    );
    assert_eq!(
        eval(
            "local future = require('funcs').async('app:missing')
             local v, ok = future:response():receive()
             local err, has = future:error()
             return tostring(v) .. tostring(ok) .. err:kind() .. tostring(has)"
        ),
        Value::text("nilfalseNotFoundtrue")
    );
    assert_eq!(
        eval(
            "local future = require('funcs').async('app:slow')
             future:cancel()
             local _, err = future:result()
             return tostring(future:is_canceled()) .. err:kind()"
        ),
        Value::text("trueCanceled")
    );
}

#[test]
fn waiting_passes_through_coroutines_of_the_program() {
    assert_eq!(
        eval(
            "local funcs, time = require('funcs'), require('time')
             local gen = coroutine.wrap(function()
               for i = 1, 3 do
                 time.sleep('1ms')
                 coroutine.yield(funcs.call('app:echo', i))
               end
             end)
             return gen() + gen() + gen()"
        ),
        Value::Int(6)
    );
    assert_eq!(
        eval(
            "local time = require('time')
             local ok, err = pcall(function() time.sleep('1ms') error('after', 0) end)
             return tostring(ok) .. err"
        ),
        Value::text("falseafter")
    );
}

#[test]
fn what_cannot_wait_says_so() {
    assert_eq!(
        eval(
            "local time = require('time')
             local found
             tostring(setmetatable({}, { __tostring = function()
               local _, err = time.sleep(1)
               found = err:kind()
               return ''
             end }))
             return found"
        ),
        Value::text("Invalid")
    );
}

#[test]
fn print_goes_to_the_log_l_8() {
    let host = Arc::<Fake>::default();
    let program =
        program("return { main = function() print('a', 1, nil, true) require('logger').warn('w') end }");
    run_with(&program, &[], &host).unwrap();
    let logged: Vec<_> = host.logged.lock().unwrap().iter().map(|(_, text)| text.clone()).collect();
    assert_eq!(logged, ["a 1 nil true", "w"]);
}

#[test]
fn every_module_opens() {
    for name in ALL {
        eval(&format!("assert(type(require('{name}')) == 'table') return 1"));
    }
}

/// A worker loads what its program speaks of; the rest is there all the same.
#[test]
fn what_is_not_spoken_of_is_there() {
    assert_eq!(eval("return ('a1')['ma' .. 'tch']('a1', '%d')"), Value::text("1"));
    assert_eq!(
        eval(
            "local each = string['gma' .. 'tch'] local n = 0 for _ in each('a b', '%a') do n = n + 1 end return n"
        ),
        Value::Int(2)
    );
    assert_eq!(
        failing("local x = string['fi' .. 'nd']('a', '[') return x").message,
        "test.lua:1: malformed pattern (missing ']')"
    );
    assert_eq!(
        eval("local c = require('chan' .. 'nel').new(1) c:send(7) return (c:receive())"),
        Value::Int(7)
    );
    assert_eq!(eval("return require('err' .. 'ors') == require('err' .. 'ors')"), Value::Bool(true));
    let named = "local names = {} for name in pairs(_G) do names[#names + 1] = name end table.sort(names) return table.concat(names, ' ')";
    let Value::Str(names) = eval(named) else { panic!() };
    let names = String::from_utf8(names).unwrap();
    for name in ["channel", "errors", "payload", "process", "require"] {
        assert!(names.split(' ').any(|known| known == name), "{name}: {names}");
    }
    assert_eq!(
        eval("return channel == require('channel') and errors == require('errors')"),
        Value::Bool(true)
    );
}
