//! How grave a record is.

use core::fmt;
use core::str::FromStr;

/// How grave a record is, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// What only somebody who looks for one fault wants to know.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What happens when all is well.
    Info,
    /// What may need a look.
    Warning,
    /// Something failed.
    Error,
    /// The program cannot go on as it should.
    Critical,
}

impl Level {
    /// All of them, the least first.
    pub const ALL: [Level; 6] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical];

    /// The name as records have it: `TRACE`, `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A level's name in any case; `WARN` and `FATAL` too.
impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match Level::ALL.into_iter().find(|level| is(level.as_str())) {
            Some(level) => Ok(level),
            None if is("WARN") => Ok(Level::Warning),
            None if is("FATAL") => Ok(Level::Critical),
            None => Err(UnknownLevel { name: name.chars().take(64).collect() }),
        }
    }
}

/// No level has this name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownLevel {
    name: String,
}

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        write!(f, "level {name:?} is none of TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL")
    }
}

impl core::error::Error for UnknownLevel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_back_from_its_name_in_any_case() {
        for level in Level::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(level.as_str().to_lowercase().parse(), Ok(level));
        }
        assert_eq!("warn".parse(), Ok(Level::Warning));
        assert_eq!("Fatal".parse(), Ok(Level::Critical));
    }

    #[test]
    fn an_unknown_level_is_named_in_the_error() {
        let error = "loud".parse::<Level>().unwrap_err();
        assert!(error.to_string().contains("\"loud\""), "{error}");
    }
}
