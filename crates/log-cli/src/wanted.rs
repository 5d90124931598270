//! The flags that say which records are wanted.

use std::time::SystemTime;

use ampacity_log::Level;
use ampacity_log::reader::{Filter, parse_time};
use clap::Args;
use jiff::{Span, SpanRelativeTo};

#[derive(Debug, Args)]
#[command(next_help_heading = "Which records")]
pub(crate) struct Wanted {
    /// This level and graver ones: trace, debug, info, warning, error, critical
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,

    /// This type; `mcp.*` is every type that begins with `mcp.`
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,

    /// This component
    #[arg(long, value_name = "NAME")]
    component: Option<String>,

    /// This request
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,

    /// This trace
    #[arg(long, value_name = "ID")]
    trace_id: Option<String>,

    /// Written at this time or later: 2026-11-23T13:15:02Z, 2026-11-23 (UTC), or 15m, 2h, 3d ago
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<SystemTime>,

    /// Written before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<SystemTime>,
}

impl Wanted {
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::new();
        if let Some(level) = self.level {
            filter = filter.level(level);
        }
        if let Some(event_type) = &self.event_type {
            filter = filter.event_type(event_type);
        }
        if let Some(component) = &self.component {
            filter = filter.component(component);
        }
        if let Some(id) = &self.request_id {
            filter = filter.request_id(id);
        }
        if let Some(id) = &self.trace_id {
            filter = filter.trace_id(id);
        }
        if let Some(time) = self.since {
            filter = filter.since(time);
        }
        if let Some(time) = self.until {
            filter = filter.until(time);
        }
        filter
    }
}

fn time(text: &str) -> Result<SystemTime, &'static str> {
    let ago = || {
        let span = text.strip_suffix(" ago").unwrap_or(text).parse::<Span>().ok()?;
        let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        SystemTime::now().checked_sub(ago.try_into().ok()?)
    };
    parse_time(text).or_else(ago).ok_or("neither a time nor how long ago")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_a_date_or_how_long_ago() {
        assert_eq!(time("2026-11-23T00:00Z"), time("2026-11-23"));
        for (text, seconds) in [("15m", 900), ("2h", 7200), ("1d ago", 86_400), ("1w", 604_800)] {
            let before = SystemTime::now();
            let time = time(text).unwrap() + Duration::from_secs(seconds);
            assert!(before <= time && time <= SystemTime::now(), "{text}");
        }
        for text in
            ["", "noon", "15", "-3h", "-3h ago", "ago", "999999y", "9".repeat(5000).as_str()]
        {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
