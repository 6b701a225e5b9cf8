//! Which items people see: ranked by urgency, cut at the budget, with a reason for what is left out.

use crate::{
    config::{Config, Head, ListConfig},
    exposure::{self, AverageCell, Exposure},
    incidents::{self, Incident},
    inputs::{Context, Signals},
    known::{self, Known},
};

/// Least share of an anomaly's load that counts as harmed: quality can suffer at full traffic.
const LEAST_HARM: f64 = 0.25;

/// An incident as it competes for a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The incident.
    pub incident: Incident,
    /// Kind of statement behind it.
    pub head: Head,
    /// What it puts at risk.
    pub exposure: Exposure,
    /// What is known beside it.
    pub known: Known,
    /// Probability × load at risk, in average cells.
    pub urgency: f64,
    /// Place on the list, 1 is first; `None` is left out.
    pub rank: Option<u32>,
    /// Why it is left out.
    pub left_out: Option<String>,
}

/// Judges the incidents of a list; [`rank`] orders them.
pub fn judge(
    opened: Vec<Incident>,
    list: &ListConfig,
    signals: &Signals,
    context: &Context,
    config: &Config,
) -> Vec<Item> {
    let judge_one = |mut incident: Incident| {
        if list.head == Head::Anomaly {
            incident.absorbing.extend(incidents::absorbing(&incident, (signals, context)));
        }
        Item {
            exposure: exposure::of(&incident, list.head, signals, context, config),
            known: known::beside(&incident, list, signals, config),
            head: list.head,
            urgency: 0.0,
            rank: None,
            left_out: None,
            incident,
        }
    };
    opened.into_iter().map(judge_one).collect()
}

/// Sets urgencies and ranks: news first come first by urgency, then the budget cuts. Checks have the
/// last places of the budget, whatever their urgency.
///
/// Ties go to the incident seen first, then to the smaller id, so that a rerun keeps the order.
pub fn rank(mut items: Vec<Item>, average: AverageCell, budget: u32) -> Vec<Item> {
    for item in &mut items {
        item.urgency = urgency(item, average);
        item.left_out = reason_before_budget(item);
    }
    let is_check = |item: &Item| item.incident.is_check();
    let checks = items.iter().filter(|item| is_check(item) && item.left_out.is_none()).count();
    let for_news = budget.saturating_sub(u32::try_from(checks).unwrap_or(u32::MAX));
    items.sort_by(|a, b| {
        (a.left_out.is_some().cmp(&b.left_out.is_some()))
            .then(is_check(a).cmp(&is_check(b)))
            .then(b.urgency.total_cmp(&a.urgency))
            .then_with(|| a.incident.first_seen_at.cmp(&b.incident.first_seen_at))
            .then_with(|| a.incident.incident_id.cmp(&b.incident.incident_id))
    });
    let mut places = 0;
    for (item, place) in items.iter_mut().zip(1..).filter(|(item, _)| item.left_out.is_none()) {
        if is_check(item) || place <= for_news {
            places += 1;
            item.rank = Some(places);
        } else {
            item.left_out = Some(format!("Place {place}, below the budget of {for_news}"));
        }
    }
    items
}

fn urgency(item: &Item, average: AverageCell) -> f64 {
    let harm = match item.head {
        Head::Anomaly => item.exposure.lost_share.unwrap_or(0.0).max(LEAST_HARM),
        Head::TimeToEvent | Head::Forecast => 1.0,
    };
    let urgency = item.incident.probability() * harm * average.weigh(&item.exposure);
    if urgency.is_finite() { urgency } else { 0.0 }
}

