//! Inputs made of others, for where there is no fuzzer to make them.

use fastrand::Rng;

/// The longest input.
const MOST_BYTES: usize = 4 << 10;

/// What texts are made of, and what breaks them: logs, configurations, saved breakers, traces.
const TOKENS: &[&str] = &[
    "{\"timestamp\":\"2026-11-23T13:15:02.123456Z\",\"schema_version\":\"2.0.0\",\"level\":\"INFO\",",
    "\"logger\":\"l\",\"event_type\":\"custom\",\"message\":\"m\",\"seq\":0,",
    "\"stream\":\"8f3a5b7c00112233\"}\n",
    "{\"timestamp\":\"",
    "\"seq\":18446744073709551615,",
    "\"level\":",
    "{",
    "}",
    "[",
    "]",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "\\u0000",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\0",
    "\u{feff}",
    "\u{2028}",
    "é",
    "NaN",
    "-Infinity",
    "Infinity",
    "null",
    "true",
    "-",
    "-0",
    "0",
    "1e999",
    "1E-7",
    ".5",
    "18446744073709551616",
    "-9223372036854775809",
    "\nfailure_rate = 0.5\n",
    "\ncount_window = 65536\n",
    "\nopen_for = \"never\"\n",
    "\nslow_call = '1ms'\nslow_call_rate = 1\n",
    "\"time_slices\": 360,",
    "\"probe_lease\": \"1h 30m\",",
    "\"timing\": {\"sampled\": 16},",
    "6363days",
    "\"version\": 1,",
    "\"wait_ns\": 1,",
    "65536o",
    "1f",
    "18446744073709551615b",
    "2023-11-16 18:15:46.6805900,374,44\n",
    "2023-11-16 18:15:47,4,0\r\n",
    "2023-12-17 18:15:47,10000000,0",
];

/// Bytes drawn at random, or one of `seeds` with a few changes.
pub(crate) fn input(random: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match random.choice(seeds) {
        Some(seed) if random.u8(..) > 50 => seed.clone(),
        // Small numbers more often: they are what choices are made by.
        _ => {
            let most = [0xff, 0x3f, 0x07][random.usize(..3)];
            (0..random.usize(..MOST_BYTES)).map(|_| random.u8(..=most)).collect()
        }
    };
    for _ in 0..random.u8(..8) {
        change(random, &mut bytes, seeds);
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

fn change(random: &mut Rng, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let from = random.usize(..=bytes.len());
    let to = random.usize(from..=bytes.len().min(from + 64));
    match random.u8(..7) {
        0 => drop(bytes.drain(from..to)),
        1 => bytes[from..to].iter_mut().for_each(|byte| *byte = random.u8(..)),
        2 => bytes[from..to].iter_mut().for_each(|byte| *byte ^= 1 << random.u8(..8)),
        3 => {
            let again = bytes[from..to].to_vec();
            let at = random.usize(..=bytes.len());
            drop(bytes.splice(at..at, again));
        }
        4 => bytes.truncate(from),
        5 => {
            let token = random.choice(TOKENS).unwrap_or(&"");
            drop(bytes.splice(from..from, token.bytes()));
        }
        _ => {
            let other = random.choice(seeds).map_or(&[][..], |seed| seed);
            let start = random.usize(..=other.len());
            drop(bytes.splice(from..to, other[start..].iter().copied()));
        }
    }
}
