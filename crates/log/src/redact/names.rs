//! Names and patterns of names, found without a look at each.

use core::fmt;

/// The letters of a name that count.
const LETTERS: usize = 128;

/// A name, or a name with `*` for any letters.
#[derive(Clone)]
pub(super) struct Pattern {
    /// What is between the stars; never empty.
    pieces: Vec<Vec<u8>>,
    hides: bool,
}

impl Pattern {
    pub(super) fn new(name: &str, hides: bool) -> Self {
        let pieces = name.split('*').map(|piece| piece.bytes().filter_map(letter).collect());
        Pattern { pieces: pieces.collect(), hides }
    }

    fn matches(&self, name: &[u8]) -> bool {
        let [first, rest @ ..] = &self.pieces[..] else { return false };
        let [middle @ .., last] = rest else { return name == first };
        let Some(mut name) = name.strip_prefix(&first[..]).and_then(|n| n.strip_suffix(&last[..]))
        else {
            return false;
        };
        for piece in middle.iter().filter(|piece| !piece.is_empty()) {
            let Some(at) = name.windows(piece.len()).position(|window| window == piece) else {
                return false;
            };
            name = &name[at + piece.len()..];
        }
        true
    }

    /// The letter that all names it matches end in, if they do.
    fn last_letter(&self) -> Option<u8> {
        self.pieces.last().and_then(|piece| piece.last()).copied()
    }

    /// The letters that are in all names that it matches.
    fn letters(&self) -> u32 {
        self.pieces.iter().flatten().fold(0, |letters, &letter| letters | bit(letter))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces: Vec<_> =
            self.pieces.iter().map(|piece| String::from_utf8_lossy(piece)).collect();
        let verdict = if self.hides { "hides" } else { "shows" };
        write!(f, "{verdict} {:?}", pieces.join("*"))
    }
}

/// Patterns, of which the last one that matches decides.
#[derive(Clone, Default)]
pub(super) struct Names {
    patterns: Vec<Pattern>,
    /// Which patterns need a look at a name that ends in a letter, by the letter's bit, with the
    /// letters they need; the last first.
    ///
    /// The names of nearly all fields match nothing, and need next to no look this way.
    candidates: [Vec<(u32, u16)>; 32],
}

impl Names {
    pub(super) fn push(&mut self, pattern: Pattern) {
        // More patterns than that are an accident; the first ones are kept.
        let Ok(index) = u16::try_from(self.patterns.len()) else { return };
        let candidate = (pattern.letters(), index);
        match pattern.last_letter() {
            Some(last) => self.candidates[bucket(last)].insert(0, candidate),
            None => self.candidates.iter_mut().for_each(|bucket| bucket.insert(0, candidate)),
        }
        self.patterns.push(pattern);
    }

    pub(super) fn hide(&self, name: &[u8]) -> bool {
        let mut buffer = [0; LETTERS];
        let (mut len, mut letters) = (0, 0);
        // From its end, since the end of a long name counts.
        for letter in name.iter().rev().copied().filter_map(letter).take(LETTERS) {
            len += 1;
            buffer[LETTERS - len] = letter;
            letters |= bit(letter);
        }
        let name = &buffer[LETTERS - len..];
        let last = name.last().copied().unwrap_or_default();
        self.candidates[bucket(last)]
            .iter()
            .filter(|(needed, _)| needed & !letters == 0)
            .map(|&(_, index)| &self.patterns[usize::from(index)])
            .find(|pattern| pattern.matches(name))
            .is_some_and(|pattern| pattern.hides)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.patterns).finish()
    }
}

/// The byte as it counts in a name; none if it does not.
fn letter(byte: u8) -> Option<u8> {
    match byte {
        b'_' | b'-' | b'.' | b' ' => None,
        _ => Some(byte.to_ascii_lowercase()),
    }
}

fn bucket(letter: u8) -> usize {
    usize::from(letter & 31)
}

/// A letter's place in a set of letters, which others may share.
fn bit(letter: u8) -> u32 {
    1 << (letter & 31)
}
