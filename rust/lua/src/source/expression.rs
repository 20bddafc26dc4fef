//! Expressions, calls, tables, functions, and the casts between.

use super::literal;
use super::parser::{Parsed, Parser};
use super::token::{Kind, Token};

/// What an expression is to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Name(Token),
    Field,
    Call,
    /// In parentheses: neither called for its own sake nor assigned.
    Group,
}

/// How strong an operator binds to its left and to its right; unlike if it groups to the right.
fn binary(kind: Kind) -> Option<(u8, u8)> {
    let Kind::Fixed(operator) = kind else { return None };
    Some(match operator {
        "or" => (1, 1),
        "and" => (2, 2),
        "<" | ">" | "<=" | ">=" | "~=" | "==" => (3, 3),
        "|" => (4, 4),
        "~" => (5, 5),
        "&" => (6, 6),
        "<<" | ">>" => (7, 7),
        ".." => (9, 8),
        "+" | "-" => (10, 10),
        "*" | "/" | "//" | "%" => (11, 11),
        "^" => (14, 13),
        _ => return None,
    })
}

const UNARY: u8 = 12;

impl<'a> Parser<'a> {
    pub(super) fn expressions(&mut self) -> Parsed {
        self.expression()?;
        while self.accept(",")? {
            self.expression()?;
        }
        Ok(())
    }

    pub(super) fn expression(&mut self) -> Parsed {
        self.operation(0)
    }

    /// Operators that bind stronger than `limit`, and their operands.
    fn operation(&mut self, limit: u8) -> Parsed {
        self.enter()?;
        if let Kind::Fixed("not" | "-" | "#" | "~") = self.current.kind {
            self.advance()?;
            self.operation(UNARY)?;
        } else {
            self.simple()?;
        }
        while let Some((_, right)) = binary(self.current.kind).filter(|(left, _)| *left > limit) {
            self.advance()?;
            self.operation(right)?;
        }
        self.leave();
        Ok(())
    }

    fn simple(&mut self) -> Parsed {
        match self.current.kind {
            Kind::Number | Kind::Text | Kind::Fixed("nil" | "true" | "false") => self.advance().map(drop)?,
            Kind::Fixed("...") => self.varargs()?,
            Kind::Fixed("{") => self.table()?,
            Kind::Fixed("function") => {
                let opener = self.advance()?;
                self.function_body(opener, false)?;
            }
            _ => self.suffixed().map(drop)?,
        }
        self.casts()
    }

    fn varargs(&mut self) -> Parsed {
        if !self.scopes.is_vararg() {
            return Err(self.error("cannot use '...' outside a vararg function"));
        }
        self.advance().map(drop)
    }

    /// A name or a group, and the fields and calls after it.
    pub(super) fn suffixed(&mut self) -> Parsed<Shape> {
        let mut shape = self.primary()?;
        loop {
            shape = match self.current.kind {
                Kind::Fixed(".") => {
                    self.advance()?;
                    self.name()?;
                    Shape::Field
                }
                Kind::Fixed("[") => {
                    self.index()?;
                    Shape::Field
                }
                Kind::Fixed(":") => {
                    self.advance()?;
                    self.name()?;
                    self.arguments()?;
                    Shape::Call
                }
                Kind::Fixed("(" | "{") | Kind::Text => {
                    self.arguments()?;
                    Shape::Call
                }
                // Says that it is not nil, to a type checker. `a != b` is no Lua at all.
                Kind::Fixed("!") if !self.source[self.current.end..].starts_with('=') => {
                    self.blanked(|parser| parser.advance().map(drop))?;
                    shape
                }
                _ => return Ok(shape),
            };
        }
    }

    fn primary(&mut self) -> Parsed<Shape> {
        match self.current.kind {
            Kind::Name => {
                self.note_require();
                self.advance().map(Shape::Name)
            }
            Kind::Fixed("(") => {
                let opener = self.advance()?;
                self.expression()?;
                self.expect_close(")", opener)?;
                Ok(Shape::Group)
            }
            _ => Err(self.error("unexpected symbol")),
        }
    }

