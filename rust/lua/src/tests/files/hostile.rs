//! What programs must not get at, and what they leave behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use super::{Place, source};
use crate::error::Kind;
use crate::host::Host;
use crate::run::Failure;
use crate::tests::support::{program, run_with};
use crate::value::Value;

#[test]
fn modes_decide_k_1() {
    let place = Place::new();
    let (unreadable, read_only) = (place.host(false, true), place.host(true, false));
    for expression in [
        "readfile('a.txt')",
        "stat('a.txt')",
        "exists('a.txt')",
        "isdir('/')",
        "readdir('/')",
        "open('a.txt')",
        "open('a.txt', 'r+')",
    ] {
        let error = place.refused(&unreadable, &format!("vol:{expression}"));
        assert_eq!(error.kind, Kind::PermissionDenied, "{expression}: {error}");
    }
    for expression in [
        "writefile('x', '')",
        "writefile('a.txt', '', 'a')",
        "mkdir('x')",
        "remove('a.txt')",
        "open('a.txt', 'w')",
        "open('a.txt', 'r+')",
        "open('a.txt', 'wx')",
    ] {
        let error = place.refused(&read_only, &format!("vol:{expression}"));
        assert_eq!(error.kind, Kind::PermissionDenied, "{expression}: {error}");
    }
    assert_eq!(fs::read(place.path("a.txt")).unwrap(), b"one\ntwo\r\n\nlast line");
    assert!(!place.path("x").exists());
}

#[test]
fn nothing_outside_is_reached_k_3() {
    let place = Place::new();
    let host = place.host(true, true);
    symlink("../secret.txt", place.path("link")).unwrap();
    symlink(place.0.join("secret.txt"), place.path("absolute")).unwrap();
    symlink("..", place.path("up")).unwrap();
    symlink("/", place.path("slash")).unwrap();
    symlink("../../new.txt", place.path("sub/dangling")).unwrap();
    symlink("circle", place.path("circle")).unwrap();
    symlink("a.txt", place.path("fine")).unwrap();
    let outside = [
        "../secret.txt",
        "/../secret.txt",
        "sub/../../secret.txt",
        "link",
        "absolute",
        "up/secret.txt",
        "slash/etc/passwd",
        "sub/dangling",
    ];
    for path in outside {
        for call in [
            "readfile('@')",
            "stat('@')",
            "exists('@')",
            "open('@', 'r')",
            "writefile('@', 'gone')",
            "open('@', 'a')",
        ] {
            let call = call.replace('@', path);
            let error = place.refused(&host, &format!("vol:{call}"));
            assert_eq!(error.kind, Kind::PermissionDenied, "{call}: {error}");
        }
    }
    for call in [
        "mkdir('../x')",
        "mkdir('up/x')",
        "remove('../secret.txt')",
        "remove('up/secret.txt')",
        "readdir('..')",
        "readdir('up')",
        "readdir('slash')",
        "chdir('..')",
        "chdir('up')",
    ] {
        let error = place.refused(&host, &format!("vol:{call}"));
        assert_eq!(error.kind, Kind::PermissionDenied, "{call}: {error}");
    }
    assert_eq!(place.refused(&host, "vol:readfile('circle')").kind, Kind::Invalid);
    assert_eq!(fs::read(place.0.join("secret.txt")).unwrap(), b"secret");
    assert!(!place.0.join("new.txt").exists() && !place.0.join("x").exists());
    assert_eq!(place.eval("return #vol:readfile('fine') + #vol:readfile('sub/../a.txt')"), Value::Int(38));
    // A link is removed, and not what it names.
    assert_eq!(
        place.eval("return vol:remove('link') and vol:remove('absolute') and vol:remove('up')"),
        Value::Bool(true)
    );
    assert!(place.0.join("secret.txt").exists() && place.0.join("data").exists());
}

#[test]
fn only_regular_files_are_opened() {
    let place = Place::new();
    let host = place.host(true, true);
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(place.path("fifo")).status().unwrap().success());
    for name in ["fifo", "socket"] {
        for call in [
            "readfile('@')",
            "writefile('@', 'x')",
            "writefile('@', 'x', 'a')",
            "open('@', 'r')",
            "open('@', 'r+')",
        ] {
            let error = place.refused(&host, &format!("vol:{}", call.replace('@', name)));
            assert_eq!(
                (error.kind, error.message),
                (Kind::Invalid, format!("{name}: not a regular file")),
                "{call}"
            );
        }
    }
    assert_eq!(place.eval("return vol:exists('fifo') and vol:stat('fifo').type"), Value::text("file"));
}

