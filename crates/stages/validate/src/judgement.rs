//! One step: every element and hour, then every region and hour.

use std::collections::{BTreeMap, BTreeSet};

use foresite_kpi::{HOUR, Micros, ObjectMap};
use foresite_stage::Interval;

use crate::config::Config;
use crate::elements::{ElementHour, Place};
use crate::finding::{History, Severity, Version};
use crate::regions::{self, Member};
use crate::rules::{self, Subject};

/// Region of elements that no object places.
const NO_REGION: &str = "unassigned";

/// What the rules look at.
pub(crate) struct Evidence<'a> {
    pub(crate) config: &'a Config,
    pub(crate) objects: &'a ObjectMap,
    /// Rows by element and hour.
    pub(crate) measured: &'a BTreeMap<Place, ElementHour>,
    /// What ingest expects, whatever the objects say.
    pub(crate) expected: &'a BTreeSet<Place>,
    pub(crate) as_of: Micros,
}

/// All findings of a step, with the moments at which they were known.
pub(crate) fn judge(evidence: &Evidence<'_>, step: Interval) -> Vec<Version> {
    let mut versions = Vec::new();
    let mut hour = step.start;
    while hour < step.end {
        evidence.judge_hour(hour, &mut versions);
        hour += HOUR;
    }
    versions
}

impl Evidence<'_> {
    fn judge_hour(&self, hour: Micros, versions: &mut Vec<Version>) {
        let mut regions: BTreeMap<&str, Vec<Member>> = BTreeMap::new();
        for (element, region) in self.elements(hour) {
            let member = self.judge_element(&element, hour, versions);
            regions.entry(region).or_default().push(member);
        }
        for (region, members) in regions {
            let history = regions::judge(self.config, region, hour, &members);
            versions.extend(history.versions);
        }
    }

    /// Elements to be judged with their regions: described ones, expected ones, and those that
    /// reported unasked.
    fn elements(&self, hour: Micros) -> BTreeMap<String, &str> {
        let gap_at = hour + HOUR + self.config.gap_after();
        let mut found: BTreeMap<String, &str> = BTreeMap::new();
        let places = self.measured.keys().chain(self.expected);
        for (element, _) in places.filter(|(_, start)| *start == hour) {
            found.insert(element.clone(), NO_REGION);
        }
        for (element, region) in self.objects.elements_at(hour, gap_at.min(self.as_of)) {
            found.insert(element.to_owned(), region);
        }
        found
    }

    fn judge_element(&self, element: &str, hour: Micros, versions: &mut Vec<Version>) -> Member {
        let silent = ElementHour::default();
        let place = (element.to_owned(), hour);
        let measured = self.measured.get(&place).unwrap_or(&silent);
        let gap_at = hour + HOUR + self.config.gap_after();
        let expected = self.objects.objects_at(element, hour, gap_at.min(self.as_of));
        let subject = Subject { config: self.config, element, hour, expected: &expected, measured };
        let mut history = History::default();
        let mut fitness = Vec::new();
        for moment in self.moments(measured, gap_at) {
            let (findings, fit) = rules::judge(&subject, moment);
            history.observe(moment, findings);
            fitness.push((moment, fit));
        }
        versions.extend(history.versions);
        Member { element: element.to_owned(), vendor: measured.vendor.clone(), fitness }
    }

    /// When something became known: rows, or that none came in time.
    fn moments(&self, measured: &ElementHour, gap_at: Micros) -> Vec<Micros> {
        let mut moments: Vec<_> = measured.rows.iter().map(|row| row.known_at).collect();
        moments.sort_unstable();
        moments.dedup();
        if gap_at <= self.as_of && moments.first().is_none_or(|first| *first > gap_at) {
            moments.insert(0, gap_at);
        }
        moments
    }
}

/// The worst that holds at the end.
pub(crate) fn worst(versions: &[Version]) -> Severity {
    let newest: BTreeMap<_, _> =
        versions.iter().map(|version| (version.finding.key(), version)).collect();
    newest
        .values()
        .filter(|version| version.finding.has_failed())
        .map(|version| version.finding.severity)
        .max()
        .unwrap_or(Severity::Info)
}
