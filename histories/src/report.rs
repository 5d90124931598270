//! A history for people: who did what beside whom, and where no order leads on.

use crate::check::{Stuck, Verdict};
use crate::history::{Call, History};
use std::fmt::Write;

/// The account of `history` and of what the checker made of it.
pub fn account(history: &History, verdict: &Verdict) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = tell(history, verdict, &mut text);
    text
}

fn tell(history: &History, verdict: &Verdict, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "{} operations; in the beginning: {}",
        history.operations.len(),
        history.start.describe()
    )?;
    writeln!(out, "{}", history.start.rules())?;
    timeline(history, out)?;
    match verdict {
        Verdict::Linearizable(order) => {
            writeln!(out, "LINEARIZABLE, after {} states; in this order:", order.states)?;
            list(history, &order.order, out)?;
            writeln!(out, "in the end: {}", order.end.describe())
        }
        Verdict::NotLinearizable(stuck) => dead_end(history, stuck, out),
        Verdict::GaveUp { states } => writeln!(out, "GAVE UP after {states} states"),
        Verdict::Senseless(why) => writeln!(out, "NO HISTORY: {why}"),
    }
}

fn dead_end(history: &History, stuck: &Stuck, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "NOT LINEARIZABLE, after {} states. An order that leads furthest:",
        stuck.states
    )?;
    list(history, &stuck.order, out)?;
    writeln!(out, "then: {}", stuck.model.describe())?;
    writeln!(out, "and none of these leads on:")?;
    for &at in &stuck.next {
        let operation = &history.operations[at];
        let says = stuck.model.says(&operation.call);
        writeln!(
            out,
            "  {at:>3}  thread {}: {}; the model says {says}",
            operation.thread,
            name(&operation.call)
        )?;
    }
    Ok(())
}

fn list(history: &History, order: &[usize], out: &mut String) -> std::fmt::Result {
    for &at in order {
        let operation = &history.operations[at];
        writeln!(out, "  {at:>3}  thread {}: {}", operation.thread, name(&operation.call))?;
    }
    Ok(())
}

/// How wide the bars are drawn.
const WIDTH: u64 = 48;

/// A bar for each operation, by thread.
fn timeline(history: &History, out: &mut String) -> std::fmt::Result {
    let operations = &history.operations;
    let mut stamps: Vec<u64> =
        operations.iter().flat_map(|operation| [operation.invoked, operation.returned]).collect();
    stamps.sort_unstable();
    stamps.dedup();
    // By the place among the stamps: how far apart they are says nothing.
    let column = |stamp: u64| {
        let place = stamps.partition_point(|other| *other < stamp) as u64;
        (place * WIDTH / stamps.len().max(1) as u64) as usize
    };
    let mut by_thread: Vec<usize> = (0..operations.len()).collect();
    by_thread.sort_by_key(|at| (operations[*at].thread, operations[*at].invoked));
    let mut last = None;
    for at in by_thread {
        let operation = &operations[at];
        if last != Some(operation.thread) {
            writeln!(out, "thread {}", operation.thread)?;
            last = Some(operation.thread);
        }
        let (from, to) = (column(operation.invoked), column(operation.returned));
        let bar = "=".repeat(to.saturating_sub(from).saturating_sub(1));
        let line = format!("{}[{bar}]", " ".repeat(from));
        writeln!(
            out,
            "  {at:>3} {line:<width$} {}",
            name(&operation.call),
            width = WIDTH as usize + 2
        )?;
    }
    Ok(())
}

fn name(call: &Call) -> String {
    match call {
        Call::Acquire(answer) => format!("try_acquire -> {answer:?}"),
        Call::Settle { era, end } => format!("settle a permit of era {era}: {end:?}"),
        Call::Order(order) => format!("order: {order:?}"),
        Call::Clock(ms) => format!("clock set to {ms} ms"),
        Call::State(state) => format!("state -> {state}"),
        Call::Era(era) => format!("era -> {era}"),
        Call::WouldAdmit(would) => format!("would_admit -> {would}"),
        Call::Glance { era, streak } => format!("snapshot -> era {era}, streak {streak}"),
        Call::Rest(rest) => format!("at rest -> {rest:?}"),
    }
}
