//! Every WIT type there and back, and no import at all.

use exports::plain::Guest as Plain;
use exports::wippy_test::types::echo::{
    Color, Guest as Echo, Matrix, Nested, Permissions, Person, Point, Shape, Table, Twelve, Wide, WideNumbers,
};

wit_bindgen::generate!({ path: "wit", world: "types" });

struct Types;
export!(Types);

impl Guest for Types {
    fn transform_users(users: Vec<User>) -> Vec<User> {
        users
            .into_iter()
            .map(|user| User { name: user.name.to_uppercase(), tag_count: user.tags.len() as u32, ..user })
            .collect()
    }

    fn try_divide(a: i32, b: i32) -> Result<i32, String> {
        if b == 0 {
            return Err("division by zero".into());
        }
        a.checked_div(b).ok_or_else(|| "overflow".into())
    }

    fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }

    fn spin() {
        let mut n = 0u64;
        loop {
            n = std::hint::black_box(n.wrapping_add(1));
        }
    }

    fn hold_memory(pages: u32) -> u32 {
        let mut held = Vec::new();
        for _ in 0..pages {
            held.push(std::hint::black_box(vec![1u8; 65_536]));
        }
        held.len() as u32
    }

    fn panic(message: String) {
        panic!("{message}");
    }
}

impl Plain for Types {
    fn double(n: u32) -> u32 {
        n.wrapping_mul(2)
    }
}

fn person(i: u32) -> Person {
    let tags: Vec<String> = (0..i % 4).map(|tag| format!("tag{tag}")).collect();
    Person {
        id: i,
        full_name: format!("Person {i}"),
        email: (i % 2 == 0).then(|| format!("p{i}@example.org")),
        tag_count: tags.len() as u32,
        tags,
        favourite: [Color::Red, Color::Green, Color::DeepBlue][i as usize % 3],
        rights: Permissions::from_bits_retain((i % 8) as u8),
    }
}

fn color_name(color: Color) -> &'static str {
    match color {
        Color::Red => "red",
        Color::Green => "green",
        Color::DeepBlue => "deep-blue",
    }
}

macro_rules! echoes {
    ($($name:ident: $type:ty,)*) => {
        $(fn $name(v: $type) -> $type { v })*
    };
}

impl Echo for Types {
    echoes! {
        echo_bool: bool,
        echo_s8: i8,
        echo_u8: u8,
        echo_s16: i16,
        echo_u16: u16,
        echo_s32: i32,
        echo_u32: u32,
        echo_s64: i64,
        echo_u64: u64,
        echo_f32: f32,
        echo_f64: f64,
        echo_char: char,
        echo_string: String,
        echo_bytes: Vec<u8>,
        echo_u32s: Vec<u32>,
        echo_s64s: Vec<i64>,
        echo_f32s: Vec<f32>,
        echo_f64s: Vec<f64>,
        echo_bools: Vec<bool>,
        echo_chars: Vec<char>,
        echo_strings: Vec<String>,
        echo_matrix: Matrix,
        echo_tuple: (u8, String, f64),
        echo_pairs: Vec<(String, u32)>,
        echo_point: Point,
        echo_person: Person,
        echo_people: Vec<Person>,
        echo_nested: Nested,
        echo_table: Table,
        echo_wide_numbers: WideNumbers,
        echo_shape: Shape,
        echo_shapes: Vec<Shape>,
        echo_color: Color,
        echo_colors: Vec<Color>,
        echo_permissions: Permissions,
        echo_twelve: Twelve,
        echo_wide: Wide,
        echo_option: Option<u32>,
        echo_option_string: Option<String>,
        echo_nested_option: Option<Option<u32>>,
        echo_options: Vec<Option<String>>,
        echo_results: Vec<Result<u32, String>>,
    }

    fn echo_result(v: Result<u32, String>) -> (Result<u32, String>,) {
        (v,)
    }

    fn give_result(ok: bool, v: u32, why: String) -> Result<u32, String> {
        if ok { Ok(v) } else { Err(why) }
    }

    fn give_ok_only(ok: bool, v: String) -> Result<String, ()> {
        if ok { Ok(v) } else { Err(()) }
    }

    fn give_err_only(ok: bool, why: String) -> Result<(), String> {
        if ok { Ok(()) } else { Err(why) }
    }

    fn give_neither(ok: bool) -> Result<(), ()> {
        if ok { Ok(()) } else { Err(()) }
    }

    fn give_shape_error(why: Shape) -> Result<u32, Shape> {
        Err(why)
    }

    fn nothing() {}

    fn sum_twenty(
        p1: u32, p2: u32, p3: u32, p4: u32, p5: u32, p6: u32, p7: u32, p8: u32, p9: u32, p10: u32,
        p11: u32, p12: u32, p13: u32, p14: u32, p15: u32, p16: u32, p17: u32, p18: u32, p19: u32, p20: u32,
    ) -> u64 {
        [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p20]
            .into_iter()
            .map(u64::from)
            .sum()
    }

    fn join_mixed(
        a: u8, b: String, c: i64, d: f32, e: bool, f: char, g: Vec<u16>, h: Option<f64>, i: Color, j: String, k: u16,
        l: i8,
    ) -> String {
        let g = g.iter().map(u16::to_string).collect::<Vec<_>>().join("+");
        let h = h.map_or("none".to_string(), |h| h.to_string());
        format!("{a},{b},{c},{d},{e},{f},{g},{h},{},{j},{k},{l}", color_name(i))
    }

    fn swap(a: String, b: u32) -> (u32, String) {
        (b, a)
    }

    fn make_bytes(n: u32) -> Vec<u8> {
        (0..n).map(|i| i as u8).collect()
    }

    fn make_people(n: u32) -> Vec<Person> {
        (0..n).map(person).collect()
    }

    fn permission_names(v: Permissions) -> Vec<String> {
        [(Permissions::READ, "read"), (Permissions::WRITE, "write"), (Permissions::EXECUTE, "execute")]
            .into_iter()
            .filter(|(bit, _)| v.contains(*bit))
            .map(|(_, name)| name.to_string())
            .collect()
    }

    fn describe_shape(v: Shape) -> String {
        match v {
            Shape::Nothing => "nothing".into(),
            Shape::Circle(radius) => format!("circle {radius}"),
            Shape::Rectangle((width, height)) => format!("rectangle {width} x {height}"),
            Shape::Label(text) => format!("label {text}"),
            Shape::Path(points) => format!("path of {}", points.len()),
            Shape::Owned(person) => format!("owned by {}", person.full_name),
            Shape::Maybe(None) => "maybe not".into(),
            Shape::Maybe(Some(n)) => format!("maybe {n}"),
        }
    }
}
