//! Any bytes, as a configuration: as text, and as draws of keys and values.

mod behaviour;
mod bounds;
mod drawn;

use ampacity::{CircuitBreaker, Config, ManualClock};
use arbitrary::Unstructured;

use drawn::Drawn;

/// Reads `data` as a configuration: nothing panics, what is read is written and read back
/// as the same, and `build` takes what [`bounds`] say that it takes. A breaker that was
/// built keeps the contract, and whatever is called of it, it can be called again.
pub fn configuration(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(config) = serde_json::from_str(text) {
            hold(&config, data);
        }
        if let Ok(config) = toml::from_str(text) {
            hold(&config, data);
        }
    }
    let mut choices = Unstructured::new(data);
    // What is drawn has no end: without bytes left it is the first of each choice.
    if let Ok(drawn) = Drawn::draw(&mut choices) {
        read_as_drawn(&drawn, choices.take_rest());
    }
}

/// TOML and JSON are one in what they take, and say which key it is that they do not.
fn read_as_drawn(drawn: &Drawn, rest: &[u8]) {
    let (json, toml) = (drawn.json(), drawn.toml());
    let from_json = serde_json::from_str::<Config>(&json).map_err(|error| error.to_string());
    let from_toml = toml::from_str::<Config>(&toml).map_err(|error| error.to_string());
    match (from_json, from_toml) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a, b, "{json}\n{toml}");
            hold(&a, rest);
        }
        (Err(a), Err(b)) => {
            for said in [&a, &b] {
                let named = drawn.keys().any(|key| said.contains(key));
                assert!(named, "{said} names none of the keys of {json}");
            }
        }
        (a, b) => panic!("{json}: {a:?}\n{toml}: {b:?}"),
    }
}

fn hold(config: &Config, choices: &[u8]) {
    let written = toml::to_string(config).expect("a configuration is data");
    // One that holds a NaN is not equal to itself either.
    #[allow(clippy::eq_op)]
    if config == config {
        assert_eq!(toml::from_str::<Config>(&written).as_ref(), Ok(config), "{written}");
        let json = serde_json::to_string(config).expect("a configuration is data");
        // JSON has no infinity.
        if !json.contains("null") {
            let back = serde_json::from_str::<Config>(&json).expect(&json);
            assert_eq!(&back, config, "{json}");
        }
    }

    let said: toml::Table = written.parse().expect("as it was written");
    let amiss = bounds::amiss(&said);
    let clock = ManualClock::new();
    let builder = CircuitBreaker::builder("fuzzed").config(config.clone());
    match builder.clock(clock.clone()).build() {
        Ok(breaker) => {
            assert!(amiss.is_empty(), "{amiss:?} of {written} was taken");
            assert_eq!(&breaker.config(), config);
            behaviour::hold(&breaker, &clock, &said, choices);
        }
        Err(refused) => {
            assert!(amiss.contains(&refused.field()), "{refused}: {written}");
            assert!(refused.to_string().starts_with(refused.field()), "{refused}");
        }
    }
}
