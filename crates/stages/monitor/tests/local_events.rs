//! The stage as a process: local events as a cause of drift, as far as they were known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

mod fixture;

use fixture::facts::{Happening, happen};
use fixture::{
    AS_IT_IS, Cell, DAY, HOUR, State, confirmed, done, drift, end, monitor, monitor_at, network,
};
use foresite_schema::catalog::raw;
use foresite_tables::{Read, Root};
use foresite_testkit::Run;

/// What the fair of these tests would be, known ten days ahead.
fn fair() -> Happening<'static> {
    Happening {
        id: "fair",
        fact: "planned",
        span: (end() - 3 * DAY, end() + DAY),
        entities: Some("north/N001; north/N002;north/N003"),
        circle: None,
        known_at: end() - 10 * DAY,
    }
}

/// Three sites with two and a half times their traffic for three days.
fn crowded() -> (tempfile::TempDir, Root) {
    crowded_beside(Vec::new())
}

/// The same with more rows in the inventory.
fn crowded_beside(more: Vec<State>) -> (tempfile::TempDir, Root) {
    let hit = |cell: Cell| cell.region == 0 && cell.site < 3;
    let at = end() - 3 * DAY;
    network(
        &|cell, hour| Some((1.0, if hit(cell) && hour >= at { 2.5 } else { 1.0 })),
        &|_| None,
        more,
    )
}

/// The causes of what was confirmed about traffic: each with its evidence.
#[track_caller]
fn causes(root: &Root) -> Vec<(String, String)> {
    let found = confirmed(&drift(root), "traffic_dl_gb");
    assert!(!found.is_empty(), "no drift was confirmed");
    found.into_iter().map(|(_, _, cause, evidence)| (cause, evidence)).collect()
}

#[track_caller]
fn assert_all(root: &Root, cause: &str, why: &str) {
    let found = causes(root);
    assert!(found.iter().all(|of| of.0 == cause), "{why}: {found:?}");
}

fn unknown_events(run: &Run) -> Option<f64> {
    run.number("unknown_events")
}

#[test]
fn an_event_explains_what_moves_at_its_place_and_time() {
    let (_folder, root) = crowded();
    happen(&root, &[fair()]);
    let run = done(&root);
    assert_eq!(unknown_events(&run), Some(0.0), "{}", run.result);
    let found = causes(&root);
    assert!(found.iter().all(|of| of.0 == "event"), "{found:?}");
    let said = &found[0].1;
    assert!(said.starts_with("event:fair (Fair), 2026-02-27 00:00 UTC to 2026-03-03"), "{said}");
    assert!(said.contains("9 of 72 entities are in its reach"), "{said}");
    assert!(said.contains("without them"), "{said}");
    assert!(said.contains("100 % of what these moved by"), "{said}");
}

#[test]
fn an_event_elsewhere_or_at_another_time_explains_nothing() {
    let south = Happening { entities: Some("south"), ..fair() };
    let afternoon =
        Happening { span: (end() - 2 * DAY + 10 * HOUR, end() - 2 * DAY + 14 * HOUR), ..fair() };
    let over = Happening { span: (end() - 9 * DAY, end() - 3 * DAY), ..fair() };
    let always = Happening { span: (end() - 40 * DAY, end() + DAY), ..fair() };
    let cancelled = Happening { fact: "cancelled", known_at: end() - 5 * DAY, ..fair() };
    let moved = Happening {
        span: (end() + 30 * DAY, end() + 33 * DAY),
        known_at: end() - 5 * DAY,
        ..fair()
    };
    for (why, happenings) in [
        ("elsewhere", vec![south]),
        ("four hours of the two days", vec![afternoon]),
        ("over before the window", vec![over]),
        ("the reference has seen it", vec![always]),
        ("cancelled since", vec![fair(), cancelled]),
        ("moved since", vec![fair(), moved]),
    ] {
        let (_folder, root) = crowded();
        happen(&root, &happenings);
        done(&root);
        assert_all(&root, "unknown", why);
    }
}

#[test]
fn an_event_explains_nothing_where_it_brought_no_traffic() {
    let hit = |cell: Cell| cell.region == 0 && cell.site < 3;
    let at = end() - 3 * DAY;
    for (channel, factors) in [("latency_dl", (2.5, 1.0)), ("traffic_dl_gb", (1.0, 0.4))] {
        let (_folder, root) = network(
            &|cell, hour| Some(if hit(cell) && hour >= at { factors } else { (1.0, 1.0) }),
            &|_| None,
            Vec::new(),
        );
        happen(&root, &[fair()]);
        done(&root);
        let found = confirmed(&drift(&root), channel);
        assert!(!found.is_empty(), "no drift of {channel} was confirmed");
        assert!(found.iter().all(|of| of.2 == "unknown"), "{found:?}");
    }
}

#[test]
fn an_event_counts_once_it_is_known() {
    let (_folder, root) = crowded();
    happen(&root, &[Happening { known_at: end() + HOUR, ..fair() }]);
    done(&root);
    assert_all(&root, "unknown", "known after the clock of the run");
    monitor_at(&root, end() + 2 * HOUR).exits(0);
    assert_all(&root, "event", "known by the clock of the run");
}

#[test]
fn a_correction_counts_since_it_is_known() {
    let (_folder, root) = crowded();
    let first = Happening { entities: Some("south/S001"), ..fair() };
    happen(&root, &[first, Happening { known_at: end() + HOUR, ..fair() }]);
    done(&root);
    assert_all(&root, "unknown", "the first version was about another place");
    monitor_at(&root, end() + 2 * HOUR).exits(0);
    assert_all(&root, "event", "the second one is known");
}