    /// If this is `require "name"` or `require("name")`, of the global.
    fn note_require(&mut self) {
        if !self.at_name("require") || self.scopes.is_local("require") {
            return;
        }
        let mut argument = self.peek(1);
        if argument.is("(") {
            argument = self.peek(2);
            if !self.peek(3).is(")") {
                return;
            }
        }
        if argument.kind == Kind::Text {
            self.found.requires.push((self.current.start, literal::value(argument.text(self.source))));
        }
    }

    fn index(&mut self) -> Parsed {
        self.advance()?;
        self.expression()?;
        self.expect("]")
    }

    fn arguments(&mut self) -> Parsed {
        match self.current.kind {
            Kind::Text => self.advance().map(drop),
            Kind::Fixed("{") => self.table(),
            Kind::Fixed("(") => {
                let opener = self.advance()?;
                if !self.at(")") {
                    self.expressions()?;
                }
                self.expect_close(")", opener)
            }
            _ => Err(self.error("function arguments expected")),
        }
    }

    fn table(&mut self) -> Parsed {
        let opener = self.advance()?;
        while !self.at("}") {
            if self.at("[") {
                self.index()?;
                self.expect("=")?;
            } else if self.current.kind == Kind::Name && self.peek(1).is("=") {
                self.advance()?;
                self.advance()?;
            }
            self.expression()?;
            if !self.accept(",")? && !self.accept(";")? {
                break;
            }
        }
        self.expect_close("}", opener)
    }

    /// From behind the function's name, if it has one.
    pub(super) fn function_body(&mut self, opener: Token, method: bool) -> Parsed {
        if self.at("<") {
            self.blanked(Self::generics)?;
        }
        let mark = self.scopes.open();
        self.scopes.enter_function();
        if method {
            self.scopes.declare("self", false);
        }
        self.expect("(")?;
        self.parameters()?;
        self.expect(")")?;
        self.result_annotation()?;
        self.statements()?;
        self.expect_close("end", opener)?;
        self.scopes.leave_function();
        self.scopes.close(mark);
        Ok(())
    }

    fn parameters(&mut self) -> Parsed {
        if self.at(")") {
            return Ok(());
        }
        loop {
            if self.accept("...")? {
                self.scopes.set_vararg();
                return self.annotation();
            }
            if self.current.kind != Kind::Name {
                return Err(self.error("<name> or '...' expected"));
            }
            let name = self.name()?;
            self.scopes.declare(name, false);
            self.annotation()?;
            if !self.accept(",")? {
                return Ok(());
            }
        }
    }

    fn casts(&mut self) -> Parsed {
        while self.at_cast() {
            self.blanked(|parser| {
                parser.advance()?;
                parser.type_expression()
            })?;
        }
        Ok(())
    }

    fn at_cast(&mut self) -> bool {
        if self.at("::") { !self.at_label() } else { self.at_name("as") && self.at_as() }
    }

    /// Whether `::` begins `::name::`. In `::T ::name::`, which is no Lua, `T` is a type and the label comes after.
    fn at_label(&mut self) -> bool {
        let label = self.peek(1).kind == Kind::Name && self.peek(2).is("::");
        label && !(self.peek(3).kind == Kind::Name && self.peek(4).is("::"))
    }

    /// Whether `as` is a cast. A call of a function `as` may look like one, but stands on a line of its own.
    fn at_as(&mut self) -> bool {
        match self.peek(1).kind {
            Kind::Name | Kind::Fixed("nil" | "true" | "false") => true,
            Kind::Text | Kind::Fixed("(" | "{") => {
                !self.source[self.end..self.current.start].contains(['\n', '\r'])
            }
            _ => false,
        }
    }
}
