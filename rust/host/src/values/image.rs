//! A result, copied out of the guest: canonical layout, with offsets where the guest had pointers.
//!
//! Reading follows the plan (`Ty` and offsets); these are the leaf reads. They check what the copy did not: text,
//! characters, discriminants. Offsets that do not come from the same plan panic, they never read outside the image.

use wippy_lua::copy::measure;
use wippy_lua::error::ErrorValue;
use wippy_lua::value::Value;

use super::arena::Arena;
use super::error::GuestValueError;
use super::ty::Ty;

/// An owned result. The value starts at offset 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    arena: Arena,
    /// What a script gave, which has no layout.
    value: Option<Box<Value>>,
    /// The last error that the guest got of a function it called.
    cause: Option<Box<ErrorValue>>,
}

impl Image {
    pub(super) fn new(arena: Arena) -> Self {
        Self { arena, ..Self::default() }
    }

    /// The result of a script.
    pub fn of_script(value: Value) -> Self {
        Self { value: Some(Box::new(value)), ..Self::default() }
    }

    /// Remembers what the guest was told of a failed callee.
    pub fn set_cause(&mut self, cause: Option<Box<ErrorValue>>) {
        self.cause = cause;
    }

    /// The error that a guest passes on where it returns this text as its own: WIT has no kinds of errors, only texts.
    pub fn passed_on(&self, text: &str) -> Option<&ErrorValue> {
        self.cause.as_deref().filter(|cause| cause.message == text)
    }

    pub fn script_value(&self) -> &Value {
        self.value.as_deref().unwrap_or(&Value::Nil)
    }

    pub fn into_script_value(self) -> Value {
        self.value.map(|value| *value).unwrap_or_default()
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.arena.len() + self.value.as_deref().map_or(0, |value| measure(value).bytes)
    }

    /// `N` raw little-endian bytes.
    #[inline]
    pub fn read<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.arena[at..at + N]);
        bytes
    }

    /// Everything but zero is true.
    #[inline]
    pub fn bool(&self, at: usize) -> bool {
        self.arena[at] != 0
    }

    pub fn char(&self, at: usize) -> Result<char, GuestValueError> {
        let code = u32::from_le_bytes(self.read(at));
        char::from_u32(code).ok_or_else(|| GuestValueError(format!("{code:#x} is not a character")))
    }

    /// The discriminant of a variant, enum, option or result.
    pub fn tag(&self, ty: &Ty, at: usize) -> Result<u32, GuestValueError> {
        let tag = tag(&self.arena, at, ty.tag_size);
        if (tag as usize) < ty.cases() {
            Ok(tag)
        } else {
            Err(GuestValueError::discriminant(tag, ty.cases()))
        }
    }

    /// The mask of flags, undefined bits cleared.
    pub fn flags(&self, ty: &Ty, at: usize, labels: usize) -> u32 {
        let mask = u32::MAX.checked_shr(32 - labels.min(32) as u32).unwrap_or(0);
        tag(&self.arena, at, ty.tag_size) & mask
    }

    /// The bytes of the string at `at`; not yet checked to be UTF-8.
    pub fn text_bytes(&self, at: usize) -> &[u8] {
        let (start, len) = pair(&self.arena, at);
        &self.arena[start as usize..][..len as usize]
    }

    pub fn text(&self, at: usize) -> Result<&str, GuestValueError> {
        std::str::from_utf8(self.text_bytes(at)).map_err(|error| GuestValueError::utf8(error.valid_up_to()))
    }

    /// Where the elements of the list at `at` start, and how many there are.
    pub fn list(&self, at: usize) -> (usize, usize) {
        let (start, len) = pair(&self.arena, at);
        (start as usize, len as usize)
    }

    /// `size` raw bytes, for instance a run of numbers.
    pub fn bytes(&self, start: usize, size: usize) -> &[u8] {
        &self.arena[start..start + size]
    }
}

impl GuestValueError {
    pub(super) fn discriminant(tag: u32, cases: usize) -> Self {
        Self(format!("discriminant {tag} of {cases} cases"))
    }

    /// A string with this many good bytes in front.
    pub fn utf8(valid_up_to: usize) -> Self {
        Self(format!("string is not valid UTF-8 at byte {valid_up_to}"))
    }
}

/// The (pointer, length) pair at `at`.
pub(super) fn pair(arena: &[u8], at: usize) -> (u32, u32) {
    let word = |at| u32::from_le_bytes([arena[at], arena[at + 1], arena[at + 2], arena[at + 3]]);
    (word(at), word(at + 4))
}

/// A discriminant of 1, 2 or 4 bytes.
#[inline]
pub(super) fn tag(arena: &[u8], at: usize, size: u32) -> u32 {
    match size {
        1 => u32::from(arena[at]),
        2 => u32::from(u16::from_le_bytes([arena[at], arena[at + 1]])),
        _ => pair_word(arena, at),
    }
}

fn pair_word(arena: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([arena[at], arena[at + 1], arena[at + 2], arena[at + 3]])
}
