//! Breakers by name: made once, found again, evicted when they say nothing.
//!
//! One lock, of the whole registry, is held by whoever adds or removes an entry; one
//! of each entry's own is held for the few instructions that clone or take its `Arc`.
//! No code of a user runs under either: not `configure`, not the visitor of
//! `for_each`, not the drop of a breaker with its clock. So all of them may call the
//! registry.

use crate::breaker::CircuitBreaker;
use crate::config::{Builder, Config, ConfigError};
use crate::metrics::snapshot::Snapshot;
use crate::planted::{Bug, planted};
use crate::sync::{Mutex, OnceLock, lock};
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use papaya::HashMap;
use std::sync::Arc;

/// A set of breakers by name: one for each of many things that are called, made when
/// it is first asked for.
///
/// Finding a breaker is for the time when a client, a route or a tenant is set up, and
/// not for each call: keep the [`Arc`] and call through it. `get` takes a lock of the
/// one breaker that is asked for; making and removing take one of the whole registry,
/// as does `len`; iterating takes none but each breaker's in turn. All are held for
/// moments and never while your code runs: what you give to
/// [`get_or_create`](Self::get_or_create) and [`for_each`](Self::for_each), listeners,
/// classifiers and clocks may call the registry. Calls through a breaker take none of
/// these locks.
///
/// A breaker that has not been called takes some 800 bytes with its name; its first call
/// adds 18 KB of counters, and calls that are timed by chance 10 to 80 KB of latencies.
///
/// # Examples
///
/// ```
/// use ampacity::Registry;
///
/// let models = Registry::new();
/// for name in ["small", "large", "small"] {
///     let breaker = models.get_or_create(name, |builder| builder.failure_threshold(3))?;
///     breaker.try_acquire()?.success();
/// }
/// assert_eq!(models.len(), 2);
/// assert_eq!(models.get("small").unwrap().snapshot().succeeded, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registry {
    entries: HashMap<Box<str>, Entry>,
    capacity: usize, // at least 1; `usize::MAX` if unbounded
    /// How many entries there are; locked by whoever adds or removes one.
    len: Mutex<usize>,
}

/// A breaker and what it was made with.
struct Entry {
    created: Config,
    /// `None` once it has left the registry, though a reader may still hold the entry.
    breaker: Mutex<Option<Arc<CircuitBreaker>>>,
}

impl Entry {
    fn breaker(&self) -> Option<Arc<CircuitBreaker>> {
        lock(&self.breaker).clone()
    }

    /// Takes the breaker out if it is idle and nobody else has it or can get it.
    fn evict(&self) -> Option<Arc<CircuitBreaker>> {
        let mut place = lock(&self.breaker);
        // That there is no other `Arc` and no `Weak` stays true under the lock: ours is
        // the only one to clone from. It also says that nothing is in flight, since a
        // permit borrows or owns an `Arc`, and that what the last holder did is seen here.
        let alone = Arc::get_mut(place.as_mut()?)?;
        let idle = alone.is_as_created(&self.created);
        if planted(Bug::EvictLater) {
            drop(place);
            place = lock(&self.breaker);
        }
        if idle { place.take() } else { None }
    }
}

// Entries and their number change together, with no code of a user in between.
impl UnwindSafe for Registry {}
impl RefUnwindSafe for Registry {}

impl Registry {
    /// An empty registry that grows as it is asked to.
    pub fn new() -> Self {
        Self::with_capacity(usize::MAX)
    }

