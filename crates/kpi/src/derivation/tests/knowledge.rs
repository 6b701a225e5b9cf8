//! Late, corrected and withdrawn facts.

use proptest::prelude::*;

use super::fixture::*;
use crate::{HOUR, Micros, quality};

const CU: &str = "NRCellCU=1";
const CELL: &str = "north/N001/1/n78";

fn network() -> Network {
    Network::new(&[(CU, "cell", CELL), ("NRCellCU=2", "cell", "north/N001/2/n78")])
}

fn volume(quarter: i64, mbit: f64) -> Counters {
    counters(CU, quarter, &[("DRB.PdcpSduVolumeDL", mbit)])
}

fn versions(out: &Rows, id: &str) -> Vec<(Micros, Option<f64>)> {
    let of_hour = |key: &Key| key.1 == id && key.3 == 3600 && !key.0.starts_with("group");
    let rows = out.0.iter().filter(|(key, _)| of_hour(key));
    rows.map(|(key, row)| ((key.4 - T0) / MINUTE, row.1.get("traffic_dl_gb").copied())).collect()
}

#[test]
fn a_late_quarter_makes_a_second_version() {
    let mut rows: Vec<_> = (0..4).map(|quarter| volume(quarter, 8_000.0)).collect();
    rows[3].known_at = T0 + 5 * HOUR;
    let out = network().hour(&rows);
    assert_eq!(versions(&out, CELL), [(80, Some(3.0)), (300, Some(4.0))]);
    assert_eq!(out.bits(CELL, 0), 0);
}

#[test]
fn a_correction_wins_from_when_it_was_known() {
    let mut rows = vec![volume(0, 8_000.0), volume(0, 16_000.0)];
    rows[1].known_at = T0 + 5 * HOUR;
    let out = network().hour(&rows);
    assert_eq!(versions(&out, CELL), [(80, Some(1.0)), (300, Some(2.0))]);
}

#[test]
fn of_two_files_known_together_the_greater_hash_wins() {
    let mut rows = vec![volume(0, 8_000.0), volume(0, 16_000.0)];
    rows[0].file = "b".into();
    rows[1].file = "a".into();
    assert_eq!(versions(&network().hour(&rows), CELL), [(80, Some(1.0))]);
}

#[test]
fn an_hour_that_came_late_was_a_gap() {
    let mut row = volume(0, 8_000.0);
    row.known_at = T0 + 5 * HOUR;
    let out = network().hour(&[row]);
    assert_eq!(versions(&out, CELL), [(80, None), (300, Some(1.0))]);
}

#[test]
fn validate_takes_values_away_from_when_it_said_so() {
    let rows: Vec<_> = (0..4).map(|quarter| volume(quarter, 8_000.0)).collect();
    let mut network = network();
    let (start, end) = (T0 + QUARTER, T0 + 2 * QUARTER);
    let scope = format!("NE=1,{CU}");
    network.quality.push(("suspect".into(), scope, start, end, "null_rows".into(), T0 + 3 * HOUR));
    let out = network.hour(&rows);
    assert_eq!(versions(&out, CELL), [(80, Some(4.0)), (180, Some(3.0))]);
    assert_eq!(out.bits(CELL, 0), quality::NULLED | quality::PARTLY);
    // The rule is withdrawn.
    let mut withdrawn = network.quality[0].clone();
    (withdrawn.4, withdrawn.5) = ("info".into(), T0 + 4 * HOUR);
    network.quality.push(withdrawn);
    let out = network.hour(&rows);
    assert_eq!(versions(&out, CELL), [(80, Some(4.0)), (180, Some(3.0)), (240, Some(4.0))]);
}

#[test]
fn an_object_that_was_mapped_wrongly_moves_when_that_is_known() {
    let mut network = network();
    let other = "north/N009/1/n78";
    network.objects.push((CU.into(), "cell".into(), other.into(), 0, None, T0 + 3 * HOUR));
    let out = network.hour(&[volume(0, 8_000.0)]);
    assert_eq!(versions(&out, CELL), [(80, Some(1.0)), (180, None)]);
    assert_eq!(versions(&out, other), [(180, Some(1.0))]);
}

/// A row of any object, quarter, value and delay; the same object and quarter may come twice.
fn any_row() -> impl Strategy<Value = Counters> {
    (1..3_u32, 0..12_i64, 1..50_u32, 0..6_i64, any::<bool>()).prop_map(
        |(object, quarter, value, delay, suspect)| {
            let value = f64::from(value);
            let values = [
                ("DRB.PdcpSduVolumeDL", value),
                ("RRC.ConnMean", value),
                ("RRC.ConnEstabAtt", value),
                ("RRC.ConnEstabSucc", value - 1.0),
            ];
            let mut row = counters(&format!("NRCellCU={object}"), quarter, &values);
            row.known_at += delay * HOUR;
            row.suspect = suspect;
            row.file = format!("{value}");
            row
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One wide interval at the end = every hour derived again at every moment, rows kept.
    #[test]
    fn a_wide_interval_equals_many_small_ones(
        rows in prop::collection::vec(any_row(), 0..30),
        (forbidden, forbidden_at) in (0..12_i64, 0..6_i64),
        (moved, moved_at) in (0..4_i64, 0..6_i64),
    ) {
        let mut network = network();
        let start = T0 + forbidden * QUARTER;
        let known = start + HOUR + LATENESS + forbidden_at * HOUR;
        let rule = ("r".into(), format!("NE=1,{CU}"));
        network.quality.push((rule.0, rule.1, start, start + QUARTER, "null_rows".into(), known));
        let moves = [("1", 0, 0), ("2", T0 + moved * HOUR, T0 + moved_at * HOUR + LATENESS)];
        network.inventory.extend(moves.map(|(sector, from, known)| {
            ("cell".into(), CELL.into(), format!("north/N001/{sector}"), from, None, known)
        }));
        let moments = (0..=12).map(|hour| T0 + hour * HOUR + LATENESS);
        let mut small = Rows::default();
        for as_of in moments.clone() {
            for start in (0..3).map(|hour| T0 + hour * HOUR) {
                let derived = network.derive(&rows, (start, start + HOUR), as_of).0;
                small.0.extend(Rows::new(&derived).0);
            }
        }
        let last = T0 + 12 * HOUR + LATENESS;
        let wide = Rows::new(&network.derive(&rows, (T0, T0 + 3 * HOUR), last).0);
        prop_assert_eq!(wide, small);
    }
}
