//! The stage as a process: drift, its cause, and what cannot be tested.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::{AS_IT_IS, Cell, DAY, confirmed, done, drift, end, monitor, network, text};
use foresite_schema::catalog::watch;

const NEVER: &dyn Fn(Cell) -> Option<i64> = &|_| None;

#[test]
fn a_quiet_network_is_left_alone_and_a_second_run_changes_nothing() {
    let (_folder, root) = network(AS_IT_IS, NEVER, Vec::new());
    let planned = monitor(&root).arg("--dry-run").exits(0);
    assert_eq!(planned.status(), "planned");
    assert!(root.find(watch::drift()).unwrap().is_none(), "a dry run wrote a table");
    let run = done(&root);
    assert_eq!(run.number("confirmed"), Some(0.0), "{}", run.result);
    // Two channels, both regions and the network, two statistics.
    assert_eq!(run.number("tests"), Some(12.0));
    let page = root.read("reports/20260302T0000Z/monitor.html").unwrap();
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(page.contains("No channel drifted") && page.contains("<svg class=\"plot\""), "{page}");
    for loaded in ["<script", "<link", "<img", "<iframe", "http://", "https://", "@import", "url("]
    {
        assert!(!page.contains(loaded), "the page loads or runs something: {loaded}");
    }
    let again = monitor(&root).exits(0);
    assert_eq!(again.status(), "unchanged");
    assert_eq!(again.result["lineage_id"], run.result["lineage_id"]);
}

#[test]
fn a_counter_in_another_unit_after_an_upgrade_is_named() {
    let upgraded = |cell: Cell| cell.region == 0 && cell.site < 5;
    let at = end() - 4 * DAY;
    let (_folder, root) = network(
        &|cell, hour| Some((if upgraded(cell) && hour >= at { 3.0 } else { 1.0 }, 1.0)),
        &|cell| upgraded(cell).then_some(at),
        Vec::new(),
    );
    done(&root);
    let rows = drift(&root);
    let found = confirmed(&rows, "latency_dl");
    let part = found.iter().find(|found| found.0 == "*" && found.1 == "part").unwrap();
    assert_eq!(part.2, "software_upgrade", "{found:?}");
    assert!(part.3.contains("15 of 72 entities run new software (R2)"), "{}", part.3);
    let ratio = "times what it was on upgraded entities beside the others, their traffic";
    assert!(part.3.contains(ratio), "{}", part.3);
    assert!(confirmed(&rows, "traffic_dl_gb").is_empty());
    assert!(!found.iter().any(|found| found.0 == "south"), "{found:?}");
}

#[test]
fn an_outage_comes_before_an_upgrade() {
    let hit = |cell: Cell| cell.region == 1 && (3..5).contains(&cell.site);
    let at = end() - 3 * DAY;
    let (_folder, root) = network(
        &|cell, hour| Some((1.0, if hit(cell) && hour >= at { 0.05 } else { 1.0 })),
        &|cell| hit(cell).then_some(at),
        Vec::new(),
    );
    fixture::facts::ticket(&root, &["south/S004", "south/S005"], (at, end() - 2 * fixture::HOUR));
    done(&root);
    let found = confirmed(&drift(&root), "traffic_dl_gb");
    assert!(!found.is_empty());
    assert!(found.iter().all(|found| found.2 == "outage"), "{found:?}");
    assert!(found[0].3.contains("without them the effect falls"), "{found:?}");
}

#[test]
fn a_new_cell_explains_what_its_sisters_lose() {
    let beside = |cell: Cell| cell.region == 0 && cell.site < 3;
    let at = end() - 3 * DAY;
    let new = |site: usize| {
        let id = format!("north/N{:03}", site + 1);
        ("cell", format!("{id}/4"), Some(id), at, "R1")
    };
    let (_folder, root) = network(
        &|cell, hour| Some((1.0, if beside(cell) && hour >= at { 0.4 } else { 1.0 })),
        NEVER,
        vec![new(0), new(1), new(2)],
    );
    done(&root);
    let found = confirmed(&drift(&root), "traffic_dl_gb");
    assert!(!found.is_empty() && found.iter().all(|found| found.2 == "new_carrier"), "{found:?}");
}

#[test]
fn a_first_inventory_builds_nothing() {
    let at = end() - 3 * DAY;
    let (_folder, root) = fixture::network_since(
        end() - 5 * DAY,
        &|cell, hour| {
            let hit = cell.region == 0 && cell.site < 8 && hour >= at;
            Some((1.0, if hit { 0.4 } else { 1.0 }))
        },
        NEVER,
        Vec::new(),
    );
    done(&root);
    let found = confirmed(&drift(&root), "traffic_dl_gb");
    assert!(!found.is_empty() && found.iter().all(|found| found.2 == "unknown"), "{found:?}");
}

