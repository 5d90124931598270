//! What there is to know first: whether everything held, what broke first, what was run
//! where.

use super::draft::Data;
use super::find::{self, Run};
use super::words;
use crate::measure::{Measure, Unit};
use crate::program::{Check, Size, Verdict};

/// The verdict on all runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    /// `good`, `bad` or `open`; also in words.
    pub(super) tone: &'static str,
    /// One line.
    pub(super) verdict: String,
    /// What broke or was not reached, the first one first.
    pub(super) faults: Vec<Fault>,
    pub(super) more_faults: usize,
    /// Partial runs, doubts.
    pub(super) warnings: Vec<String>,
    pub(super) programs: Data,
    pub(super) checks: Data,
}

#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) word: &'static str,
    pub(super) name: String,
    pub(super) detail: String,
}

const MOST_FAULTS: usize = 12;

pub(super) fn summary(runs: &[Run]) -> Summary {
    let several = runs.len() > 1;
    let of = |run: &Run, program: &str| {
        let program = words::shortened(program, 40);
        if several { format!("{}, {program}", words::shortened(&run.label, 40)) } else { program }
    };
    let all: Vec<(String, &Check)> = runs
        .iter()
        .flat_map(|run| run.record.programs.iter().map(move |part| (run, part)))
        .flat_map(|(run, part)| {
            let name = of(run, &part.name);
            part.section.checks.iter().map(move |check| (name.clone(), check))
        })
        .collect();
    let count = |verdict| all.iter().filter(|(_, check)| check.verdict == verdict).count();
    let (held, broken) = (count(Verdict::Held), count(Verdict::Broken));
    let (missed, unjudged) = (count(Verdict::NotReached), count(Verdict::Unjudged));
    let mut faults: Vec<Fault> = Vec::new();
    for wanted in [Verdict::Broken, Verdict::NotReached] {
        let such = all.iter().filter(|(_, check)| check.verdict == wanted);
        faults.extend(such.map(|(program, check)| Fault {
            word: word(wanted),
            name: format!("{program} / {}", words::shortened(&check.name, 120)),
            detail: words::clean(&check.detail),
        }));
    }
    let more_faults = faults.len().saturating_sub(MOST_FAULTS);
    faults.truncate(MOST_FAULTS);
    let partial: Vec<&Run> = runs
        .iter()
        .filter(|run| {
            run.record.partial || run.record.programs.iter().any(|part| part.section.partial)
        })
        .collect();
    let tone = match (broken + missed, partial.is_empty() && held > 0) {
        (0, true) => "good",
        (0, false) => "open",
        _ => "bad",
    };
    Summary {
        tone,
        verdict: verdict(held, broken, missed, unjudged, !partial.is_empty()),
        faults,
        more_faults,
        warnings: warnings(runs, &partial),
        programs: programs(runs, of),
        checks: checks(&all),
    }
}

fn verdict(held: usize, broken: usize, missed: usize, unjudged: usize, partial: bool) -> String {
    let judged = held + broken + missed;
    let mut text = match (judged, broken, missed) {
        (0, ..) => "Nothing was judged.".to_owned(),
        (all, 0, 0) => format!("All {} checks held.", words::count(all as f64)),
        (all, 0, missed) => {
            format!("{missed} of {} checks had no case to be judged by.", words::count(all as f64))
        }
        (all, broken, 0) => format!("{broken} of {} checks broke.", words::count(all as f64)),
        (all, broken, missed) => format!(
            "{broken} of {} checks broke, and {missed} had no case to be judged by.",
            words::count(all as f64)
        ),
    };
    if unjudged > 0 {
        text += &format!(" {unjudged} could not be judged here.");
    }
    if partial {
        text += " The run was interrupted: what follows is partial.";
    }
    text
}

fn warnings(runs: &[Run], partial: &[&Run]) -> Vec<String> {
    let mut warnings = Vec::new();
    if runs.len() > 1 {
        for run in partial {
            let label = words::shortened(&run.label, 60);
            warnings.push(format!("{label} was interrupted: its figures are partial."));
        }
    }
    let all = || runs.iter().flat_map(|run| &run.record.programs).flat_map(|p| &p.section.measures);
    let doubtful = all().filter(|measure| measure.doubt.is_some()).count();
    if doubtful > 0 {
        let of = words::count(all().count() as f64);
        warnings.push(format!(
            "{} of {of} figures are in doubt, more threads than cores for one; each says why.",
            words::count(doubtful as f64)
        ));
    }
    if runs.iter().any(|run| run.record.commit.dirty == Some(true)) {
        warnings.push("The source differed from its commit.".to_owned());
    }
    warnings
}

