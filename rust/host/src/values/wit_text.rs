//! The `wit` text of a core module's entry (F-14): lines like `[export ]name: func(a: u32, b: string) -> string;`.
//!
//! Not the whole of WIT: primitives, `string`, `list` of those, one result. Anything more has names and packages, for
//! which a component is the right container; the message says so. Comments are those of WIT.

use std::fmt;
use std::sync::Arc;

use super::signature::Signature;
use super::ty::{Kind, Ty};

mod lexer;
use lexer::{Lexer, Token};

/// The text is not understood. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitTextError {
    NoFunctions,
    Syntax { line: usize, column: usize, message: String },
}

impl fmt::Display for WitTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFunctions => f.write_str("no functions found in WIT text"),
            Self::Syntax { line, column, message } => write!(f, "WIT text, {line}:{column}: {message}"),
        }
    }
}

impl std::error::Error for WitTextError {}

/// The functions of the text in order.
pub fn parse_wit(text: &str) -> Result<Vec<(String, Signature)>, WitTextError> {
    let mut parser = Parser { lexer: Lexer::new(text) };
    let mut functions: Vec<(String, Signature)> = Vec::new();
    while parser.lexer.peek()? != Token::End {
        let (name, signature) = parser.function()?;
        if functions.iter().any(|(known, _)| *known == name) {
            return Err(parser.lexer.error(format!("function {name:?} is declared twice")));
        }
        functions.push((name, signature));
    }
    if functions.is_empty() { Err(WitTextError::NoFunctions) } else { Ok(functions) }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
}

impl Parser<'_> {
    fn function(&mut self) -> Result<(String, Signature), WitTextError> {
        let mut name = self.word("a function name")?;
        if name == "export" && self.lexer.peek()? != Token::Symbol(":") {
            name = self.word("a function name")?;
        }
        self.symbol(":")?;
        if self.word("`func`")? != "func" {
            return Err(self.lexer.error("expected `func`: only functions can be declared here"));
        }
        self.symbol("(")?;
        let params = self.params()?;
        let result = if self.skip("->")? { Some(self.ty()?) } else { None };
        // The last one may lack it.
        if self.lexer.peek()? != Token::End {
            self.symbol(";")?;
        }
        let signature = Signature::new(params, result);
        let signature = signature.map_err(|_| self.lexer.error("the parameters are too large"))?;
        Ok((name, signature))
    }

    fn params(&mut self) -> Result<Vec<(String, Arc<Ty>)>, WitTextError> {
        let mut params: Vec<(String, Arc<Ty>)> = Vec::new();
        while !self.skip(")")? {
            let name = self.word("a parameter name or `)`")?;
            if params.iter().any(|(known, _)| *known == name) {
                return Err(self.lexer.error(format!("parameter {name:?} is declared twice")));
            }
            self.symbol(":")?;
            params.push((name, self.ty()?));
            if !self.skip(",")? {
                self.symbol(")")?;
                break;
            }
        }
        Ok(params)
    }

    fn ty(&mut self) -> Result<Arc<Ty>, WitTextError> {
        let word = self.word("a type")?;
        if word != "list" {
            return self.primitive(&word).map(Arc::new);
        }
        self.symbol("<")?;
        let element = self.word("an element type")?;
        let element = Arc::new(self.primitive(&element)?);
        self.symbol(">")?;
        Ok(Arc::new(Ty::list(element)))
    }

    fn primitive(&self, word: &str) -> Result<Ty, WitTextError> {
        let kind = match word {
            "bool" => Kind::Bool,
            "s8" => Kind::S8,
            "u8" => Kind::U8,
            "s16" => Kind::S16,
            "u16" => Kind::U16,
            "s32" => Kind::S32,
            "u32" => Kind::U32,
            "s64" => Kind::S64,
            "u64" => Kind::U64,
            "f32" | "float32" => Kind::F32,
            "f64" | "float64" => Kind::F64,
            "char" => Kind::Char,
            "string" => Kind::String,
            _ => {
                return Err(self.lexer.error(format!(
                    "type `{word}` is not supported for a core module: use a primitive type, string or a list of \
                     those, or make the module a component"
                )));
            }
        };
        Ok(Ty::primitive(kind))
    }

    fn word(&mut self, what: &str) -> Result<String, WitTextError> {
        match self.lexer.next()? {
            Token::Word(word) => Ok(word.to_owned()),
            token => Err(self.lexer.error(format!("expected {what}, found {token}"))),
        }
    }

    fn symbol(&mut self, symbol: &str) -> Result<(), WitTextError> {
        match self.lexer.next()? {
            Token::Symbol(found) if found == symbol => Ok(()),
            token => Err(self.lexer.error(format!("expected `{symbol}`, found {token}"))),
        }
    }

    fn skip(&mut self, symbol: &str) -> Result<bool, WitTextError> {
        let found = matches!(self.lexer.peek()?, Token::Symbol(found) if found == symbol);
        if found {
            self.lexer.next()?;
        }
        Ok(found)
    }
}