#[test]
fn what_changed_since_the_model_learnt_is_a_cause() {
    let upgraded = |cell: Cell| cell.region == 0 && cell.site < 5;
    let at = end() - 24 * DAY;
    let (_folder, root) = network(
        &|cell, hour| Some((if upgraded(cell) && hour >= at { 3.0 } else { 1.0 }, 1.0)),
        &|cell| upgraded(cell).then_some(at),
        Vec::new(),
    );
    fixture::models::model(&root, "anomaly", "m1", (end() - 60 * DAY, end() - 26 * DAY));
    fixture::models::promote(&root, "anomaly", 1, "m1");
    done(&root);
    let found = confirmed(&drift(&root), "latency_dl");
    let part = found.iter().find(|found| found.0 == "*" && found.1 == "part").unwrap();
    assert_eq!(part.2, "software_upgrade", "{found:?}");
}

#[test]
fn what_nobody_knows_a_cause_of_is_unknown() {
    let at = end() - 3 * DAY;
    let (_folder, root) =
        network(&|_, hour| Some((if hour >= at { 1.3 } else { 1.0 }, 1.0)), NEVER, Vec::new());
    let run = done(&root);
    assert_eq!(run.result["verdict"], "drift");
    let found = confirmed(&drift(&root), "latency_dl");
    assert!(found.iter().any(|found| found.0 == "*" && found.1 == "level"), "{found:?}");
    assert!(found.iter().all(|found| found.2 == "unknown"), "{found:?}");
}

#[test]
fn one_odd_window_is_flagged_and_not_confirmed() {
    let at = end() - DAY;
    let (_folder, root) =
        network(&|_, hour| Some((if hour >= at { 1.6 } else { 1.0 }, 1.0)), NEVER, Vec::new());
    let run = done(&root);
    assert!(run.number("flagged").unwrap() > 0.0, "{}", run.result);
    assert_eq!(run.number("confirmed"), Some(0.0), "{}", run.result);
}

#[test]
fn a_public_holiday_is_named() {
    // 27 December 2025: the window holds both days of Christmas.
    fixture::set(1_766_793_600_000_000, 0);
    let at = end() - 2 * DAY;
    let (_folder, root) =
        network(&|_, hour| Some((1.0, if hour >= at { 0.6 } else { 1.0 })), NEVER, Vec::new());
    done(&root);
    let rows = drift(&root);
    let found = fixture::rows_where(&rows, &[("channel", "traffic_dl_gb"), ("cause", "holiday")]);
    assert!(!found.is_empty());
    assert!(found.iter().all(|row| fixture::flag(&rows, "flagged", *row)));
}

#[test]
fn an_evening_without_power_is_no_drift() {
    let out = end() - 2 * DAY + 16 * fixture::HOUR..end() - 2 * DAY + 20 * fixture::HOUR;
    let (_folder, root) = network(
        &|cell, hour| {
            let is_out = out.contains(&hour) && cell.region == 0 && cell.site < 8;
            Some((1.0, if is_out { 0.0 } else { 1.0 }))
        },
        NEVER,
        Vec::new(),
    );
    let run = done(&root);
    assert!(run.number("flagged").unwrap() > 0.0, "{}", run.result);
    assert_eq!(run.number("confirmed"), Some(0.0), "{}", run.result);
}

#[test]
fn a_hole_in_the_reference_is_a_stated_exclusion() {
    let hole = |days: i64| {
        move |_: Cell, hour: i64| {
            let since = end() - 50 * DAY;
            (!(since..since + days * DAY).contains(&hour)).then_some((1.0, 1.0))
        }
    };
    let (_folder, root) = network(&hole(6), NEVER, Vec::new());
    done(&root);
    let rows = drift(&root);
    let said = text(&rows, "exclusions", 0);
    assert!(said.contains("of 55 reference blocks hold less than half of their values"), "{said}");
    assert_eq!(text(&rows, "not_tested", 0), "");
    let (_folder, root) = network(&hole(44), NEVER, Vec::new());
    let run = done(&root);
    assert_eq!(run.number("tests"), Some(0.0));
    let said = text(&drift(&root), "not_tested", 0);
    assert!(said.starts_with("the reference holds"), "{said}");
}

