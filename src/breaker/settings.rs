//! Settings that change while the breaker runs.

use super::CircuitBreaker;
use crate::config::{Builder, Config, ConfigError};
use crate::event::desk::Desk;
use crate::word::{Era, State};

impl CircuitBreaker {
    /// Changes settings while the breaker runs.
    ///
    /// `change` gets a builder with the present settings, and gets it again if
    /// another change came between. State and totals stay; the next decision goes by
    /// the new settings, so that the next call to end may open the breaker, whatever it
    /// returns; a deadline that is set stays as it is. Replaced settings, some hundred
    /// bytes, are kept until the breaker is dropped, because calls read them without a
    /// lock: this is for changes by people, not by the second.
    ///
    /// A window of the same form goes on. One of another length or other slices takes over
    /// the newest results that fit, each at the age it had, and its old memory is kept, too;
    /// between calls and time nothing can be taken over. A call that ends at the very time
    /// of such a change may be counted in the old window only, and calls in flight before
    /// [`count_in_flight`](Builder::count_in_flight) was set are not seen.
    ///
    /// # Errors
    ///
    /// As [`build`](Builder::build), and [`ConfigError::FixedAtBuild`] for the
    /// clock and the name. Nothing changes then.
    ///
    /// # Examples
    ///
    /// ```
    /// # let breaker = ampacity::CircuitBreaker::new("db");
    /// breaker.reconfigure(|now| now.failure_threshold(10))?;
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn reconfigure(&self, change: impl Fn(Builder) -> Builder) -> Result<(), ConfigError> {
        self.settings.replace(|now| {
            let when = (self.circuit.era_of(self.circuit.word()), self.now());
            change(Builder::of_settings(self.name.clone(), now)).live(&self.name, now, when)
        })?;
        // The next result is judged by the new settings, whatever it is: it may complete
        // their minimum.
        if self.settings.get().judge.is_some() {
            let decision = self.circuit.arm(self.circuit.era_of(self.circuit.word()));
            self.take_note(&decision);
        }
        Ok(())
    }

    /// What is set: as it was built, or changed by the last
    /// [`reconfigure`](Self::reconfigure).
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{CircuitBreaker, Config, Preset};
    ///
    /// let breaker = CircuitBreaker::builder("db").preset(Preset::Database).build()?;
    /// assert_eq!(breaker.config(), Preset::Database.config());
    /// assert_eq!(CircuitBreaker::new("cache").config(), Config::new());
    /// # Ok::<(), ampacity::ConfigError>(())
    /// ```
    pub fn config(&self) -> Config {
        self.settings.get().config.clone()
    }

    /// Whether one made anew with `created` would differ in nothing but totals: closed,
    /// no streak, an empty window, no setting changed since, no listener come since.
    pub(crate) fn is_as_created(&self, created: &Config) -> bool {
        let word = self.circuit.word();
        let settings = self.settings.get();
        let unchanged = settings.config == *created
            && !settings.is_rejudged
            && !self.desk.get().is_some_and(Desk::has_newcomers);
        word.state() == State::Closed
            && word.streak() == 0
            && unchanged
            && self.is_blank(self.circuit.era_of(word))
    }

    /// Whether there is no window, or it holds nothing of `era`.
    pub(super) fn is_blank(&self, era: Era) -> bool {
        let judge = self.settings.get().judge.as_ref();
        judge.is_none_or(|judge| judge.is_blank(era, self.now()))
    }
}
