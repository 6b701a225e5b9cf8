//! The network changes: inventory, objects and files have to tell the same story.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use foresite_simulator::calendar::{DAY, HOUR, timestamp};
use foresite_simulator::work::WorkKind;
use foresite_simulator::write::write_history;
use foresite_simulator::{Config, Network};

use crate::disk::below;
use crate::{at, small};

/// Crowded sectors, so that new carriers are needed, and a year to build them.
fn changing() -> Config {
    let mut config = small();
    config.start = at("2025-01-10T00:00:00Z");
    config.regions[0].sites = 11;
    config.demand.busy_hour_load = 0.6;
    config.work.expanded = 1.0;
    config.work.rehomed = 0.8;
    config
}

fn written(config: &Config) -> (Network, tempfile::TempDir) {
    let network = Network::generate(config).unwrap();
    let root = tempfile::tempdir().unwrap();
    write_history(&network, &below(root.path())).unwrap();
    (network, root)
}

/// Rows of all files of one kind in the order of their names, by column.
fn rows(landing: &Path, kind: &str) -> Vec<BTreeMap<String, String>> {
    let mut files: Vec<PathBuf> = fs::read_dir(landing.join("inventory"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(kind))
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.lines().map(fields);
        let header = lines.next().unwrap();
        lines.map(|line| header.iter().cloned().zip(line).collect()).collect::<Vec<_>>()
    };
    files.iter().flat_map(read).collect()
}

/// Fields of a CSV line; quoted ones may hold commas.
fn fields(line: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(String::new()),
            _ => all.last_mut().unwrap().push(letter),
        }
    }
    all
}

#[test]
fn a_state_is_opened_before_it_is_closed() {
    let (_, root) = written(&changing());
    for (kind, keys) in [
        ("inventory", ["entity_type", "entity_id", "valid_from"].as_slice()),
        ("objects", &["ne_dn", "ldn", "mo_class", "valid_from"]),
        ("topology", &["a_id", "b_id", "kind", "valid_from"]),
    ] {
        let mut open = BTreeMap::new();
        let mut closed = 0;
        for row in rows(&root.path().join("landing"), kind) {
            let key: Vec<String> = keys.iter().map(|key| row[*key].clone()).collect();
            if row["valid_to"].is_empty() {
                assert_eq!(open.insert(key, row["recorded_at"].clone()), None, "{row:?}");
            } else {
                let opened = open.remove(&key).unwrap_or_else(|| panic!("never opened: {row:?}"));
                assert!(opened <= row["recorded_at"], "{row:?}");
                closed += 1;
            }
        }
        assert!(closed > 0, "{kind}: nothing was ever replaced");
    }
}

#[test]
fn an_entity_has_one_state_at_a_time() {
    let (network, root) = written(&changing());
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(&root.path().join("landing"), "inventory") {
        let change = if row["valid_to"].is_empty() { 1 } else { -1 };
        let count = states.entry(row["entity_id"].clone()).or_default();
        *count = count.checked_add_signed(change).unwrap();
    }
    assert!(states.values().all(|count| *count == 1), "{states:?}");
    for cell in &network.layout.cells {
        let in_service = cell.commissioned_at < network.config.end.0 - DAY;
        assert_eq!(states.contains_key(&cell.id), in_service, "{}", cell.id);
    }
}

#[test]
fn a_new_element_takes_over_on_the_hour() {
    let (network, root) = written(&changing());
    let recent = network.layout.sites.iter().find(|site| {
        let since = site.elements.last().unwrap().0;
        since > network.config.end.0 - 2 * DAY && since < network.config.end.0 - 2 * HOUR
    });
    let site = recent.expect("one site gets its new element while files are written");
    let [old, new] = [&site.elements[0].1, &site.elements[1].1];
    let since = site.elements[1].0;
    let folder = root.path().join("landing/pm/north");
    for hour in -6..=1 {
        let start = since + hour * HOUR;
        let [begin, end] = [(start, "A%Y%m%d.%H%M+0000"), (start + HOUR, "%H%M+0000")]
            .map(|(at, format)| timestamp(at).strftime(format).to_string());
        let exists =
            |element: &str| folder.join(format!("{begin}-{end}_{element}.xml.gz")).exists();
        let [right, wrong] = if hour < 0 { [old, new] } else { [new, old] };
        assert!(!exists(wrong), "{begin} of {wrong}");
        assert!(exists(right) || hour < 0, "{begin} of {right}");
    }
    let objects = rows(&root.path().join("landing"), "objects");
    let of_new = |row: &&BTreeMap<String, String>| row["ne_dn"].ends_with(new.as_str());
    assert!(objects.iter().filter(of_new).count() > 5, "objects under the new element");
}

#[test]
fn a_new_carrier_relieves_its_sector() {
    let mut config = changing();
    config.xml_days = 0;
    let network = Network::generate(&config).unwrap();
    let built: Vec<_> =
        network.work.iter().filter(|work| work.kind == WorkKind::NewCarrier).collect();
    assert!(!built.is_empty());
    for work in built {
        let sector = work.sector.unwrap();
        let busy = |day| {
            let start = network.config.start.0;
            foresite_simulator::capacity::expected_busy_hour(&network.layout, sector, start, day)
        };
        let midnight = work.end - work.end.rem_euclid(DAY);
        // The same day of the week before and after.
        assert!(busy(midnight + 5 * DAY) < 0.85 * busy(midnight - 2 * DAY));
        let cells = &network.layout.sectors[sector].cells;
        assert_eq!(cells.len(), 2);
        assert!(network.layout.cells[cells[1]].commissioned_at >= work.end);
    }
}

#[test]
fn most_work_is_announced() {
    let network = Network::generate(&changing()).unwrap();
    let visits: Vec<_> = network.work.iter().filter(|work| work.kind == WorkKind::Visit).collect();
    let announced = visits.iter().filter(|work| work.recorded_at < work.start).count();
    let share = announced as f64 / visits.len() as f64;
    assert!((0.55..0.98).contains(&share), "{announced} of {}", visits.len());
    for visit in visits {
        let region = network.layout.sites[visit.site].region;
        let hour = network.layout.regions[region].clock.local(visit.start).hour;
        // An hour later in the night on which daylight saving begins.
        assert!((0.9..4.6).contains(&hour), "a visit at {hour:.1} o'clock");
    }
}
