//! Files that come late, twice, cut off or never, in the configured proportions.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use foresite_simulator::Network;
use foresite_simulator::calendar::{HOUR, timestamp};
use foresite_simulator::write::write_history;

use crate::disk::below;
use crate::files::digests;
use crate::small;

#[test]
fn defects_have_their_proportions() {
    let mut config = small();
    config.faults.scale = 0.0;
    config.xml_days = 20;
    config.files.late = 0.05;
    config.files.missing = 0.03;
    config.files.duplicate = 0.04;
    config.files.truncated = 0.02;
    let network = Network::generate(&config).unwrap();
    let root = tempfile::tempdir().unwrap();
    write_history(&network, &below(root.path())).unwrap();
    let found = digests(&root.path().join("landing/pm/north"));
    let expected = 20.0 * 24.0 * 5.0;
    let copies = found.keys().filter(|name| name.contains("_-_2")).count() as f64;
    let firsts = found.len() as f64 - copies;
    assert!((1.0 - firsts / expected - 0.03).abs() < 0.015, "missing: {firsts} of {expected}");
    // Half of the truncated files are sent again.
    assert!((copies / expected - 0.05).abs() < 0.02, "copies: {copies} of {expected}");
    let late = found.iter().filter(|(name, (_, modified))| {
        let start: String = name[1..14].replace('.', "T");
        let end = format!("{start}00Z").parse::<jiff::Timestamp>().unwrap().as_microsecond() + HOUR;
        let end = UNIX_EPOCH + Duration::from_micros(u64::try_from(end).unwrap());
        !name.contains("_-_2") && *modified > end + Duration::from_secs(600)
    });
    let late = late.count() as f64;
    assert!((late / expected - 0.05).abs() < 0.02, "late: {late} of {expected}");
}

#[test]
fn copies_carry_the_same_bytes() {
    let mut config = small();
    config.files.duplicate = 0.3;
    let network = Network::generate(&config).unwrap();
    let root = tempfile::tempdir().unwrap();
    write_history(&network, &below(root.path())).unwrap();
    let found = digests(&root.path().join("landing/pm/north"));
    let bytes: BTreeMap<&str, &str> =
        found.iter().map(|(name, (digest, _))| (name.as_str(), digest.as_str())).collect();
    let pairs = found.keys().filter(|name| name.contains("_-_2"));
    let equal = pairs
        .filter(|name| bytes.get(name.replace("_-_2", "").as_str()) == bytes.get(name.as_str()));
    assert!(equal.count() > 30);
}

#[test]
fn a_cut_off_site_delivers_when_it_is_back() {
    let mut config = small();
    config.seed = 12;
    config.faults.backhaul.sudden_per_year = 20.0;
    config.xml_days = 30;
    let network = Network::generate(&config).unwrap();
    let root = tempfile::tempdir().unwrap();
    write_history(&network, &below(root.path())).unwrap();
    let found = digests(&root.path().join("landing/pm/north"));
    let links = network.faults.failures.iter().filter(|failure| {
        failure.cause == foresite_simulator::faults::Cause::Transport
            && failure.end < config.end.0 - HOUR
            && failure.end - failure.start > 3 * HOUR
            && failure.start > config.end.0 - 29 * 24 * HOUR
    });
    let mut checked = 0;
    for failure in links {
        let hour = failure.start - failure.start.rem_euclid(HOUR) + HOUR;
        let element = network.layout.sites[failure.site].element(hour).to_owned();
        let begin = timestamp(hour).strftime("A%Y%m%d.%H%M+0000").to_string();
        let name = found
            .keys()
            .find(|name| name.starts_with(&begin) && name.ends_with(&format!("_{element}.xml.gz")));
        if let Some(name) = name {
            let back = UNIX_EPOCH + Duration::from_micros(u64::try_from(failure.end).unwrap());
            assert!(found[name].1 >= back, "{name} came while the link was down");
            checked += 1;
        }
    }
    assert!(checked > 3, "links that were down: {checked}");
}
