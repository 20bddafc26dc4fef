//! `base64`: bytes as text of RFC 4648, with the standard alphabet or that for URLs.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use mlua::{Lua, Table, Value};

use super::args::{self, Answer, OUTPUT, Result, invalid, too_large};

/// For URLs the padding is often left out.
const URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The module's table.
pub fn open(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("encode", lua.create_function(|lua, data| encode(lua, &data, &STANDARD))?)?;
    table.raw_set("decode", lua.create_function(|lua, text| decode(lua, &text, &STANDARD))?)?;
    table.raw_set("encode_url", lua.create_function(|lua, data| encode(lua, &data, &URL_SAFE_NO_PAD))?)?;
    table.raw_set("decode_url", lua.create_function(|lua, text| decode(lua, &text, &URL))?)?;
    Ok(table)
}

fn encode(lua: &Lua, data: &Value, engine: &GeneralPurpose) -> Answer {
    let text = args::string(lua, data, "data").and_then(|data| {
        let data = data.as_bytes();
        // Four characters of three bytes.
        if data.len() > OUTPUT / 4 * 3 {
            return Err(too_large());
        }
        Ok(engine.encode(&*data))
    });
    args::answer_bytes(lua, text)
}

fn decode(lua: &Lua, text: &Value, engine: &GeneralPurpose) -> Answer {
    let data = args::string(lua, text, "data").and_then(|text| decode_bytes(&text.as_bytes(), engine));
    args::answer_bytes(lua, data)
}

fn decode_bytes(text: &[u8], engine: &GeneralPurpose) -> Result<Vec<u8>> {
    if text.len() / 4 * 3 > OUTPUT {
        return Err(too_large());
    }
    engine.decode(text).map_err(|error| invalid(format!("invalid base64: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::errors;

    fn run<T: mlua::FromLuaMulti>(source: &str) -> T {
        let lua = Lua::new();
        lua.globals().set("errors", errors::open(&lua).unwrap()).unwrap();
        lua.globals().set("base64", open(&lua).unwrap()).unwrap();
        lua.load(source).eval().unwrap()
    }

    fn refused(call: &str) -> String {
        run(&format!(
            "local v, e = {call} assert(v == nil and e:kind() == errors.INVALID) return e:message()"
        ))
    }

    #[test]
    fn there_and_back() {
        assert_eq!(run::<String>("return base64.encode('Hello, World!')"), "SGVsbG8sIFdvcmxkIQ==");
        assert_eq!(run::<String>("return base64.decode('SGVsbG8sIFdvcmxkIQ==')"), "Hello, World!");
        assert_eq!(run::<String>("return base64.encode('') .. base64.decode('')"), "");
        assert_eq!(run::<String>(r"return base64.encode('\xff\xfe\0')"), "//4A");
        assert_eq!(run::<String>(r"return base64.encode_url('\xff\xfe')"), "__4");
        assert_eq!(run::<String>("return base64.encode(12)"), "MTI=");
        for text in ["__4", "__4="] {
            assert!(run::<bool>(&format!(r"return base64.decode_url('{text}') == '\xff\xfe'")));
        }
        let all = "local t = {} for i = 0, 255 do t[#t + 1] = string.char(i) end local s = table.concat(t)
                   return base64.decode(base64.encode(s)) == s and base64.decode_url(base64.encode_url(s)) == s";
        assert!(run::<bool>(all));
    }

    /// L-20
    #[test]
    fn bad_data_is_refused() {
        for text in
            ["'a'", "'ab'", "'ab='", "'ab==='", "'a b='", "'__4='", "'====', ", r"'\0\0\0\0'", "'SGVsbG8=x'"]
        {
            assert!(
                refused(&format!("base64.decode({})", text.trim_end_matches(", "))).contains("base64"),
                "{text}"
            );
        }
        assert_eq!(refused("base64.decode({})"), "data must be a string, not table");
        assert_eq!(refused("base64.encode(nil)"), "data must be a string, not nil");
        assert!(refused("base64.decode_url('//4=')").contains("base64"));
    }

    #[test]
    fn the_result_has_a_bound() {
        assert!(refused("base64.encode(('x'):rep(50 << 20))").contains("larger"));
        assert!(refused("base64.decode(('A'):rep(92 << 20))").contains("larger"));
    }
}
