//! Matches a program against a subject, in counted steps.
//!
//! Matching goes forward through the nodes; where one does not match, back to the last that could have matched otherwise.
//! Those are kept in a list, not by calling deeper, so no pattern takes native stack. Nodes never repeat, so no node is in
//! the list twice. Lua's matcher calls itself for each of them, at most two hundred deep, and so the list is as long at most.

use super::Stop;
use super::parse::{Capture, MOST_CAPTURES, Node, Program, Single};

/// Steps between two looks at the clock: about a tenth of a millisecond.
pub const LOOK: u64 = 1 << 15;
/// Nodes that may have to match otherwise, and captures, on the way to one node.
const DEEPEST: usize = 199;

/// Counts the steps of one call.
pub struct Steps<'a> {
    left: u64,
    most: u64,
    until_look: &'a mut u64,
    look: &'a mut dyn FnMut() -> mlua::Result<()>,
}

impl<'a> Steps<'a> {
    pub fn new(most: u64, until_look: &'a mut u64, look: &'a mut dyn FnMut() -> mlua::Result<()>) -> Self {
        Steps { left: most, most, until_look, look }
    }

    #[inline]
    pub fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        let steps = steps as u64;
        if steps < *self.until_look && steps <= self.left {
            *self.until_look -= steps;
            self.left -= steps;
            return Ok(());
        }
        self.spend_last(steps)
    }

    #[cold]
    fn spend_last(&mut self, steps: u64) -> Result<(), Stop> {
        let Some(left) = self.left.checked_sub(steps) else {
            return Err(Stop::told(format!("pattern matching took too long (over {} steps)", self.most)));
        };
        self.left = left;
        *self.until_look = LOOK;
        Ok((self.look)()?)
    }

    #[cfg(test)]
    pub fn spent(&self) -> u64 {
        self.most - self.left
    }
}

/// A node on the way that could match otherwise, or a capture's.
struct Choice {
    node: usize,
    at: usize,
    /// Where a repetition cannot give back more.
    least: usize,
}

pub struct Matcher<'a, 's> {
    program: &'a Program,
    subject: &'a [u8],
    choices: Vec<Choice>,
    captures: [(usize, usize); MOST_CAPTURES],
    pub steps: Steps<'s>,
}

/// A capture's value.
#[derive(Debug, PartialEq, Eq)]
pub enum Captured<'a> {
    Text(&'a [u8]),
    Position(usize),
}

impl<'a, 's> Matcher<'a, 's> {
    pub fn new(program: &'a Program, subject: &'a [u8], steps: Steps<'s>) -> Self {
        Matcher { program, subject, choices: Vec::new(), captures: [(0, 0); MOST_CAPTURES], steps }
    }

    /// Where the first match at `from` or after begins and ends.
    pub fn search(&mut self, from: usize) -> Result<Option<(usize, usize)>, Stop> {
        let last = if self.program.anchored { from } else { self.subject.len() };
        for start in from..=last {
            if let Some(end) = self.match_at(start)? {
                return Ok(Some((start, end)));
            }
        }
        Ok(None)
    }

    /// Where a match that begins at `start` ends.
    pub fn match_at(&mut self, start: usize) -> Result<Option<usize>, Stop> {
        self.choices.clear();
        let (mut node, mut at) = (0, start);
        loop {
            if let Some(end) = self.forward(node, at)? {
                return Ok(Some(end));
            }
            match self.back()? {
                Some(other) => (node, at) = other,
                None => return Ok(None),
            }
        }
    }