#[test]
fn events_that_explain_only_together_are_named_together() {
    let (_folder, root) = crowded();
    let at = |id, site| Happening { id, entities: Some(site), ..fair() };
    let all = [at("a", "north/N001"), at("b", "north/N002"), at("c", "north/N003")];
    happen(&root, &all);
    done(&root);
    let found = causes(&root);
    assert!(found.iter().all(|of| of.0 == "event"), "{found:?}");
    let said = &found[0].1;
    assert!(["event:a", "event:b", "event:c"].iter().all(|id| said.contains(id)), "{said}");
    assert!(said.contains("9 of 72 entities are in their reach"), "{said}");
}

#[test]
fn an_event_reaches_who_belonged_to_its_place_when_it_was_on() {
    // A site that comes to the annex; the annex has no row of its own.
    let moved = |site: &str, at| ("site", site.to_owned(), Some("annex".to_owned()), at, "R1");
    let places = "north/N001; north/N002; north/N003; annex";
    let span = (end() - 2 * DAY + 2 * HOUR, end() + DAY);
    let fair = Happening { span, entities: Some(places), ..fair() };
    // On before the site came; it reaches nobody.
    let before = Happening {
        id: "before",
        span: (end() - 4 * DAY, end() - DAY),
        entities: Some("north/N999"),
        ..fair
    };
    for (at, reached) in [(end() - HOUR, 9), (span.0 - HOUR, 12), (end() - 50 * DAY, 12)] {
        let (_folder, root) = crowded_beside(vec![moved("north/N012", at)]);
        happen(&root, &[before, fair]);
        let run = done(&root);
        assert_eq!(unknown_events(&run), Some(1.0), "{}", run.stderr);
        let found = causes(&root);
        assert!(found.iter().all(|of| of.0 == "event"), "{found:?}");
        let said = format!("{reached} of 72 entities are in its reach");
        assert!(found[0].1.contains(&said), "{said}: {found:?}");
    }
}

#[test]
fn a_circle_reaches_what_stands_in_it() {
    let circle = Some([53.0, 10.0, 5.0]);
    let around = Happening { entities: None, circle, ..fair() };
    let (_folder, root) = crowded();
    fixture::facts::positions(&root);
    happen(&root, &[around]);
    let run = done(&root);
    assert_eq!(unknown_events(&run), Some(0.0), "{}", run.result);
    assert_all(&root, "event", "sites within 5 km");
}

#[test]
fn an_event_that_reaches_nobody_who_is_known_is_told() {
    let (_folder, root) = crowded();
    let circle = Some([53.0, 10.0, 5.0]);
    let around = Happening { id: "around", entities: None, circle, ..fair() };
    let strange = Happening { id: "strange", entities: Some("north/N999"), ..fair() };
    happen(&root, &[around, strange]);
    let run = done(&root);
    assert_eq!(unknown_events(&run), Some(2.0), "{}", run.result);
    assert!(run.stderr.contains("not in the inventory: north/N999"), "{}", run.stderr);
    assert!(run.stderr.contains("nothing whose coordinates are known"), "{}", run.stderr);
    assert_all(&root, "unknown", "nobody is in reach");
}

#[test]
fn an_evening_with_a_match_is_named_though_it_is_no_drift() {
    let evening = (end() - 2 * DAY + 16 * HOUR, end() - 2 * DAY + 22 * HOUR);
    let (_folder, root) = network(
        &|cell, hour| {
            let is_there = cell.region == 0 && cell.site < 8;
            let is_on = (evening.0..evening.1).contains(&hour);
            Some((1.0, if is_there && is_on { 8.0 } else { 1.0 }))
        },
        &|_| None,
        Vec::new(),
    );
    let sites: Vec<String> = (1..=8).map(|site| format!("north/N{site:03}")).collect();
    let sites = sites.join(";");
    happen(&root, &[Happening { span: evening, entities: Some(&sites), ..fair() }]);
    let run = done(&root);
    assert_eq!(run.number("confirmed"), Some(0.0), "{}", run.result);
    let rows = drift(&root);
    let flagged: Vec<usize> =
        fixture::rows_where(&rows, &[("channel", "traffic_dl_gb"), ("group_id", "north")])
            .into_iter()
            .filter(|row| fixture::flag(&rows, "flagged", *row))
            .collect();
    assert!(!flagged.is_empty(), "{}", run.result);
    for row in flagged {
        let evidence = fixture::evidence(&rows, row);
        assert_eq!(fixture::text(&rows, "cause", row), "event", "{evidence}");
    }
}

#[test]
fn what_ingest_refuses_is_no_event_whoever_wrote_it() {
    let (_folder, root) = crowded();
    happen(&root, &[Happening { span: (end() - 3 * DAY, end() + 100 * DAY), ..fair() }]);
    done(&root);
    assert_all(&root, "unknown", "an event that lasts longer than one may");
}

#[test]
fn events_are_part_of_what_was_read() {
    let (_folder, root) = network(AS_IT_IS, &|_| None, Vec::new());
    let without = done(&root).result["lineage_id"].clone();
    happen(&root, &[fair()]);
    let with = monitor(&root).exits(0);
    assert_ne!(with.result["lineage_id"], without, "{}", with.result);
    let table = root.existing(raw::local_events()).unwrap();
    assert_eq!(table.read(&Read::all()).unwrap().num_rows(), 1);
}
