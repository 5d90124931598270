//! The log of a whole program, for code that is given none.

use std::sync::OnceLock;

use crate::log::Log;

static INSTALLED: OnceLock<Log> = OnceLock::new();

impl Log {
    /// Makes this the log that [`Log::installed`] returns, for the rest of the program.
    ///
    /// Keep what it returns in `main`: when that is dropped, the log is closed.
    ///
    /// # Errors
    ///
    /// There is one already; this one comes back.
    pub fn install(self) -> Result<Installed, Log> {
        INSTALLED.set(self).map(|()| Installed(()))
    }

    /// The log that was [installed](Log::install); until then one that takes nothing.
    #[inline]
    pub fn installed() -> &'static Log {
        static OFF: Log = Log::off();
        INSTALLED.get().unwrap_or(&OFF)
    }
}

/// Closes the [installed](Log::install) log when it is dropped.
#[must_use = "the log is closed when this is dropped: keep it in `main`"]
#[derive(Debug)]
pub struct Installed(());

impl Drop for Installed {
    fn drop(&mut self) {
        let log = Log::installed();
        if let Some(shared) = log.shared() {
            let _ = log.close(shared.close_within());
        }
    }
}
