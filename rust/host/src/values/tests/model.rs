//! Values for tests: any value of any type, into arguments, out of images, and as wasmtime's `Val`.

use wasmtime::component::Val;

use crate::values::{Arguments, Image, Kind, Ty};

#[derive(Debug, Clone, PartialEq)]
pub enum V {
    /// A number by its bits, a boolean, a character, an enum's index or a mask.
    Bits(u64),
    Text(String),
    Many(Vec<V>),
    Case(u32, Option<Box<V>>),
}

/// Small numbers that look random and are always the same.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A random type: its declarations go to `out`, its name is returned.
pub fn random_type(random: &mut Random, depth: u32, out: &mut String) -> String {
    const PLAIN: [&str; 13] =
        ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"];
    let kinds = if depth == 0 { 15 } else { 24 };
    let pick = random.below(kinds) as usize;
    if let Some(name) = PLAIN.get(pick) {
        return (*name).to_owned();
    }
    let many = [1, 3, 9, 300][random.below(4) as usize];
    let labels = |count: u64| (0..count).map(|i| format!("n{i}")).collect::<Vec<_>>().join(", ");
    let name = format!("t{}", out.len());
    match pick {
        13 => *out += &format!("enum {name} {{ {} }}\n", labels(many)),
        14 => *out += &format!("flags {name} {{ {} }}\n", labels(1 + random.below(32))),
        15 => return format!("list<{}>", random_type(random, depth - 1, out)),
        16 => return format!("option<{}>", random_type(random, depth - 1, out)),
        17 => {
            let ok = random_type(random, depth - 1, out);
            let err = random_type(random, depth - 1, out);
            let forms = [format!("<{ok}, {err}>"), format!("<{ok}>"), format!("<_, {err}>"), String::new()];
            return format!("result{}", forms[random.below(4) as usize]);
        }
        18 => return format!("list<{}, 3>", random_type(random, depth - 1, out)),
        19 => {
            let items: Vec<_> =
                (0..1 + random.below(4)).map(|_| random_type(random, depth - 1, out)).collect();
            return format!("tuple<{}>", items.join(", "));
        }
        20 | 21 => {
            let fields: Vec<_> = (0..1 + random.below(4))
                .map(|i| format!("f{i}: {}", random_type(random, depth - 1, out)))
                .collect();
            let name = format!("r{}", out.len());
            *out += &format!("record {name} {{ {} }}\n", fields.join(", "));
            return name;
        }
        _ => {
            let cases: Vec<_> = (0..1 + random.below(4))
                .map(|i| match random.below(4) {
                    0 => format!("c{i}"),
                    _ => format!("c{i}({})", random_type(random, depth - 1, out)),
                })
                .collect();
            let name = format!("v{}", out.len());
            *out += &format!("variant {name} {{ {} }}\n", cases.join(", "));
            return name;
        }
    }
    name
}

pub fn random_value(random: &mut Random, ty: &Ty) -> V {
    let mask = |size: u32| u64::MAX >> (64 - 8 * size);
    match &ty.kind {
        Kind::Bool => V::Bits(random.below(2)),
        Kind::Char => V::Bits(['a', 'é', '漢', '🦀'][random.below(4) as usize] as u64),
        Kind::F32 => V::Bits(u64::from((random.below(1 << 20) as f32 / 8.0).to_bits())),
        Kind::F64 => V::Bits((random.below(1 << 40) as f64 / 8.0).to_bits()),
        Kind::String => V::Text("aé漢🦀".repeat(random.below(3) as usize)),
        Kind::List(element) => V::Many((0..random.below(4)).map(|_| random_value(random, element)).collect()),
        Kind::FixedList(element, len) => V::Many((0..*len).map(|_| random_value(random, element)).collect()),
        Kind::Record(fields) => V::Many(fields.iter().map(|f| random_value(random, &f.ty)).collect()),
        Kind::Tuple(items) => V::Many(items.iter().map(|i| random_value(random, &i.ty)).collect()),
        Kind::Flags(names) => V::Bits(random.next() & (u64::from(u32::MAX) >> (32 - names.len()))),
        Kind::Enum(names) => V::Bits(random.below(names.len() as u64)),
        Kind::Variant(_) | Kind::Option(_) | Kind::Result { .. } => {
            let tag = random.below(ty.cases() as u64) as u32;
            V::Case(tag, ty.case(tag).unwrap().map(|ty| Box::new(random_value(random, ty))))
        }
        _ => V::Bits(random.next() & mask(ty.size)),
    }
}

fn put_bits(arguments: &mut Arguments, at: usize, size: u32, bits: u64) {
    for i in 0..size as usize {
        arguments.write(at + i, [bits.to_le_bytes()[i]]);
    }
}

