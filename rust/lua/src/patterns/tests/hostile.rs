//! Patterns made to take long.

use std::cell::Cell;

use super::*;
use crate::patterns::estimate;

#[test]
fn a_search_without_end_ends() {
    let optional = format!("{}{}", "a?".repeat(30), "a".repeat(30));
    let lazy = format!("{}b", ".-".repeat(10));
    for pattern in
        [&optional, &lazy, &"(.*)".repeat(12), "x*x*x*x*x*x*x*x*x*[^x]", &format!("{}%1", "(.-)".repeat(9))]
    {
        let subject = if pattern.contains('x') { "x" } else { "a" };
        let failed = steps(format!("{pattern}!").as_bytes(), subject.repeat(100).as_bytes(), 1_000_000);
        assert_eq!(failed.unwrap_err(), "pattern matching took too long (over 1000000 steps)", "{pattern}");
    }
}

#[test]
fn steps_are_counted_wherever_time_goes() {
    let long = "a".repeat(1_000_000);
    for pattern in ["^a*", "^.-b", "^%ba!", "^(a*)%1", "^[^b]*"] {
        let spent = steps(pattern.as_bytes(), long.as_bytes(), 100_000_000).unwrap();
        assert!(spent >= 1_000_000, "{pattern}: {spent}");
    }
    assert!(steps(b"%ba!", &long.as_bytes()[..2000], 1_000_000).is_err());
    assert!(steps(b"(a*)%1!", &long.as_bytes()[..2000], 1_000_000).is_err());
}

#[test]
fn the_clock_is_looked_at() {
    let program = Program::read(b".-.-!");
    let (looks, mut until_look) = (Cell::new(0), LOOK);
    let mut look = || {
        looks.set(looks.get() + 1);
        if looks.get() == 3 { Err(mlua::Error::runtime("over")) } else { Ok(()) }
    };
    let subject = "a".repeat(10_000);
    let mut matcher =
        Matcher::new(&program, subject.as_bytes(), Steps::new(u64::MAX, &mut until_look, &mut look));
    assert!(matches!(matcher.search(0), Err(Stop::Raised(_))));
    let spent = matcher.steps.spent();
    assert!((3 * LOOK - 2..=3 * LOOK + 10).contains(&spent), "{spent}");
}

/// Many short searches are a long one.
#[test]
fn looks_go_on_from_call_to_call() {
    let program = Program::read(b"a*b");
    let (looks, mut until_look) = (Cell::new(0), LOOK);
    let mut look = || {
        looks.set(looks.get() + 1);
        Ok(())
    };
    for _ in 0..1000 {
        let steps = Steps::new(1 << 20, &mut until_look, &mut look);
        assert!(Matcher::new(&program, b"aaaaaaaaaaaaaaaa", steps).search(0).unwrap().is_none());
    }
    assert!(looks.get() > 5);
}

#[test]
fn huge_patterns_and_subjects() {
    let million = "a".repeat(1 << 20);
    let found = steps(format!("^{}$", &million[3..]).as_bytes(), &million.as_bytes()[3..], 10 << 20);
    assert!(found.is_ok());
    assert_eq!(steps(format!("{million}.").as_bytes(), b"", 10).unwrap_err(), "pattern too complex");
    assert_eq!(steps("(".repeat(100_000).as_bytes(), b"a", 1000).unwrap_err(), "too many captures");
    assert_eq!(
        steps("a-".repeat(100_000).as_bytes(), million.as_bytes(), u64::MAX).unwrap_err(),
        "pattern too complex"
    );
    let sets = "^".to_owned() + &"[a]".repeat(300_000);
    assert!(steps(sets.as_bytes(), million.as_bytes(), 10 << 20).is_ok());
}

/// The stack of a call may be nearly used up.
#[test]
fn little_native_stack() {
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let work = || {
        let subject = "a".repeat(100_000);
        let pattern = "(a-)".repeat(32) + &"a?".repeat(100) + "$";
        steps(pattern.as_bytes(), subject.as_bytes(), 1_000_000).is_err()
    };
    assert!(thread.spawn(work).unwrap().join().unwrap());
}

/// No pattern takes more steps than it is given to the engine for. (Ours also counts the ways back, and as one what the
/// engine does in several steps: hence the factor.)
#[test]
fn estimates_hold() {
    const PIECES: &[&str] = &[
        "a", "b", ".", "a*", "a+", "a-", "a?", ".-", ".*", "[ab]*", "[^a]+", "%a*", "b?", "(a*)", "(.-)",
        "()", "%1", "%bab", "%f[a]", "$", "%s*", "=", "(b-)", "!",
    ];
    let mut chance = Chance(3);
    for _ in 0..20_000 {
        let mut pattern = chance.text(PIECES, 7);
        if chance.below(3) == 0 {
            pattern.insert(0, '^');
        }
        let program = Program::read(pattern.as_bytes());
        let (factor, power) = estimate::bound(&program);
        let subject = match chance.below(4) {
            0 => "a".repeat(chance.below(24)),
            1 => "ab".repeat(chance.below(12)),
            2 => "a".repeat(chance.below(12)) + &"b".repeat(chance.below(12)),
            _ => chance.text(&["a", "b", " ", "="], 24),
        };
        let bound = 3.0 * factor * f64::from(subject.len() as u32 + 1).powf(f64::from(power));
        if let Ok(spent) = steps(pattern.as_bytes(), subject.as_bytes(), 1 << 22) {
            assert!(spent as f64 <= bound, "{pattern:?} in {subject:?}: {spent} over {bound}");
        }
    }
}

#[test]
fn what_the_engine_gets() {
    let reach = |pattern: &str| estimate::reach(&Program::read(pattern.as_bytes()));
    let usual =
        ["%s+", "^%s*(.-)%s*$", "(%w+)=(%w+)", "[^,]+", "^(%d+)-(%d+)-(%d+)$", "%.lua$", "^/users/([^/]+)$"];
    for pattern in usual {
        assert!(reach(pattern) >= 20, "{pattern}: {}", reach(pattern));
    }
    assert!(reach("^%s*(.-)%s*$") > 60);
    assert!(reach("[^,]+") > 1000 && reach("^(%d+)-(%d+)-(%d+)$") > 1000);
    let hostile =
        ["%", "[a", "(a", "a)", "%1", "%f", "%bx", &("a?".repeat(30) + &"a".repeat(30)), &"a*".repeat(250)];
    for pattern in hostile {
        assert_eq!(reach(pattern), -1, "{pattern}");
    }
    assert!(reach(&".-".repeat(10)) < 10_000 && reach(&(".-".repeat(10) + "b")) < 4);
}
