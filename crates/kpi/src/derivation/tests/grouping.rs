//! Sectors, sites and regions.

use super::fixture::*;
use crate::{HOUR, quality};

fn network() -> Network {
    Network::new(&[
        ("NRCellCU=1", "cell", "north/N001/1/n78"),
        ("NRCellCU=2", "cell", "north/N001/1/n1"),
        ("NRCellCU=3", "cell", "north/N002/1/n78"),
        ("", "site", "north/N001"),
        ("Battery=1", "unit", "north/N001/battery"),
    ])
}

fn load(ldn: &str, attempts: f64, successes: f64, users: f64) -> Vec<Counters> {
    let values = [
        ("RRC.ConnEstabAtt", attempts),
        ("RRC.ConnEstabSucc", successes),
        ("RRC.ConnMean", users),
        ("RRC.ConnMax", 2.0 * users),
        ("DRB.PdcpSduVolumeDL", 8_000.0),
    ];
    (0..4).map(|quarter| counters(ldn, quarter, &values)).collect()
}

#[test]
fn numerators_and_denominators_are_added_up_the_hierarchy() {
    let rows = [
        load("NRCellCU=1", 1.0, 0.0, 4.0),
        load("NRCellCU=2", 99.0, 99.0, 6.0),
        load("NRCellCU=3", 100.0, 80.0, 10.0),
    ];
    let out = network().hour(&rows.concat());
    let of = |id: &str, channel| out.hourly(id, 0, channel);
    close(of("group sector:north/N001/1", "rrc_setup_sr"), 99.0); // a mean of ratios: 50
    close(of("group site:north/N001", "users_mean"), 10.0);
    close(of("group site:north/N001", "members"), 2.0);
    close(of("group region:north", "rrc_setup_sr"), 100.0 * 179.0 / 200.0);
    close(of("group region:north", "users_mean"), 20.0);
    close(of("group region:north", "users_max"), 20.0);
    close(of("group region:north", "traffic_dl_gb"), 12.0);
    close(of("group region:north", "members"), 3.0);
}

#[test]
fn a_region_adds_sites_but_not_the_units_inside() {
    let quarter = |ldn, watts, volts| {
        (0..4).map(move |q| {
            counters(
                ldn,
                q,
                &[("PEE.AvgPower", watts), ("PEE.Energy", watts / 4e3), ("PEE.Voltage", volts)],
            )
        })
    };
    let mut rows: Vec<_> = quarter("", 1_000.0, 54.0).collect();
    rows.extend(quarter("Battery=1", 200.0, 48.0));
    let out = network().hour(&rows);
    close(out.hourly("unit:north/N001/battery", 0, "voltage_v"), 48.0);
    close(out.hourly("group region:north", 0, "power_w"), 1_000.0);
    close(out.hourly("group region:north", 0, "energy_kwh"), 1.0);
    close(out.hourly("group region:north", 0, "voltage_v"), 54.0);
}

#[test]
fn a_silent_member_makes_the_group_partly_filled() {
    let out = network().hour(&load("NRCellCU=1", 10.0, 9.0, 4.0));
    assert_eq!(out.bits("group sector:north/N001/1", 0), quality::PARTLY);
    close(out.hourly("group sector:north/N001/1", 0, "members"), 1.0);
    assert_eq!(out.bits("group site:north/N002", 0), quality::MISSING);
    assert_eq!(out.hourly("group site:north/N002", 0, "traffic_dl_gb"), None);
}

#[test]
fn a_rehomed_cell_counts_where_it_was() {
    let mut network = network();
    let cell = "north/N002/1/n78";
    let moved = T0 + HOUR;
    for (parent, from, to) in [("north/N002/1", 0, Some(moved)), ("north/N001/1", moved, None)] {
        network.inventory.push(("cell".into(), cell.into(), parent.into(), from, to, 0));
    }
    let mut rows = load("NRCellCU=3", 10.0, 9.0, 4.0);
    let later = rows.clone().into_iter().map(|mut row| {
        row.start += HOUR;
        row.known_at += HOUR;
        row
    });
    rows.extend(later.collect::<Vec<_>>());
    let derived = network.derive(&rows, (T0, T0 + 2 * HOUR), T0 + 9 * HOUR).0;
    let out = Rows::new(&derived);
    close(out.hourly("group site:north/N002", 0, "traffic_dl_gb"), 4.0);
    close(out.hourly("group site:north/N001", 1, "traffic_dl_gb"), 4.0);
    let stale =
        out.0.keys().any(|key| key.0 == "group site" && key.1 == "north/N002" && key.2 == moved);
    assert!(!stale, "the old site has no row any more");
}

#[test]
fn a_move_that_was_recorded_late_changes_both_groups_then() {
    let mut network = network();
    let cell = "north/N002/1/n78";
    let recorded = T0 + 5 * HOUR;
    for (parent, known_at) in [("north/N002/1", 0), ("north/N001/1", recorded)] {
        let parent = parent.to_owned();
        network.inventory.push(("cell".into(), cell.into(), parent, 0, None, known_at));
    }
    let out = network.hour(&load("NRCellCU=3", 10.0, 9.0, 4.0));
    let versions = |id: &str| -> Vec<_> {
        let of_group = |key: &Key| key.0 == "group sector" && key.1 == id;
        let rows = out.0.iter().filter(|(key, _)| of_group(key));
        rows.map(|(key, row)| ((key.4 - T0) / MINUTE, row.1.get("traffic_dl_gb").copied()))
            .collect()
    };
    // Its own two cells are silent, which is known 20 minutes after the hour.
    assert_eq!(versions("north/N001/1"), [(80, None), (300, Some(4.0))]);
    assert_eq!(versions("north/N002/1"), [(80, Some(4.0)), (300, None)]);
    network.objects.retain(|object| object.2 == cell);
    let out = network.hour(&load("NRCellCU=3", 10.0, 9.0, 4.0));
    let first = out.0.keys().find(|key| key.0 == "group sector" && key.1 == "north/N001/1");
    assert_eq!(first.map(|key| key.4), Some(recorded), "no row before it had a member");
}