fn programs(runs: &[Run], of: impl Fn(&Run, &str) -> String) -> Data {
    let several = runs.len() > 1;
    let head = ["program", "held", "broken", "not reached", "not judged", "seconds", ""];
    let mut data = Data::new("checks by program", head);
    for run in runs {
        for part in &run.record.programs {
            let checks = &part.section.checks;
            if checks.is_empty() && several {
                continue; // a host's part of a merged run: its checks are with the whole
            }
            let count = |verdict| {
                words::count(checks.iter().filter(|c| c.verdict == verdict).count() as f64)
            };
            data.rows.push(vec![
                of(run, &part.name),
                count(Verdict::Held),
                count(Verdict::Broken),
                count(Verdict::NotReached),
                count(Verdict::Unjudged),
                format!("{:.1}", part.wall_s.clamp(-1e12, 1e12)),
                if part.section.partial { "partial" } else { "" }.to_owned(),
            ]);
        }
    }
    data.cut()
}

fn checks(all: &[(String, &Check)]) -> Data {
    let mut data = Data::new("every check", ["check", "verdict", "judged by"]);
    for (program, check) in all {
        data.rows.push(vec![
            format!("{program} / {}", words::shortened(&check.name, 120)),
            word(check.verdict).to_owned(),
            words::clean(&check.detail),
        ]);
    }
    data.cut()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Broken => "broken",
        Verdict::NotReached => "not reached",
        Verdict::Unjudged => "not judged",
    }
}

/// Where the runs ran, and of what: a column for each.
pub(super) fn host(runs: &[Run]) -> Data {
    let mut data = Data { caption: "runs and hosts".to_owned(), ..Data::default() };
    data.head.push(String::new());
    data.head.extend(runs.iter().map(|run| words::shortened(&run.label, 60)));
    let mut row = |name: &str, of: &dyn Fn(&Run) -> String| {
        let cells = runs.iter().map(|run| words::clean(&of(run)));
        data.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    };
    row("command", &|run| run.record.command.join(" "));
    row("started", &|run| run.record.started.clone());
    row("took", &|run| words::figure(run.record.wall_s.clamp(-1e12, 1e12), Unit::S));
    row("size", &|run| match run.record.size {
        Size::Full => "full".to_owned(),
        Size::Tour => "tour".to_owned(),
        Size::Quick => "quick".to_owned(),
    });
    row("seed", &|run| run.record.seed.to_string());
    row("commit", &|run| {
        let hash = words::shortened(&run.record.commit.hash, 13);
        let changed = if run.record.commit.dirty == Some(true) { ", changed" } else { "" };
        format!("{hash}{changed}")
    });
    row("processor", &|run| run.record.machine.cpu.clone());
    row("cores", &|run| run.record.machine.cores.to_string());
    row("memory", &|run| {
        words::figure(run.record.machine.memory_mib as f64 * 1_048_576.0, Unit::Bytes)
    });
    row("kernel", &|run| run.record.machine.kernel.clone());
    row("system", &|run| run.record.machine.os.clone());
    row("share of the cores that threads got", &|run| share(run));
    row("figures in doubt", &|run| {
        let all = || run.record.programs.iter().flat_map(|part| &part.section.measures);
        let doubtful = all().filter(|measure| measure.doubt.is_some()).count();
        format!("{} of {}", words::count(doubtful as f64), words::count(all().count() as f64))
    });
    data
}

fn share(run: &Run) -> String {
    let all = run.record.programs.iter().flat_map(|part| &part.section.measures);
    let shares = all.filter(|measure| measure.name == "share_of_the_cores");
    let samples = shares.flat_map(|measure: &Measure| measure.samples.iter().copied());
    crate::stats::Middle::of(samples).map_or("not measured".to_owned(), |middle| {
        let said = |share| words::figure(share, Unit::Share);
        format!("{} in the middle, {} at least", said(middle.median), said(middle.min))
    })
}

/// One of the figures that a reader looks for.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyFigure {
    pub(super) figure: String,
    pub(super) says: String,
    pub(super) doubt: bool,
}

