//! What was rejected, and what waits to be computed again.

use std::collections::BTreeMap;

use foresite_schema::catalog::raw;
use foresite_tables::{Micros, Read, Result, Root};

use crate::clock::{DAY, stamp};
use crate::completeness::{Quarantined, StaleHour, Window};
use crate::read::scanned;

/// Open slots older than this are not looked for.
const STALE: Micros = 60 * DAY;

/// Files and rows set aside since the window's first day, the newest first.
pub(crate) fn quarantine(root: &Root, window: Window) -> Result<Vec<Quarantined>> {
    let mut found = Vec::new();
    let read = Read::all()
        .columns(["path", "at", "place", "reason", "rows"])
        .since("at", window.days_from);
    scanned(root, raw::quarantine(), &read, |rows| {
        let [path, place, reason] = ["path", "place", "reason"].map(|name| rows.text(name));
        let (at, count) = (rows.times("at"), rows.longs("rows"));
        found.extend(rows.each().map(|row| Quarantined {
            at: stamp(at.required(row)),
            path: path.owned(row),
            place: place.filled(row),
            reason: reason.owned(row),
            rows: count.at(row).unwrap_or(0),
        }));
    })?;
    found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.cmp(b)));
    Ok(found)
}

/// Open slots by hour: table, source and start; how many, since when.
pub(crate) fn stale(root: &Root, end: Micros) -> Result<Vec<StaleHour>> {
    let mut open: BTreeMap<_, (Option<Micros>, bool)> = BTreeMap::new();
    let columns = ["source", "bucket", "stale_table", "start_at", "end_at", "cause", "state", "at"];
    let read = Read::all().columns(columns).since("at", end - STALE);
    scanned(root, raw::stale(), &read, |rows| {
        let [source, table, cause, state] =
            ["source", "stale_table", "cause", "state"].map(|name| rows.text(name));
        let (bucket, at) = (rows.ints("bucket"), rows.times("at"));
        let (start, stop) = (rows.times("start_at"), rows.times("end_at"));
        for row in rows.each() {
            let hour = (start.required(row), source.owned(row), table.owned(row));
            let slot = (hour, stop.at(row), bucket.at(row), cause.owned(row));
            let known = open.entry(slot).or_default();
            match state.at(row) {
                "open" => known.0 = at.at(row),
                _ => known.1 = true,
            }
        }
    })?;
    let mut by_hour: BTreeMap<_, (usize, Micros)> = BTreeMap::new();
    for ((hour, ..), (opened, is_done)) in open {
        if let Some(opened) = opened.filter(|_| !is_done) {
            let entry = by_hour.entry(hour).or_insert((0, opened));
            *entry = (entry.0 + 1, entry.1.min(opened));
        }
    }
    let hour = |((start, source, table), (slots, since))| StaleHour {
        start: stamp(start),
        source,
        table,
        slots,
        open_since: stamp(since),
    };
    Ok(by_hour.into_iter().map(hour).collect())
}
