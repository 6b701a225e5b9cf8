//! Order, budget and teams of a list.

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
