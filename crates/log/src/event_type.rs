//! What a record tells of.

use core::fmt;

use crate::level::Level;

macro_rules! event_types {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// What a record tells of, as its `event_type`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum EventType {
            $($(#[$doc])+ $name,)+
            /// A type of your own, `payment.settled` for one: lower-case words with dots.
            Other(&'static str),
        }

        impl EventType {
            /// All types that have a name here.
            pub const ALL: &[EventType] = &[$(EventType::$name,)+];

            /// The `event_type` as records have it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(EventType::$name => $text,)+
                    EventType::Other(name) => name,
                }
            }
        }
    };
}

event_types! {
    /// `system.start`
    SystemStart = "system.start",
    /// `system.stop`
    SystemStop = "system.stop",
    /// `component.init`
    ComponentInit = "component.init",
    /// `component.shutdown`
    ComponentShutdown = "component.shutdown",
    /// `mcp.tool.invoked`
    ToolInvoked = "mcp.tool.invoked",
    /// `mcp.tool.completed`
    ToolCompleted = "mcp.tool.completed",
    /// `mcp.tool.failed`
    ToolFailed = "mcp.tool.failed",
    /// `mcp.policy.evaluated`
    PolicyEvaluated = "mcp.policy.evaluated",
    /// `mcp.compliance.checked`
    ComplianceChecked = "mcp.compliance.checked",
    /// `graphrag.entity.extracted`
    EntityExtracted = "graphrag.entity.extracted",
    /// `graphrag.entity.deduplicated`
    EntityDeduplicated = "graphrag.entity.deduplicated",
    /// `graphrag.graph.traversed`
    GraphTraversed = "graphrag.graph.traversed",
    /// `graphrag.query.executed`
    QueryExecuted = "graphrag.query.executed",
    /// `error.occurred`
    ErrorOccurred = "error.occurred",
    /// `error.recovered`
    ErrorRecovered = "error.recovered",
    /// `circuit_breaker.opened`
    CircuitBreakerOpened = "circuit_breaker.opened",
    /// `circuit_breaker.closed`
    CircuitBreakerClosed = "circuit_breaker.closed",
    /// `custom`
    Custom = "custom",
    /// `performance.measured`
    PerformanceMeasured = "performance.measured",
    /// `circuit_breaker.half_opened`
    CircuitBreakerHalfOpened = "circuit_breaker.half_opened",
    /// `circuit_breaker.forced_open`
    CircuitBreakerForcedOpen = "circuit_breaker.forced_open",
    /// `circuit_breaker.disabled`
    CircuitBreakerDisabled = "circuit_breaker.disabled",
    /// `circuit_breaker.metrics_only`
    CircuitBreakerMetricsOnly = "circuit_breaker.metrics_only",
    /// `circuit_breaker.would_open`: a breaker set to metrics only would have opened.
    CircuitBreakerWouldOpen = "circuit_breaker.would_open",
    /// `circuit_breaker.rejections`: how many calls were turned away since the last time.
    CircuitBreakerRejections = "circuit_breaker.rejections",
    /// `circuit_breaker.fallbacks`: how many fallbacks stood in since the last time.
    CircuitBreakerFallbacks = "circuit_breaker.fallbacks",
    /// `circuit_breaker.listener_faults`: panics of listeners and transitions that were not
    /// told, since the last time.
    CircuitBreakerListenerFaults = "circuit_breaker.listener_faults",
    /// `log.records_dropped`: records that a sink's full queue could not take.
    LogRecordsDropped = "log.records_dropped",
    /// `log.rotation_failed`: a full or old file could not be moved aside.
    LogRotationFailed = "log.rotation_failed",
    /// `log.sink_recovered`: a sink can be written to again.
    LogSinkRecovered = "log.sink_recovered",
}

impl EventType {
    /// The level of such records unless another is asked for: [`Level::Error`] where
    /// something failed, [`Level::Warning`] where a breaker keeps calls away or told too
    /// little, [`Level::Info`] otherwise.
    pub const fn level(self) -> Level {
        match self {
            EventType::ErrorOccurred | EventType::ToolFailed => Level::Error,
            EventType::CircuitBreakerOpened
            | EventType::CircuitBreakerForcedOpen
            | EventType::CircuitBreakerWouldOpen
            | EventType::CircuitBreakerRejections
            | EventType::CircuitBreakerListenerFaults
            | EventType::LogRecordsDropped
            | EventType::LogRotationFailed
            | EventType::LogSinkRecovered => Level::Warning,
            _ => Level::Info,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
