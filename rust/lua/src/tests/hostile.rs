//! Programs that mean no good: each ends in time, with an error, and the next call is fine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::support::{Fake, eval, failing, program, run, run_with};
use crate::run::Failure;
use crate::value::Value;

/// Runs a body that goes on for ever until its call is given up; how long that took to be noticed.
fn given_up(body: &str) -> Duration {
    let program = program(&format!("return {{ main = function() {body} end }}"));
    let host = Arc::<Fake>::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let end = Instant::now() + Duration::from_millis(50);
    let flag = Arc::clone(&host);
    let ending = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        flag.over.store(true, Ordering::Relaxed);
    });
    runtime.block_on(async {
        let call = program.call(&[], host);
        let ran = tokio::time::timeout_at(end.into(), call).await;
        // Where it could not be suspended it was ended with an error.
        if let Ok(ran) = ran {
            let Err(Failure::Error(error)) = ran.result else {
                panic!("it ended by itself: {:?}", ran.result)
            };
            assert!(error.message.ends_with("the call is over"), "{error}");
        }
    });
    ending.join().unwrap();
    end.elapsed()
}

#[test]
fn endless_programs_are_given_up() {
    for body in [
        "while true do end",
        "repeat pcall(function() while true do end end) until false",
        "local function f() return f() end f()",
        "while true do pcall(error) end",
        "local t = setmetatable({}, { __index = function(t, k) while true do end end }) return t.x",
        "table.sort({ 3, 2, 1 }, function(a, b) while true do end end)",
        "table.sort({ 3, 2, 1 }, function(a, b) while true do pcall(function() while true do end end) end end)",
        "string.gsub('x', 'x', function() while true do end end)",
        "string.gsub('x', 'x', function() repeat pcall(error) until false end) while true do end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "table.sort({ 2, 1 }, function() xpcall(function() while true do end end, function() while true do end end) end)",
        "local co = coroutine.wrap(function() while true do end end) co()",
        "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
        "coroutine.spawn(function() while true do end end) while true do coroutine.yield() end",
        "setmetatable({}, { __close = function() while true do end end })
         do local x <close> = setmetatable({}, { __close = function() while true do end end }) end",
        "tostring(setmetatable({}, { __tostring = function() while true do end end }))",
        "while true do string.rep('x', 1000000) end",
        "local s = ('x'):rep(1000000) while true do local _ = s .. s end",
        "while true do table.move({}, 1, 1000000, 1, {}) end",
        "for i = 1, math.huge do local t = { i } end",
        "local t = setmetatable({}, { __gc = function() while true do end end }) t = nil while true do local x = {} end",
    ] {
        eprintln!("{body}");
        let late = given_up(body);
        // On a busy machine one step of it takes a while.
        assert!(late < Duration::from_secs(10), "{late:?} late: {body}");
    }
}

#[test]
fn what_would_go_on_in_c_is_refused() {
    for (body, text) in [
        (
            "return table.concat(setmetatable({}, { __index = table.concat }), '', 1, math.maxinteger)",
            "too many elements",
        ),
        ("return table.move({}, 1, math.maxinteger - 1, 2)", "too many elements to move"),
        (
            "return table.insert(setmetatable({}, { __len = function() return 2^53 // 1 | 0 end }), 1, 1)",
            "__len",
        ),
        ("return #string.rep('', 1 << 60) == 0 and error('ok')", "ok"),
        ("return string.rep('x', 1 << 60)", "resulting string too large"),
    ] {
        let error = failing(body);
        assert!(error.message.contains(text), "{}: {body}", error.message);
    }
}

#[test]
fn memory_is_bounded() {
    for body in [
        "return string.rep('x', 100000000)",
        "local t = {} for i = 1, math.huge do t[i] = i end",
        "local function f() return 1 + f() end return f()",
        "local s = 'x' while true do s = s .. s end",
        "while true do pcall(string.rep, 'x', 100000000) end",
        "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1000000) .. #t end) end",
        "local t = {} for i = 1, math.huge do coroutine.spawn(function() channel.new():receive() end) end",
        "local co = coroutine.wrap(function() return ('x'):rep(100000000) end) co()",
        "coroutine.spawn(function() local t = {} while true do t[#t + 1] = {} end end) channel.new():receive()",
    ] {
        let source = format!("return {{ main = function() {body} end }}");
        let result = run(&source, &[]);
        assert!(matches!(result, Err(Failure::Memory)), "{result:?} of {body}");
    }
}

