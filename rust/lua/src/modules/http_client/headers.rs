//! Headers of requests: what programs may say in them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mlua::{Lua, Table, Value as LuaValue};

use super::encoding::{each, sorted};
use crate::modules::args::{self, Result, invalid};

/// Bytes of all headers.
const MOST_BYTES: usize = 256 << 10;

/// What whoever sends the request sets: a program's are left out.
const NOT_THEIRS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// In the order in which they are sent.
#[derive(Default)]
pub struct Headers {
    pub list: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl Headers {
    pub fn add(&mut self, name: &str, value: &[u8]) -> Result<()> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(invalid(format!("invalid header name {name:.64?}")));
        }
        if let Some(byte) = value.iter().find(|byte| **byte < b' ' && **byte != b'\t' || **byte == 127) {
            return Err(invalid(format!(
                "header {name:.64}: the value has a character that is not allowed ({byte:#04x})"
            )));
        }
        if NOT_THEIRS.iter().any(|theirs| name.eq_ignore_ascii_case(theirs)) {
            return Ok(());
        }
        self.bytes += name.len() + value.len();
        if self.bytes > MOST_BYTES {
            return Err(invalid(format!("headers are larger than {MOST_BYTES} bytes")));
        }
        self.list.push((name.to_owned(), value.trim_ascii().to_vec()));
        Ok(())
    }

    pub fn has(&self, name: &str) -> bool {
        self.list.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    pub fn add_all(&mut self, lua: &Lua, table: &Table) -> Result<()> {
        for (name, values) in sorted(lua, table, "headers")? {
            each(lua, &values, "headers", |value| self.add(&name, &value.as_bytes()))?;
        }
        Ok(())
    }

    /// `cookies`: one header for all of them, with one that is there.
    pub fn add_cookies(&mut self, lua: &Lua, table: &Table) -> Result<()> {
        let mut line = Vec::new();
        for (name, value) in sorted(lua, table, "cookies")? {
            let value = args::string(lua, &value, &format!("cookie {name:.64}"))?;
            let value = value.as_bytes();
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(invalid(format!("invalid cookie name {name:.64?}")));
            }
            if !value.iter().all(|byte| is_cookie(*byte)) {
                return Err(invalid(format!(
                    "cookie {name:.64}: the value has a character that is not allowed"
                )));
            }
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(name.as_bytes());
            line.push(b'=');
            line.extend_from_slice(&value);
            if line.len() > MOST_BYTES {
                break;
            }
        }
        if line.is_empty() {
            return Ok(());
        }
        match self.list.iter().position(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
            None => self.add("Cookie", &line),
            Some(index) => {
                let (_, before) = self.list.remove(index);
                self.add("Cookie", &[&before[..], b"; ", &line].concat())
            }
        }
    }

    /// `auth`: instead of what `headers` say.
    pub fn add_auth(&mut self, lua: &Lua, table: &Table) -> Result<()> {
        let part = |name: &str| -> Result<Vec<u8>> {
            match table.raw_get::<LuaValue>(name) {
                Ok(LuaValue::Nil) | Err(_) => Ok(Vec::new()),
                Ok(value) => Ok(args::string(lua, &value, &format!("auth.{name}"))?.as_bytes().to_vec()),
            }
        };
        let (user, pass) = (part("user")?, part("pass")?);
        if user.contains(&b':') {
            return Err(invalid("auth.user must not contain a colon"));
        }
        self.list.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        self.add(
            "Authorization",
            format!("Basic {}", STANDARD.encode([&user[..], b":", &pass].concat())).as_bytes(),
        )
    }
}

/// A character of a name (RFC 9110, 5.6.2).
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A character of a cookie's value (RFC 6265), or one that is often found there.
fn is_cookie(byte: u8) -> bool {
    byte > b' ' && byte != 127 && !b"\",;\\".contains(&byte)
}
