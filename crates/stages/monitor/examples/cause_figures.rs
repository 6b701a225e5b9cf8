//! Injects upgrades, new carriers, holidays, outages and local events of random reach into a made-up
//! network and counts how often the monitor names the right cause first, while a bystander has an
//! outage, an upgrade or an event of its own. `cargo run --example cause_figures -p
//! foresite-monitor [RUNS] [SEED]`, after `cargo build`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, dead_code)]

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use arrow::array::RecordBatch;
use fixture::facts::{Happening, happen, ticket};
use fixture::{Cell, DAY, HOUR, SITES, State, drift, end, flag, network, noise, number, text};

/// 2026-03-02 and, for Christmas, 2025-12-27.
const MONDAY: i64 = 1_772_409_600_000_000;
const CHRISTMAS: i64 = 1_766_793_600_000_000;

/// A number from 0 to 1 that follows from the seed.
fn draw(which: i64) -> f64 {
    (noise([-7, which, 99]) + 1.0) / 2.0
}

/// A site of the other region, which has nothing to do with what happens.
fn bystander(hit: &impl Fn(Cell) -> bool) -> Cell {
    let region = usize::from(fixture::cells().any(|cell| cell.region == 0 && hit(cell)));
    Cell { region, site: (draw(8) * SITES as f64) as usize, cell: 0 }
}

/// Software of a bystander's cells changes as well.
fn also(cell: Cell, bystander: Cell, at: i64) -> Option<i64> {
    (cell.site_id() == bystander.site_id()).then_some(at)
}

/// The cause of the strongest flagged test.
fn first(rows: &RecordBatch) -> String {
    strongest(rows).map_or_else(|| "nothing".into(), |row| text(rows, "cause", row))
}

/// Row of the strongest flagged test.
fn strongest(rows: &RecordBatch) -> Option<usize> {
    let effect = |row: &usize| number(rows, "effect", *row).unwrap_or(0.0);
    let flagged = (0..rows.num_rows()).filter(|row| flag(rows, "flagged", *row));
    flagged.max_by(|a, b| effect(a).total_cmp(&effect(b)))
}

/// Sites of one region, so many, from a random one on.
fn reach(least: usize, most: usize) -> impl Fn(Cell) -> bool {
    let count = least + (draw(1) * (most - least + 1) as f64) as usize;
    let (from, region) = ((draw(2) * SITES as f64) as usize, usize::from(draw(3) > 0.5));
    move |cell| cell.region == region && (cell.site + SITES - from) % SITES < count
}

fn upgrade() -> String {
    let (hit, at) = (reach(3, 8), end() - (3 + (draw(4) * 4.0) as i64) * DAY);
    let factor = [0.7, 1.3, 1.6, 8.0][(draw(5) * 4.0) as usize % 4];
    let (_folder, root) = network(
        &|cell, hour| Some((if hit(cell) && hour >= at { factor } else { 1.0 }, 1.0)),
        &|cell| hit(cell).then_some(at),
        Vec::new(),
    );
    let other = bystander(&hit).site_id();
    ticket(&root, &[&other], (end() - 30 * HOUR, end() - 28 * HOUR));
    fixture::done(&root);
    first(&drift(&root))
}

fn carrier() -> String {
    let (hit, at) = (reach(2, 5), end() - (3 + (draw(4) * 4.0) as i64) * DAY);
    let factor = 0.4 + 0.3 * draw(5);
    let other = bystander(&hit);
    let new: Vec<State> = fixture::cells()
        .filter(|cell| cell.cell == 0 && hit(*cell))
        .map(|cell| {
            let id = cell.site_id();
            ("cell", format!("{id}/9"), Some(id), at, "R1")
        })
        .collect();
    let (_folder, root) = network(
        &|cell, hour| Some((1.0, if hit(cell) && hour >= at { factor } else { 1.0 })),
        &|cell| also(cell, other, at),
        new,
    );
    ticket(&root, &[&other.site_id()], (end() - 30 * HOUR, end() - 28 * HOUR));
    fixture::done(&root);
    first(&drift(&root))
}

