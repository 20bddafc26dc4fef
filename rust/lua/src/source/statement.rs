//! Statements and blocks.

use super::expression::Shape;
use super::parser::{Parsed, Parser};
use super::token::{Kind, Token};

impl<'a> Parser<'a> {
    pub(super) fn block(&mut self) -> Parsed {
        let mark = self.scopes.open();
        self.statements()?;
        self.scopes.close(mark);
        Ok(())
    }

    /// Whether a block ends here.
    fn at_block_end(&self) -> bool {
        matches!(self.current.kind, Kind::End | Kind::Fixed("else" | "elseif" | "end" | "until"))
    }

    pub(super) fn statements(&mut self) -> Parsed {
        let mut last = false;
        while !last && !self.at_block_end() {
            last = self.at("return");
            self.enter()?;
            self.statement()?;
            self.leave();
            self.separate();
        }
        Ok(())
    }

    fn statement(&mut self) -> Parsed {
        let type_statement = self.at_type_statement();
        match self.current.kind {
            Kind::Fixed(";") => self.advance().map(drop),
            Kind::Fixed("if") => self.if_statement(),
            Kind::Fixed("while") => self.while_statement(),
            Kind::Fixed("do") => self.do_statement(),
            Kind::Fixed("for") => self.for_statement(),
            Kind::Fixed("repeat") => self.repeat_statement(),
            Kind::Fixed("function") => self.function_statement(),
            Kind::Fixed("local") => self.local_statement(),
            Kind::Fixed("::") => self.label(),
            Kind::Fixed("return") => self.return_statement(),
            Kind::Fixed("goto") => self.advance().and_then(|_| self.name()).map(drop),
            Kind::Fixed("break") => self.break_statement(),
            _ if type_statement => self.type_statement(),
            _ => self.expression_statement(),
        }
    }

    fn if_statement(&mut self) -> Parsed {
        let opener = self.current;
        loop {
            self.advance()?;
            self.expression()?;
            self.expect("then")?;
            self.block()?;
            if !self.at("elseif") {
                break;
            }
        }
        if self.accept("else")? {
            self.block()?;
        }
        self.expect_close("end", opener)
    }

    fn while_statement(&mut self) -> Parsed {
        let opener = self.advance()?;
        self.expression()?;
        self.expect("do")?;
        self.loop_block()?;
        self.expect_close("end", opener)
    }

    fn loop_block(&mut self) -> Parsed {
        self.scopes.enter_loop();
        self.block()?;
        self.scopes.leave_loop();
        Ok(())
    }

    fn do_statement(&mut self) -> Parsed {
        let opener = self.advance()?;
        self.block()?;
        self.expect_close("end", opener)
    }

    /// Its condition sees the block's locals.
    fn repeat_statement(&mut self) -> Parsed {
        let opener = self.advance()?;
        let mark = self.scopes.open();
        self.scopes.enter_loop();
        self.statements()?;
        self.scopes.leave_loop();
        self.expect_close("until", opener)?;
        self.expression()?;
        self.scopes.close(mark);
        Ok(())
    }

    fn for_statement(&mut self) -> Parsed {
        let opener = self.advance()?;
        let mut names = vec![self.name()?];
        self.annotation()?;
        match self.current.kind {
            Kind::Fixed("=") => self.for_numbers()?,
            Kind::Fixed("," | "in") => self.for_values(&mut names)?,
            _ => return Err(self.error("'=' or 'in' expected")),
        }
        self.expect("do")?;
        let mark = self.scopes.open();
        names.iter().for_each(|name| self.scopes.declare(name, false));
        self.loop_block()?;
        self.scopes.close(mark);
        self.expect_close("end", opener)
    }

    fn for_numbers(&mut self) -> Parsed {
        self.advance()?;
        self.expression()?;
        self.expect(",")?;
        self.expression()?;
        if self.accept(",")? { self.expression() } else { Ok(()) }
    }

    fn for_values(&mut self, names: &mut Vec<&'a str>) -> Parsed {
        while self.accept(",")? {
            names.push(self.name()?);
            self.annotation()?;
        }
        self.expect("in")?;
        self.expressions()
    }

    fn function_statement(&mut self) -> Parsed {
        let opener = self.advance()?;
        let first = self.current;
        self.name()?;
        if !self.at(".") && !self.at(":") {
            self.check_assignable(first)?;
        }
        while self.accept(".")? {
            self.name()?;
        }
        let method = self.accept(":")?;
        if method {
            self.name()?;
        }
        self.function_body(opener, method)
    }

    fn local_statement(&mut self) -> Parsed {
        self.advance()?;
        if !self.at("function") {
            return self.local_names();
        }
        let opener = self.advance()?;
        let name = self.name()?;
        self.scopes.declare(name, false);
        self.function_body(opener, false)
    }

    fn local_names(&mut self) -> Parsed {
        let mut names = Vec::new();
        let mut closed = false;
        loop {
            let name = self.name()?;
            let before = self.attribute()?;
            self.annotation()?;
            let attribute = if before.is_some() { before } else { self.attribute()? };
            if let Some((token, "close")) = attribute
                && std::mem::replace(&mut closed, true)
            {
                return Err(self.error_at(token, "multiple to-be-closed variables in local list"));
            }
            names.push((name, attribute.is_some()));
            if !self.accept(",")? {
                break;
            }
        }
        if self.accept("=")? {
            self.expressions()?;
        }
        // Only now: the values do not see the names.
        names.into_iter().for_each(|(name, constant)| self.scopes.declare(name, constant));
        Ok(())
    }

    /// `<const>` or `<close>`, which are Lua and stay.
    fn attribute(&mut self) -> Parsed<Option<(Token, &'a str)>> {
        if !self.accept("<")? {
            return Ok(None);
        }
        let token = self.current;
        let name = self.name()?;
        self.expect(">")?;
        match name {
            "const" | "close" => Ok(Some((token, name))),
            _ => Err(self.error_at(token, format!("unknown attribute '{name}'"))),
        }
    }

    fn label(&mut self) -> Parsed {
        self.advance()?;
        self.name()?;
        self.expect("::")
    }

    fn break_statement(&mut self) -> Parsed {
        if !self.scopes.is_in_loop() {
            return Err(self.error("break outside a loop"));
        }
        self.advance().map(drop)
    }

    fn return_statement(&mut self) -> Parsed {
        self.advance()?;
        if !self.at_block_end() && !self.at(";") {
            self.expressions()?;
        }
        self.accept(";").map(drop)
    }

    /// A call or an assignment.
    fn expression_statement(&mut self) -> Parsed {
        let mut shape = self.suffixed()?;
        if !self.at("=") && !self.at(",") {
            return if shape == Shape::Call { Ok(()) } else { Err(self.error("syntax error")) };
        }
        // The engine recurses here, so the list is as short as anything else is flat.
        let mut levels = 0;
        loop {
            match shape {
                Shape::Name(name) => self.check_assignable(name)?,
                Shape::Field => {}
                Shape::Call | Shape::Group => return Err(self.error("syntax error")),
            }
            if !self.accept(",")? {
                break;
            }
            shape = self.suffixed()?;
            self.enter()?;
            levels += 1;
        }
        self.expect("=")?;
        self.expressions()?;
        self.leave_many(levels);
        Ok(())
    }

    fn check_assignable(&self, token: Token) -> Parsed {
        let name = token.text(self.source);
        if self.scopes.is_constant(name) {
            return Err(self.error_at(token, format!("attempt to assign to const variable '{name}'")));
        }
        Ok(())
    }
}
