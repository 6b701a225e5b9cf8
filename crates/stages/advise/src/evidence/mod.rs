//! What a person reads about an item: a title and sentences, generated from checked numbers only.
//!
//! A sentence exists only if all its numbers are there, finite and say what the sentence says: a
//! deviation of less than one spread is "as usual", never "0 spreads above".

mod anomaly;
mod forecast;
mod growth;
mod measure;
mod risk;

pub(crate) use anomaly::plotted_channels;
pub(crate) use risk::{EQUIPMENT_CHANNELS, plotted_equipment};

pub use growth::{Growth, weekly_growth};
pub use measure::{Recent, load_ratio, recent, window};

use std::collections::BTreeMap;

use crate::{
    candidates::CAUSE,
    checks,
    clock::Micros,
    config::{Config, Head, ListConfig},
    inputs::{Context, Driver, Fact, FactKind, Signals},
    network::Network,
    ranking::Item,
    wording,
};

/// What the drivers of a score are shares of.
const OF_SCORE: &str = "Shares in the model's score";

/// Drivers that are named in a sentence.
const NAMED_DRIVERS: usize = 3;

/// Sites that are named before the rest is counted.
const NAMED_SITES: usize = 4;

/// A driver with a smaller share than this is not worth naming.
const LEAST_SHARE: f64 = 0.05;

/// What people read about an item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// One line.
    pub title: String,
    /// Sentences, the most telling first.
    pub sentences: Vec<String>,
    /// Latest moment to act: the order date, or when the accumulated risk passes what is tolerated.
    pub act_before: Option<Micros>,
    /// What runs out, of a forecast.
    pub limiting_resource: Option<String>,
    /// Earliest, median and latest plausible date of the event.
    pub event: [Option<Micros>; 3],
}

/// Everything that evidence is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The list that the item stands on.
    pub list: &'a ListConfig,
    /// What was said about the cutoff.
    pub signals: &'a Signals,
    /// The series behind it.
    pub context: &'a Context,
    /// Configuration.
    pub config: &'a Config,
}

impl Sources<'_> {
    /// Signals and series, which measurements take together.
    fn data(&self) -> (&Signals, &Context) {
        (self.signals, self.context)
    }
}

/// Collects the evidence for an item.
pub fn collect(item: &Item, sources: Sources<'_>) -> Evidence {
    let mut evidence = match item.head {
        Head::Anomaly => anomaly::evidence(item, sources),
        Head::TimeToEvent => risk::evidence(item, sources),
        Head::Forecast => forecast::evidence(item, sources),
    };
    if let Some(question) = checks::question(&item.incident) {
        evidence.title = "Check of a low risk".into();
        evidence.sentences.insert(0, question);
    }
    evidence.sentences.extend(members(item, sources));
    evidence.sentences.extend(beside(item, sources));
    evidence
}

/// `Affected together: …` for incidents of several entities.
fn members(item: &Item, sources: Sources<'_>) -> Option<String> {
    let network = &sources.signals.network;
    let mut by_site: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for member in item.incident.affected() {
        let site = network.site_of(&member.entity_id);
        by_site.entry(site).or_default().push(&member.entity_id);
    }
    if item.incident.affected().count() < 2 {
        return None;
    }
    let mut shown: Vec<String> = by_site
        .iter()
        .take(NAMED_SITES)
        .map(|(site, members)| of_site(site, members, network))
        .collect();
    if by_site.len() > shown.len() {
        shown.push(wording::count(by_site.len() - shown.len(), "more site", "more sites"));
    }
    Some(format!("Affected together: {}.", wording::list(&shown)))
}

/// `all 6 cells of Mill Road`, or the parts by name.
fn of_site(site: &str, members: &[&str], network: &Network) -> String {
    let name = network.label(site);
    let cells = network.cells_inside(site);
    if members.len() > 1 && cells.iter().all(|cell| members.contains(&cell.as_str())) {
        return format!("all {} cells of {name}", cells.len());
    }
    let parts: Vec<String> = members
        .iter()
        .filter_map(|id| id.strip_prefix(site)?.strip_prefix('/'))
        .map(|inside| network.part_label(site, inside))
        .collect();
    if parts.is_empty() { name } else { format!("{name} ({})", parts.join(", ")) }
}

/// The facts that stand beside the item, or that no alarm does.
fn beside(item: &Item, sources: Sources<'_>) -> Vec<String> {
    let network = &sources.signals.network;
    let told = |fact: &Fact| {
        let zone = network.time_zone(&fact.entity_id);
        let label = network.label(&fact.entity_id);
        format!("Beside it: {}.", fact.sentence(&label, &zone))
    };
    let mut sentences: Vec<String> = item.known.facts.iter().take(3).map(told).collect();
    if is_silent(item, sources) && item.head != Head::Forecast {
        sentences.push("No alarm is active on it or on what it hangs on.".into());
    }
    sentences
}

/// Whether it is known that no alarm stands.
fn is_silent(item: &Item, sources: Sources<'_>) -> bool {
    let is_alarm = |fact: &Fact| fact.kind == FactKind::Alarm;
    sources.signals.has_alarms && !item.known.facts.iter().any(is_alarm)
}

/// `Shares in the model's score: downlink traffic (45 %) and connected users (30 %).`, with `what`
/// before the colon. Features that people call the same are one.
fn drivers(what: &str, drivers: &[Driver]) -> Option<String> {
    let mut shares: Vec<(String, f64)> = Vec::new();
    for driver in drivers.iter().filter(|driver| !driver.name.starts_with(CAUSE)) {
        let words = wording::feature(&driver.name);
        match shares.iter_mut().find(|(same, _)| *same == words) {
            Some((_, share)) => *share += driver.share,
            None => shares.push((words, driver.share)),
        }
    }
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named: Vec<String> = shares
        .iter()
        .filter(|(_, share)| *share >= LEAST_SHARE)
        .take(NAMED_DRIVERS)
        .map(|(words, share)| format!("{words} ({})", wording::share(*share)))
        .collect();
    (!named.is_empty()).then(|| format!("{what}: {}.", wording::list(&named)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_people_call_the_same_are_one() {
        let driver =
            |name: &str, share| Driver { name: name.into(), share, observed: None, expected: None };
        let told = drivers(
            OF_SCORE,
            &[
                driver("cause:power", 0.6),
                driver("prb_util_dl_cells_max_7d_mean", 0.2),
                driver("accessibility_cells_min_2d_mean", 0.16),
                driver("accessibility_cells_mean_2d_mean", 0.06),
                driver("age_d", 0.01),
            ],
        );
        assert_eq!(
            told.map(|text| text.replace('\u{a0}', " ")).as_deref(),
            Some(
                "Shares in the model's score: accessibility over 2 d (22 %) and downlink PRB \
                 utilisation over 7 d (20 %)."
            )
        );
    }
}
