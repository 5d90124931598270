//! A saved breaker whose fields are each of their form, and say anything.

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};

pub(super) struct Draft {
    state: &'static str,
    numbers: [u64; 3],
    wait: Option<u64>,
    window: Option<Value>,
}

const STATES: [&str; 6] =
    ["closed", "open", "half_open", "forced_open", "disabled", "metrics_only"];

impl Draft {
    pub(super) fn draw(choices: &mut Unstructured<'_>) -> Result<Draft> {
        let state = *choices.choose(&STATES)?;
        let numbers = [number(choices)?, number(choices)?, number(choices)?];
        let wait = match choices.arbitrary()? {
            true => Some(number(choices)?),
            false => None,
        };
        let window = match choices.int_in_range(0..=2)? {
            0 => None,
            1 => Some(json!({
                "kind": "count",
                "calls": number(choices)?,
                "results": results(choices)?,
            })),
            _ => {
                let sums: Result<Vec<_>> =
                    (0..choices.int_in_range(0..=8)?).map(|_| sums(choices)).collect();
                Some(json!({
                    "kind": "time",
                    "slice_ns": number(choices)?,
                    "slices": number(choices)?,
                    "sums": sums?,
                }))
            }
        };
        Ok(Draft { state, numbers, wait, window })
    }

    /// With a checksum that somebody made up.
    pub(super) fn document(&self) -> Value {
        let [era, streak, opens] = self.numbers;
        let mut document = json!({
            "version": 1, "name": "db", "state": self.state, "era": era, "streak": streak,
            "opens": opens, "checksum": "0123456789abcdef",
        });
        if let Some(wait) = self.wait {
            document["wait_ns"] = wait.into();
        }
        if let Some(window) = &self.window {
            document["window"] = window.clone();
        }
        document
    }
}

/// Of any size, and often one that is at a bound.
fn number(choices: &mut Unstructured<'_>) -> Result<u64> {
    const BOUNDS: [u64; 10] = [
        360,
        4_095,
        65_536,
        (1 << 32) - 1,
        (1 << 39) * 1_000_000,
        ((1 << 40) - 1) * 1_000_000,
        (1 << 53) - 1,
        1 << 61,
        i64::MAX as u64,
        u64::MAX,
    ];
    Ok(match choices.int_in_range(0..=2)? {
        0 => choices.int_in_range(0..=12)?,
        1 => choices.choose(&BOUNDS)?.wrapping_add(choices.int_in_range(0..=1)?),
        _ => choices.arbitrary::<u64>()? >> choices.int_in_range(0..=63)?,
    })
}

fn sums(choices: &mut Unstructured<'_>) -> Result<(u64, u64, u64, u64)> {
    let (age, calls) = (number(choices)?, number(choices)?);
    let part = |of: u64, by: u64| if by == 3 { of.wrapping_add(1) } else { of >> by };
    let (failed, slow) = (choices.int_in_range(0..=3)?, choices.int_in_range(0..=3)?);
    Ok((age, calls, part(calls, failed), part(calls, slow)))
}

/// Runs of results, some of them of none or of more than can be.
fn results(choices: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for _ in 0..choices.int_in_range(0..=6)? {
        match choices.ratio(1, 16)? {
            true => text.push(*choices.choose(&['o', 'x', '7', 'é', ' '])?),
            false => {
                text += &number(choices)?.to_string();
                text.push(*choices.choose(&['o', 'f', 's', 'b'])?);
            }
        }
    }
    Ok(text)
}