fn holiday() -> String {
    let (at, factor) = (end() - 2 * DAY, 0.5 + 0.3 * draw(5));
    let (_folder, root) = network(
        &|_, hour| Some((1.0, if hour >= at { factor } else { 1.0 })),
        &|_| None,
        Vec::new(),
    );
    fixture::done(&root);
    first(&drift(&root))
}

fn outage() -> String {
    let (hit, at) = (reach(1, 4), end() - (20 + (draw(4) * 40.0) as i64) * HOUR);
    let until = (at + (8 + (draw(6) * 30.0) as i64) * HOUR).min(end() - HOUR);
    let other = bystander(&hit);
    let (_folder, root) = network(
        &|cell, hour| Some((1.0, if hit(cell) && (at..until).contains(&hour) { 0.0 } else { 1.0 })),
        &|cell| also(cell, other, at),
        Vec::new(),
    );
    let sites: Vec<String> =
        fixture::cells().filter(|cell| cell.cell == 0 && hit(*cell)).map(Cell::site_id).collect();
    let sites: Vec<&str> = sites.iter().map(String::as_str).collect();
    ticket(&root, &sites, (at, until));
    fixture::done(&root);
    first(&drift(&root))
}

/// A fair of some days; elsewhere somebody has a match, and an upgrade.
fn event() -> String {
    let hit = reach(2, 5);
    let at = end() - (36 + (draw(4) * 60.0) as i64) * HOUR;
    let until = end() - (draw(6) * 10.0) as i64 * HOUR;
    let factor = 1.5 + draw(5);
    let other = bystander(&hit).site_id();
    let (_folder, root) = network(
        &|cell, hour| {
            let is_there = hit(cell) && (at..until).contains(&hour);
            Some((1.0, if is_there { factor } else { 1.0 }))
        },
        &|cell| (cell.site_id() == other).then_some(at),
        Vec::new(),
    );
    let sites: Vec<String> =
        fixture::cells().filter(|cell| cell.cell == 0 && hit(*cell)).map(Cell::site_id).collect();
    let sites = sites.join(";");
    let happening = |id, span, entities| Happening {
        id,
        fact: "planned",
        span,
        entities: Some(entities),
        circle: None,
        known_at: end() - 20 * DAY,
    };
    let elsewhere = (end() - 30 * HOUR, end() - 27 * HOUR);
    happen(&root, &[happening("fair", (at, until), &sites), happening("match", elsewhere, &other)]);
    ticket(&root, &[&other], (end() - 30 * HOUR, end() - 28 * HOUR));
    fixture::done(&root);
    let rows = drift(&root);
    match first(&rows) {
        cause if cause == "event" && !names(&rows, "event:fair") => "another event".into(),
        cause => cause,
    }
}

/// Whether the strongest flagged test names it.
fn names(rows: &RecordBatch, what: &str) -> bool {
    strongest(rows).is_some_and(|row| fixture::evidence(rows, row).contains(what))
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (runs, seed) = (arguments.next().unwrap_or(20_i64), arguments.next().unwrap_or(1));
    type Inject = (&'static str, i64, fn() -> String);
    let kinds: [Inject; 5] = [
        ("software_upgrade", MONDAY, upgrade),
        ("new_carrier", MONDAY, carrier),
        ("holiday", CHRISTMAS, holiday),
        ("outage", MONDAY, outage),
        ("event", MONDAY, event),
    ];
    for (cause, end, inject) in kinds {
        let said: Vec<String> = (0..runs)
            .map(|run| {
                fixture::set(end, 1000 * seed + run);
                inject()
            })
            .collect();
        let right = said.iter().filter(|said| *said == cause).count();
        let others: Vec<&String> = said.iter().filter(|said| *said != cause).collect();
        println!("{cause}: {right} of {runs}; otherwise {others:?}");
    }
}
