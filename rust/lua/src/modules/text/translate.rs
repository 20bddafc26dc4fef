//! Patterns of RE2, which the platform has, in the syntax of the engine here.
//!
//! The two are nearly the same. In RE2 `\d`, `\w`, `\s` and `\b` mean ASCII, and brackets have no sets inside of them.
//! What the engine does not know, it refuses.

/// Rewrites a pattern.
pub fn translate(pattern: &str) -> String {
    let mut translation = Translation { rest: pattern, out: String::with_capacity(pattern.len() + 16) };
    while let Some(next) = translation.take() {
        match next {
            '\\' => translation.escape(),
            '[' => translation.class(),
            other => translation.out.push(other),
        }
    }
    translation.out
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
}

impl Translation<'_> {
    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn escape(&mut self) {
        match self.take() {
            Some('Q') => self.quote(),
            Some('b') => self.out.push_str(r"(?-u:\b)"),
            Some('B') => self.out.push_str(r"(?-u:\B)"),
            Some(other) => self.escaped(other),
            None => self.out.push('\\'),
        }
    }

    /// `\Q...\E`: text as it is.
    fn quote(&mut self) {
        let (text, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
        self.rest = rest;
        for character in text.chars() {
            self.literal(character);
        }
    }

    fn literal(&mut self, character: char) {
        if character.is_ascii_punctuation() {
            self.out.push('\\');
        }
        self.out.push(character);
    }

    fn escaped(&mut self, letter: char) {
        self.out.push_str(match letter {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => r"[\t\n\f\r ]",
            'S' => r"[^\t\n\f\r ]",
            other => {
                self.out.push('\\');
                return self.out.push(other);
            }
        });
    }

    /// What is in brackets, the first of which is taken.
    fn class(&mut self) {
        self.out.push('[');
        for first in ['^', ']'] {
            if let Some(rest) = self.rest.strip_prefix(first) {
                self.rest = rest;
                self.out.push_str(if first == ']' { r"\]" } else { "^" });
            }
        }
        while let Some(next) = self.take() {
            match next {
                ']' => return self.out.push(']'),
                '\\' => match self.take() {
                    Some(other) => self.escaped(other),
                    None => self.out.push('\\'),
                },
                '[' if self.rest.starts_with(':') => self.named(),
                '[' | '&' | '~' => self.literal(next),
                // Twice, it takes a set away from another.
                '-' if self.rest.starts_with('-') => self.literal('-'),
                other => self.out.push(other),
            }
        }
    }

    /// `[:alpha:]`
    fn named(&mut self) {
        match self.rest.find(":]") {
            Some(end) if self.rest[1..end].bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'^') => {
                self.out.push('[');
                self.out.push_str(&self.rest[..end + 2]);
                self.rest = &self.rest[end + 2..];
            }
            _ => self.literal('['),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_rewritten() {
        for (pattern, wanted) in [
            ("a.b*", "a.b*"),
            (r"\d+\S", r"[0-9]+[^\t\n\f\r ]"),
            (r"\bé\.", r"(?-u:\b)é\."),
            (r"[\w&&-]", r"[[0-9A-Za-z_]\&\&-]"),
            (r"[]a[]", r"[\]a\[]"),
            (r"[^]]", r"[^\]]"),
            (r"[[:alpha:][:^digit:]]", r"[[:alpha:][:^digit:]]"),
            (r"[a--z]", r"[a\--z]"),
            (r"\Qa.b\E.", r"a\.b."),
            (r"\Q[", r"\["),
            (r"\\Q", r"\\Q"),
            ("[", "["),
            ("[:", "[:"),
            ("[[:", r"[\[:"),
            ("\\", "\\"),
            ("", ""),
        ] {
            assert_eq!(translate(pattern), wanted, "{pattern}");
        }
    }
}
