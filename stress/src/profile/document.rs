//! The synthetic document: a text about a policy, repeated under headings.

/// One section, with what an extractor looks for: names, dates, sums, addresses, acronyms.
const SECTION: &str = "\
The Data Retention Policy of Example Corporation applies to all records that its \
offices in Lisbon, Oslo and Nairobi keep on behalf of clients. Under ISO 27001 and the GDPR \
each record has an owner, a purpose and a date after which it is erased. Records of payments \
above $10,000 are kept for ten years from 2024-01-31, all others until 2027-06-30 at the \
latest. Requests for erasure go to privacy@example.com and are answered within thirty days; \
a request that is refused is reported to the Supervisory Authority with its reasons. An \
incident that concerns more than 500 persons is reported within 72 hours, and its cost, \
estimated at $1,250 for each record in the last audit of 2023-11-15, is borne by the unit \
that caused it. Backups are encrypted with AES keys that the Security Office rotates every \
quarter, and restored once a year to show that they can be. Contractors sign the NDA before \
they are given access, and lose it on the day their contract ends. Questions about this \
policy are answered by legal@example.com and by the Compliance Board, which meets on the \
first Monday of each month and publishes its minutes. ";

/// A document of at least `tokens` words.
pub(super) fn build(tokens: usize) -> String {
    let words = SECTION.split_whitespace().count();
    let mut text = String::new();
    for section in 0..tokens / words + 1 {
        text.push_str(&format!("## Section {section}\n"));
        text.push_str(SECTION);
        text.push('\n');
    }
    text
}

/// Its words.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_at_least_the_words_that_were_asked_for_and_not_many_more() {
        for wanted in [0, 1, 100, 10_000] {
            let words = tokens(&build(wanted)).len();
            assert!(words >= wanted && words <= wanted + wanted / 40 + 400, "{wanted}: {words}");
        }
    }
}
