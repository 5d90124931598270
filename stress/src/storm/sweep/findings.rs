//! What was judged after each point, put together by workload.

use super::Point;
use crate::program::{Check, Verdict};
use crate::workload::{Rival, Workload};

/// How one thing that must hold was judged at all points of a workload.
#[derive(Clone, Debug)]
struct Finding {
    workload: Workload,
    name: String,
    held: u64,
    not_reached: u64,
    broken: u64,
    /// The first point at which it broke, else one at which it was judged, in words.
    detail: String,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Takes what was judged after a point.
    pub(super) fn add(&mut self, point: &Point, checks: Vec<Check>) {
        for check in checks {
            let mine = |one: &Finding| one.workload == point.workload && one.name == check.name;
            let at = self.0.iter().position(mine).unwrap_or_else(|| {
                self.0.push(Finding {
                    workload: point.workload,
                    name: check.name.clone(),
                    held: 0,
                    not_reached: 0,
                    broken: 0,
                    detail: String::new(),
                });
                self.0.len() - 1
            });
            self.0[at].judge(point, &check);
        }
    }

    /// One for each thing and workload; of what was cut short, no case is missed.
    pub(super) fn checks(&self, cut: bool) -> Vec<Check> {
        let mut findings: Vec<&Finding> = self.0.iter().collect();
        let order = |workload| Workload::ALL.iter().position(|&one| one == workload);
        findings.sort_by_key(|finding| order(finding.workload));
        findings.into_iter().filter_map(|finding| finding.check(cut)).collect()
    }
}

impl Finding {
    fn judge(&mut self, point: &Point, check: &Check) {
        let rival = match point.rival {
            Rival::Ampacity => String::new(),
            rival => format!("{}, ", rival.name()),
        };
        let threads = match point.threads {
            1 => "1 thread".to_owned(),
            more => format!("{more} threads"),
        };
        let detail = format!("{rival}{threads}: {}", check.detail);
        match check.verdict {
            Verdict::Broken => {
                if self.broken == 0 {
                    self.detail = detail;
                }
                self.broken += 1;
            }
            Verdict::Held => {
                if self.broken == 0 {
                    self.detail = detail;
                }
                self.held += 1;
            }
            Verdict::NotReached | Verdict::Unjudged => {
                if self.held + self.broken == 0 {
                    self.detail = detail;
                }
                self.not_reached += 1;
            }
        }
    }

    fn check(&self, cut: bool) -> Option<Check> {
        let name = format!("{}_{}", self.workload.name(), self.name);
        let points = self.held + self.broken + self.not_reached;
        let detail = &self.detail;
        Some(if self.broken > 0 {
            Check::judged(name, false, format!("at {} of {points} points; {detail}", self.broken))
        } else if self.held > 0 {
            Check::judged(name, true, format!("at {} points; last {detail}", self.held))
        } else if cut {
            return None;
        } else {
            Check::not_reached(name, format!("at none of {points} points; {detail}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(threads: usize) -> Point {
        Point { workload: Workload::Flapping, rival: Rival::Ampacity, threads }
    }

    fn found(checks: &[Check]) -> Option<Check> {
        let mut findings = Findings::default();
        for (at, check) in checks.iter().enumerate() {
            findings.add(&point(at + 1), vec![check.clone()]);
        }
        findings.checks(false).pop()
    }

    #[test]
    fn one_point_at_which_something_breaks_is_enough_and_is_named() {
        let held = Check::judged("all_is_well", true, "fine");
        let broken = Check::judged("all_is_well", false, "3, not 4");
        let check = found(&[held.clone(), broken, held]).unwrap();
        assert_eq!(check.name, "flapping_all_is_well");
        assert_eq!(check.verdict, Verdict::Broken);
        assert_eq!(check.detail, "at 1 of 3 points; 2 threads: 3, not 4");
    }

    #[test]
    fn a_case_that_no_point_met_is_not_reached_and_one_is_enough() {
        let missed = Check::not_reached("trips", "0");
        let met = Check::judged("trips", true, "7");
        assert_eq!(found(&[missed.clone(), met]).unwrap().verdict, Verdict::Held);
        let check = found(&[missed.clone(), missed.clone()]).unwrap();
        assert_eq!(check.verdict, Verdict::NotReached);
        let mut cut = Findings::default();
        cut.add(&point(1), vec![missed]);
        assert_eq!(cut.checks(true), []);
    }
}
