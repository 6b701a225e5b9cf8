//! Which alerts become one incident.

use super::*;
use crate::clock::HOUR;
use crate::inputs::{Driver, Prediction};
use crate::network::{Edge, EdgeKind, Entity};

fn entity(entity_type: &str, id: &str, parent: &str) -> Entity {
    Entity {
        entity_type: entity_type.into(),
        id: id.into(),
        parent_id: (!parent.is_empty()).then(|| parent.to_owned()),
        ..Entity::default()
    }
}

/// Sites A to F of two cells each; A and B share a rectifier, all hang on hub H.
fn network() -> Network {
    let mut entities = vec![
        entity("region", "r", ""),
        entity("unit", "r/power-1", "r"),
        entity("link", "r/H", "r"),
    ];
    let mut edges = Vec::new();
    for site in ["A", "B", "C", "D", "E", "F"] {
        let id = format!("r/{site}");
        entities.push(entity("site", &id, "r"));
        for cell in ["n28", "n78"] {
            entities.push(entity("cell", &format!("{id}/1/{cell}"), &id));
        }
        edges.push(edge(&id, "r/H", EdgeKind::Backhaul));
    }
    edges.push(edge("r/A", "r/power-1", EdgeKind::Power));
    edges.push(edge("r/B", "r/power-1", EdgeKind::Power));
    edges.push(edge("r/C/1/n78", "r/D/1/n78", EdgeKind::Neighbour));
    Network::new(entities, edges)
}

fn edge(a: &str, b: &str, kind: EdgeKind) -> Edge {
    Edge { a_id: a.into(), b_id: b.into(), kind }
}

fn alert(entity_id: &str, onset_hours: i64, load: Option<f64>) -> Candidate {
    let drivers = load
        .map(|ratio| Driver {
            name: "traffic_dl_gb".into(),
            share: 1.0,
            observed: Some(ratio * 2.0),
            expected: Some(2.0),
        })
        .into_iter()
        .collect();
    Candidate {
        entity_id: entity_id.into(),
        entity_type: "cell".into(),
        probability: 0.5,
        onset: onset_hours * HOUR,
        rows: vec![Prediction { drivers, ..Prediction::default() }],
    }
}

fn groups(candidates: Vec<Candidate>) -> Vec<(String, usize)> {
    group(Head::Anomaly, candidates, &network(), 6 * HOUR)
        .into_iter()
        .map(|group| (group.entity_id, group.members.len()))
        .collect()
}

#[test]
fn cells_of_one_site_are_one_incident() {
    let found = groups(vec![alert("r/A/1/n28", 0, None), alert("r/A/1/n78", 3, None)]);
    assert_eq!(found, [("r/A".to_owned(), 2)]);
}

#[test]
fn an_alert_of_another_day_stands_alone() {
    let found = groups(vec![alert("r/A/1/n28", 0, None), alert("r/A/1/n78", 48, None)]);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].0, "r/A/1/n28");
}

#[test]
fn sites_behind_one_rectifier_are_one_incident() {
    let found = groups(vec![alert("r/A/1/n28", 0, None), alert("r/B/1/n28", 1, None)]);
    assert_eq!(found, [("r/power-1".to_owned(), 2)]);
}

#[test]
fn a_hub_does_not_swallow_unrelated_faults() {
    let found = groups(vec![alert("r/C/1/n28", 0, None), alert("r/E/1/n28", 0, None)]);
    assert_eq!(found.len(), 2);
}

#[test]
fn most_sites_behind_a_hub_are_one_incident() {
    let found =
        groups(["A", "C", "E"].map(|site| alert(&format!("r/{site}/1/n28"), 0, None)).into());
    assert_eq!(found, [("r/H".to_owned(), 3)]);
}

#[test]
fn a_neighbour_that_carries_the_loss_joins_it() {
    let candidates = vec![alert("r/C/1/n78", 0, Some(0.1)), alert("r/D/1/n78", 1, Some(1.4))];
    let found = group(Head::Anomaly, candidates, &network(), 6 * HOUR);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].entity_id, "r/C/1/n78");
    assert_eq!(found[0].absorbing, BTreeSet::from(["r/D/1/n78".to_owned()]));
}

#[test]
fn forecasts_stand_alone() {
    let candidates = vec![alert("r/A/1/n28", 0, None), alert("r/A/1/n78", 0, None)];
    assert_eq!(group(Head::Forecast, candidates, &network(), 6 * HOUR).len(), 2);
}

#[test]
fn a_shared_cause_hits_most_cells_of_its_sites() {
    let mut entities = vec![entity("region", "r", ""), entity("unit", "r/power-1", "r")];
    let mut edges = Vec::new();
    for site in ["r/A", "r/B"] {
        entities.push(entity("site", site, "r"));
        entities.extend((1..=4).map(|cell| entity("cell", &format!("{site}/{cell}/n78"), site)));
        edges.push(edge(site, "r/power-1", EdgeKind::Power));
    }
    let network = Network::new(entities, edges);
    let of_each = |cells: i32| {
        let alerts = (1..=cells).flat_map(|cell| {
            ["r/A", "r/B"].map(|site| alert(&format!("{site}/{cell}/n78"), 0, None))
        });
        group(Head::Anomaly, alerts.collect(), &network, 6 * HOUR).len()
    };
    assert_eq!((of_each(1), of_each(2)), (2, 1));
}