    /// The value of a capture after a match; `None` where there is no such capture.
    pub fn captured(&self, index: usize) -> Result<Option<Captured<'a>>, Stop> {
        let Some(capture) = self.program.captures.get(index) else { return Ok(None) };
        let (start, end) = self.captures[index];
        match capture {
            Capture::Open => Err(Stop::told("unfinished capture")),
            Capture::Closed => Ok(Some(Captured::Text(&self.subject[start..end]))),
            Capture::Position => Ok(Some(Captured::Position(start + 1))),
        }
    }

    fn forward(&mut self, mut node: usize, mut at: usize) -> Result<Option<usize>, Stop> {
        let program = self.program;
        while let Some(kind) = program.nodes.get(node) {
            self.steps.spend(1)?;
            match self.step(*kind, node, at)? {
                Some(next) => at = next,
                None => return Ok(None),
            }
            node += 1;
        }
        Ok(Some(at))
    }

    /// Where the next node goes on.
    #[inline]
    fn step(&mut self, kind: Node, node: usize, at: usize) -> Result<Option<usize>, Stop> {
        Ok(match kind {
            Node::One(single) => self.fits(single, at).then_some(at + 1),
            Node::Many(single, least) => return self.many(single, least, node, at),
            Node::Fewest(single) => {
                if self.fits(single, at) {
                    self.choose(node, at, at)?;
                }
                Some(at)
            }
            Node::Optional(single) => {
                let fits = self.fits(single, at);
                if fits {
                    self.choose(node, at, at)?;
                }
                Some(at + usize::from(fits))
            }
            Node::Open(index) | Node::Position(index) => {
                self.captures[usize::from(index)].0 = at;
                self.choose(node, at, at)?;
                Some(at)
            }
            Node::Close(index) => {
                self.captures[usize::from(index)].1 = at;
                self.choose(node, at, at)?;
                Some(at)
            }
            Node::Same(index) => return self.same(usize::from(index), at),
            Node::Balanced(open, close) => return self.balanced(open, close, at),
            Node::Frontier(set) => self.is_frontier(set, at).then_some(at),
            Node::End => (at == self.subject.len()).then_some(at),
            Node::Never => None,
            Node::Wrong(problem) => return Err(Stop::Told(problem.text())),
        })
    }

    /// Where to go on otherwise: a node, and a place in the subject.
    fn back(&mut self) -> Result<Option<(usize, usize)>, Stop> {
        let (program, subject) = (self.program, self.subject);
        while let Some(choice) = self.choices.last_mut() {
            self.steps.spend(1)?;
            match program.nodes[choice.node] {
                Node::Many(..) if choice.at > choice.least => {
                    choice.at -= 1;
                    return Ok(Some((choice.node + 1, choice.at)));
                }
                Node::Fewest(single) if fits(program, subject, single, choice.at) => {
                    choice.at += 1;
                    return Ok(Some((choice.node + 1, choice.at)));
                }
                Node::Optional(_) => {
                    let other = (choice.node + 1, choice.at);
                    self.choices.pop();
                    return Ok(Some(other));
                }
                _ => self.choices.pop(),
            };
        }
        Ok(None)
    }

    fn choose(&mut self, node: usize, at: usize, least: usize) -> Result<(), Stop> {
        if self.choices.len() >= DEEPEST {
            return Err(Stop::told("pattern too complex"));
        }
        self.choices.push(Choice { node, at, least });
        Ok(())
    }

    #[inline]
    fn fits(&self, single: Single, at: usize) -> bool {
        fits(self.program, self.subject, single, at)
    }

    fn many(&mut self, single: Single, least: u8, node: usize, at: usize) -> Result<Option<usize>, Stop> {
        let mut end = at;
        loop {
            // In parts, so that the clock is looked at in time.
            let part = &self.subject[end..self.subject.len().min(end + LOOK as usize)];
            let count = run(self.program, part, single);
            self.steps.spend(count)?;
            end += count;
            if count < part.len() || part.is_empty() {
                break;
            }
        }
        if end == at {
            return Ok((least == 0).then_some(at));
        }
        self.choose(node, end, at + usize::from(least))?;
        Ok(Some(end))
    }

    fn same(&mut self, index: usize, at: usize) -> Result<Option<usize>, Stop> {
        let (start, end) = self.captures[index];
        let (text, rest) = (&self.subject[start..end], &self.subject[at..]);
        if rest.len() < text.len() {
            return Ok(None);
        }
        for (one, other) in text.chunks(LOOK as usize).zip(rest.chunks(LOOK as usize)) {
            self.steps.spend(one.len())?;
            if one != &other[..one.len()] {
                return Ok(None);
            }
        }
        Ok(Some(at + text.len()))
    }

    fn balanced(&mut self, open: u8, close: u8, at: usize) -> Result<Option<usize>, Stop> {
        if self.subject.get(at) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1usize;
        for (place, byte) in self.subject.iter().enumerate().skip(at + 1) {
            self.steps.spend(1)?;
            if *byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(place + 1));
                }
            } else if *byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// Before the subject and after it there is a zero.
    fn is_frontier(&self, set: u32, at: usize) -> bool {
        let set = &self.program.sets[set as usize].bytes;
        let before = at.checked_sub(1).map_or(0, |before| self.subject[before]);
        let after = self.subject.get(at).copied().unwrap_or(0);
        !set.contains(before) && set.contains(after)
    }
}

#[inline]
fn fits(program: &Program, subject: &[u8], single: Single, at: usize) -> bool {
    subject.get(at).is_some_and(|byte| match single {
        Single::Any => true,
        Single::Byte(expected) => *byte == expected,
        Single::Set(set) => program.sets[set as usize].bytes.contains(*byte),
    })
}

/// How many bytes from the first on match.
fn run(program: &Program, text: &[u8], single: Single) -> usize {
    let end = match single {
        Single::Any => None,
        Single::Byte(expected) => text.iter().position(|byte| *byte != expected),
        Single::Set(set) => {
            let set = &program.sets[set as usize].bytes;
            text.iter().position(|byte| !set.contains(*byte))
        }
    };
    end.unwrap_or(text.len())
}
