//! `hash`: digests, codes of messages, keys of passwords, and two quick hashes that keep nobody out.

use hmac::{Hmac, Mac};
use md5::Md5;
use mlua::{Lua, Table, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::args::{self, Answer, Result, invalid};

/// Rounds times blocks of a derived key. Nothing can end it on the way: this takes about a second.
const WORK: u64 = 2_000_000;
const KEY_BYTES: i64 = 1 << 16;

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    add_digest::<Md5>(lua, &table, "md5")?;
    add_digest::<Sha1>(lua, &table, "sha1")?;
    add_digest::<Sha256>(lua, &table, "sha256")?;
    add_digest::<Sha512>(lua, &table, "sha512")?;
    add_code::<Hmac<Md5>>(lua, &table, "hmac_md5")?;
    add_code::<Hmac<Sha1>>(lua, &table, "hmac_sha1")?;
    add_code::<Hmac<Sha256>>(lua, &table, "hmac_sha256")?;
    add_code::<Hmac<Sha512>>(lua, &table, "hmac_sha512")?;
    table.raw_set("fnv32", lua.create_function(|lua, data| fnv(lua, &data, fnv32))?)?;
    table.raw_set("fnv64", lua.create_function(|lua, data| fnv(lua, &data, fnv64))?)?;
    table.raw_set("pbkdf2", lua.create_function(pbkdf2)?)?;
    Ok(table)
}

/// `name(data[, raw])`
fn add_digest<D: Digest + 'static>(lua: &Lua, table: &Table, name: &str) -> mlua::Result<()> {
    let digest = |lua: &Lua, (data, raw): (Value, Value)| {
        let digest = args::string(lua, &data, "data").map(|data| D::digest(&*data.as_bytes()).to_vec());
        args::answer_bytes(lua, digest.map(|digest| shown(digest, &raw)))
    };
    table.raw_set(name, lua.create_function(digest)?)
}

/// `name(data, secret[, raw])`
fn add_code<M: Mac + hmac::digest::KeyInit + 'static>(
    lua: &Lua,
    table: &Table,
    name: &str,
) -> mlua::Result<()> {
    let code = |lua: &Lua, (data, secret, raw): (Value, Value, Value)| {
        let code = args::string(lua, &data, "data").and_then(|data| {
            let mut code = keyed::<M>(&args::string(lua, &secret, "secret")?.as_bytes())?;
            code.update(&data.as_bytes());
            Ok(code.finalize().into_bytes().to_vec())
        });
        args::answer_bytes(lua, code.map(|code| shown(code, &raw)))
    };
    table.raw_set(name, lua.create_function(code)?)
}

fn keyed<M: Mac + hmac::digest::KeyInit>(secret: &[u8]) -> Result<M> {
    <M as Mac>::new_from_slice(secret).map_err(|error| invalid(error.to_string()))
}

/// Hexadecimal, or the bytes where those are asked for.
fn shown(bytes: Vec<u8>, raw: &Value) -> Vec<u8> {
    if raw.as_boolean() == Some(true) {
        return bytes;
    }
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| b"0123456789abcdef"[usize::from(digit)])
        .collect()
}

fn fnv(lua: &Lua, data: &Value, hash: fn(&[u8]) -> i64) -> Answer {
    args::answer(lua, args::string(lua, data, "data").map(|data| hash(&data.as_bytes())))
}

/// FNV-1, as the platform has it, not FNV-1a.
fn fnv32(data: &[u8]) -> i64 {
    data.iter().fold(0x811c_9dc5_u32, |hash, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte)).into()
}

/// A hash from 2^63 is a negative integer.
fn fnv64(data: &[u8]) -> i64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    data.iter().fold(start, |hash, byte| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte)).cast_signed()
}

/// `pbkdf2(password, salt, iterations, key_length[, hash])`
fn pbkdf2(lua: &Lua, (password, salt, rounds, len, hash): (Value, Value, Value, Value, Value)) -> Answer {
    args::answer_bytes(lua, derive(lua, &password, &salt, (&rounds, &len), &hash))
}

fn derive(
    lua: &Lua,
    password: &Value,
    salt: &Value,
    (rounds, len): (&Value, &Value),
    hash: &Value,
) -> Result<Vec<u8>> {
    let password = args::string(lua, password, "password")?;
    let salt = args::string(lua, salt, "salt")?;
    if password.as_bytes().is_empty() || salt.as_bytes().is_empty() {
        return Err(invalid("password and salt must not be empty"));
    }
    let rounds = u64::try_from(args::integer(rounds, "iterations")?).ok().filter(|rounds| *rounds > 0);
    let rounds = rounds.ok_or_else(|| invalid("iterations must be positive"))?;
    let len = args::integer(len, "key length")?;
    if !(1..=KEY_BYTES).contains(&len) {
        return Err(invalid(format!("key length must be from 1 to {KEY_BYTES}")));
    }
    let len = usize::try_from(len).unwrap_or_default();
    match hash.as_string().map(|hash| hash.to_string_lossy()).as_deref() {
        None if hash.is_nil() => stretch::<Hmac<Sha256>>(&password.as_bytes(), &salt.as_bytes(), rounds, len),
        Some("sha256") => stretch::<Hmac<Sha256>>(&password.as_bytes(), &salt.as_bytes(), rounds, len),
        Some("sha512") => stretch::<Hmac<Sha512>>(&password.as_bytes(), &salt.as_bytes(), rounds, len),
        _ => Err(invalid("hash must be sha256 or sha512")),
    }
}

