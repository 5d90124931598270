//! The work: what a token is, by a handful of patterns, and the tool that makes something of it.

use std::hint::black_box;

use ampacity::CircuitBreaker;

/// What a token was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Date,
    Sum,
    Address,
    Acronym,
    Name,
}

impl Kind {
    /// In the order in which they are tried.
    pub(super) const ALL: [Self; 5] =
        [Self::Date, Self::Sum, Self::Address, Self::Acronym, Self::Name];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "match_date",
            Self::Sum => "match_sum",
            Self::Address => "match_address",
            Self::Acronym => "match_acronym",
            Self::Name => "match_name",
        }
    }

    /// As a regular expression of its kind would have it.
    pub(super) fn matches(self, word: &str) -> bool {
        let bytes = word.as_bytes();
        match self {
            // \d{4}-\d\d-\d\d
            Self::Date => {
                bytes.len() == 10
                    && bytes.iter().enumerate().all(|(at, byte)| match at {
                        4 | 7 => *byte == b'-',
                        _ => byte.is_ascii_digit(),
                    })
            }
            // \$[\d,]+
            Self::Sum => {
                bytes.len() > 1
                    && bytes[0] == b'$'
                    && bytes[1..].iter().all(|byte| byte.is_ascii_digit() || *byte == b',')
            }
            // \w+@[\w.]+\.\w+
            Self::Address => word.split_once('@').is_some_and(|(user, host)| {
                !user.is_empty() && host.contains('.') && !host.contains('@')
            }),
            // [A-Z]{2,}
            Self::Acronym => bytes.len() > 1 && bytes.iter().all(u8::is_ascii_uppercase),
            // [A-Z][a-z]+
            Self::Name => {
                bytes.len() > 1
                    && bytes[0].is_ascii_uppercase()
                    && bytes[1..].iter().all(u8::is_ascii_lowercase)
            }
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// Without what a sentence puts around a word.
pub(super) fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| matches!(c, '.' | ',' | ';' | ':' | '(' | ')'))
}

pub(super) fn kind(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.matches(word))
}

pub(super) fn normalise(kind: Kind, word: &str) -> Entity {
    Entity { kind, text: word.to_lowercase() }
}

/// The tool that is called for each token.
pub(super) fn tool(word: &str) -> Option<Entity> {
    let word = bare(word);
    kind(word).map(|kind| normalise(kind, word))
}

/// What the tool is called through.
pub(super) trait Through {
    fn call<T>(&self, f: impl FnOnce() -> Result<T, ()>) -> Option<T>;
}

/// Nothing at all.
pub(super) struct Directly;

impl Through for Directly {
    #[inline(always)]
    fn call<T>(&self, f: impl FnOnce() -> Result<T, ()>) -> Option<T> {
        f().ok()
    }
}

impl Through for CircuitBreaker {
    #[inline(always)]
    fn call<T>(&self, f: impl FnOnce() -> Result<T, ()>) -> Option<T> {
        self.call(f).ok()
    }
}

/// What is found among the tokens; the tool is called for each.
#[inline(never)]
pub(super) fn extract(tokens: &[&str], through: &impl Through) -> Vec<Entity> {
    let mut found = Vec::new();
    for token in tokens {
        if let Some(Some(entity)) = through.call(|| Ok(tool(black_box(token)))) {
            found.push(entity);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_for_what_they_are() {
        for (word, is) in [
            ("2024-01-31", Some(Kind::Date)),
            ("2024-1-31", None),
            ("$1,250", Some(Kind::Sum)),
            ("$", None),
            ("privacy@example.com", Some(Kind::Address)),
            ("@example.com", None),
            ("GDPR", Some(Kind::Acronym)),
            ("Lisbon", Some(Kind::Name)),
            ("lisbon", None),
            ("A", None),
            ("", None),
            ("Ål", None),
        ] {
            assert_eq!(kind(word), is, "{word}");
        }
        let found = tool("(Lisbon,").unwrap();
        assert_eq!((found.kind, found.text.as_str()), (Kind::Name, "lisbon"));
    }

    #[test]
    fn the_same_is_found_through_a_breaker_which_counts_every_token() {
        let text = super::super::document::build(500);
        let tokens = super::super::document::tokens(&text);
        let breaker = CircuitBreaker::new("tool");
        let found = extract(&tokens, &breaker);
        assert!(found.len() > 50);
        assert_eq!(found, extract(&tokens, &Directly));
        assert_eq!(breaker.snapshot().succeeded, tokens.len() as u64);
    }
}
