//! What past lists stated and what came of it, as `monitor` left it in `performance`.

use foresite_advise::clock::{DAY, HOUR, Micros};
use foresite_schema::catalog::watch;
use foresite_testkit::Rows;

use super::fixture::CUTOFF;
use super::{data_root, finished};

const METRICS: [&str; 4] = ["stated_hits", "hits", "stated_misses", "misses"];

/// What `monitor` found of maintenance at the ends of days.
fn judged(days: &[(Micros, [f64; 4])]) -> Rows {
    let each = || days.iter().flat_map(|day| METRICS.iter().zip(day.1).map(|one| (day.0, one)));
    let same = |word| each().map(move |_| Some(word));
    Rows::new(each().count())
        .text("task", same("maintenance"))
        .text("model_id", same("m1"))
        .text("role", same("champion"))
        .text("scope", same(watch::OF_LISTS))
        .text("metric", each().map(|(_, (name, _))| Some(*name)))
        .text("kind", same("realised"))
        .text("state", same("ok"))
        .numbers("value", each().map(|(_, (_, value))| Some(value)))
        .longs("samples", each().map(|_| 24))
        .times("window_start", each().map(|(until, _)| Some(until - DAY)))
        .times("window_end", each().map(|(until, _)| Some(until)))
}

#[test]
fn the_report_tells_what_came_of_past_lists_as_the_day_before_found_it() {
    let (folder, root, _) = data_root();
    let days = [(CUTOFF - 2 * DAY, [9.5, 9.25, 9.0, 9.0]), (CUTOFF - DAY, [3.5, 2.25, 0.5, 1.0])];
    judged(&days).write(&root, watch::performance(), CUTOFF - DAY);
    finished(folder.path(), &[]);
    let report = "reports/20260309T1400Z/report.html";
    let page = String::from_utf8(root.read(report).unwrap().to_vec()).unwrap();
    let said = page.replace('\n', " ");
    for words in ["24 lists whose time was over by", "stated 3.5 right items and had 2.2"] {
        let around = said.find("24 lists").map(|at| &said[at..(at + 300).min(said.len())]);
        assert!(said.contains(words), "expected `{words}` in the report, got {around:?}");
    }
    // Monitor looks when the lists of the day are out: they are no others for that.
    let today = judged(&[(CUTOFF - HOUR, [1.0; 4])]);
    today.write_from(&root, watch::performance(), CUTOFF - HOUR, "another run");
    assert_eq!(finished(folder.path(), &[])["status"], "unchanged");
}
