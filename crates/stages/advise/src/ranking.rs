//! Which items people see: ranked by urgency, cut at the budget, with a reason for what is left out.

use std::collections::BTreeSet;

use crate::{
    clock,
    config::{Config, Head, ListConfig},
    durations,
    exposure::{self, AverageCell, Exposure},
    incidents::{self, Incident},
    inputs::{Context, Signals},
    known::{self, Known},
    left_out::{Code, LeftOut},
    suppressions,
    teams::{self, Budget, Budgets},
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
    /// Who keeps it off the list, if anybody does.
    pub suppressed: Option<LeftOut>,
    /// Until when it waits for its own end, if it does.
    pub held_back: Option<LeftOut>,
    /// Who works on it; `None` where lists are not split by team.
    pub team: Option<String>,
    /// Probability × load at risk, in average cells.
    pub urgency: f64,
    /// Place on the list, 1 is first; `None` is left out.
    pub rank: Option<u32>,
    /// Why it is left out.
    pub left_out: Option<LeftOut>,
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
            suppressed: suppressions::on(&incident, signals),
            held_back: durations::held_back(&incident, list, signals),
            team: teams::of_incident(&incident, signals, config),
            head: list.head,
            urgency: 0.0,
            rank: None,
            left_out: None,
            incident,
        }
    };
    opened.into_iter().map(judge_one).collect()
}

/// Sets urgencies and ranks: news first come first by urgency, then the budget of each team cuts.
/// What earlier lists of the shift named keeps its place; checks have the last places, whatever their
/// urgency.
///
/// Ties go to the incident seen first, then to the smaller id, so that a rerun keeps the order.
pub fn rank(mut items: Vec<Item>, average: AverageCell, budgets: &Budgets) -> Vec<Item> {
    for item in &mut items {
        item.urgency = urgency(item, average);
        item.left_out = reason_before_budget(item);
    }
    items.sort_by(|a, b| {
        (a.left_out.is_some().cmp(&b.left_out.is_some()))
            .then(a.incident.is_check().cmp(&b.incident.is_check()))
            .then(b.urgency.total_cmp(&a.urgency))
            .then_with(|| a.incident.first_seen_at.cmp(&b.incident.first_seen_at))
            .then_with(|| a.incident.incident_id.cmp(&b.incident.incident_id))
    });
    let nothing = Budget::default();
    let teams: BTreeSet<Option<String>> = items.iter().map(|item| item.team.clone()).collect();
    for team in teams {
        let own = items.iter_mut().filter(|item| item.team == team && item.left_out.is_none());
        cut(own.collect(), budgets.get(&team).unwrap_or(&nothing));
    }
    let listed = items.iter_mut().filter(|item| item.left_out.is_none());
    for (item, place) in listed.zip(1..) {
        item.rank = Some(place);
    }
    items
}

/// Leaves out what a team's budget has no place for; `items` are in the order of the list.
fn cut(items: Vec<&mut Item>, budget: &Budget) {
    let is_new = |item: &Item| !budget.used.contains(&item.incident.incident_id);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let free = budget.most.saturating_sub(count(budget.used.len()));
    let checks = items.iter().filter(|item| item.incident.is_check() && is_new(item)).count();
    let mut free_for_checks = count(checks).min(free);
    let mut free_for_news = free - free_for_checks;
    for (item, place) in items.into_iter().zip(1_u32..) {
        let is_check = item.incident.is_check();
        let free = if is_check { &mut free_for_checks } else { &mut free_for_news };
        if !is_new(item) {
            continue;
        }
        if *free > 0 {
            *free -= 1;
            continue;
        }
        let text = match budget.shift {
            None => format!(
                "Place {place}, below the budget of {}",
                budget.most.saturating_sub(count(checks))
            ),
            Some((_, end)) => format!(
                "Place {place} of the team; the {} places of its shift until {} are taken",
                budget.most,
                clock::stamp(end)
            ),
        };
        item.left_out = Some(LeftOut::new(Code::OverBudget, text));
    }
}

fn urgency(item: &Item, average: AverageCell) -> f64 {
    let harm = match item.head {
        Head::Anomaly => item.exposure.lost_share.unwrap_or(0.0).max(LEAST_HARM),
        Head::TimeToEvent | Head::Forecast => 1.0,
    };
    let urgency = item.incident.probability() * harm * average.weigh(&item.exposure);
    if urgency.is_finite() { urgency } else { 0.0 }
}