    /// An empty registry of at most `capacity` breakers.
    ///
    /// A breaker that is asked for when it is full takes the place of one that is idle:
    /// closed without a failure streak, with the settings it was made with, without a
    /// listener added since, and held by nobody outside the registry, so that nothing is
    /// in flight either. A holder of a [`Weak`](std::sync::Weak) counts, and so does an
    /// exporter for as long as it keeps what [`to_vec`](Self::to_vec) returned;
    /// [`snapshots`](Self::snapshots) holds one at a time. What is lost is its totals. The search
    /// goes through the breakers in no particular order and evicts up to a sixteenth of
    /// the capacity, rounded up, to be worth its while; if none may go, it has looked at
    /// all of them.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NumberOutOfRange`] if `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{Registry, RegistryError};
    ///
    /// let tenants = Registry::bounded(2)?;
    /// let held = tenants.get_or_create("held", |builder| builder)?;
    /// tenants.get_or_create("let go", |builder| builder)?;
    /// let new = tenants.get_or_create("new", |builder| builder)?;
    /// assert!(tenants.get("let go").is_none());
    /// let full = tenants.get_or_create("one more", |builder| builder);
    /// assert!(matches!(full, Err(RegistryError::Full { capacity: 2 })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bounded(capacity: usize) -> Result<Self, ConfigError> {
        if capacity == 0 {
            let (field, max) = ("capacity", usize::MAX as u64);
            return Err(ConfigError::NumberOutOfRange { field, value: 0, min: 1, max });
        }
        Ok(Self::with_capacity(capacity))
    }

    fn with_capacity(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity, len: Mutex::new(0) }
    }

    /// A registry of the whole process, unbounded, for those who want one.
    pub fn global() -> &'static Registry {
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        GLOBAL.get_or_init(Registry::new)
    }

    /// The breaker of that name, if there is one.
    pub fn get(&self, name: &str) -> Option<Arc<CircuitBreaker>> {
        self.entries.pin().get(name)?.breaker()
    }

    /// The breaker of that name, made as `configure` says if there is none.
    ///
    /// Of several callers at once, one makes it and all get it. `configure` runs each
    /// time, also when the breaker exists: what it asks for is compared with what the
    /// breaker was *created* with, whatever [`reconfigure`](CircuitBreaker::reconfigure)
    /// has made of it since, and a default counts as its value. Clocks, listeners and the
    /// policies of [`trip_when`](Builder::trip_when) cannot be compared: those given to a
    /// breaker that exists are dropped.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Conflict`] if the breaker was created with other settings,
    /// [`RegistryError::Config`] if the settings cannot be, [`RegistryError::Renamed`]
    /// if `configure` returns a builder of another name, and [`RegistryError::Full`] if
    /// the registry is bounded, full, and may evict none.
    ///
    /// # Examples
    ///
    /// ```
    /// use ampacity::{Registry, RegistryError};
    ///
    /// let registry = Registry::new();
    /// let first = registry.get_or_create("db", |builder| builder.failure_threshold(3))?;
    /// match registry.get_or_create("db", |builder| builder.failure_threshold(9)) {
    ///     Err(RegistryError::Conflict { existing, setting, .. }) => {
    ///         assert_eq!((existing.name(), setting), ("db", "failure_threshold"));
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), RegistryError>(())
    /// ```
    pub fn get_or_create(
        &self,
        name: &str,
        configure: impl FnOnce(Builder) -> Builder,
    ) -> Result<Arc<CircuitBreaker>, RegistryError> {
        let builder = configure(CircuitBreaker::builder(name.to_owned()));
        let (named, asked) = builder.checked().map_err(RegistryError::Config)?;
        if named != name {
            return Err(RegistryError::Renamed { from: name.into(), to: named.into() });
        }
        // Here and below, what may panic when it is dropped, a clock for one, goes before there
        // is something to return: the compiler would forget that then, and never free it.
        if let Some(known) = self.find(name, &asked) {
            drop(builder);
            return known;
        }
        // Made before the lock is taken: asking the clock is a user's code.
        let breaker = Arc::new(builder.build().map_err(RegistryError::Config)?);
        self.insert(name, asked, breaker)
    }

    /// The breaker of that name, if there is one and it was created as `asked`.
    fn find(
        &self,
        name: &str,
        asked: &Config,
    ) -> Option<Result<Arc<CircuitBreaker>, RegistryError>> {
        let entries = self.entries.pin();
        let entry = entries.get(name)?;
        let existing = entry.breaker()?;
        Some(match entry.created.first_difference(asked) {
            None => Ok(existing),
            Some((setting, created, asked)) => {
                Err(RegistryError::Conflict { existing, setting, created, asked })
            }
        })
    }

    /// Adds the breaker, unless another caller has been faster.
    fn insert(
        &self,
        name: &str,
        created: Config,
        breaker: Arc<CircuitBreaker>,
    ) -> Result<Arc<CircuitBreaker>, RegistryError> {
        let mut len = lock(&self.len);
        if let Some(known) = self.find(name, &created)
            && !planted(Bug::CreateTwice)
        {
            drop(len); // before our own breaker is dropped, with its clock
            drop(breaker);
            return known;
        }
        let evicted = if *len == self.capacity { self.evict() } else { Vec::new() };
        *len -= evicted.len();
        if *len == self.capacity {
            drop(len);
            return Err(RegistryError::Full { capacity: self.capacity });
        }
        let entry = Entry { created, breaker: Mutex::new(Some(Arc::clone(&breaker))) };
        self.entries.pin().insert(name.into(), entry);
        *len += 1;
        drop(len); // before the evicted are dropped, with their clocks
        drop(evicted);
        Ok(breaker)
    }

    /// Takes some idle breakers out. The caller holds the lock and drops them after it.
    fn evict(&self) -> Vec<Arc<CircuitBreaker>> {
        let entries = self.entries.pin();
        let some = self.capacity.div_ceil(16);
        let evicted: Vec<_> = entries.values().filter_map(Entry::evict).take(some).collect();
        for breaker in &evicted {
            entries.remove(breaker.name());
        }
        evicted
    }

    /// Takes the breaker of that name out, whatever its state.
    ///
    /// Whoever holds it can go on using it; the next to ask for the name gets another.
    pub fn remove(&self, name: &str) -> Option<Arc<CircuitBreaker>> {
        let mut len = lock(&self.len);
        let entries = self.entries.pin();
        let entry = entries.remove(name)?;
        *len -= 1;
        // Taken and not cloned: the map frees the entry some time later, in the middle of
        // any other operation, where no breaker may be dropped with its clock.
        lock(&entry.breaker).take()
    }

    /// How many breakers there are; of a bounded registry, never more than its capacity.
    pub fn len(&self) -> usize {
        *lock(&self.len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shows each breaker to `visit`, in no particular order.
    ///
    /// The registry may change meanwhile, also by `visit` itself: a breaker that is
    /// there throughout is seen exactly once, one that comes or goes meanwhile at most
    /// once. Memory of entries removed meanwhile is kept until the end.
    pub fn for_each(&self, mut visit: impl FnMut(&Arc<CircuitBreaker>)) {
        for entry in self.entries.pin().values() {
            if let Some(breaker) = entry.breaker() {
                visit(&breaker);
            }
        }
    }

    /// All breakers, as by [`for_each`](Self::for_each). None is evicted while held.
    pub fn to_vec(&self) -> Vec<Arc<CircuitBreaker>> {
        let mut all = Vec::new();
        self.for_each(|breaker| all.push(Arc::clone(breaker)));
        all
    }

    /// A snapshot of each breaker, as by [`for_each`](Self::for_each): for exporters.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let mut all = Vec::new();
        self.for_each(|breaker| all.push(breaker.snapshot()));
        all
    }

    /// [Resets](CircuitBreaker::reset) each breaker, as by [`for_each`](Self::for_each).
    pub fn reset_all(&self) {
        self.for_each(|breaker| breaker.reset());
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Why [`Registry::get_or_create`] returned no breaker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is one of that name which was created with other settings.
    Conflict {
        /// The breaker there is, for those who would rather have it than none.
        existing: Arc<CircuitBreaker>,
        /// The builder's method, of the first setting that differs.
        setting: &'static str,
        /// The setting's value when the breaker was created.
        created: String,
        /// The value it was asked for with now.
        asked: String,
    },
    /// The settings cannot be.
    Config(ConfigError),
    /// `configure` returned a builder of another name.
    Renamed {
        /// The name that was asked for.
        from: Box<str>,
        /// The builder's name.
        to: Box<str>,
    },
    /// The registry has as many breakers as it may have, none of them idle.
    Full {
        /// How many it may have.
        capacity: usize,
    },
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegistryError::Conflict { existing, setting, created, asked } => write!(
                f,
                "circuit breaker '{}' exists with a {setting} of {created}, not {asked}",
                existing.name()
            ),
            RegistryError::Config(error) => error.fmt(f),
            RegistryError::Renamed { from, to } => {
                write!(f, "circuit breaker '{from}' cannot be configured as '{to}'")
            }
            RegistryError::Full { capacity } => {
                write!(f, "registry is full: none of its {capacity} circuit breakers is idle")
            }
        }
    }
}

impl core::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            RegistryError::Config(error) => Some(error),
            _ => None,
        }
    }
}
