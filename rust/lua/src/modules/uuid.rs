//! `uuid`: identifiers that nobody else has, made of time, chance or names, and what they tell.

use mlua::{Lua, Table, Value};
use uuid::{Builder, Uuid, Variant};

use super::args::{self, Answer, Result, invalid};
use crate::error::{ErrorValue, Kind};

/// From the beginning of the Gregorian calendar, where version 1 counts from, to 1970: in 100 ns.
const GREGORIAN: u64 = 0x01b2_1dd2_1381_4000;
/// Bytes of a text that may be an identifier: a URN in braces is shorter.
const TEXT: usize = 64;

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("v1", lua.create_function(|lua, ()| text(lua, v1()))?)?;
    table.raw_set("v4", lua.create_function(|lua, ()| text(lua, v4()))?)?;
    table.raw_set("v7", lua.create_function(|lua, ()| text(lua, v7()))?)?;
    table.raw_set("v3", lua.create_function(|lua, names| text(lua, named(lua, names, v3)))?)?;
    table.raw_set("v5", lua.create_function(|lua, names| text(lua, named(lua, names, v5)))?)?;
    table
        .raw_set("validate", lua.create_function(|_, id: Value| Ok(id.is_string() && read(&id).is_ok()))?)?;
    table.raw_set("version", lua.create_function(|lua, id| args::answer(lua, read(&id).map(version)))?)?;
    table.raw_set("variant", lua.create_function(|lua, id| args::answer(lua, read(&id).map(variant)))?)?;
    table.raw_set("parse", lua.create_function(parse)?)?;
    table.raw_set("format", lua.create_function(format)?)?;
    Ok(table)
}

fn text(lua: &Lua, id: Result<Uuid>) -> Answer {
    args::answer(lua, id.map(|id| id.to_string()))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| ErrorValue::new(Kind::Internal, error.to_string()))?;
    Ok(bytes)
}

fn since_1970() -> Result<std::time::Duration> {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_err(|_| ErrorValue::new(Kind::Internal, "the clock is before 1970"))
}

/// The node is random each time, as RFC 9562 allows: no identifier tells where it was made, and two made at the same
/// time differ.
fn v1() -> Result<Uuid> {
    let ticks = (since_1970()?.as_nanos() / 100) as u64;
    let [a, b, node @ ..] = random::<8>()?;
    let mut node: [u8; 6] = node;
    // What marks a node that is no network card's.
    node[0] |= 1;
    let ticks = ticks.wrapping_add(GREGORIAN);
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(ticks as u32).to_be_bytes());
    bytes[4..6].copy_from_slice(&((ticks >> 32) as u16).to_be_bytes());
    bytes[6..8].copy_from_slice(&((ticks >> 48) as u16 & 0x0fff | 0x1000).to_be_bytes());
    bytes[8..10].copy_from_slice(&[a & 0x3f | 0x80, b]);
    bytes[10..].copy_from_slice(&node);
    Ok(Uuid::from_bytes(bytes))
}

fn v4() -> Result<Uuid> {
    Ok(Builder::from_random_bytes(random()?).into_uuid())
}

fn v7() -> Result<Uuid> {
    let millis = since_1970()?.as_millis() as u64;
    Ok(Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid())
}

/// `v3(namespace, name)`, `v5(namespace, name)`
fn named(lua: &Lua, (space, name): (Value, Value), make: fn(&Uuid, &[u8]) -> Uuid) -> Result<Uuid> {
    let space = read(&space)?;
    Ok(make(&space, &args::string(lua, &name, "name")?.as_bytes()))
}

fn v3(space: &Uuid, name: &[u8]) -> Uuid {
    use md5::Digest;
    let digest = md5::Md5::new().chain_update(space.as_bytes()).chain_update(name).finalize();
    Builder::from_md5_bytes(digest.into()).into_uuid()
}

fn v5(space: &Uuid, name: &[u8]) -> Uuid {
    use sha1::Digest;
    let digest: [u8; 20] =
        sha1::Sha1::new().chain_update(space.as_bytes()).chain_update(name).finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_sha1_bytes(bytes).into_uuid()
}

fn read(id: &Value) -> Result<Uuid> {
    let Value::String(text) = id else { return Err(args::wrong(id, "UUID", "a string")) };
    let bytes = text.as_bytes();
    let text = std::str::from_utf8(&bytes).ok().filter(|text| text.len() <= TEXT);
    text.and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(|| invalid("invalid UUID format"))
}

fn version(id: Uuid) -> usize {
    id.get_version_num()
}

fn variant(id: Uuid) -> &'static str {
    match id.get_variant() {
        Variant::RFC4122 => "RFC4122",
        Variant::Microsoft => "Microsoft",
        Variant::NCS => "NCS",
        Variant::Future => "Future",
        _ => "Invalid",
    }
}

