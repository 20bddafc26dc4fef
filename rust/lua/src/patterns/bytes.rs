//! Sets of bytes, and the classes that letters stand for.

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes([u64; 4]);

impl Bytes {
    pub const NONE: Bytes = Bytes([0; 4]);
    pub const ALL: Bytes = Bytes([u64::MAX; 4]);

    pub fn one(byte: u8) -> Bytes {
        let mut set = Bytes::NONE;
        set.insert(byte);
        set
    }

    /// What `%` and this byte match.
    pub fn class(class: u8) -> Bytes {
        let mut set = Bytes::NONE;
        (0..=u8::MAX).filter(|byte| in_class(*byte, class)).for_each(|byte| set.insert(byte));
        set
    }

    /// What stands between `[` and `]`. `text` does not include them.
    pub fn bracketed(text: &[u8]) -> Bytes {
        let (inverted, text) = match text {
            [b'^', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let mut set = Bytes::NONE;
        let mut rest = text;
        loop {
            rest = match rest {
                [] => break,
                // The bracket that ends a set can be the rest of `%`, where a range has taken a `%` of `%%`.
                [b'%'] => {
                    set.insert(b']');
                    &[]
                }
                [b'%', class, rest @ ..] => {
                    set = set.union(Bytes::class(*class));
                    rest
                }
                [first, b'-', last, rest @ ..] => {
                    (*first..=*last).for_each(|byte| set.insert(byte));
                    rest
                }
                [byte, rest @ ..] => {
                    set.insert(*byte);
                    rest
                }
            };
        }
        if inverted { set.inverted() } else { set }
    }

    pub fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    #[inline]
    pub fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    pub fn union(self, other: Bytes) -> Bytes {
        Bytes(std::array::from_fn(|part| self.0[part] | other.0[part]))
    }

    /// Whether a byte is in both.
    pub fn meets(self, other: Bytes) -> bool {
        (0..4).any(|part| self.0[part] & other.0[part] != 0)
    }

    fn inverted(self) -> Bytes {
        Bytes(self.0.map(|part| !part))
    }
}

/// Whether a byte is of a class. What is not the letter of one stands for itself. Letters are those of ASCII, whatever the
/// locale; `%z` is of old and still taken.
fn in_class(byte: u8, class: u8) -> bool {
    let within = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | b'\t'..=b'\r'),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return byte == class,
    };
    within == class.is_ascii_lowercase()
}
