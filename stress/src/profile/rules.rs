//! Recommendations, each by a rule with its number: what was measured, and from where on
//! something is to be said.

use serde::Serialize;

/// What the rules look at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) tokens_per_second: f64,
    pub(super) entities_per_second: f64,
    pub(super) peak_memory_mb: f64,
    pub(super) memory_per_token_bytes: f64,
    pub(super) breaker_share_of_time: f64,
    pub(super) every_over_adaptive: f64,
    pub(super) dearest_policy_over_default: f64,
    pub(super) bytes_allocated_a_call: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Below,
    Above,
}

/// One rule.
struct Rule {
    figure: &'static str,
    side: Side,
    threshold: f64,
    of: fn(&Seen) -> f64,
    advice: &'static str,
}

/// The first four are the predecessor's, with its thresholds.
const RULES: [Rule; 8] = [
    Rule {
        figure: "tokens_per_second",
        side: Side::Below,
        threshold: 1_000.0,
        of: |seen| seen.tokens_per_second,
        advice: "extraction is slow: look at the hottest operations first",
    },
    Rule {
        figure: "peak_memory_mb",
        side: Side::Above,
        threshold: 100.0,
        of: |seen| seen.peak_memory_mb,
        advice: "much memory at once: work through the document in parts",
    },
    Rule {
        figure: "memory_per_token_bytes",
        side: Side::Above,
        threshold: 1_000.0,
        of: |seen| seen.memory_per_token_bytes,
        advice: "much memory a token: keep positions in the text, not copies of it",
    },
    Rule {
        figure: "entities_per_second",
        side: Side::Below,
        threshold: 10.0,
        of: |seen| seen.entities_per_second,
        advice: "few entities found in the time: look at the patterns",
    },
    Rule {
        figure: "breaker_share_of_time",
        side: Side::Above,
        threshold: 0.25,
        of: |seen| seen.breaker_share_of_time,
        advice: "calls are short beside the breaker's own work: put a batch behind one call",
    },
    Rule {
        figure: "every_over_adaptive",
        side: Side::Above,
        threshold: 2.0,
        of: |seen| seen.every_over_adaptive,
        advice: "timing every call is dear here: Timing::Adaptive, unless each latency counts",
    },
    Rule {
        figure: "dearest_policy_over_default",
        side: Side::Above,
        threshold: 4.0,
        of: |seen| seen.dearest_policy_over_default,
        advice: "policies differ: failures in a row cost least, if they can tell enough",
    },
    Rule {
        figure: "bytes_allocated_a_call",
        side: Side::Above,
        threshold: 0.5,
        of: |seen| seen.bytes_allocated_a_call,
        advice: "calls through the breaker allocate, which they must not: report it",
    },
];

/// A rule as it was applied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Applied {
    pub(super) number: usize,
    pub(super) figure: &'static str,
    pub(super) value: f64,
    side: Side,
    pub(super) threshold: f64,
    pub(super) applies: bool,
    pub(super) advice: &'static str,
}

impl Applied {
    pub(super) fn side(&self) -> &'static str {
        match self.side {
            Side::Below => "below",
            Side::Above => "above",
        }
    }
}

/// Every rule, from 1.
pub(super) fn apply(seen: &Seen) -> Vec<Applied> {
    let apply = |(at, rule): (usize, &Rule)| {
        let value = (rule.of)(seen);
        let applies = match rule.side {
            Side::Below => value < rule.threshold,
            Side::Above => value > rule.threshold,
        };
        Applied {
            number: at + 1,
            figure: rule.figure,
            value,
            side: rule.side,
            threshold: rule.threshold,
            applies,
            advice: rule.advice,
        }
    };
    RULES.iter().enumerate().map(apply).collect()
}

/// In words; where no rule applies, one line that says so.
pub(super) fn recommendations(applied: &[Applied]) -> Vec<String> {
    let said: Vec<String> = applied
        .iter()
        .filter(|rule| rule.applies)
        .map(|rule| {
            format!(
                "rule {}: {} is {:.2}, {} {}: {}",
                rule.number,
                rule.figure,
                rule.value,
                rule.side(),
                rule.threshold,
                rule.advice
            )
        })
        .collect();
    if said.is_empty() {
        return vec!["performance is within acceptable bounds".to_owned()];
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Seen {
        Seen {
            tokens_per_second: 1_000.0,
            entities_per_second: 10.0,
            peak_memory_mb: 100.0,
            memory_per_token_bytes: 1_000.0,
            breaker_share_of_time: 0.25,
            every_over_adaptive: 2.0,
            dearest_policy_over_default: 4.0,
            bytes_allocated_a_call: 0.0,
        }
    }

    #[test]
    fn at_the_thresholds_all_is_well() {
        let said = recommendations(&apply(&fine()));
        assert_eq!(said, ["performance is within acceptable bounds"]);
    }

    #[test]
    fn just_beyond_its_threshold_each_rule_speaks_and_no_other() {
        type Spoil = fn(&mut Seen);
        let beyond: [(usize, Spoil); 8] = [
            (1, |seen| seen.tokens_per_second = 999.9),
            (2, |seen| seen.peak_memory_mb = 100.1),
            (3, |seen| seen.memory_per_token_bytes = 1_000.1),
            (4, |seen| seen.entities_per_second = 9.9),
            (5, |seen| seen.breaker_share_of_time = 0.251),
            (6, |seen| seen.every_over_adaptive = 2.01),
            (7, |seen| seen.dearest_policy_over_default = 4.01),
            (8, |seen| seen.bytes_allocated_a_call = 1.0),
        ];
        for (number, spoil) in beyond {
            let mut seen = fine();
            spoil(&mut seen);
            let said = recommendations(&apply(&seen));
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with(&format!("rule {number}: ")), "{said:?}");
        }
    }
}
