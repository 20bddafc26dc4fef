//! How long a subject may be for Lua's own matcher to be done with it soon, whatever it contains.
//!
//! The steps are bounded by a factor times a power of the subject's length, found by going through the pattern from its
//! end. In general a repetition multiplies what follows it by the length, and `?` doubles it. Most patterns are better than
//! that, in two ways that are easily seen. Where what follows cannot fail, the first way is the last one. And in `%w+=`,
//! what follows a repetition cannot begin with what is repeated: wherever the run of it is cut short, what follows fails
//! at once.

use super::bytes::Bytes;
use super::parse::{Capture, Node, Program, Single};

/// Steps that Lua's matcher may take in one go: at worst half a millisecond, and that some twenty times before the hook
/// looks at the clock.
const MOST: f64 = 262144.0;
/// More nodes than that could be too deep for Lua's matcher.
const MOST_NODES: usize = 190;

/// The longest subject; below 0 where none will do, since the pattern is too bad or just wrong.
pub fn reach(program: &Program) -> i64 {
    let wrong = program.nodes.iter().any(|node| matches!(node, Node::Wrong(_)));
    let choices = program.nodes.iter().filter(|node| !matches!(node, Node::One(_))).count();
    if wrong || choices > MOST_NODES || program.captures.contains(&Capture::Open) {
        return -1;
    }
    let (factor, power) = bound(program);
    match power {
        0 if factor <= MOST => i64::MAX,
        0 => -1,
        _ => (MOST / factor).powf(1.0 / f64::from(power)) as i64 - 1,
    }
}

/// Factor and power of what finding every match takes, where the length of a subject counts its end.
pub fn bound(program: &Program) -> (f64, u32) {
    let rest = program.nodes.iter().rev().fold(Rest::END, |rest, node| rest.after(program, *node));
    if program.anchored {
        (rest.factor, rest.power)
    } else if rest.decided || rest.sure {
        // What a match goes through it takes away, but for once more where it is empty; or it ends where the subject does.
        (rest.factor * 4.0, rest.power.max(1))
    } else {
        (rest.factor * 2.0, rest.power + 1)
    }
}

/// The bound of a pattern's end.
struct Rest {
    factor: f64,
    power: u32,
    /// What it may begin with; with anything else it fails in `quick` steps.
    first: Bytes,
    quick: f64,
    /// It matches anywhere.
    sure: bool,
    /// It matches at the subject's end.
    at_end: bool,
    /// It matches where it fails not at once.
    decided: bool,
}

impl Rest {
    const END: Rest = Rest {
        factor: 1.0,
        power: 0,
        first: Bytes::ALL,
        quick: 1.0,
        sure: true,
        at_end: true,
        decided: false,
    };

    /// With a node before it.
    fn after(self, program: &Program, node: Node) -> Rest {
        match node {
            Node::One(single) => self.required(program, single),
            Node::Optional(single) => self.optional(program, single),
            Node::Many(single, 0) => {
                self.repeated(program, single, false).nullable(program, single).goes_far(single)
            }
            Node::Many(single, _) => {
                let decided = self.sure;
                let rest = self.repeated(program, single, false);
                Rest { decided, ..rest.begins(bytes(program, single), cost(program, single)) }
            }
            Node::Fewest(single) => {
                self.repeated(program, single, true).nullable(program, single).goes_far(single)
            }
            Node::Open(_) | Node::Close(_) | Node::Position(_) => {
                Rest { factor: self.factor + 1.0, quick: self.quick + 1.0, ..self }
            }
            Node::Same(_) => self.linear().begins(Bytes::ALL, 1.0),
            Node::Balanced(open, _) => self.linear().begins(Bytes::one(open), 1.0),
            Node::Frontier(set) => {
                let cost = 2.0 * program.sets[set as usize].width as f64;
                Rest { factor: self.factor + cost, ..self }.begins(Bytes::ALL, cost)
            }
            Node::End => {
                let rest = Rest { factor: self.factor + 1.0, ..self };
                Rest { at_end: true, ..rest.begins(Bytes::NONE, 1.0) }
            }
            Node::Never | Node::Wrong(_) => Rest::END.begins(Bytes::NONE, 1.0),
        }
    }

    fn begins(self, first: Bytes, quick: f64) -> Rest {
        Rest { first, quick, sure: false, at_end: false, decided: false, ..self }
    }

    /// Any number of any characters reach the end.
    fn goes_far(self, single: Single) -> Rest {
        Rest { sure: self.sure || self.at_end && matches!(single, Single::Any), ..self }
    }

    /// Goes through the subject once, and then on.
    fn linear(self) -> Rest {
        Rest { factor: self.factor + 1.0, power: self.power.max(1), ..self }
    }

    fn required(self, program: &Program, single: Single) -> Rest {
        let (decided, cost) = (self.sure, cost(program, single));
        let rest = Rest { factor: self.factor + cost, ..self };
        Rest { decided, ..rest.begins(bytes(program, single), cost) }
    }

    fn nullable(self, program: &Program, single: Single) -> Rest {
        let first = self.first.union(bytes(program, single));
        Rest { first, quick: self.quick + cost(program, single), decided: false, ..self }
    }

    fn optional(self, program: &Program, single: Single) -> Rest {
        let more = if self.sure {
            0.0
        } else if self.first.meets(bytes(program, single)) {
            self.factor
        } else {
            self.quick
        };
        let factor = self.factor + more + cost(program, single);
        Rest { factor, ..self }.nullable(program, single)
    }

    fn repeated(self, program: &Program, single: Single, fewest: bool) -> Rest {
        let cost = cost(program, single);
        if self.sure && fewest {
            Rest { factor: self.factor + cost, ..self }
        } else if self.sure {
            Rest { factor: self.factor + cost, power: self.power.max(1), ..self }
        } else if self.first.meets(bytes(program, single)) {
            Rest { factor: self.factor + cost + 1.0, power: self.power + 1, ..self }
        } else {
            let factor = self.factor + cost + self.quick + 1.0;
            Rest { factor, power: self.power.max(1), ..self }
        }
    }
}

fn bytes(program: &Program, single: Single) -> Bytes {
    match single {
        Single::Any => Bytes::ALL,
        Single::Byte(byte) => Bytes::one(byte),
        Single::Set(set) => program.sets[set as usize].bytes,
    }
}

fn cost(program: &Program, single: Single) -> f64 {
    match single {
        Single::Set(set) => program.sets[set as usize].width as f64,
        _ => 1.0,
    }
}