/// The figures that a reader looks for, of one run; those that were measured.
pub(super) fn key_figures(run: &Run) -> Vec<KeyFigure> {
    let runs = std::slice::from_ref(run);
    let mut keys = Vec::new();
    let is = |measure: &Measure, key: &str, value: &str| find::label(&measure.labels, key) == value;
    let mut add = |figure: Option<(String, bool)>, says: String| {
        if let Some((figure, doubt)) = figure {
            keys.push(KeyFigure { figure, says, doubt });
        }
    };
    let said = |measure: &Measure| {
        let middle = find::middle(measure)?;
        Some((words::figure(middle.median, measure.unit), measure.doubt.is_some()))
    };
    // Wasted requests, without and with.
    let wasted = |lane| {
        let all = find::measures(runs, "replay", "requests").map(|(_, measure)| measure);
        let of = all.filter(|m| is(m, "lane", lane) && is(m, "outcome", "wasted"));
        of.filter_map(find::middle).map(|middle| middle.median).next()
    };
    if let (Some(without), Some(with)) = (wasted("without"), wasted("with")) {
        let figure = format!("{} → {}", words::count(without), words::count(with));
        add(
            Some((figure, false)),
            "requests wasted on a server in trouble, without and with".into(),
        );
    }
    // One thread's successful call.
    let alone = |program| {
        let all = find::measures(runs, program, "cpu_ns_a_call").map(|(_, measure)| measure);
        all.filter(|m| find::threads(&m.labels) == Some(1.0)).find(|m| {
            let subject = find::label(&m.labels, "subject");
            let kind = is(m, "path", "success") || is(m, "workload", "success");
            kind && (subject == "ampacity" || subject == "ampacity_timing_adaptive")
        })
    };
    if let Some(measure) = alone("glance").or_else(|| alone("contend")).or_else(|| alone("storm")) {
        add(said(measure), "processor time a successful call, one thread".into());
    }
    // The best rate, and what a mutex makes of as many threads.
    for program in ["contend", "storm"] {
        let success = || {
            let all = find::measures(runs, program, "calls_per_s").map(|(_, measure)| measure);
            all.filter(|m| is(m, "workload", "success"))
        };
        let rate = |m: &Measure| find::middle(m).map_or(0.0, |middle| middle.median);
        let ours = success().filter(|m| is(m, "subject", "ampacity"));
        let Some(best) = ours.max_by(|a, b| rate(a).total_cmp(&rate(b))) else { continue };
        let threads = threads(&best.labels);
        add(said(best), format!("successful calls through one breaker, {threads}"));
        let same = |m: &&Measure| m.labels.get("threads") == best.labels.get("threads");
        let mutex = success().filter(same).find(|m| is(m, "subject", "std_mutex")).map(rate);
        if let Some(mutex) = mutex.filter(|rate| *rate > 0.0) {
            let figure = words::figure(rate(best) / mutex, Unit::Times);
            add(
                Some((figure, best.doubt.is_some())),
                "as many as a mutex breaker makes then".into(),
            );
        }
        break;
    }
    let shared = find::measures(runs, "contend", "shared_writes_a_call")
        .map(|(_, measure)| measure)
        .filter(|m| {
            let subject = find::label(&m.labels, "subject");
            subject.is_empty() || subject.starts_with("ampacity")
        })
        .find(|m| find::label(&m.labels, "path").contains("success"));
    if let Some(measure) = shared {
        add(said(measure), "shared writes a successful call".into());
    }
    let slow = run
        .section("contend")
        .into_iter()
        .flat_map(|section| &section.latencies)
        .filter(|l| find::label(&l.labels, "workload") == "success")
        .filter(|l| find::label(&l.labels, "subject") == "ampacity")
        .max_by(|a, b| {
            let count = |l: &crate::measure::Latency| {
                find::threads(&l.labels)
                    .filter(|threads| *threads <= run.record.machine.cores as f64)
                    .unwrap_or(0.0)
            };
            count(a).total_cmp(&count(b))
        });
    if let Some(latency) = slow.filter(|latency| !latency.counts.is_empty()) {
        let ns = latency.histogram().value_at_quantile(0.999) as f64;
        let threads = threads(&latency.labels);
        let figure = Some((words::figure(ns, Unit::Ns), false));
        add(figure, format!("at most, 999 of 1,000 calls with {threads}"));
    }
    if let Some((_, idle)) = find::measures(runs, "memory", "idle_breaker").next() {
        add(said(idle), "an idle breaker of default settings".into());
    }
    let most = find::measures(runs, "storm", "calls_per_s")
        .filter_map(|(_, measure)| find::threads(&measure.labels))
        .max_by(f64::total_cmp);
    if let Some(most) = most {
        add(Some((words::count(most), false)), "threads at once, at the most".into());
    }
    keys.truncate(8);
    keys
}

/// How many threads, in words.
fn threads(labels: &crate::measure::Labels) -> String {
    let threads = words::shortened(find::label(labels, "threads"), 12);
    format!("{threads} thread{}", if threads == "1" { "" } else { "s" })
}
