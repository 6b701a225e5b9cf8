//! A movement is confirmed only by a day that was seen, and only against what is usual.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use foresite_metrics::drift::group::{Group, Kinds, Statistic, Tested};
use foresite_metrics::drift::profile::Blocks;

const ENTITIES: usize = 40;
const REFERENCE: usize = 55;

/// Noise from -1 to 1 of a place.
fn noise(entity: usize, block: usize) -> f32 {
    let hash = (entity * 7919 + block * 104_729 + 13).wrapping_mul(2_654_435_761) % 2001;
    hash as f32 / 1000.0 - 1.0
}

/// Blocks about `usual` whose window lies at `window`, with the newest day that `newest` says.
fn entities(usual: f32, window: f32, newest: impl Fn(usize) -> f32) -> Vec<Blocks> {
    let of = |entity: usize| Blocks {
        reference: (0..REFERENCE)
            .map(|block| usual + 0.1 * noise(ENTITIES, block) + 0.3 * noise(entity, block))
            .collect(),
        windows: vec![usual, window + 0.1 * noise(entity, REFERENCE)],
        reference_pairs: (1..REFERENCE)
            .map(|block| usual + 0.1 * noise(ENTITIES, block) + 0.3 * noise(entity, block))
            .collect(),
        window_pairs: vec![window + 0.1 * noise(entity, REFERENCE)],
        strides: vec![usual, window, newest(entity)],
        steps: Vec::new(),
        spread: 1.0,
        level: 1.0,
        is_relative: false,
    };
    (0..ENTITIES).map(of).collect()
}

fn level(entities: &[Blocks]) -> Tested {
    level_where(entities, |_| true)
}

/// By the blocks of the reference that count.
fn level_where(entities: &[Blocks], counts: impl Fn(usize) -> bool) -> Tested {
    let weekday = |at: usize| u8::try_from(at % 7).ok().filter(|_| counts(at));
    let weekdays: Vec<Option<u8>> = (0..REFERENCE).map(weekday).collect();
    let kinds = Kinds { reference: &weekdays, windows: &[6, 0] };
    let of: Vec<&Blocks> = entities.iter().collect();
    let tests = Group::new(&of, kinds).unwrap().test(1);
    *tests.iter().find(|tested| tested.statistic == Statistic::Level).unwrap()
}

#[test]
fn a_newest_day_that_nobody_saw_says_nothing() {
    assert!(level(&entities(0.0, 2.0, |_| 2.0)).persists);
    assert!(!level(&entities(0.0, 2.0, |_| f32::NAN)).persists);
    let few = |entity| if entity < 3 { 2.0 } else { f32::NAN };
    assert!(!level(&entities(0.0, 2.0, few)).persists);
}

#[test]
fn movements_count_from_what_is_usual() {
    // Without drift the value is 1: one of 0.4 is down, and a day at 1 is as always.
    let down = level(&entities(1.0, 0.4, |_| 0.4));
    assert!(down.moved < -0.5 && down.persists, "{down:?}");
    assert!(!level(&entities(1.0, 0.4, |_| 1.0)).persists);
}

#[test]
fn where_too_few_pairs_of_blocks_count_a_window_is_tested_by_itself() {
    let moved = entities(0.0, 2.0, |_| 2.0);
    assert!(level(&moved).together.is_some_and(|chance| chance < 1e-6));
    // 36 of 55 blocks, 18 of 54 pairs.
    let alone = level_where(&moved, |at| at % 3 > 0);
    assert_eq!((alone.blocks, alone.together), (36, None));
    assert!(alone.p_value < 1e-6, "{alone:?}");
}
