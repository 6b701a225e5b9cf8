//! The rules on a region and hour: how many elements reported, and whether a vendor's rows are fit
//! for use at all.

use std::collections::BTreeMap;

use foresite_kpi::{HOUR, Micros};

use crate::config::Config;
use crate::finding::{Finding, Findings, History, Severity};
use crate::rules::Fitness;

/// One element of the region and what was known of its rows, moment by moment.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) element: String,
    /// Empty when it was silent.
    pub(crate) vendor: String,
    /// (known at, fitness), ascending.
    pub(crate) fitness: Vec<(Micros, Fitness)>,
}

impl Member {
    fn at(&self, moment: Micros) -> Fitness {
        let after = self.fitness.partition_point(|(known_at, _)| *known_at <= moment);
        let known = after.checked_sub(1).and_then(|last| self.fitness.get(last));
        known.map(|(_, fitness)| *fitness).unwrap_or_default()
    }
}

/// Judges one region and hour at every moment at which one of its elements changed.
pub(crate) fn judge(config: &Config, region: &str, hour: Micros, members: &[Member]) -> History {
    let mut moments: Vec<_> = members
        .iter()
        .flat_map(|member| member.fitness.iter().map(|(known_at, _)| *known_at))
        .collect();
    moments.sort_unstable();
    moments.dedup();
    let mut history = History::default();
    for moment in moments {
        let coverage = coverage(config, region, hour, members, moment);
        let mut findings = Findings::from([(coverage.key(), coverage)]);
        for finding in halts(config, region, hour, members, moment) {
            findings.insert(finding.key(), finding);
        }
        history.observe(moment, findings);
    }
    history
}

/// Elements that reported, of those expected.
fn coverage(
    config: &Config,
    region: &str,
    hour: Micros,
    members: &[Member],
    moment: Micros,
) -> Finding {
    let silent: Vec<_> = members
        .iter()
        .filter(|member| member.at(moment).rows == 0)
        .map(|member| member.element.as_str())
        .collect();
    let tolerated = (1.0 - config.coverage_warn_below.get()) * members.len() as f64;
    Finding {
        rule: "coverage",
        scope: format!("region={region}"),
        start: hour,
        end: hour + HOUR,
        checked: members.len() as u64,
        failed: silent.len() as u64,
        // A tenth of ten is one, whatever the last bit of the product says.
        tolerated: (tolerated + 1e-9) as u64,
        severity: Severity::Warn,
        detail: some_of(&silent),
    }
}

/// Vendors that are halted, and for each of their elements the order to derive.
fn halts(
    config: &Config,
    region: &str,
    hour: Micros,
    members: &[Member],
    moment: Micros,
) -> Vec<Finding> {
    let mut vendors: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for member in members.iter().filter(|member| member.at(moment).rows > 0) {
        vendors.entry(&member.vendor).or_default().push(member);
    }
    let mut findings = Vec::new();
    for (vendor, members) in vendors {
        let sum =
            members.iter().map(|member| member.at(moment)).fold(Fitness::default(), |sum, more| {
                Fitness { rows: sum.rows + more.rows, unfit: sum.unfit + more.unfit }
            });
        let unfit = sum.unfit as f64 / sum.rows as f64;
        if members.len() < config.halt_elements.get() as usize
            || unfit <= config.halt_unfit_above.get()
        {
            continue;
        }
        let halt = Finding {
            rule: "fit_for_use",
            scope: format!("region={region},vendor={vendor}"),
            start: hour,
            end: hour + HOUR,
            checked: sum.rows,
            failed: sum.unfit,
            tolerated: 0,
            severity: Severity::Halt,
            detail: format!("{:.0} % of the rows are not fit for use", 100.0 * unfit),
        };
        findings.extend(members.iter().map(|member| Finding {
            rule: "halted",
            scope: member.element.clone(),
            severity: Severity::NullRows,
            detail: halt.scope.clone(),
            ..halt.clone()
        }));
        findings.push(halt);
    }
    findings
}

/// The first names and how many there are.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let first: Vec<_> = names.iter().take(SHOWN).copied().collect();
    match names.len() {
        0 => String::new(),
        count if count <= SHOWN => format!("silent: {}", first.join("; ")),
        count => format!("silent: {}; and {} more", first.join("; "), count - SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, unfit: u64) -> Member {
        Member {
            element: name.into(),
            vendor: "Acme".into(),
            fitness: vec![(10, Fitness { rows: 10, unfit })],
        }
    }

    fn failed(members: &[Member]) -> Vec<(Micros, String, &'static str)> {
        judge(&Config::default(), "north", 0, members)
            .versions
            .into_iter()
            .filter(|version| version.finding.has_failed())
            .map(|version| (version.known_at, version.finding.scope, version.finding.rule))
            .collect()
    }

    #[test]
    fn a_vendor_is_halted_with_all_its_elements() {
        let found = failed(&[member("a", 9), member("b", 9), member("c", 0)]);
        let expected = [
            (10, "region=north,vendor=Acme".into(), "fit_for_use"),
            (10, "a".into(), "halted"),
            (10, "b".into(), "halted"),
            (10, "c".into(), "halted"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn few_elements_or_few_odd_rows_are_no_halt() {
        assert!(failed(&[member("a", 9), member("b", 9)]).is_empty());
        assert!(failed(&[member("a", 5), member("b", 5), member("c", 5)]).is_empty());
    }

    #[test]
    fn a_tenth_of_the_elements_may_be_silent() {
        let mut members: Vec<_> = (0..10).map(|n| member(&n.to_string(), 0)).collect();
        members[3].fitness[0].1.rows = 0;
        assert!(failed(&members).is_empty());
        members[4].fitness[0].1.rows = 0;
        assert_eq!(failed(&members), [(10, "region=north".into(), "coverage")]);
    }

    #[test]
    fn a_late_element_lifts_the_coverage() {
        let mut late = member("b", 0);
        late.fitness = vec![(5, Fitness::default()), (20, Fitness { rows: 10, unfit: 0 })];
        let history = judge(&Config::default(), "north", 0, &[member("a", 0), late]);
        let seen: Vec<_> = history
            .versions
            .iter()
            .map(|version| (version.known_at, version.finding.failed))
            .collect();
        let expected = [(5, 2), (10, 1), (20, 0)];
        assert_eq!(seen, expected);
    }
}