pub fn put(arguments: &mut Arguments, ty: &Ty, at: usize, value: &V) {
    match (&ty.kind, value) {
        (Kind::String, V::Text(text)) => arguments.text(at, text).unwrap(),
        (Kind::List(element), V::Many(items)) => {
            let start = arguments.begin_list(element.size, items.len()).unwrap();
            for (i, item) in items.iter().enumerate() {
                put(arguments, element, start + i * element.size as usize, item);
            }
            arguments.end_list(at, start, element.size, element.align, items.len());
        }
        (Kind::FixedList(element, _), V::Many(items)) => {
            for (i, item) in items.iter().enumerate() {
                put(arguments, element, at + i * element.size as usize, item);
            }
        }
        (Kind::Record(fields), V::Many(items)) => {
            fields.iter().zip(items).for_each(|(f, v)| put(arguments, &f.ty, at + f.offset as usize, v));
        }
        (Kind::Tuple(fields), V::Many(items)) => {
            fields.iter().zip(items).for_each(|(f, v)| put(arguments, &f.ty, at + f.offset as usize, v));
        }
        (_, V::Case(tag, payload)) => {
            put_bits(arguments, at, ty.tag_size, u64::from(*tag));
            if let (Some(Some(inner)), Some(payload)) = (ty.case(*tag), payload) {
                put(arguments, inner, at + ty.payload as usize, payload);
            }
        }
        (_, V::Bits(bits)) => put_bits(arguments, at, ty.size, *bits),
        _ => panic!("{value:?} for {ty}"),
    }
}

pub fn get(image: &Image, ty: &Ty, at: usize) -> V {
    let bits = |size: u32| {
        let mut word = [0; 8];
        word[..size as usize].copy_from_slice(image.bytes(at, size as usize));
        u64::from_le_bytes(word)
    };
    match &ty.kind {
        Kind::String => V::Text(image.text(at).unwrap().to_owned()),
        Kind::List(element) => {
            let (start, count) = image.list(at);
            V::Many((0..count).map(|i| get(image, element, start + i * element.size as usize)).collect())
        }
        Kind::FixedList(element, len) => {
            V::Many((0..*len).map(|i| get(image, element, at + (i * element.size) as usize)).collect())
        }
        Kind::Record(fields) => {
            V::Many(fields.iter().map(|f| get(image, &f.ty, at + f.offset as usize)).collect())
        }
        Kind::Tuple(items) => {
            V::Many(items.iter().map(|i| get(image, &i.ty, at + i.offset as usize)).collect())
        }
        Kind::Variant(_) | Kind::Option(_) | Kind::Result { .. } => {
            let tag = image.tag(ty, at).unwrap();
            let payload =
                ty.case(tag).unwrap().map(|ty_| Box::new(get(image, ty_, at + ty.payload as usize)));
            V::Case(tag, payload)
        }
        Kind::Bool => V::Bits(u64::from(image.bool(at))),
        Kind::Char => V::Bits(image.char(at).unwrap() as u64),
        Kind::Enum(_) => V::Bits(u64::from(image.tag(ty, at).unwrap())),
        Kind::Flags(names) => V::Bits(u64::from(image.flags(ty, at, names.len()))),
        _ => V::Bits(bits(ty.size)),
    }
}

/// The same value as wasmtime has it.
pub fn val(ty: &Ty, value: &V) -> Val {
    match (&ty.kind, value) {
        (Kind::String, V::Text(text)) => Val::String(text.clone()),
        (Kind::List(element), V::Many(items)) => Val::List(items.iter().map(|v| val(element, v)).collect()),
        (Kind::FixedList(element, _), V::Many(items)) => {
            Val::FixedLengthList(items.iter().map(|v| val(element, v)).collect())
        }
        (Kind::Record(fields), V::Many(items)) => {
            Val::Record(fields.iter().zip(items).map(|(f, v)| (f.name.clone(), val(&f.ty, v))).collect())
        }
        (Kind::Tuple(fields), V::Many(items)) => {
            Val::Tuple(fields.iter().zip(items).map(|(f, v)| val(&f.ty, v)).collect())
        }
        (_, V::Case(tag, payload)) => case(ty, *tag, payload.as_deref()),
        (_, V::Bits(bits)) => number(&ty.kind, *bits),
        _ => panic!("{value:?} for {ty}"),
    }
}

fn case(ty: &Ty, tag: u32, payload: Option<&V>) -> Val {
    let inner = ty.case(tag).unwrap();
    let payload = inner.zip(payload).map(|(ty, payload)| Box::new(val(ty, payload)));
    match &ty.kind {
        Kind::Variant(cases) => Val::Variant(cases[tag as usize].name.clone(), payload),
        Kind::Option(_) => Val::Option(payload),
        _ => Val::Result(if tag == 0 { Ok(payload) } else { Err(payload) }),
    }
}

fn number(kind: &Kind, bits: u64) -> Val {
    match kind {
        Kind::Bool => Val::Bool(bits != 0),
        Kind::S8 => Val::S8(bits as i8),
        Kind::U8 => Val::U8(bits as u8),
        Kind::S16 => Val::S16(bits as i16),
        Kind::U16 => Val::U16(bits as u16),
        Kind::S32 => Val::S32(bits as i32),
        Kind::U32 => Val::U32(bits as u32),
        Kind::S64 => Val::S64(bits as i64),
        Kind::U64 => Val::U64(bits),
        Kind::F32 => Val::Float32(f32::from_bits(bits as u32)),
        Kind::F64 => Val::Float64(f64::from_bits(bits)),
        Kind::Char => Val::Char(char::from_u32(bits as u32).unwrap()),
        Kind::Enum(names) => Val::Enum(names[bits as usize].clone()),
        Kind::Flags(names) => {
            let set = names.iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0);
            Val::Flags(set.map(|(_, name)| name.clone()).collect())
        }
        kind => panic!("{kind:?} is no number"),
    }
}