/// `parse(id)` → `{version, variant, timestamp, node}`, the last two where the version has them.
fn parse(lua: &Lua, id: Value) -> Answer {
    let id = match read(&id) {
        Ok(id) => id,
        Err(error) => return args::answer::<Value>(lua, Err(error)),
    };
    let info = lua.create_table()?;
    info.raw_set("version", version(id))?;
    info.raw_set("variant", variant(id))?;
    let bytes = id.as_bytes();
    match version(id) {
        1 => {
            info.raw_set("timestamp", seconds_of_v1(id.as_u128()))?;
            let node: Vec<String> = bytes[10..].iter().map(|byte| format!("{byte:02x}")).collect();
            info.raw_set("node", node.concat())?;
        }
        7 => info.raw_set("timestamp", (id.as_u128() >> 80) as i64 / 1000)?,
        _ => (),
    }
    args::answer(lua, Ok(info))
}

fn seconds_of_v1(id: u128) -> i64 {
    let (low, middle, high) = (id >> 96, id >> 80 & 0xffff, id >> 64 & 0x0fff);
    let ticks = (high << 48 | middle << 32 | low) as i64;
    (ticks - GREGORIAN as i64).div_euclid(10_000_000)
}

/// `format(id[, "standard" | "simple" | "urn"])`
fn format(lua: &Lua, (id, form): (Value, Value)) -> Answer {
    let text =
        read(&id).and_then(|id| match form.as_string().map(|form| form.to_string_lossy()).as_deref() {
            None if form.is_nil() => Ok(id.to_string()),
            Some("standard") => Ok(id.to_string()),
            Some("simple") => Ok(id.simple().to_string()),
            Some("urn") => Ok(id.urn().to_string()),
            _ => Err(invalid("format must be standard, simple or urn")),
        });
    args::answer(lua, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::errors;

    fn run<T: mlua::FromLuaMulti>(source: &str) -> T {
        let lua = Lua::new();
        lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
        lua.globals().set("uuid", open(&lua).unwrap()).unwrap();
        lua.load(source).eval().unwrap()
    }

    fn refused(call: &str) -> String {
        run(&format!(
            "local v, e = {call} assert(v == nil and e:kind() == errors.INVALID) return e:message()"
        ))
    }

    #[test]
    fn new_ones_differ_and_tell_their_version() {
        for version in [1, 4, 7] {
            assert!(run::<bool>(&format!(
                "local a, b = uuid.v{version}(), uuid.v{version}()
                 return a ~= b and uuid.validate(a) and uuid.version(a) == {version} and uuid.variant(a) == 'RFC4122'"
            )));
        }
        assert!(run::<bool>(
            "local a = uuid.v7() local t = os.time() + 2 repeat until uuid.v7() > a or os.time() > t return true"
        ));
    }

    #[test]
    fn times_are_told() {
        for version in [1, 7] {
            let source = format!("return math.abs(uuid.parse(uuid.v{version}()).timestamp - os.time())");
            assert!(run::<i64>(&source) <= 2, "{version}");
        }
        let info: (i64, String, i64, String) =
            run("local i = uuid.parse('6ba7b810-9dad-11d1-80b4-00c04fd430c8')
             return i.version, i.variant, i.timestamp, i.node");
        assert_eq!(info, (1, "RFC4122".into(), 886_630_433, "00c04fd430c8".into()));
        assert!(run::<bool>("local i = uuid.parse(uuid.v4()) return i.timestamp == nil and i.node == nil"));
    }

    /// RFC 9562's examples.
    #[test]
    fn names_give_the_same_each_time() {
        let call = |version: u8| {
            run::<String>(&format!(
                "return uuid.v{version}('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')"
            ))
        };
        assert_eq!(call(3), "5df41881-3aed-3515-88a7-2f4a814cf09e");
        assert_eq!(call(5), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }

    #[test]
    fn forms() {
        let form = |form: &str| {
            run::<String>(&format!("return uuid.format('6BA7B8109DAD11D180B400C04FD430C8', {form})"))
        };
        assert_eq!(form("nil"), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        assert_eq!(form("'simple'"), "6ba7b8109dad11d180b400c04fd430c8");
        assert_eq!(form("'urn'"), "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        assert!(refused("uuid.format(uuid.v4(), 'x')").contains("standard"));
        assert!(refused("uuid.format(uuid.v4(), {})").contains("standard"));
    }

    /// L-20
    #[test]
    fn what_is_none_is_refused() {
        for call in
            ["version('x')", "variant('')", "parse(('a'):rep(1000000))", "v5('x', 'y')", r"parse('\xff')"]
        {
            assert_eq!(refused(&format!("uuid.{call}")), "invalid UUID format");
        }
        assert_eq!(refused("uuid.version(1)"), "UUID must be a string, not integer");
        assert_eq!(refused("uuid.v3(uuid.v4(), {})"), "name must be a string, not table");
        assert!(run::<bool>(
            "return not uuid.validate('x') and not uuid.validate({}) and not uuid.validate()"
        ));
        let edge = "local i = uuid.parse('ffffffff-ffff-1fff-bfff-ffffffffffff') return i.timestamp";
        assert!(run::<i64>(edge) > 0);
    }
}