#[test]
fn what_is_read_has_a_bound() {
    let place = Place::new();
    let host = place.host(true, true);
    // The program has 16 MiB. This takes no room on the disk.
    let large = fs::File::create(place.path("large")).unwrap();
    large.set_len(8 << 20 | 1).unwrap();
    let error = place.refused(&host, "vol:readfile('large')");
    assert_eq!((error.kind, &*error.message), (Kind::Invalid, "large: file is larger than 8388608 bytes"));
    large.set_len(1 << 40).unwrap();
    assert_eq!(place.refused(&host, "vol:readfile('large')").kind, Kind::Invalid);
    let body = "local f = vol:open('large') return #f:read(math.maxinteger)";
    assert!(matches!(place.run(body), Ok(Value::Int(8_388_608)) | Err(Failure::Memory)));
    let body = "local f = vol:open('large') for i = 1, 100 do assert(#f:read(100000) == 100000) end
         return f:seek('end') == 1 << 40";
    assert_eq!(place.eval(body), Value::Bool(true));
    // Many at once: one after another.
    large.set_len(4 << 20).unwrap();
    let body = "local done = channel.new(20)
         for i = 1, 20 do coroutine.spawn(function() done:send(#vol:readfile('large')) end) end
         local n = 0 for i = 1, 20 do n = n + done:receive() end return n";
    assert!(matches!(place.run(body), Ok(Value::Int(83_886_080)) | Err(Failure::Memory)));
    // What is written at once is not copied for each.
    let body = "local text, done, n = ('x'):rep(4000000), channel.new(5000), 0
         for i = 1, 5000 do
           coroutine.spawn(function() done:send(i % 500 == 0 and vol:writefile('w', text) or vol:exists('w') or false) end)
         end
         for i = 1, 5000 do done:receive() end
         return #vol:readfile('w')";
    assert!(matches!(place.run(body), Ok(Value::Int(4_000_000)) | Err(Failure::Memory)));
}

#[test]
fn files_are_closed_with_their_call() {
    let place = Place::new();
    let host = place.host(true, true);
    let program = program(
        "local vol, file
         return { main = function()
           if file then
             local _, err = file:read()
             assert(file:close())
             return err:kind() .. ': ' .. err:message() .. tostring(vol:exists('a.txt'))
           end
           vol = require('fs').get('app:data')
           file = assert(vol:open('a.txt'))
           return file:read(3)
         end }",
    );
    assert_eq!(run_with(&program, &[], &host).unwrap(), Value::text("one"));
    assert!(!is_open(&place), "the file is still open");
    let text = "Internal: file is closed: the call that opened it has endedtrue";
    assert_eq!(run_with(&program, &[], &host).unwrap(), Value::text(text));
}

/// Whether this process has a file of the place open.
fn is_open(place: &Place) -> bool {
    let Ok(open) = fs::read_dir("/proc/self/fd") else { return false };
    let own = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    own.into_iter().any(|path| path.starts_with(&place.0))
}

#[test]
fn files_are_closed_when_their_call_is_given_up() {
    let place = Place::new();
    for body in [
        "f:read(3) require('time').sleep('10s')",
        "while true do end",
        "while true do f:seek('set', 0) f:read(2) end",
        "error('x')",
    ] {
        let program = program(&source(&format!("local f = vol:open('a.txt') {body}")));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let host = place.host(true, true) as Arc<dyn Host>;
        runtime.block_on(async {
            let _ = tokio::time::timeout(Duration::from_millis(50), program.call(&[], host)).await;
        });
        drop(runtime);
        assert!(!is_open(&place), "{body}");
    }
}

#[test]
fn few_files_are_open_at_once() {
    let place = Place::new();
    let body = "local open = {}
         for i = 1, 100 do
           local f, err = vol:open('f' .. i, 'w')
           if not f then
             assert(err:kind() == errors.INVALID and not vol:exists('f' .. i))
             open[1]:close()
             assert(vol:open('f' .. i, 'w'))
             return #open
           end
           open[i] = f
         end";
    assert_eq!(place.eval(body), Value::Int(64));
    // However many are opened at the same time.
    let body = "local results = channel.new(100)
         for i = 1, 100 do coroutine.spawn(function() results:send(vol:open('a.txt') ~= nil) end) end
         local n = 0 for i = 1, 100 do if results:receive() then n = n + 1 end end return n";
    assert_eq!(place.eval(body), Value::Int(64));
}

#[test]
fn objects_are_what_they_are() {
    let place = Place::new();
    for (body, text) in [
        ("vol.readfile('a.txt')", "bad argument #1 (volume expected, got string)"),
        ("vol.readdir({}, '/')", "bad argument #1 (volume expected, got table)"),
        ("vol:open('a.txt').read(vol)", "bad argument #1 (file expected, got table)"),
        ("vol.pwd(nil)", "bad argument #1 (volume expected, got nil)"),
    ] {
        let Err(Failure::Error(error)) = place.run(body) else { panic!("{body}") };
        assert!(error.message.ends_with(text), "{error}");
        assert!(error.message.starts_with("test.lua:1:"), "{error}");
    }
    assert_eq!(
        place.eval("return tostring(getmetatable(vol)) .. tostring(next(vol))"),
        Value::text("falsenil")
    );
}
