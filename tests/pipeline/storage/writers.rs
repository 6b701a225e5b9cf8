//! Processes that replace slots until they are killed: what they said, and what the log must show
//! of it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use foresite_testkit::binary_path;

use super::raw_log::RawLog;

/// Hours that are replaced in turn.
const SLOTS: i64 = 4;
/// Rows of each.
pub(super) const ROWS: i64 = 200;

/// `tiny-writer` on a data root, from its first token on.
pub(super) fn writer(root: &str, name: &str, first: i64, count: i64) -> Child {
    let mut command = Command::new(binary_path("foresite-tiny-writer"));
    command.arg(root).arg(name);
    command.args([first, count, SLOTS, ROWS].map(|number| number.to_string()));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a writer acknowledged: (token, hour, version). A last line that the kill cut is dropped.
pub(super) fn acknowledged(child: &mut Child) -> Vec<(i64, i64, u64)> {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| {
            let mut numbers = line.split(' ').map(|number| number.parse::<i64>().unwrap());
            let [token, hour, version] = [(); 3].map(|()| numbers.next().unwrap());
            (token, hour, version as u64)
        })
        .collect()
}

/// Every version shows whole slots only: per hour one token, on all rows.
pub(super) fn assert_whole(log: &RawLog, version: u64) {
    for (hour, tokens) in log.hours(version) {
        let rows: Vec<usize> = tokens.values().copied().collect();
        assert_eq!(rows, [ROWS as usize], "version {version}, hour {hour}: {tokens:?}");
    }
}

/// Each acknowledged replacement is in the log once, at the version that was acknowledged, and the
/// newest version shows for each hour the last token of the log.
pub(super) fn assert_kept(log: &RawLog, acknowledged: &[(i64, i64, u64)]) {
    let mut versions: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for (version, token) in &log.tokens {
        versions.entry(*token).or_default().push(*version);
    }
    for (token, found) in &versions {
        assert_eq!(found.len(), 1, "token {token} was committed as versions {found:?}");
    }
    for (token, _, version) in acknowledged {
        assert_eq!(versions.get(token).map(Vec::as_slice), Some(&[*version][..]), "token {token}");
    }
    let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
    for (_, token) in &log.tokens {
        newest.insert(token % SLOTS, *token);
    }
    let shown = log.hours(log.versions - 1);
    let shown: BTreeMap<i64, i64> = shown
        .into_iter()
        .filter_map(|(hour, tokens)| Some((hour, *tokens.keys().next()?)))
        .collect();
    assert_eq!(shown, newest);
}

/// How many writers to kill: `FORESITE_KILLS`, or else what the gate can afford.
pub(super) fn kills(affordable: u64) -> u64 {
    std::env::var("FORESITE_KILLS").map_or(affordable, |text| text.parse().unwrap())
}

/// A number that differs from round to round and is the same in every run.
pub(super) fn scattered(round: u64, below: u64) -> u64 {
    round.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % below
}
