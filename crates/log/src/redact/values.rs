//! What must not be seen inside strings, whatever their fields are called.

/// Patterns of what is hidden in strings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    #[cfg(feature = "patterns")]
    patterns: Vec<regex::Regex>,
}

/// Shapes of secrets that are known by their beginnings.
#[cfg(feature = "patterns")]
const COMMON: &[&str] = &[
    // What an Authorization header holds, and JSON web tokens.
    r"(?i-u)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}",
    r"(?-u)\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
    // Keys of model vendors, GitHub, AWS and Slack.
    r"(?-u)\bsk-[A-Za-z0-9_-]{16,}",
    r"(?-u)\b(gh[pousr]|github_pat)_[A-Za-z0-9_]{20,}",
    r"(?-u)\bA[KS]IA[0-9A-Z]{16}",
    r"(?-u)\bxox[a-z]-[A-Za-z0-9-]{10,}",
    // Keys in PEM, even if cut off, and the name and password in an address.
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(-----END [A-Z ]*PRIVATE KEY-----|\z)",
    r"://[^/ \t\r\n:@]*:[^/ \t\r\n]+@",
];

#[cfg(feature = "patterns")]
impl Values {
    pub(super) fn push(&mut self, pattern: regex::Regex) {
        self.patterns.push(pattern);
    }

    pub(super) fn push_common(&mut self) {
        // All of them are valid: a test says so.
        self.patterns.extend(COMMON.iter().filter_map(|pattern| regex::Regex::new(pattern).ok()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Appends `text` to `shown`, with [`REDACTED`](crate::json::REDACTED) for what matches.
    ///
    /// `found` is for its own use.
    pub(crate) fn mask(&self, text: &str, shown: &mut String, found: &mut Vec<(usize, usize)>) {
        found.clear();
        for pattern in &self.patterns {
            let matches = pattern.find_iter(text).filter(|found| !found.is_empty());
            found.extend(matches.map(|found| (found.start(), found.end())));
        }
        found.sort_unstable();
        let mut done = 0;
        for &(start, end) in &*found {
            // What overlaps is hidden as one.
            if start >= done {
                shown.push_str(&text[done..start]);
                shown.push_str(crate::json::REDACTED);
            }
            done = done.max(end);
        }
        shown.push_str(&text[done..]);
    }
}

#[cfg(not(feature = "patterns"))]
impl Values {
    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn mask(&self, text: &str, shown: &mut String, _: &mut Vec<(usize, usize)>) {
        shown.push_str(text);
    }
}

#[cfg(all(test, feature = "patterns"))]
mod tests {
    use super::*;

    fn masked(values: &Values, text: &str) -> String {
        let mut shown = String::new();
        values.mask(text, &mut shown, &mut vec![(7, 7)]);
        shown
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_the_rest_of_the_text_is_not() {
        let mut values = Values::default();
        values.push_common();
        assert_eq!(values.patterns.len(), COMMON.len());
        for (text, shown) in [
            ("nothing to hide", "nothing to hide"),
            ("GET, bearer abcdef123456, 200", "GET, [redacted], 200"),
            ("eyJhbGciOi.eyJzdWIiOi.c2lnbmVk!", "[redacted]!"),
            ("é sk-proj-0123456789abcdef é", "é [redacted] é"),
            ("ghp_0123456789abcdefghij", "[redacted]"),
            ("AKIA0123456789ABCDEF.", "[redacted]."),
            ("xoxb-1234567890-abc", "[redacted]"),
            ("a -----BEGIN RSA PRIVATE KEY-----\nMII", "a [redacted]"),
            ("postgres://me:hunter2@db/x", "postgres[redacted]db/x"),
            ("amqp://me:hunter@2@mq:1/x", "amqp[redacted]mq:1/x"),
            ("task-0123456789abcdef01", "task-0123456789abcdef01"),
            ("a bearer of news", "a bearer of news"),
        ] {
            assert_eq!(masked(&values, text), shown);
        }
    }

    #[test]
    fn matches_that_overlap_are_hidden_as_one() {
        let mut values = Values::default();
        for pattern in ["cde", "bc", "ef+", "x*", "c"] {
            values.push(regex::Regex::new(pattern).unwrap());
        }
        assert_eq!(masked(&values, "abcdefffg bc"), "a[redacted]g [redacted]");
    }
}
