//! Arguments of calls that come from another guest through `funcs` (H-29): one string or one list of bytes.

use std::fmt;

use super::{Arguments, TooLong};
use crate::values::{Kind, Signature};

/// The function takes something else, in the words of F-43 and V-28 after `encode params: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureMismatch(pub String);

impl fmt::Display for SignatureMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SignatureMismatch {}

impl Arguments {
    /// The one `string` argument of this signature.
    pub fn of_string(signature: &Signature, text: &str) -> Result<Self, SignatureMismatch> {
        let mut arguments = Self::single(signature, "string", |kind| matches!(kind, Kind::String))?;
        arguments.text(0, text).map_err(|TooLong| too_long(text.len()))?;
        Ok(arguments)
    }

    /// The one `list<u8>` argument of this signature.
    pub fn of_bytes(signature: &Signature, bytes: &[u8]) -> Result<Self, SignatureMismatch> {
        let is_bytes = |kind: &Kind| matches!(kind, Kind::List(element) if element.kind == Kind::U8);
        let mut arguments = Self::single(signature, "list<u8>", is_bytes)?;
        arguments.plain_list(0, bytes, bytes.len(), 1).map_err(|TooLong| too_long(bytes.len()))?;
        Ok(arguments)
    }

    fn single(
        signature: &Signature,
        given: &str,
        fits: impl Fn(&Kind) -> bool,
    ) -> Result<Self, SignatureMismatch> {
        let [param] = &*signature.params else {
            let expected = signature.params.len();
            return Err(SignatureMismatch(format!(
                "[encode] invalid_data: parameter count mismatch: expected {expected}, got 1"
            )));
        };
        if fits(&param.ty.kind) {
            return Ok(Self::new(signature));
        }
        Err(inner(&format!("type_mismatch: {}: expected {}, got {given}", param.name, param.ty)))
    }
}

fn too_long(len: usize) -> SignatureMismatch {
    inner(&format!("overflow: {len} bytes are more than {}", Arguments::MAX_BYTES))
}

fn inner(text: &str) -> SignatureMismatch {
    SignatureMismatch(format!(
        "[encode] invalid_data at param[0]: failed to encode parameter 0: [encode] {text}"
    ))
}
