//! What past lists stated and what came of it, as `monitor` left it in `performance`.

use foresite_advise::clock::{DAY, HOUR, Micros};
use foresite_schema::catalog::watch;
use foresite_tables::Root;
use foresite_testkit::Rows;

use super::fixture::CUTOFF;
use super::{data_root, finished};

const METRICS: [&str; 4] = ["stated_hits", "hits", "stated_misses", "misses"];

/// What `monitor` found of maintenance at the end of a day.
fn judged(root: &Root, until: Micros, values: [f64; 4]) {
    let same = |word| METRICS.iter().map(move |_| Some(word));
    Rows::new(METRICS.len())
        .text("task", same("maintenance"))
        .text("model_id", same("m1"))
        .text("role", same("champion"))
        .text("scope", same(watch::OF_LISTS))
        .text("metric", METRICS.iter().map(|name| Some(*name)))
        .text("kind", same("realised"))
        .text("state", same("ok"))
        .numbers("value", values.into_iter().map(Some))
        .longs("samples", METRICS.iter().map(|_| 24))
        .times("window_start", METRICS.iter().map(|_| Some(until - DAY)))
        .times("window_end", METRICS.iter().map(|_| Some(until)))
        .write(root, watch::performance(), until);
}

#[test]
fn the_report_tells_what_came_of_past_lists_as_the_day_before_found_it() {
    let (folder, root, _) = data_root();
    judged(&root, CUTOFF - 2 * DAY, [9.5, 9.25, 9.0, 9.0]);
    judged(&root, CUTOFF - DAY, [3.5, 2.25, 0.5, 1.0]);
    finished(folder.path(), &[]);
    let report = "reports/20260309T1400Z/report.html";
    let page = String::from_utf8(root.read(report).unwrap().to_vec()).unwrap();
    let said = page.replace('\n', " ");
    for words in ["24 lists whose time was over by", "stated 3.5 right items and had 2.2"] {
        assert!(said.contains(words), "expected `{words}` in the report");
    }
    // Monitor looks when the lists of the day are out: they are no others for that.
    judged(&root, CUTOFF - HOUR, [1.0; 4]);
    assert_eq!(finished(folder.path(), &[])["status"], "unchanged");
}