/// RFC 8018.
fn stretch<M: Mac + hmac::digest::KeyInit + Clone>(
    password: &[u8],
    salt: &[u8],
    rounds: u64,
    len: usize,
) -> Result<Vec<u8>> {
    let blocks = len.div_ceil(M::output_size());
    if rounds.saturating_mul(blocks as u64) > WORK {
        return Err(invalid(format!("iterations times blocks of the key must be at most {WORK}")));
    }
    let keyed = keyed::<M>(password)?;
    let mut key = Vec::with_capacity(blocks * M::output_size());
    for block in 1..=blocks as u32 {
        let first = keyed.clone().chain_update(salt).chain_update(block.to_be_bytes());
        let mut last = first.finalize().into_bytes();
        let mut sum = last.clone();
        for _ in 1..rounds {
            last = keyed.clone().chain_update(&last).finalize().into_bytes();
            sum.iter_mut().zip(&last).for_each(|(sum, byte)| *sum ^= byte);
        }
        key.extend_from_slice(&sum);
    }
    key.truncate(len);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::errors;

    fn run<T: mlua::FromLuaMulti>(source: &str) -> T {
        let lua = Lua::new();
        lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
        lua.globals().set("hash", open(&lua).unwrap()).unwrap();
        lua.load(source).eval().unwrap()
    }

    fn refused(call: &str) -> String {
        run(&format!(
            "local v, e = {call} assert(v == nil and e:kind() == errors.INVALID) return e:message()"
        ))
    }

    fn hex(call: &str) -> String {
        let source = "return (assert(VALUE):gsub('.', function(c) return ('%02x'):format(c:byte()) end))";
        run(&source.replace("VALUE", call))
    }

    #[test]
    fn digests() {
        let text = |call: &str| run::<String>(&format!("return hash.{call}"));
        assert_eq!(text("md5('abc')"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(text("sha1('abc')"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(text("sha256('')"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(text("sha512('abc')").starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(hex("hash.md5('abc', true)"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(run::<usize>("return #hash.sha512('x', true)"), 64);
    }

    /// RFC 2202, RFC 4231: the secret comes second.
    #[test]
    fn codes() {
        let text = |name: &str| {
            run::<String>(&format!("return hash.{name}('what do ya want for nothing?', 'Jefe')"))
        };
        assert_eq!(text("hmac_md5"), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(text("hmac_sha1"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(text("hmac_sha256"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(text("hmac_sha512").starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"));
        assert_eq!(run::<usize>("return #hash.hmac_sha256('m', ('k'):rep(1000), true)"), 32);
    }

    #[test]
    fn quick_hashes() {
        assert_eq!(run::<i64>("return hash.fnv32('')"), 0x811c_9dc5);
        assert_eq!(run::<i64>("return hash.fnv32('a')"), 0x050c_5d7e);
        assert_eq!(run::<i64>("return hash.fnv64('a')"), 0xaf63_bd4c_8601_b7be_u64.cast_signed());
    }

    /// RFC 7914.
    #[test]
    fn keys_of_passwords() {
        let key = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
                   49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783";
        assert_eq!(hex("hash.pbkdf2('passwd', 'salt', 1, 64)"), key);
        assert_eq!(
            hex("hash.pbkdf2('password', 'salt', 2, 64, 'sha512')"),
            "e1d9c16aa681708a45f5c7c4e215ceb66e011a2e9f0040713f18aefdb866d53c\
             f76cab2868a39b9f7840edce4fef5a82be67335c77a6068e04112754f27ccf4e"
        );
    }

    /// L-20
    #[test]
    fn bad_arguments_are_refused() {
        assert_eq!(refused("hash.sha256({})"), "data must be a string, not table");
        assert_eq!(refused("hash.hmac_md5('x')"), "secret must be a string, not nil");
        assert_eq!(refused("hash.fnv64()"), "data must be a string, not nil");
        for arguments in [
            "'', 's', 1, 1",
            "'p', '', 1, 1",
            "'p', 's', 0, 1",
            "'p', 's', -1, 1",
            "'p', 's', 1, 0",
            "'p', 's', 1, 65537",
            "'p', 's', 10000000, 32",
            "'p', 's', math.maxinteger, 65536",
            "'p', 's', 1, 1, 'md5'",
            "'p', 's', 1, 1, {}",
            "'p', 's', 1.5, 1",
        ] {
            refused(&format!("hash.pbkdf2({arguments})"));
        }
    }
}
