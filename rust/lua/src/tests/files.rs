//! `fs`: what programs do with files (L-35, K-1 to K-4).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::{Fake, program, run_with};
use crate::error::{ErrorValue, Kind};
use crate::host::Directory;
use crate::run::Failure;
use crate::value::Value;

mod hostile;

/// A directory beside files that are none of the program's, until it is dropped.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("wippy-lua-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let place = std::env::temp_dir().join(name);
        fs::create_dir_all(place.join("data/sub")).unwrap();
        fs::write(place.join("secret.txt"), "secret").unwrap();
        fs::write(place.join("data/a.txt"), "one\ntwo\r\n\nlast line").unwrap();
        Place(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join("data").join(name)
    }

    fn host(&self, readable: bool, writable: bool) -> Arc<Fake> {
        let directory = Directory { path: self.0.join("data"), readable, writable };
        Arc::new(Fake { directory: Some(directory), ..Fake::default() })
    }

    fn run(&self, body: &str) -> Result<Value, Failure> {
        run_with(&program(&source(body)), &[], &self.host(true, true))
    }

    fn eval(&self, body: &str) -> Value {
        self.run(body).unwrap_or_else(|failure| panic!("{failure:?} of {body}"))
    }

    /// The error of an expression that gives nil and one.
    fn refused(&self, host: &Arc<Fake>, expression: &str) -> ErrorValue {
        let body = format!("local ok, err = {expression} assert(not ok and err, 'no error') return nil, err");
        match run_with(&program(&source(&body)), &[], host) {
            Err(Failure::Error(error)) => {
                let text = error.to_string();
                assert!(!text.contains("wippy-lua-"), "the host's path is told: {text}");
                *error
            }
            other => panic!("{other:?} of {expression}"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn source(body: &str) -> String {
    format!("return {{ main = function() local vol = assert(require('fs').get('app:data')) {body} end }}")
}

#[test]
fn a_volume_has_an_id_l_35() {
    let place = Place::new();
    let host = place.host(true, true);
    let error = place.refused(&host, "require('fs').get('app:other')");
    assert_eq!((error.kind, &*error.message), (Kind::NotFound, "filesystem not found: app:other"));
    assert_eq!(place.refused(&host, "require('fs').get('')").kind, Kind::Invalid);
    assert_eq!(place.refused(&host, "require('fs').get({})").kind, Kind::Invalid);
}

#[test]
fn files_are_written_and_read() {
    let place = Place::new();
    let body = r"
        assert(vol:writefile('/sub/b.bin', 'x\0\xff') == true)
        assert(vol:readfile('sub/b.bin') == 'x\0\xff' and vol:read_file('//sub/./b.bin') == 'x\0\xff')
        assert(vol:writefile('sub/b.bin', 'more', 'a') and vol:readfile('/sub/b.bin') == 'x\0\xffmore')
        assert(vol:write_file('sub/b.bin', 12) and vol:readfile('sub/b.bin') == '12')
        assert(vol:writefile('new', '', 'wx') and vol:readfile('new') == '')
        local info = vol:stat('sub/b.bin')
        assert(info.name == 'b.bin' and info.size == 2 and info.type == 'file' and info.is_dir == false)
        assert(info.modified > 1700000000 and math.type(info.modified) == 'integer' and info.mode & 256 ~= 0)
        local root = vol:stat('/')
        assert(root.is_dir and root.type == 'directory' and root.name == '.')
        assert(vol:exists('a.txt') and not vol:exists('nope') and not vol:exists('a.txt/nope'))
        assert(vol:isdir('sub') and vol:isdir('/') and not vol:isdir('a.txt') and not vol:isdir('nope'))
        assert(vol:mkdir('/sub/deep') and vol:isdir('sub/deep') and vol:remove('sub/deep') and vol:remove('new'))
        return vol:exists('sub/deep') or vol:exists('new')";
    assert_eq!(place.eval(body), Value::Bool(false));
    assert_eq!(fs::read(place.path("sub/b.bin")).unwrap(), b"12");
}

#[test]
fn directories_are_listed_in_order() {
    let place = Place::new();
    symlink("sub", place.path("link")).unwrap();
    let body = "local names = {}
         for entry in vol:readdir('/') do names[#names + 1] = entry.name .. '=' .. entry.type end
         return table.concat(names, ' ')";
    assert_eq!(place.eval(body), Value::text("a.txt=file link=file sub=directory"));
    assert_eq!(place.eval("for entry in vol:readdir('sub') do error('some') end return 1"), Value::Int(1));
    let host = place.host(true, true);
    assert_eq!(place.refused(&host, "vol:readdir('nope')").kind, Kind::NotFound);
    assert_eq!(place.refused(&host, "vol:readdir('a.txt')").kind, Kind::Invalid);
}

#[test]
fn a_working_directory() {
    let place = Place::new();
    let body = "assert(vol:pwd() == '/' and vol:chdir('sub') and vol:pwd() == '/sub')
         assert(vol:writefile('x', '1') and vol:exists('/sub/x') and vol:exists('../a.txt') and vol:exists('/a.txt'))
         assert(vol:chdir('..') and vol:pwd() == '/')
         local ok, err = vol:chdir('a.txt')
         assert(not ok and err:kind() == errors.INVALID)
         ok, err = vol:chdir('..')
         assert(not ok and err:kind() == errors.PERMISSION_DENIED)
         return vol:pwd()";
    assert_eq!(place.eval(body), Value::text("/"));
}

#[test]
fn files_are_read_and_written_in_parts() {
    let place = Place::new();
    let body = "local f = assert(vol:open('f', 'w'))
         assert(f:write('hello ') == 6 and f:write('world') == 5 and f:sync() and f:stat().size == 11)
         assert(f:stat().name == 'f' and f:close() and f:close())
         local f <close> = assert(vol:open('f', 'r'))
         assert(f:read(5) == 'hello' and f:seek('cur', 1) == 6 and f:read() == 'world')
         local data, err = f:read(1)
         assert(data == nil and err:kind() == errors.NOT_FOUND)
         assert(f:seek('end', -5) == 6 and f:read(1) == 'w' and f:seek('set', 0) == 0 and f:read(1) == 'h')
         local g = assert(vol:open('f', 'r+'))
         assert(g:write('J') == 1 and g:seek('set', 0) == 0 and g:read(2) == 'Je')
         local h = assert(vol:open('f', 'a'))
         assert(h:write('!') == 1 and h:close())
         return vol:readfile('f')";
    assert_eq!(place.eval(body), Value::text("Jello world!"));
}

#[test]
fn a_file_is_copied_from_another() {
    let place = Place::new();
    fs::write(place.path("large"), vec![b'x'; 1_000_000]).unwrap();
    let body = "local f = assert(vol:open('large', 'r'))
         assert(vol:writefile('copy', f) and f:close())
         return vol:stat('copy').size";
    assert_eq!(place.eval(body), Value::Int(1_000_000));
}

#[test]
fn scanners() {
    let place = Place::new();
    fs::write(place.path("words"), format!("  a {}\n b\t\tc ", "x".repeat(60_000))).unwrap();
    fs::write(place.path("runes"), "aß\u{20ac}\u{1f600}\u{00ff}".as_bytes()).unwrap();
    fs::write(place.path("bad"), b"\xff\xc3a\xe2\x82").unwrap();
    fs::write(place.path("long"), "x".repeat(200_000)).unwrap();
    let scan = |name: &str, split: &str| {
        let body = format!(
            "local f = assert(vol:open('{name}', 'r'))
             local s, found = assert(f:scanner('{split}')), {{}}
             while s:scan() do found[#found + 1] = #s:text() end
             return table.concat(found, ' ') .. (s:err() and tostring(s:err()) or '')"
        );
        place.eval(&body)
    };
    assert_eq!(scan("a.txt", "lines"), Value::text("3 3 0 9"));
    assert_eq!(scan("words", "words"), Value::text("1 60000 1 1"));
    assert_eq!(scan("runes", "runes"), Value::text("1 2 3 4 2"));
    assert_eq!(scan("bad", "runes"), Value::text("1 1 1 1 1"));
    assert_eq!(scan("bad", "bytes"), Value::text("1 1 1 1 1"));
    assert_eq!(scan("long", "lines"), Value::text("token too long"));
    let body = "local f = vol:open('a.txt', 'r') f:close() local s, err = f:scanner() return err:kind()";
    assert_eq!(place.eval(body), Value::text("Invalid"));
}

#[test]
fn errors_have_kinds_and_name_the_path() {
    let place = Place::new();
    let host = place.host(true, true);
    for (expression, kind, text) in [
        ("vol:readfile('nope/x')", Kind::NotFound, "nope/x: no such file or directory"),
        ("vol:readfile('/nope')", Kind::NotFound, "/nope: no such file or directory"),
        ("vol:stat('nope')", Kind::NotFound, "nope: no such file or directory"),
        ("vol:remove('nope')", Kind::NotFound, "nope: no such file or directory"),
        ("vol:mkdir('x/y')", Kind::NotFound, "x/y: no such file or directory"),
        ("vol:mkdir('sub')", Kind::AlreadyExists, "sub: already exists"),
        ("vol:writefile('a.txt', 'x', 'wx')", Kind::AlreadyExists, "a.txt: already exists"),
        ("vol:readfile('sub')", Kind::Invalid, "sub: is a directory"),
        ("vol:writefile('sub', 'x')", Kind::Invalid, "sub: is a directory"),
        ("vol:readfile('')", Kind::Invalid, "empty path"),
        (r"vol:readfile('a.txt\0b')", Kind::Invalid, "path contains a null byte"),
        ("vol:readfile(('x/'):rep(5000))", Kind::Invalid, "path is longer than 4096 bytes"),
        ("vol:readfile(nil)", Kind::Invalid, "path must be a string, not nil"),
        ("vol:writefile('x', {})", Kind::Invalid, "data must be a string, not table"),
        ("vol:writefile('x', 'x', 'r+')", Kind::Invalid, "invalid mode: writefile takes w, a or wx"),
        (
            "vol:open('a.txt', 'rb')",
            Kind::Invalid,
            "invalid mode \"rb\": expected r, w, a or wx, and + for both",
        ),
        ("vol:open('a.txt'):write('x')", Kind::Internal, "a.txt: file is not open for writing"),
        ("vol:open('x', 'w'):read()", Kind::Internal, "x: file is not open for reading"),
        (
            "vol:open('a.txt'):seek('back', 1)",
            Kind::Invalid,
            "invalid whence \"back\": expected set, cur or end",
        ),
        ("vol:open('a.txt'):seek('set', -1)", Kind::Invalid, "offset must not be negative from the start"),
        ("vol:open('a.txt'):read(-1)", Kind::Invalid, "size must not be negative"),
    ] {
        let error = place.refused(&host, expression);
        assert_eq!((error.kind, &*error.message), (kind, text), "{expression}");
    }
    assert_eq!(place.refused(&host, "vol:remove('/')").kind, Kind::Invalid);
    fs::write(place.path("sub/x"), "").unwrap();
    assert_eq!(place.refused(&host, "vol:remove('sub')").kind, Kind::Invalid);
}