fn reason_before_budget(item: &Item) -> Option<String> {
    if item.known.reason.is_some() {
        return item.known.reason.clone();
    }
    (!item.incident.is_confirmed)
        .then(|| "Not scored at this cutoff: nobody knows whether it still holds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Candidate;
    use crate::incidents::Change;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn item(id: usize, probability: f64, cells: usize, known: bool) -> Item {
        Item {
            incident: Incident {
                incident_id: format!("inc-{id:03}"),
                task: "maintenance".into(),
                entity_id: "r/A".into(),
                entity_type: "site".into(),
                members: vec![Candidate {
                    entity_id: "r/A".into(),
                    entity_type: "site".into(),
                    probability,
                    onset: 0,
                    rows: vec![],
                }],
                absorbing: BTreeSet::new(),
                member_entities: BTreeSet::new(),
                prediction_ids: vec![],
                first_seen_at: 0,
                change: Change::New,
                level: probability,
                is_confirmed: true,
                inclusion: None,
            },
            head: Head::TimeToEvent,
            exposure: Exposure { cells, ..Exposure::default() },
            known: Known { reason: known.then(|| "Already known".to_owned()), ..Known::default() },
            urgency: 0.0,
            rank: None,
            left_out: None,
        }
    }

    proptest! {
        #[test]
        fn the_list_is_the_most_urgent_news_within_the_budget(
            drawn in prop::collection::vec((0.0..1.0_f64, 1..40_usize, any::<bool>()), 0..40),
            budget in 1..12_u32,
        ) {
            let items: Vec<Item> = drawn.iter().enumerate()
                .map(|(id, (p, cells, known))| item(id, *p, *cells, *known)).collect();
            let average = AverageCell::of(items.iter().map(|item| &item.exposure));
            let ranked = rank(items.clone(), average, budget);

            let listed: Vec<&Item> = ranked.iter().filter(|item| item.rank.is_some()).collect();
            let news = items.iter().filter(|item| item.known.reason.is_none()).count();
            prop_assert_eq!(ranked.len(), items.len());
            prop_assert_eq!(listed.len(), news.min(budget as usize));
            prop_assert!(listed.iter().all(|item| item.known.reason.is_none()));
            prop_assert!(listed.windows(2).all(|pair| pair[0].urgency >= pair[1].urgency));
            prop_assert!(ranked.iter().all(|item| item.rank.is_some() != item.left_out.is_some()));
            let least = listed.last().map_or(f64::INFINITY, |item| item.urgency);
            let beaten = ranked.iter()
                .filter(|item| item.rank.is_none() && item.known.reason.is_none());
            prop_assert!(beaten.clone().all(|item| item.urgency <= least));

            let mut shuffled = items;
            shuffled.reverse();
            prop_assert_eq!(rank(shuffled, average, budget), ranked);
        }
    }

    #[test]
    fn checks_have_the_last_places_of_the_budget() {
        let check = |id| {
            let mut check = item(id, 0.01, 1, false);
            check.incident.change = Change::Check;
            check.incident.inclusion = Some(0.01);
            check
        };
        let mut items: Vec<Item> = (0..6).map(|id| item(id, 0.9, 3, false)).collect();
        items.extend([check(6), item(7, 0.8, 3, true)]);
        let average = AverageCell::of(items.iter().map(|item| &item.exposure));
        let ranked = rank(items, average, 3);
        let listed: Vec<_> = ranked.iter().filter(|item| item.rank.is_some()).collect();
        assert_eq!(listed.len(), 3, "within the budget");
        assert_eq!(listed[2].incident.change, Change::Check);
        assert_eq!(listed[2].rank, Some(3));
        let cut = ranked.iter().filter_map(|item| item.left_out.as_deref());
        assert!(cut.clone().any(|reason| reason == "Place 3, below the budget of 2"));
        let few = rank(vec![item(0, 0.9, 3, false), check(1)], average, 3);
        assert_eq!(few.iter().filter_map(|item| item.rank).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn an_incident_nobody_could_judge_is_left_out_with_that_reason() {
        let mut unseen = item(0, 0.9, 3, false);
        unseen.incident.is_confirmed = false;
        let average = AverageCell::of([unseen.exposure].iter());
        let ranked = rank(vec![unseen], average, 5);
        assert!(ranked[0].left_out.as_deref().unwrap().starts_with("Not scored"));
    }
}