#[test]
fn recursion_ends_l_7() {
    let deep = failing(
        "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return pcall(f, 150000) and error('deep enough')",
    );
    assert!(deep.message.ends_with("deep enough"), "{}", deep.message);
    let deep = "local mt = {} mt.__tostring = function() return tostring(setmetatable({}, mt)) end
        return tostring(setmetatable({}, mt))";
    assert!(failing(deep).message.contains("stack overflow"));
    assert!(failing("local t = {} t.t = t return t").message.contains("128"));
    let shared = run("return function() local t = {} for i = 1, 60 do t = { t, t } end return t end", &[]);
    assert!(matches!(shared, Err(Failure::TooLarge(_))), "{shared:?}");
}

#[test]
fn nothing_reaches_out_l_7() {
    for name in [
        "load",
        "loadstring",
        "loadfile",
        "dofile",
        "collectgarbage",
        "rawlen",
        "io",
        "debug",
        "utf8",
        "package",
        "os.execute",
        "os.exit",
        "os.remove",
        "os.rename",
        "os.tmpname",
        "os.getenv",
        "os.setlocale",
        "string.dump",
    ] {
        assert_eq!(eval(&format!("return {name} == nil")), Value::Bool(true), "{name}");
    }
    for name in ["unpack", "math.pow", "math.log10", "math.atan2", "table.unpack"] {
        assert_eq!(eval(&format!("return type({name})")), Value::text("function"), "{name}");
    }
    assert_eq!(eval("return getmetatable('').__index == string"), Value::Bool(true));
}

#[test]
fn what_a_program_replaces_is_its_own() {
    let program = program(
        "pcall, error, type, setmetatable, next = nil, nil, nil, nil, nil
         coroutine.resume, coroutine.yield, table.unpack, string.find = nil, nil, nil, nil
         getmetatable('').__index = nil
         return { main = function()
           local ch = channel.new()
           coroutine.spawn(function() ch:send(1) end)
           local r = channel.select{ ch:case_receive() }
           return r.value
         end }",
    );
    let host = Arc::default();
    for _ in 0..3 {
        assert_eq!(run_with(&program, &[], &host).unwrap(), Value::Int(1));
    }
}

#[test]
fn coroutines_that_wait_belong_to_the_kernel() {
    assert_eq!(
        eval(
            "local main = coroutine.running()
             local seen
             local co = coroutine.create(function() require('time').sleep('50ms') return 'slept' end)
             coroutine.spawn(function()
               seen = { coroutine.resume(main), coroutine.resume(co), coroutine.close(co) }
             end)
             local ok, what = coroutine.resume(co)
             return what .. tostring(seen[1]) .. tostring(seen[2]) .. tostring(seen[3])"
        ),
        Value::text("sleptfalsefalsefalse")
    );
}

#[test]
fn coroutines_change_hands_only_where_they_wait() {
    assert_eq!(
        eval(
            "local turns, mixed, done = 0, false, channel.new(3)
             local function work()
               local before = turns
               for i = 1, 3000000 do end
               mixed = mixed or turns ~= before
               turns = turns + 1
               done:send(true)
             end
             for i = 1, 3 do coroutine.spawn(work) end
             for i = 1, 3 do done:receive() end
             return tostring(mixed) .. turns"
        ),
        Value::text("false3")
    );
}

#[test]
fn strange_error_objects() {
    for body in [
        "error(setmetatable({}, { __tostring = function() error('again') end }))",
        "error({ message = ('x'):rep(1000000) })",
        "error(print)",
        "error(nil)",
        "error(coroutine.create(print))",
        "local t = {} t.t = t error(t)",
        "error(setmetatable({}, { __index = function() while true do end end }))",
    ] {
        let error = failing(body);
        assert!(error.message.len() < 100_000, "{body}");
    }
}
