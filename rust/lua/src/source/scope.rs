//! Names and places that decide what a statement may do: locals, functions, loops.

use std::collections::HashMap;

/// The function, innermost first, that the parser is in.
#[derive(Debug, Default)]
struct Function {
    vararg: bool,
    loops: u32,
}

#[derive(Debug, Default)]
pub(super) struct Scopes<'a> {
    /// Locals in sight, in the order of their declarations.
    locals: Vec<&'a str>,
    /// Of each name, whether those locals are constant. A map, so that a long block does not make a lookup long.
    by_name: HashMap<&'a str, Vec<bool>>,
    functions: Vec<Function>,
}

/// Where a block began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

impl<'a> Scopes<'a> {
    pub fn open(&self) -> Mark {
        Mark(self.locals.len())
    }

    pub fn close(&mut self, mark: Mark) {
        for name in self.locals.drain(mark.0..) {
            self.by_name.get_mut(name).map(Vec::pop);
        }
    }

    pub fn declare(&mut self, name: &'a str, constant: bool) {
        self.locals.push(name);
        self.by_name.entry(name).or_default().push(constant);
    }

    pub fn is_local(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|locals| !locals.is_empty())
    }

    pub fn is_constant(&self, name: &str) -> bool {
        self.by_name.get(name).and_then(|locals| locals.last()).is_some_and(|&constant| constant)
    }

    pub fn enter_function(&mut self) {
        self.functions.push(Function::default());
    }

    pub fn leave_function(&mut self) {
        self.functions.pop();
    }

    pub fn set_vararg(&mut self) {
        if let Some(function) = self.functions.last_mut() {
            function.vararg = true;
        }
    }

    pub fn is_vararg(&self) -> bool {
        self.functions.last().is_some_and(|function| function.vararg)
    }

    pub fn enter_loop(&mut self) {
        if let Some(function) = self.functions.last_mut() {
            function.loops += 1;
        }
    }

    pub fn leave_loop(&mut self) {
        if let Some(function) = self.functions.last_mut() {
            function.loops -= 1;
        }
    }

    pub fn is_in_loop(&self) -> bool {
        self.functions.last().is_some_and(|function| function.loops > 0)
    }
}
