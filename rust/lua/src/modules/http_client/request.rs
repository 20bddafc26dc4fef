//! A request of what a program gives: method, URL, options.

use std::time::Duration;

use mlua::{Lua, Table, Value as LuaValue};
use url::Url;

use super::encoding::pairs;
use super::headers::{Headers, is_token};
use crate::host::Request;
use crate::modules::args::{self, Result, invalid, wrong};
use crate::modules::time;

const LONGEST_URL: usize = 64 << 10;
const LONGEST_METHOD: usize = 32;

/// Options that mean something there is not. A request without them would be another one.
const NOT_HERE: [&str; 5] = ["files", "overlay_network", "stream", "tls", "unix_socket"];

pub struct Made {
    pub request: Request,
    /// Bytes of the response's body.
    pub most: usize,
}

/// A body may have `limit` bytes.
pub fn request(
    lua: &Lua,
    method: &LuaValue,
    url: &LuaValue,
    options: &LuaValue,
    limit: usize,
) -> Result<Made> {
    let empty;
    let options = match options {
        LuaValue::Table(options) => options,
        LuaValue::Nil => {
            empty = lua.create_table().map_err(|error| invalid(error.to_string()))?;
            &empty
        }
        other => return Err(wrong(other, "options", "a table")),
    };
    let options = Options { lua, table: options };
    options.refuse_unsupported()?;
    let mut request = Request { method: checked_method(lua, method)?, ..Request::default() };
    request.url = options.url(url)?;
    let mut headers = Headers::default();
    if let Some(table) = options.table("headers")? {
        headers.add_all(lua, &table)?;
    }
    if let Some(table) = options.table("cookies")? {
        headers.add_cookies(lua, &table)?;
    }
    if let Some(table) = options.table("auth")? {
        headers.add_auth(lua, &table)?;
    }
    request.body = options.body(&mut headers, limit)?;
    request.headers = headers.list;
    request.timeout = options.timeout()?;
    Ok(Made { request, most: options.most()? })
}

fn checked_method(lua: &Lua, method: &LuaValue) -> Result<String> {
    let method = args::string(lua, method, "method")?.to_string_lossy();
    if method.is_empty() || method.len() > LONGEST_METHOD || !method.bytes().all(is_token) {
        return Err(invalid(format!("invalid method {method:.32?}")));
    }
    let method = method.to_ascii_uppercase();
    // It would turn the connection into something else.
    if method == "CONNECT" { Err(invalid("method CONNECT is not supported here")) } else { Ok(method) }
}

struct Options<'a> {
    lua: &'a Lua,
    table: &'a Table,
}

impl Options<'_> {
    fn get(&self, name: &str) -> LuaValue {
        // Metamethods are not called.
        self.table.raw_get(name).unwrap_or(LuaValue::Nil)
    }

    fn table(&self, name: &str) -> Result<Option<Table>> {
        match self.get(name) {
            LuaValue::Nil => Ok(None),
            LuaValue::Table(table) => Ok(Some(table)),
            other => Err(wrong(&other, name, "a table")),
        }
    }

    fn refuse_unsupported(&self) -> Result<()> {
        let given = |name: &&&str| !matches!(self.get(name), LuaValue::Nil | LuaValue::Boolean(false));
        match NOT_HERE.iter().find(given) {
            Some(name) => Err(invalid(format!("option '{name}' is not supported here"))),
            None => Ok(()),
        }
    }

    /// The URL with `query`, written in one way.
    fn url(&self, url: &LuaValue) -> Result<String> {
        let text = args::string(self.lua, url, "URL")?;
        let too_long = || invalid(format!("URL is longer than {LONGEST_URL} bytes"));
        if text.as_bytes().len() > LONGEST_URL {
            return Err(too_long());
        }
        let text = text.to_str().map_err(|_| invalid("URL is not UTF-8"))?;
        let mut url = checked_url(&text)?;
        if let Some(query) = self.query()? {
            let whole = match url.query() {
                Some(before) if !before.is_empty() => format!("{before}&{query}"),
                _ => query,
            };
            url.set_query(Some(&whole));
        }
        let url = String::from(url);
        if url.len() > LONGEST_URL { Err(too_long()) } else { Ok(url) }
    }

    fn query(&self) -> Result<Option<String>> {
        let query = match self.get("query") {
            LuaValue::Nil => return Ok(None),
            LuaValue::Table(table) => pairs(self.lua, &table, "query", LONGEST_URL)?,
            text => {
                let text = args::string(self.lua, &text, "query")?;
                let text = text.as_bytes();
                if text.len() > LONGEST_URL || text.iter().any(u8::is_ascii_control) {
                    return Err(invalid("query is too long, or has a character that is not allowed"));
                }
                text.strip_prefix(b"?").unwrap_or(&text).to_vec()
            }
        };
        let query = String::from_utf8(query).map_err(|_| invalid("query is not UTF-8"))?;
        Ok((!query.is_empty()).then_some(query))
    }

    /// `body`, or `form`, which says its type too.
    fn body(&self, headers: &mut Headers, limit: usize) -> Result<Vec<u8>> {
        let Some(form) = self.table("form")? else {
            return match self.get("body") {
                LuaValue::Nil => Ok(Vec::new()),
                text => Ok(args::string(self.lua, &text, "body")?.as_bytes().to_vec()),
            };
        };
        if !self.get("body").is_nil() {
            return Err(invalid("body and form exclude each other"));
        }
        if !headers.has("content-type") {
            headers.add("Content-Type", b"application/x-www-form-urlencoded")?;
        }
        pairs(self.lua, &form, "form", limit)
    }

    /// A number is seconds (L-33). None at all where it is 0.
    fn timeout(&self) -> Result<Option<Duration>> {
        let seconds = |seconds: f64| match Duration::try_from_secs_f64(seconds) {
            Ok(timeout) => Ok(timeout),
            Err(_) => Err(invalid(format!("timeout: {seconds} seconds is not a time to wait"))),
        };
        let timeout = match self.get("timeout") {
            LuaValue::Nil => return Ok(None),
            LuaValue::Integer(number) => seconds(number as f64)?,
            LuaValue::Number(number) => seconds(number)?,
            text => time::duration(&text)?,
        };
        Ok((!timeout.is_zero()).then_some(timeout))
    }

    fn most(&self) -> Result<usize> {
        match args::integer_or(&self.get("max_response_body"), "max_response_body", 0)? {
            0 => Ok(usize::MAX),
            most => usize::try_from(most).map_err(|_| invalid("max_response_body must not be negative")),
        }
    }
}

fn checked_url(text: &str) -> Result<Url> {
    // What parses URLs drops some of these, so that others see another URL than it.
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(invalid("invalid URL: it has a character that is not allowed"));
    }
    let mut url = Url::parse(text).map_err(|error| invalid(format!("invalid URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("invalid URL: unsupported protocol scheme {:.32?}", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("invalid URL: no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("invalid URL: it names a user; use the option 'auth'"));
    }
    url.set_fragment(None);
    Ok(url)
}
