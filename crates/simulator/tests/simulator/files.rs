//! What lies in the folders: the same bytes every time, well-formed, nothing of the truth among it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use foresite_simulator::Network;
use foresite_simulator::calendar::{DAY, HOUR};
use foresite_simulator::demand::{WEEK, crowd_of_week};
use foresite_simulator::write::{write_history, write_hour};
use sha2::{Digest as _, Sha256};

use crate::disk::below;
use crate::small;

/// Path below the folder → digest and time of modification.
pub(crate) fn digests(root: &Path) -> BTreeMap<String, (String, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let digest = format!("{:x?}", Sha256::digest(fs::read(&path).unwrap()));
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name, (digest, modified));
        }
    }
    found
}

#[test]
fn two_runs_write_the_same_bytes() {
    let network = Network::generate(&small()).unwrap();
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let written = write_history(&network, &below(first.path())).unwrap();
    let again = Network::generate(&small()).unwrap();
    write_history(&again, &below(second.path())).unwrap();
    assert_eq!(digests(first.path()), digests(second.path()));
    assert_eq!(digests(first.path()).len() as u64, written.files);
    let rerun = write_history(&network, &below(first.path())).unwrap();
    assert_eq!(rerun.unchanged, rerun.files, "a rerun touches nothing");
    let mut other = small();
    other.seed += 1;
    let third = tempfile::tempdir().unwrap();
    write_history(&Network::generate(&other).unwrap(), &below(third.path())).unwrap();
    assert_ne!(digests(first.path()), digests(third.path()), "the seed matters");
}

#[test]
fn an_hour_alone_equals_the_hour_in_a_range() {
    let network = Network::generate(&small()).unwrap();
    let [range, alone] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    write_history(&network, &below(range.path())).unwrap();
    let folder = below(alone.path());
    for hour in 0..48 {
        write_hour(&network, &folder, network.config.end.0 - 2 * DAY + hour * HOUR).unwrap();
    }
    let [range, alone] = [&range, &alone].map(|root| digests(&root.path().join("landing/pm")));
    assert!(range.len() > 200);
    assert_eq!(range, alone);
}

#[test]
fn live_hours_continue_the_history() {
    let config = small();
    let until = config.end.0 + 3 * HOUR;
    let [planned, extended] = [Network::generate(&config), Network::generate_until(&config, until)]
        .map(|network| {
            let root = tempfile::tempdir().unwrap();
            let network = network.unwrap();
            for hour in 0..3 {
                let hour = config.end.0 + hour * HOUR;
                write_hour(&network, &below(root.path()), hour).unwrap();
            }
            digests(root.path())
        });
    assert_eq!(planned, extended, "the plan's length must not change an hour");
    let files = planned.keys().filter(|name| name.ends_with(".xml.gz")).count();
    assert!((12..20).contains(&files), "{files} files of five sites in three hours");
    assert!(planned.contains_key("landing/alarms/alarms_20260110.0200.csv"));
}

#[test]
fn files_are_well_formed_and_named_by_the_standard() {
    let network = Network::generate(&small()).unwrap();
    let root = tempfile::tempdir().unwrap();
    write_history(&network, &below(root.path())).unwrap();
    let (mut whole, mut broken) = (0, 0);
    for name in digests(&root.path().join("landing/pm/north")).into_keys() {
        let stem = name.strip_suffix(".xml.gz").unwrap();
        assert!(stem.starts_with('A') && stem.contains("+0000-"), "{name}");
        let bytes = fs::read(root.path().join("landing/pm/north").join(&name)).unwrap();
        let mut text = String::new();
        if GzDecoder::new(&bytes[..]).read_to_string(&mut text).is_err() {
            broken += 1;
            continue;
        }
        whole += 1;
        let mut reader = quick_xml::Reader::from_str(&text);
        reader.config_mut().check_end_names = true;
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    }
    assert!(whole > 200 && broken <= whole / 50, "{whole} whole files, {broken} cut off");
}

#[test]
fn the_truth_lies_outside_the_landing_folder() {
    let network = Network::generate(&small()).unwrap();
    let root = tempfile::tempdir().unwrap();
    write_history(&network, &below(root.path())).unwrap();
    let landing: Vec<String> = digests(&root.path().join("landing")).into_keys().collect();
    let known = ["pm/", "alarms/", "inventory/", "tickets/", "events/", "history/"];
    assert!(landing.iter().all(|name| known.iter().any(|folder| name.starts_with(folder))));
    let truth: Vec<String> = digests(&root.path().join("truth")).into_keys().collect();
    let tables = [
        "anomalies.parquet",
        "busy_hours.parquet",
        "exceedance.parquet",
        "failures.parquet",
        "hazard.parquet",
        "planned_work.parquet",
        "precursors.parquet",
    ];
    assert_eq!(truth, tables);
    // Words of the truth must not leak through a text column either.
    for name in landing.iter().filter(|name| name.ends_with(".csv")) {
        let text = fs::read_to_string(root.path().join("landing").join(name)).unwrap();
        for word in ["crippled", "catatonic", "hazard", "precursor"] {
            assert!(!text.contains(word), "{name} says {word}");
        }
    }
}

#[test]
fn announced_crowds_stand_in_the_calendar() {
    for announced in [1.0, 0.0] {
        let mut config = small();
        config.demand.events_per_year = 30.0;
        config.demand.announced = announced;
        let network = Network::generate(&config).unwrap();
        let root = tempfile::tempdir().unwrap();
        write_history(&network, &below(root.path())).unwrap();
        let folder = root.path().join("landing/events/history");
        let files = digests(&folder).into_keys();
        let listed: String =
            files.map(|name| fs::read_to_string(folder.join(name)).unwrap()).collect();
        // Who enters an event three days ahead has entered all of these.
        let until = config.end.0 + 3 * DAY;
        let weeks = config.start.0.div_euclid(WEEK)..=until.div_euclid(WEEK);
        let mut crowds = 0;
        for site in &network.layout.sites {
            let of_site =
                weeks.clone().filter_map(|week| crowd_of_week(site, week, &config.demand));
            for crowd in of_site.filter(|crowd| (config.start.0..until).contains(&crowd.start)) {
                crowds += 1;
                let id = format!("\n{}-{},", site.id, crowd.start.div_euclid(DAY));
                assert_eq!(listed.contains(&id), announced > 0.0, "{id} in {listed}");
            }
        }
        assert!(crowds > 5, "{crowds} crowds of five sites in six weeks");
    }
}

#[test]
fn a_stopped_writer_leaves_no_half_files() {
    let network = Network::generate(&small()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let folder = below(root.path()).stopping_when(|| true);
    assert!(write_history(&network, &folder).is_err());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}