#[test]
fn a_reference_that_lacks_many_entities_says_so() {
    let since = end() - 30 * DAY;
    // A week of one vendor never came.
    let (_folder, root) = network(
        &|cell, hour| {
            let is_lost = cell.cell == 0 && (since..since + 7 * DAY).contains(&hour);
            (!is_lost).then_some((1.0, 1.0))
        },
        NEVER,
        Vec::new(),
    );
    done(&root);
    let rows = drift(&root);
    let said = text(&rows, "exclusions", 0);
    let told = "6 of 55 reference blocks lack many entities (at worst 67 % have values), which widens what is usual";
    assert!(said.contains(told), "{said}");
    let page = root.read("reports/20260302T0000Z/monitor.html").unwrap();
    assert!(String::from_utf8_lossy(&page).contains(told));
}

#[test]
fn silence_is_missing_data_and_breaks_nothing_else() {
    let at = end() - 2 * DAY;
    let (_folder, root) = network(
        &|cell, hour| (hour < at || cell.site % 2 == 0).then_some((1.0, 1.0)),
        NEVER,
        Vec::new(),
    );
    let run = done(&root);
    assert_eq!(run.number("confirmed"), Some(0.0), "{}", run.result);
    let rows = fixture::performance(&root);
    let nulls =
        fixture::rows_where(&rows, &[("metric", "null_rate"), ("scope", "cell latency_dl")]);
    assert_eq!(text(&rows, "state", nulls[0]), "warn");
    assert_eq!(fixture::number(&rows, "value", nulls[0]), Some(0.5));
}

#[test]
fn a_channel_that_is_gone_is_named() {
    let upgraded = |cell: Cell| cell.region == 0;
    for (at, software, cause) in [
        (end() - 4 * DAY, None, "missing_data"),
        (end() - 4 * DAY, Some(end() - 4 * DAY), "software_upgrade"),
        (end() - 2 * DAY, None, ""),
    ] {
        let (_folder, root) = network(
            &|cell, hour| Some((if upgraded(cell) && hour >= at { f64::NAN } else { 1.0 }, 1.0)),
            &|cell| software.filter(|_| upgraded(cell)),
            Vec::new(),
        );
        done(&root);
        let rows = drift(&root);
        let gone = fixture::rows_where(&rows, &[("statistic", "gone")]);
        let of = |name| text(&rows, name, gone[0]);
        assert_eq!(gone.len(), 1);
        assert_eq!((of("channel"), of("group_id")), ("latency_dl".into(), "north".into()));
        assert!(fixture::flag(&rows, "flagged", gone[0]));
        // Two days without a value are the first window of them.
        let found = confirmed(&rows, "latency_dl");
        let found: Vec<_> = found.iter().filter(|found| found.1 == "gone").collect();
        assert_eq!(found.iter().map(|found| found.2.as_str()).next().unwrap_or_default(), cause);
        let said = "none of 36 entities has a value, and all had in the reference; \
                    1 of 1 other channels of theirs go on";
        let evidence = fixture::evidence(&rows, gone[0]);
        assert!(evidence.starts_with(said), "{evidence}");
        let untested = fixture::rows_where(
            &rows,
            &[("channel", "latency_dl"), ("group_id", "north"), ("statistic", "level")],
        );
        assert_eq!(text(&rows, "not_tested", untested[0]), "no entity has a value in the window");
    }
}

#[test]
fn half_a_day_is_refused() {
    let (_folder, root) = network(AS_IT_IS, NEVER, Vec::new());
    let run = foresite_testkit::Binary::stage("monitor")
        .root(&root.local_path("").unwrap())
        .interval("2026-03-01T00:00:00Z", "2026-03-01T12:00:00Z")
        .exits(2);
    assert!(run.error_line().contains("expected full days"), "{}", run.stderr);
}

#[test]
fn what_is_to_be_watched_and_is_not_there_is_told() {
    let (_folder, root) = network(AS_IT_IS, NEVER, Vec::new());
    let set = |kind: &str, channels: &[&str]| serde_json::json!({"task": "anomaly", "entity_type": kind, "channels": channels});
    let sets = [set("cell", &["no_such_channel"]), set("unit", &["latency_dl", "traffic_dl_gb"])];
    let run = foresite_testkit::Binary::stage("monitor")
        .root(&root.local_path("").unwrap())
        .interval("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
        .config(&serde_json::json!({"sets": sets}))
        .exits(0);
    assert_eq!(run.result["verdict"], "unknown", "{}", run.result);
    let rows = drift(&root);
    let told: Vec<(String, String)> = (0..rows.num_rows())
        .map(|row| (text(&rows, "channel", row), text(&rows, "not_tested", row)))
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|of| (of.0.as_str(), of.1.as_str())).collect();
    let channel = ("no_such_channel", "table `kpis` has no such channel");
    let entities = ("*", "no entity of the type unit is known");
    assert!(told.len() == 2 && told.contains(&channel) && told.contains(&entities), "{told:?}");
}
