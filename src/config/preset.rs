//! Settings for kinds of dependencies.

use super::{Backoff, Config};
use core::fmt;
use core::time::Duration;

/// Settings for a kind of dependency, to begin with: see [`Builder::preset`].
///
/// They are starting points. What each kind has in common is set; what only your traffic
/// can say (how slow is slow, how many calls a minute there are) is worth a second look.
/// `docs/configuration.md` has each of them as TOML, with a reason for every line.
///
/// [`Builder::preset`]: crate::Builder::preset
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Preset {
    /// A service that is called often and answers within a second.
    ///
    /// Opens when half of at least 20 calls in 10 s failed, and tries again after 5 s, the
    /// values that Hystrix had and many services have run with
    /// (<https://github.com/Netflix/Hystrix/wiki/Configuration>); or when 80 % took longer
    /// than 2 s, since callers have mostly gone by then. Waits double up to 1 min and
    /// are up to 20 % longer by chance, so that the clients of a service which
    /// comes back do not all probe at once.
    Http,
    /// A database or a cache behind a pool of connections.
    ///
    /// A healthy one hardly ever fails, and a failover lasts seconds: opens at 5 failures in
    /// a row, however rarely calls come, and tries again after 1 s, doubled up to 30 s, with
    /// 20 % of chance. A database in trouble is slow before it fails, and each slow query
    /// holds a connection: opens, too, when half of at least 20 calls in 10 s took
    /// longer than 500 ms.
    Database,
    /// A model behind an API.
    ///
    /// Calls are few and long, so half of at least 10 calls in a minute must fail. An
    /// answer takes seconds and a hanging one takes for ever: calls are slow after 30 s,
    /// whether they have ended or not, and half of them open the breaker. It tries again
    /// after 10 s, doubled up to 5 min, with 20 % of chance, and two probes have 5 min to
    /// answer.
    ///
    /// Of the errors that providers returned through one large gateway, 66 % were 429s and
    /// 19 % were 400s (<https://www.requesty.ai/data/status-code-distribution-april-2026>),
    /// so classify them: a 429 is
    /// [`Outcome::OpenFor`](crate::Outcome::OpenFor) its `Retry-After`, here within 15
    /// min, and a 400 is [`Outcome::Ignore`](crate::Outcome::Ignore), for it says nothing
    /// about the provider.
    Llm,
}

impl Preset {
    /// Every preset.
    pub const ALL: &'static [Preset] = &[Preset::Http, Preset::Database, Preset::Llm];

    /// The name that configurations use: `http`, `database`, `llm`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Preset::Http => "http",
            Preset::Database => "database",
            Preset::Llm => "llm",
        }
    }

    /// Its settings.
    pub const fn config(self) -> Config {
        const fn seconds(seconds: u64) -> Option<Duration> {
            Some(Duration::from_secs(seconds))
        }
        const fn doubled(cap: u64) -> Option<Backoff> {
            Some(Backoff { factor: 2.0, cap: Duration::from_secs(cap) })
        }
        match self {
            Preset::Http => Config {
                failure_rate: Some(0.5),
                time_window: seconds(10),
                minimum_calls: Some(20),
                slow_call: seconds(2),
                slow_call_rate: Some(0.8),
                open_for: seconds(5),
                backoff: doubled(60),
                jitter: Some(0.2),
                ..Config::DEFAULT
            },
            Preset::Database => Config {
                failure_threshold: Some(5),
                slow_call: Some(Duration::from_millis(500)),
                slow_call_rate: Some(0.5),
                time_window: seconds(10),
                minimum_calls: Some(20),
                open_for: seconds(1),
                backoff: doubled(30),
                jitter: Some(0.2),
                ..Config::DEFAULT
            },
            Preset::Llm => Config {
                failure_rate: Some(0.5),
                time_window: seconds(60),
                minimum_calls: Some(10),
                slow_call: seconds(30),
                slow_call_rate: Some(0.5),
                count_in_flight: Some(true),
                open_for: seconds(10),
                backoff: doubled(300),
                jitter: Some(0.2),
                longest_given_wait: seconds(900),
                success_threshold: Some(2),
                probe_lease: seconds(300),
                ..Config::DEFAULT
            },
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Preset> for Config {
    fn from(preset: Preset) -> Self {
        preset.config()
    }
}