fn reason_before_budget(item: &Item) -> Option<LeftOut> {
    let by_people = item.suppressed.clone().or_else(|| item.known.reason.clone());
    if by_people.is_some() {
        return by_people;
    }
    let unseen = "Not scored at this cutoff: nobody knows whether it still holds";
    let unseen = (!item.incident.is_confirmed).then(|| LeftOut::new(Code::NotScored, unseen));
    unseen.or_else(|| item.held_back.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Candidate;
    use crate::clock::HOUR;
    use crate::incidents::Change;
    use proptest::prelude::*;

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
            known: Known {
                reason: known.then(|| LeftOut::new(Code::Alarm, "Already known")),
                ..Known::default()
            },
            suppressed: None,
            held_back: None,
            team: None,
            urgency: 0.0,
            rank: None,
            left_out: None,
        }
    }

    fn each(most: u32) -> Budgets {
        [(None, Budget { most, ..Budget::default() })].into()
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
            let ranked = rank(items.clone(), average, &each(budget));

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
            prop_assert_eq!(rank(shuffled, average, &each(budget)), ranked);
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
        let ranked = rank(items, average, &each(3));
        let listed: Vec<_> = ranked.iter().filter(|item| item.rank.is_some()).collect();
        assert_eq!(listed.len(), 3, "within the budget");
        assert_eq!(listed[2].incident.change, Change::Check);
        assert_eq!(listed[2].rank, Some(3));
        let cut = ranked.iter().filter_map(|item| item.left_out.as_deref());
        assert!(cut.clone().any(|reason| reason == "Place 3, below the budget of 2"));
        let few = rank(vec![item(0, 0.9, 3, false), check(1)], average, &each(3));
        assert_eq!(few.iter().filter_map(|item| item.rank).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_team_sees_no_more_in_a_shift_than_its_budget() {
        let of = |team: &str, id, probability| Item {
            team: Some(team.to_owned()),
            ..item(id, probability, 1, false)
        };
        let mut used: BTreeSet<String> = BTreeSet::new();
        let (mut seen, mut south) = (BTreeSet::new(), 0);
        for hour in 0..8 {
            // Every hour brings two new ones to the north, each more urgent than all before.
            let urgent = |at: usize| 0.1 + 0.05 * at as f64;
            let north = (0..2 * (hour + 1)).map(|at| of("north", at, urgent(at)));
            let items: Vec<Item> = north.chain([of("south", 99, 0.05)]).collect();
            let shift = Some((0, 8 * HOUR));
            let budgets: Budgets = [
                (Some("north".into()), Budget { most: 5, shift, used: used.clone() }),
                (Some("south".into()), Budget { most: 5, shift, used: BTreeSet::new() }),
            ]
            .into();
            let average = AverageCell::of(items.iter().map(|item| &item.exposure));
            let ranked = rank(items, average, &budgets);
            let listed: Vec<&Item> = ranked.iter().filter(|item| item.rank.is_some()).collect();
            let places: Vec<_> = listed.iter().filter_map(|item| item.rank).collect();
            assert_eq!(places, (1..=listed.len() as u32).collect::<Vec<_>>());
            let own = listed.iter().filter(|item| item.team.as_deref() == Some("north"));
            let ids: BTreeSet<String> = own.map(|item| item.incident.incident_id.clone()).collect();
            assert!(used.is_subset(&ids), "who was named keeps its place");
            south += listed.len() - ids.len();
            seen.extend(ids.iter().cloned());
            used = ids;
            let cut = ranked.iter().find_map(|item| item.left_out.as_deref());
            assert!(cut.is_none_or(|text| text.contains("5 places of its shift")), "{cut:?}");
        }
        assert_eq!(seen.len(), 5, "in all hours of the shift together");
        assert_eq!(south, 8, "another team's places are its own");
    }

    #[test]
    fn an_incident_nobody_could_judge_is_left_out_with_that_reason() {
        let mut unseen = item(0, 0.9, 3, false);
        unseen.incident.is_confirmed = false;
        let average = AverageCell::of([unseen.exposure].iter());
        let ranked = rank(vec![unseen], average, &each(5));
        assert!(ranked[0].left_out.as_deref().unwrap().starts_with("Not scored"));
    }
}
