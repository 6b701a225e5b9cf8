//! Profiles of clean, broken and short histories.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use super::*;
use crate::batch::BatchError;
use crate::clock::LocalClock;
use crate::cube::{Grid, Rank};
use crate::task::{DAY, HOUR, WEEK};

fn utc(_: &str) -> LocalClock {
    LocalClock::default()
}

/// A cube of `weeks` weeks in which `value(entity, hour)` was known an hour later.
fn cube(weeks: i64, entities: &[&str], value: impl Fn(usize, i64) -> f32) -> crate::cube::Cube {
    let grid = Grid::covering(0, weeks * WEEK, HOUR);
    let ids = entities.iter().map(|id| (*id).to_owned());
    let mut cube = crate::cube::Cube::new(grid, ids, vec!["users_mean".into()]);
    for entity in 0..entities.len() {
        for step in 0..grid.steps {
            let hour = i64::try_from(step).unwrap();
            let value = value(entity, hour);
            if !value.is_nan() {
                cube.insert(entity, step, (Rank::Derived, (hour + 1) * HOUR), &[value]);
            }
        }
    }
    cube.finish();
    cube
}

fn wave(hour: i64) -> f32 {
    10.0 + 5.0 * ((hour % 24) as f32 / 24.0 * std::f32::consts::TAU).sin()
        + ((hour * 7919) % 11) as f32 * 0.1
}

#[test]
fn an_outage_week_does_not_move_the_profile() {
    let quiet = cube(8, &["a"], |_, hour| wave(hour));
    let broken = cube(8, &["a"], |_, hour| if hour / 168 == 3 { 0.0 } else { wave(hour) });
    let [quiet, broken] = [quiet, broken].map(|cube| build(&cube, utc, 8 * WEEK));
    let (quiet, broken) =
        (quiet.get("a", "users_mean").unwrap(), broken.get("a", "users_mean").unwrap());
    for hour in 0..168 {
        assert!((quiet.median[hour] - broken.median[hour]).abs() < 0.4, "{hour}");
        assert_eq!(quiet.observations[hour], 8);
    }
    assert!(broken.deviation(6, 0.0) < -15.0);
}

#[test]
fn a_new_cell_borrows_the_shape_of_its_group() {
    // `new` has two days of history at three times the level of the others.
    let cube = cube(8, &["a", "b", "new"], |entity, hour| match entity {
        2 if hour < 54 * 24 => f32::NAN,
        2 => 3.0 * wave(hour),
        _ => wave(hour),
    });
    let set = build(&cube, utc, 8 * WEEK);
    let new = set.get("new", "users_mean").unwrap();
    let sunday_morning = 3 * 24 + 6; // history covers Tuesday and Wednesday only
    assert_eq!(new.observations[sunday_morning], 0);
    assert!(new.median[sunday_morning] > 22.0, "{}", new.median[sunday_morning]);
    assert!(new.spread[sunday_morning].is_finite());
}

#[test]
fn a_constant_channel_has_a_spread() {
    let set = build(&cube(4, &["a"], |_, _| 100.0), utc, 4 * WEEK);
    let profile = set.get("a", "users_mean").unwrap();
    assert_eq!(profile.deviation(0, 100.0), 0.0);
    assert!((profile.deviation(0, 97.0) + 3.0).abs() < 1e-5);
}

#[test]
fn what_was_not_known_does_not_enter() {
    let cube = cube(8, &["a"], |_, hour| if hour < 6 * 168 { wave(hour) } else { 1e6 });
    let early = build(&cube, utc, 6 * WEEK);
    assert!(early.get("a", "users_mean").unwrap().median.iter().all(|x| *x < 20.0));
}

#[test]
fn rows_of_the_table_read_back() {
    let set = build(
        &cube(3, &["a", "b"], |entity, hour| wave(hour) * (entity + 1) as f32),
        utc,
        3 * WEEK,
    );
    let batch = rows(&set).unwrap();
    let stamp = TimestampMicrosecondArray::from(vec![set.valid_from; batch.num_rows()])
        .with_timezone("UTC");
    let mut fields: Vec<_> = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("valid_from", crate::batch::time_type(), false)));
    fields.push(Arc::new(Field::new("known_at", crate::batch::time_type(), false)));
    let mut arrays = batch.columns().to_vec();
    let stamp = Arc::new(stamp) as ArrayRef;
    arrays.extend([stamp.clone(), stamp]);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let profiles = read(&[batch]).unwrap();
    assert_eq!(profiles.at(3 * WEEK), Some(&set));
    assert_eq!(profiles.at(3 * WEEK - DAY), None);
}

#[test]
fn only_sets_that_later_cutoffs_see_are_kept() {
    let set = |valid_from| ProfileSet { valid_from, channels: vec![], entities: BTreeMap::new() };
    let profiles = Profiles::new([0, DAY, 2 * DAY, 3 * DAY].map(set).into());
    let seen = |profiles: &Profiles, at| profiles.at(at).map(|set| set.valid_from);
    let kept = profiles.clone().since(DAY + HOUR);
    for at in [DAY + HOUR, 2 * DAY, 5 * DAY] {
        assert_eq!(seen(&kept, at), seen(&profiles, at), "{at}");
    }
    assert_eq!(seen(&kept, HOUR), None, "the first day is gone");
    assert_eq!(seen(&profiles.since(-HOUR), HOUR), Some(0), "nothing is older than the first");
}

#[test]
fn of_many_sets_only_those_are_needed_that_a_cutoff_may_see() {
    let times = |of: Vec<i64>| {
        Arc::new(TimestampMicrosecondArray::from(of).with_timezone("UTC")) as ArrayRef
    };
    let sets = |of: &[(i64, i64)], gone: &[i64]| {
        let rows = || of.iter().flat_map(|set| [*set; 3]);
        let (valid_from, known_at) = rows().unzip();
        let gone: Vec<bool> = rows().map(|(day, _)| gone.contains(&day)).collect();
        let gone = Arc::new(BooleanArray::from(gone)) as ArrayRef;
        let columns = [("valid_from", times(valid_from)), ("known_at", times(known_at))];
        let columns = columns.into_iter().chain([("tombstone", gone)]);
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let needed_of =
        |batch, from| first_needed([Ok::<_, BatchError>(batch)], from, |error| error).unwrap();
    let needed = |of: &[(i64, i64)], from| needed_of(sets(of, &[]), from);
    let daily = [(1, 1), (2, 2), (3, 3), (4, 4)];
    assert_eq!(needed(&daily, 3), Some(3));
    assert_eq!(needed(&daily, 9), Some(4));
    assert_eq!(needed(&daily, 0), Some(1), "later cutoffs see later sets");
    assert_eq!(needed(&[], 3), None);
    let buried = needed_of(sets(&daily, &[4]), 9);
    assert_eq!(buried, Some(3), "of the last nothing is left but tombstones");
    // One of an earlier day that became known last is the newest.
    assert_eq!(needed(&[(3, 3), (4, 4), (2, 5)], 6), Some(2));
    assert_eq!(needed(&[(3, 3), (4, 4), (2, 5)], 4), Some(2), "a later cutoff sees it");
}
