//! `http_client`: what requests become, what responses look like, and what is refused (L-33, L-36).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::support::{Fake, program, run_with};
use crate::error::{ErrorValue, Kind};
use crate::host::{Request, Response};
use crate::run::Failure;
use crate::value::Value;

/// Tells what it was asked; some hosts answer otherwise.
fn answer(request: &Request) -> Result<Response, ErrorValue> {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    if request.url.contains("//denied") {
        return Err(ErrorValue::new(Kind::PermissionDenied, "not allowed: denied"));
    }
    if request.url.contains("//large") {
        return Ok(Response { status: 200, body: vec![b'x'; 9 << 20], ..Response::default() });
    }
    if request.url.contains("//odd") {
        let headers = vec![
            header("set-cookie", "a=1; Path=/"),
            header("SET-COOKIE", " b = \"two\" "),
            header("set-cookie", "nonsense"),
            header("set-cookie", "=x"),
            header("set-cookie", "a=3"),
            header("x-MANY", "1"),
            header("X-Many", "2"),
            header("e\ntag", "x"),
            header("x-y-", "\u{ff}"),
        ];
        return Ok(Response { status: 404, headers, body: b"\xff\0".to_vec(), url: request.url.clone() });
    }
    let mut lines = vec![format!("{} {}", request.method, request.url)];
    let shown = |(name, value): &(String, Vec<u8>)| format!("{name}: {}", String::from_utf8_lossy(value));
    lines.extend(request.headers.iter().map(shown));
    lines.extend(request.timeout.map(|timeout| format!("{timeout:?}")));
    lines.push(String::from_utf8_lossy(&request.body).into_owned());
    let headers = vec![header("content-type", "text/plain")];
    Ok(Response { status: 200, headers, body: lines.join("\n").into_bytes(), url: request.url.clone() })
}

fn run(body: &str) -> Result<Value, Failure> {
    let source = format!("local http = require('http_client') return {{ main = function() {body} end }}");
    run_with(&program(&source), &[], &Arc::new(Fake { http: answer, ..Fake::default() }))
}

fn eval(body: &str) -> Value {
    run(body).unwrap_or_else(|failure| panic!("{failure:?} of {body}"))
}

