//! Types, where they may stand. They are read only to know where they end.
//!
//! Luau's grammar, with what the platform adds: optional fields, bounds of generics, validators (`number @min(0)`). It
//! is read generously, since a type that says nothing sensible harms nobody here.

use super::parser::{Parsed, Parser};
use super::token::{Kind, Token};

impl Parser<'_> {
    /// `: T` after a name.
    pub(super) fn annotation(&mut self) -> Parsed {
        if !self.at(":") && !self.at_optional_mark() {
            return Ok(());
        }
        self.blanked(|parser| {
            parser.accept("?")?;
            parser.expect(":")?;
            parser.item()
        })
    }

    /// `: T` after parameters.
    pub(super) fn result_annotation(&mut self) -> Parsed {
        if !self.at(":") {
            return Ok(());
        }
        self.blanked(|parser| {
            parser.advance()?;
            parser.item()
        })
    }

    /// Whether `type T =`, `type T<` or one of them after `export` begins here. Else, `type` is a name as any other.
    pub(super) fn at_type_statement(&mut self) -> bool {
        let first = if self.at_name("export") { 1 } else { 0 };
        let word = if first == 0 { self.current } else { self.peek(1) };
        let is_type = word.kind == Kind::Name && word.text(self.source) == "type";
        let follows = |token: Token| token.is("=") || token.is("<");
        is_type && self.peek(first + 1).kind == Kind::Name && follows(self.peek(first + 2))
    }

    pub(super) fn type_statement(&mut self) -> Parsed {
        self.blanked(|parser| {
            if parser.at_name("export") {
                parser.advance()?;
            }
            parser.advance()?;
            parser.name()?;
            if parser.at("<") {
                parser.generics()?;
            }
            parser.expect("=")?;
            parser.type_expression()
        })
    }

    /// `<T, U: Bound, V = Default, W...>`
    pub(super) fn generics(&mut self) -> Parsed {
        self.advance()?;
        while !self.at(">") {
            self.name()?;
            self.accept("...")?;
            if self.accept(":")? {
                self.type_expression()?;
            }
            if self.accept("=")? {
                self.item()?;
            }
            if !self.accept(",")? {
                break;
            }
        }
        self.close_angle()
    }

    pub(super) fn type_expression(&mut self) -> Parsed {
        self.union(false)
    }

    /// What a list of types is made of, and what a function gives: `T`, `...T`, `T...`, `(T, U)`.
    fn item(&mut self) -> Parsed {
        if !self.accept("...")? {
            self.union(true)?;
            return self.accept("...").map(drop);
        }
        let alone = matches!(self.current.kind, Kind::Fixed(")" | ">" | "," | "}"));
        if alone { Ok(()) } else { self.type_expression() }
    }

    fn union(&mut self, pack: bool) -> Parsed {
        self.enter()?;
        if self.at("|") || self.at("&") {
            self.advance()?;
        }
        loop {
            self.simple_type(pack)?;
            while self.accept("?")? {}
            self.validators()?;
            if !self.accept("|")? && !self.accept("&")? {
                break;
            }
        }
        self.leave();
        Ok(())
    }

    fn simple_type(&mut self, pack: bool) -> Parsed {
        match self.current.kind {
            Kind::Name => self.named_type(),
            Kind::Text | Kind::Number | Kind::Fixed("nil" | "true" | "false") => self.advance().map(drop),
            Kind::Fixed("{") => self.table_type(),
            Kind::Fixed("(" | "<") => self.group_or_function(pack),
            _ => Err(self.error("type expected")),
        }
    }

    fn named_type(&mut self) -> Parsed {
        if self.at_name("typeof") && self.peek(1).is("(") {
            self.advance()?;
            let opener = self.advance()?;
            self.expression()?;
            return self.expect_close(")", opener);
        }
        self.name()?;
        while self.accept(".")? {
            self.name()?;
        }
        if self.at("<") && !self.at_attribute() {
            self.advance()?;
            while !self.at(">") && !self.at(">>") && !self.at(">=") {
                self.item()?;
                if !self.accept(",")? {
                    break;
                }
            }
            return self.close_angle();
        }
        Ok(())
    }

    /// In `local x: T <const>` the attribute is no argument of `T`.
    fn at_attribute(&mut self) -> bool {
        let name = self.peek(1);
        name.kind == Kind::Name && matches!(name.text(self.source), "const" | "close") && self.peek(2).is(">")
    }

    /// `@name` and `@name(arguments)`
    fn validators(&mut self) -> Parsed {
        while self.accept("@")? {
            self.name()?;
            if self.at("(") {
                let opener = self.advance()?;
                if !self.at(")") {
                    self.expressions()?;
                }
                self.expect_close(")", opener)?;
            }
        }
        Ok(())
    }

    /// `{T}`, or fields: `name: T`, `name?: T`, `[K]: V`, `read name: T`.
    fn table_type(&mut self) -> Parsed {
        let opener = self.advance()?;
        while !self.at("}") {
            if self.current.kind == Kind::Name && matches!(self.peek(1).kind, Kind::Name | Kind::Fixed("[")) {
                self.modifier()?;
            }
            if self.accept("[")? {
                self.type_expression()?;
                self.expect("]")?;
                self.annotation_of_field()?;
            } else if self.at_field_name() {
                self.advance()?;
                self.annotation_of_field()?;
            } else {
                self.item()?;
            }
            if !self.accept(",")? && !self.accept(";")? {
                break;
            }
        }
        self.expect_close("}", opener)
    }

    fn modifier(&mut self) -> Parsed {
        match self.current.text(self.source) {
            "read" | "write" | "readonly" => self.advance().map(drop),
            _ => Ok(()),
        }
    }

    fn annotation_of_field(&mut self) -> Parsed {
        self.accept("?")?;
        self.expect(":")?;
        self.type_expression()
    }

    /// Whether a name with a type begins here, and not a type alone.
    fn at_field_name(&mut self) -> bool {
        let next = self.peek(1);
        // `{end: number}` is a field, too: reserved words are none to a type.
        let word = self.current.kind == Kind::Name || self.at_reserved_word();
        word && (next.is(":") || next.is("?") && self.peek(2).is(":"))
    }

    fn at_reserved_word(&self) -> bool {
        matches!(self.current.kind, Kind::Fixed(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    fn at_optional_mark(&mut self) -> bool {
        self.at("?") && self.peek(1).is(":")
    }

    /// `(T)`, `<T>(a: T, ...U) -> V`, or, where a pack may stand, `(T, U)`.
    fn group_or_function(&mut self, pack: bool) -> Parsed {
        let generic = self.at("<");
        if generic {
            self.generics()?;
        }
        let opener = self.current;
        self.expect("(")?;
        let group = self.parameter_types()?;
        self.expect_close(")", opener)?;
        if self.at_arrow() {
            self.advance()?;
            self.advance()?;
            return self.item();
        }
        if generic || !(group || pack) {
            return Err(self.error("'->' expected"));
        }
        Ok(())
    }

    /// Whether they could be a type in parentheses.
    fn parameter_types(&mut self) -> Parsed<bool> {
        let (mut count, mut named) = (0, false);
        while !self.at(")") {
            if self.at_field_name() || self.at("...") && self.peek(1).is(":") {
                self.advance()?;
                self.annotation_of_field()?;
                named = true;
            } else {
                self.item()?;
            }
            count += 1;
            if !self.accept(",")? {
                break;
            }
        }
        Ok(count == 1 && !named)
    }

    /// `->`, which is no token of Lua's.
    fn at_arrow(&mut self) -> bool {
        self.at("-") && self.peek(1).is(">") && self.peek(1).start == self.current.end
    }
}
