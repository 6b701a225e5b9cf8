//! The network as advise sees it.

use super::*;

fn entity(entity_type: &str, id: &str, parent: &str) -> Entity {
    Entity {
        entity_type: entity_type.into(),
        id: id.into(),
        parent_id: (!parent.is_empty()).then(|| parent.to_owned()),
        ..Entity::default()
    }
}

fn two_sites_behind_a_hub() -> Network {
    let mut entities = vec![entity("region", "r", "")];
    for site in ["r/A", "r/B", "r/H"] {
        entities.push(entity("site", site, "r"));
        entities.push(entity("sector", &format!("{site}/1"), site));
        entities.push(entity("cell", &format!("{site}/1/n78"), &format!("{site}/1")));
        entities.push(entity("link", &format!("{site}/backhaul"), site));
    }
    let edge = |a: &str, b: &str| Edge { a_id: a.into(), b_id: b.into(), kind: EdgeKind::Backhaul };
    let edges = [
        edge("r/A", "r/A/backhaul"),
        edge("r/A/backhaul", "r/H"),
        edge("r/B", "r/H"),
        // A ring in the data must not hang the walk.
        edge("r/H", "r/B"),
    ];
    Network::new(entities, edges)
}

#[test]
fn a_cell_knows_its_site_and_region() {
    let network = two_sites_behind_a_hub();
    assert_eq!(network.site_of("r/A/1/n78"), "r/A");
    assert_eq!(network.region_of("r/A/1/n78"), Some("r"));
    assert_eq!(network.site_of("unknown/X/1"), "unknown/X");
}

#[test]
fn the_hub_takes_its_dependants_with_it() {
    let network = two_sites_behind_a_hub();
    assert_eq!(network.cells_inside("r/H").len(), 1);
    assert_eq!(network.cells_behind("r/H").len(), 3);
    assert_eq!(network.sites_behind("r/H"), BTreeSet::from(["r/A", "r/B", "r/H"]));
    assert!(network.needs_of("r/A").contains("r/H"));
    assert!(!network.needs_of("r/A").contains("r/A/backhaul"));
}

#[test]
fn an_entity_without_cells_stands_for_itself() {
    assert_eq!(
        Network::default().cells_inside("device-7"),
        BTreeSet::from(["device-7".to_owned()])
    );
}

#[test]
fn what_stands_on_no_site_is_named_with_its_region() {
    let named = |entity_type: &str, id: &str, parent: Option<&str>, name: &str| Entity {
        entity_type: entity_type.into(),
        id: id.into(),
        parent_id: parent.map(str::to_owned),
        name: Some(name.into()),
        ..Entity::default()
    };
    let network = Network::new(
        [
            named("region", "north", None, "North"),
            named("unit", "north/feed-03", Some("north"), "feed-03"),
            named("site", "north/N001", Some("north"), "Harbour"),
        ],
        [],
    );
    let label = |id| network.label(id);
    assert_eq!(label("north/feed-03"), "North · feed-03");
    assert_eq!((label("north"), label("north/N001")), ("North".into(), "Harbour".into()));
    assert_eq!(label("north/unknown"), "north/unknown");
}