/// What was asked by a call.
fn asked(call: &str) -> String {
    match eval(&format!("return assert(http.{call}).body")) {
        Value::Str(text) => String::from_utf8(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn refused(call: &str) -> ErrorValue {
    match run(&format!(
        "local response, err = http.{call} assert(response == nil and err, 'no error') return nil, err"
    )) {
        Err(Failure::Error(error)) => *error,
        other => panic!("{other:?} of {call}"),
    }
}

#[test]
fn methods() {
    for method in ["get", "post", "put", "patch", "delete", "head"] {
        let call = format!("{method}('http://a/b?c#d')");
        assert_eq!(asked(&call), format!("{} http://a/b?c\n", method.to_uppercase()));
    }
    assert_eq!(asked("request('propfind', 'https://a:443')"), "PROPFIND https://a/\n");
    assert_eq!(asked("post('http://a', { body = 'x' })"), "POST http://a/\nx");
}

#[test]
fn responses() {
    let body = "local r = http.get('http://a/x') return { r.status_code, r.body_size, r.headers['Content-Type'], r.url, r.body }";
    let expected = [
        Value::Int(200),
        Value::Int(15),
        Value::text("text/plain"),
        Value::text("http://a/x"),
        Value::text("GET http://a/x\n"),
    ];
    assert_eq!(eval(body), Value::List(expected.to_vec()));
    let body = r"local r = http.get('http://odd/')
         assert(r.status_code == 404 and r.body == '\xff\0' and r.body_size == 2)
         assert(r.headers['X-Many'] == '1, 2' and r.headers['X-Y-'] == 'ÿ' and r.headers['e\ntag'] == 'x')
         assert(r.cookies.a == '3' and r.cookies.b == 'two' and r.cookies.nonsense == nil)
         return r.headers['Set-Cookie']";
    assert_eq!(eval(body), Value::text("a=1; Path=/,  b = \"two\" , nonsense, =x, a=3"));
}

#[test]
fn options() {
    for (options, expected) in [
        ("headers = { A = 'x', B = { '1', 2 } }", "GET http://a/\nA: x\nB: 1\nB: 2\n"),
        ("query = { b = 'x y', a = { 1, true, 'ä&' } }", "GET http://a/?a=1&a=true&a=%C3%A4%26&b=x+y\n"),
        ("query = '?x=1'", "GET http://a/?x=1\n"),
        ("query = {}", "GET http://a/\n"),
        (
            "form = { a = 'x=', b = 1 }",
            "GET http://a/\nContent-Type: application/x-www-form-urlencoded\na=x%3D&b=1",
        ),
        ("form = { a = 1 }, headers = { ['content-type'] = 'x' }", "GET http://a/\ncontent-type: x\na=1"),
        (
            "auth = { user = 'u', pass = 'p' }, headers = { authorization = 'x' }",
            "GET http://a/\nAuthorization: Basic dTpw\n",
        ),
        ("cookies = { b = '2', a = 1 }", "GET http://a/\nCookie: a=1; b=2\n"),
        ("cookies = { b = '2' }, headers = { cookie = 'a=1' }", "GET http://a/\nCookie: a=1; b=2\n"),
        ("timeout = 1.5", "GET http://a/\n1.5s\n"),
        ("timeout = 2", "GET http://a/\n2s\n"),
        ("timeout = '1m30s'", "GET http://a/\n90s\n"),
        ("timeout = 0, stream = false", "GET http://a/\n"),
        ("unknown = 1", "GET http://a/\n"),
    ] {
        assert_eq!(asked(&format!("get('http://a', {{ {options} }})")), expected, "{options}");
    }
    assert_eq!(asked("get('http://a/?z', { query = 'x=1' })"), "GET http://a/?z&x=1\n");
}

#[test]
fn what_is_not_supported_says_so() {
    for option in ["stream = true", "files = {}", "tls = {}", "unix_socket = '/x'", "overlay_network = 'a:b'"]
    {
        let error = refused(&format!("get('http://a', {{ {option} }})"));
        let name = option.split(' ').next().unwrap();
        assert_eq!(
            (error.kind, error.message),
            (Kind::Invalid, format!("option '{name}' is not supported here"))
        );
    }
}

/// L-33
#[test]
fn a_timeout_is_seconds() {
    static SEEN: Mutex<Vec<Option<Duration>>> = Mutex::new(Vec::new());
    let http = |request: &Request| {
        SEEN.lock().unwrap().push(request.timeout);
        Ok(Response::default())
    };
    let source =
        "local http = require('http_client') return function() http.get('http://a', { timeout = 30 }) end";
    run_with(&program(source), &[], &Arc::new(Fake { http, ..Fake::default() })).unwrap();
    assert_eq!(*SEEN.lock().unwrap(), [Some(Duration::from_secs(30))]);
    for timeout in ["-1", "1/0", "0/0", "'soon'", "{}"] {
        let error = refused(&format!("get('http://a', {{ timeout = {timeout} }})"));
        assert_eq!(error.kind, Kind::Invalid, "{timeout}: {error}");
    }
}

#[test]
fn headers_do_not_break_out() {
    for headers in [
        r"{ A = 'x\r\nB: y' }",
        r"{ A = 'x\n y' }",
        r"{ A = 'x\0' }",
        r"{ ['A\r\nB'] = 'x' }",
        "{ ['A:'] = 'x' }",
        "{ ['A B'] = 'x' }",
        "{ [''] = 'x' }",
        r"{ A = { 'x', 'y\r' } }",
        "{ A = {{}} }",
        "{ A = print }",
        r"{ ['\xff'] = 'x' }",
        "'A: x'",
    ] {
        let error = refused(&format!("get('http://a', {{ headers = {headers} }})"));
        assert_eq!(error.kind, Kind::Invalid, "{headers}: {error}");
    }
    for options in [
        r"cookies = { a = 'x\r\nB: y' }",
        "cookies = { a = '1; b=2' }",
        "cookies = { ['a=b'] = '1' }",
        "cookies = 'a=1'",
        "auth = { user = 'a:b', pass = 'c' }",
        "auth = 'x'",
        r"query = 'a\nb'",
        "query = { a = {{}} }",
        "form = 'a=b'",
        "body = {}",
        "form = { a = 1 }, body = 'x'",
        "max_response_body = -1",
    ] {
        assert_eq!(refused(&format!("get('http://a', {{ {options} }})")).kind, Kind::Invalid, "{options}");
    }
    // Whoever sends the request says these.
    let theirs = "{ Host = 'b', ['content-length'] = '9', ['Transfer-Encoding'] = 'chunked', Connection = 'x', ok = '1' }";
    assert_eq!(asked(&format!("get('http://a', {{ headers = {theirs} }})")), "GET http://a/\nok: 1\n");
    assert_eq!(
        asked(r"get('http://a', { auth = { user = 'u\r\n', pass = '\0' } })"),
        "GET http://a/\nAuthorization: Basic dQ0KOgA=\n"
    );
}

#[test]
fn odd_urls() {
    for url in [
        "''",
        "nil",
        "{}",
        "'a'",
        "'/x'",
        "'//a/x'",
        "'ftp://a'",
        "'file:///etc/passwd'",
        "'http://'",
        "'http:///'",
        "'javascript:1'",
        r"'http://a/\r\nHost: b'",
        r"'http://a\tb/'",
        r"'http://a/\0'",
        r"'http://\xff/'",
        "'http://u@a/'",
        "'http://u:p@a/'",
        "'http://a b/'",
        "'http://a:99999/'",
        "'http://[::1/'",
        "('http://a/' .. ('x'):rep(70000))",
        "('http://a/' .. ('ä'):rep(20000))",
    ] {
        let error = refused(&format!("get({url})"));
        assert_eq!(error.kind, Kind::Invalid, "{url}: {error}");
        assert!(error.message.len() < 200, "{url}");
    }
    for (url, written) in [
        ("HTTP://EXAMPLE.com:80/a b/ä?x y", "http://example.com/a%20b/%C3%A4?x%20y"),
        (r"http://good\\@evil/", "http://good/@evil/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://ⓔvil/", "http://evil/"),
        ("http://a/../../b", "http://a/b"),
    ] {
        assert_eq!(asked(&format!("get('{url}')")), format!("GET {written}\n"), "{url}");
    }
    for method in ["''", "'A B'", r"'GET / HTTP/1.1\r\n'", "('X'):rep(100)", "'connect'", "nil"] {
        assert_eq!(refused(&format!("request({method}, 'http://a')")).kind, Kind::Invalid, "{method}");
    }
}

#[test]
fn errors_are_passed_on() {
    let error = refused("get('http://denied')");
    assert_eq!((error.kind, &*error.message), (Kind::PermissionDenied, "not allowed: denied"));
    assert_eq!(refused("get('http://a', 5)").message, "options must be a table, not integer");
}

#[test]
fn sizes_have_bounds() {
    let error = refused("get('http://large')");
    assert_eq!((error.kind, &*error.message), (Kind::Invalid, "response body is larger than 8388608 bytes"));
    assert_eq!(
        refused("get('http://a', { max_response_body = 3 })").message,
        "response body is larger than 3 bytes"
    );
    // One string many times.
    let many =
        "(function() local s, t = ('x'):rep(100000), {} for i = 1, 10000 do t[i] = s end return t end)()";
    for option in ["headers", "query", "form"] {
        let error = refused(&format!("post('http://a', {{ {option} = {{ a = {many} }} }})"));
        assert!(error.message.contains("larger than"), "{option}: {error}");
    }
    let names = "(function() local t = {} for i = 1, 100000 do t['n' .. i] = '' end return t end)()";
    for option in ["headers", "query", "form", "cookies"] {
        let error = refused(&format!("post('http://a', {{ {option} = {names} }})"));
        assert!(error.message.contains("more than 10000 names"), "{option}: {error}");
    }
    // Requests at once: each would take a copy.
    let body = "local s, done, refused = ('x'):rep(3000000), channel.new(100), 0
         for i = 1, 100 do
           coroutine.spawn(function()
             local r, err = http.get('http://late', { body = s, max_response_body = 1 })
             done:send(err:message())
           end)
         end
         for i = 1, 100 do if done:receive():find('under way', 1, true) then refused = refused + 1 end end
         return refused";
    // Five fit, and none of them has an answer before the last is refused.
    assert_eq!(eval(body), Value::Int(95));
    assert_eq!(
        eval("for i = 1, 40 do assert(http.post('http://a', { body = ('x'):rep(1000000) })) end return 1"),
        Value::Int(1)
    );
}

#[test]
fn batches() {
    let body = "local responses, errs = http.request_batch({ { 'GET', 'http://a/1' }, { 'POST', 'http://a/2', { body = 'x' } } })
         assert(errs == nil and #responses == 2)
         return responses[1].body .. responses[2].body";
    assert_eq!(eval(body), Value::text("GET http://a/1\nPOST http://a/2\nx"));
    let body = "local responses, errs = http.request_batch({ { 'GET', 'http://denied' }, { 'GET', 'http://a' }, { 'GET' }, 7 })
         assert(errs[1]:kind() == errors.PERMISSION_DENIED and errs[2] == false and errs[3]:kind() == errors.INVALID)
         assert(errs[4]:kind() == errors.INVALID and responses[1] == nil and responses[3] == nil)
         return responses[2].status_code";
    assert_eq!(eval(body), Value::Int(200));
    assert_eq!(eval("local r, e = http.request_batch({}) return #r == 0 and e == nil"), Value::Bool(true));
    assert_eq!(refused("request_batch('x')").kind, Kind::Invalid);
    let many = "local list = {} for i = 1, 200 do list[i] = { 'GET', 'http://a/' .. i } end
         local responses, errs = http.request_batch(list)
         for i = 1, 200 do assert(responses[i].url == 'http://a/' .. i) end
         return errs == nil";
    assert_eq!(eval(many), Value::Bool(true));
}

#[test]
fn text_for_urls() {
    assert_eq!(
        eval("return http.encode_uri('hello world') .. http.encode_uri('a+&=/ä~')"),
        Value::text("hello+worlda%2B%26%3D%2F%C3%A4~")
    );
    assert_eq!(eval("return http.decode_uri('hello+world%21%c3%A4')"), Value::text("hello world!ä"));
    for text in ["'%'", "'%1'", "'%zz'", r"'%\xff\xff'", "{}"] {
        assert_eq!(refused(&format!("decode_uri({text})")).kind, Kind::Invalid, "{text}");
    }
    let all = "local t = {} for i = 0, 255 do t[#t + 1] = string.char(i) end local s = table.concat(t)
         return http.decode_uri(http.encode_uri(s)) == s";
    assert_eq!(eval(all), Value::Bool(true));
}
