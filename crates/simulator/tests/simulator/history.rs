//! The tabular history against the measurement files, read and reckoned independently.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use flate2::read::GzDecoder;
use foresite_simulator::Network;
use foresite_simulator::calendar::{HOUR, Micros, timestamp};
use foresite_simulator::write::write_history;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use quick_xml::events::Event;

use crate::disk::below;
use crate::small;

/// (object, period number) → counter → value.
type Counters = BTreeMap<(String, usize), BTreeMap<String, f64>>;

/// Reads a measurement file by the book: names by `p`, one block a class and period.
fn read_counters(path: &Path) -> Counters {
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut found = Counters::new();
    let (mut names, mut blocks) = (BTreeMap::new(), BTreeMap::<String, usize>::new());
    let (mut object, mut place, mut class) = (String::new(), String::new(), String::new());
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Eof => return found,
            Event::Start(tag) => {
                let attribute =
                    |name: &str| tag.try_get_attribute(name).unwrap().unwrap().value.into_owned();
                match tag.name().as_ref() {
                    "measInfo" => {
                        class = attribute("measInfoId");
                        *blocks.entry(class.clone()).or_insert(0) += 1;
                        names.clear();
                    }
                    "measType" | "r" => place = attribute("p"),
                    "measValue" => object = attribute("measObjLdn"),
                    _ => place.clear(),
                }
            }
            Event::Text(value) if !place.is_empty() => {
                let value = value.to_string();
                match names.get(&place) {
                    None => drop(names.insert(place.clone(), value)),
                    Some(name) => {
                        if let Ok(number) = value.trim().parse() {
                            let key = (object.clone(), blocks[&class] - 1);
                            found.entry(key).or_default().insert(name.clone(), number);
                        }
                    }
                }
                place.clear();
            }
            Event::End(_) => place.clear(),
            _ => {}
        }
    }
}

/// One hourly row of the history: channel → value, nulls left out.
fn read_history(folder: &Path, entity: &str, hour: Micros) -> Option<BTreeMap<String, f64>> {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_str().unwrap().contains("hourly") {
            continue;
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let ids = batch.column(1).as_string::<i32>();
            let times = batch.column(2).as_primitive::<TimestampMicrosecondType>();
            let same = |row: &usize| ids.value(*row) == entity && times.value(*row) == hour;
            let Some(row) = (0..batch.num_rows()).find(same) else {
                continue;
            };
            let schema = batch.schema();
            let channels = schema.fields().iter().zip(batch.columns()).skip(4);
            let value = |column: &arrow::array::ArrayRef| {
                let column = column.as_primitive::<Float64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            return Some(
                channels.filter_map(|(f, c)| Some((f.name().clone(), value(c)?))).collect(),
            );
        }
    }
    None
}

/// Sums of a cell's counters over its objects and periods, weights included.
struct Hour {
    sums: BTreeMap<String, f64>,
    periods: Vec<BTreeMap<String, f64>>,
}

impl Hour {
    /// Counters of the given objects, in the names and units of the first release.
    fn new(counters: &Counters, objects: &[String], upgraded: bool) -> Self {
        let mut periods = vec![BTreeMap::new(); 4];
        for ((object, period), values) in counters {
            if objects.contains(object) {
                for (name, value) in values {
                    let (name, factor) = if upgraded { former(name) } else { (name.as_str(), 1.0) };
                    periods[*period].insert(name.to_owned(), value * factor);
                }
            }
        }
        let mut sums = BTreeMap::new();
        for (name, value) in periods.iter().flatten() {
            *sums.entry(name.clone()).or_insert(0.0) += value;
        }
        Self { sums, periods }
    }

    /// The counter, its causes added up.
    fn sum(&self, name: &str) -> f64 {
        let part = format!("{name}.");
        let all = self.sums.iter().filter(|(n, _)| *n == name || n.starts_with(&part));
        all.map(|(_, value)| value).sum()
    }

    fn ratio(&self, numerator: &str, denominator: &str) -> f64 {
        self.sum(numerator) / self.sum(denominator)
    }

    fn weighted(&self, names: &[&str], weight: &str) -> f64 {
        let (mut top, mut bottom) = (0.0, 0.0);
        for period in &self.periods {
            if names.iter().all(|name| period.contains_key(*name)) {
                top += names.iter().map(|name| period[*name]).sum::<f64>() * period[weight];
                bottom += period[weight];
            }
        }
        top / bottom
    }

    fn highest(&self, value: impl Fn(&BTreeMap<String, f64>) -> f64) -> f64 {
        self.periods.iter().map(value).fold(f64::MIN, f64::max)
    }
}

/// Name and unit before the upgrade.
fn former(name: &str) -> (&str, f64) {
    match name {
        "VS.CellDowntime.Auto" => ("RRU.CellUnavailableTime.Fault", 1.0),
        "VS.CellDowntime.Man" => ("RRU.CellUnavailableTime.ManualIntervention", 1.0),
        "VS.DrbRelNormal" => ("DRB.RelNormNbr", 1.0),
        "DRB.PdcpSduVolumeDL" | "DRB.PdcpSduVolumeUL" => (name, 1e-3),
        "VS.CabinetTemp" => ("PEE.AvgTemperature", 0.1),
        "VS.SupplyVoltage" => ("PEE.Voltage", 1e-3),
        "VS.SfpRxPower" => ("OPT.RxPower", 0.1),
        _ => (name, 1.0),
    }
}

fn cell_channels(hour: &Hour) -> Vec<(&'static str, f64)> {
    let percent = |numerator, denominator| 100.0 * hour.ratio(numerator, denominator);
    let rrc = percent("RRC.ConnEstabSucc", "RRC.ConnEstabAtt");
    let context = percent("UECNTX.ConnEstabSucc", "UECNTX.ConnEstabAtt");
    let bearer = percent("DRB.EstabSucc", "DRB.EstabAtt");
    let dropped = hour.sum("DRB.RelActNbr");
    vec![
        ("rrc_setup_sr", rrc),
        ("ng_sig_sr", context),
        ("drb_setup_sr", bearer),
        ("accessibility", rrc * context * bearer / 1e4),
        ("drb_retainability", hour.ratio("DRB.RelActNbr", "DRB.SessionTime")),
        ("drop_rate", 100.0 * dropped / (dropped + hour.sum("DRB.RelNormNbr"))),
        ("ue_thp_dl", hour.weighted(&["DRB.UEThpDl"], "DRB.MeanActiveUeDl") / 1e3),
        ("ue_thp_ul", hour.weighted(&["DRB.UEThpUl"], "DRB.MeanActiveUeUl") / 1e3),
        (
            "latency_dl",
            hour.weighted(&["DRB.RlcSduDelayDl", "DRB.AirIfDelayDl"], "DRB.PdcpSduVolumeDL") / 10.0,
        ),
        ("prb_util_dl", percent("RRU.PrbUsedDl", "RRU.PrbAvailDl")),
        ("prb_util_ul", percent("RRU.PrbUsedUl", "RRU.PrbAvailUl")),
        ("peak_prb_util_dl", hour.highest(|p| 100.0 * p["RRU.MaxPrbUsedDl"] / p["RRU.PrbAvailDl"])),
        ("traffic_dl_gb", hour.sum("DRB.PdcpSduVolumeDL") * 1e6 / 8.0 / 1e9),
        ("traffic_ul_gb", hour.sum("DRB.PdcpSduVolumeUL") * 1e6 / 8.0 / 1e9),
        ("users_mean", hour.sum("RRC.ConnMean") / 4.0),
        ("users_max", hour.highest(|p| p["RRC.ConnMax"])),
        (
            "ho_success_inter",
            100.0
                * hour.ratio("MM.HoPrepInterSucc", "MM.HoPrepInterReq")
                * hour.ratio("MM.HoExeInterSucc", "MM.HoExeInterReq"),
        ),
        ("availability", 100.0 * (1.0 - hour.sum("RRU.CellUnavailableTime") / 3600.0)),
        ("bler_dl", percent("TB.ErrTotalNbrDl", "TB.TotNbrDl")),
        ("rach_att", hour.sum("RACH.PreambleACell") + hour.sum("RACH.PreambleDedCell")),
    ]
}

fn site_channels(hour: &Hour) -> Vec<(&'static str, f64)> {
    vec![
        ("power_w", hour.sum("PEE.AvgPower") / 4.0),
        ("energy_kwh", hour.sum("PEE.Energy")),
        ("temperature_c", hour.sum("PEE.AvgTemperature") / 4.0),
        ("voltage_v", hour.sum("PEE.Voltage") / 4.0),
        ("rx_power_dbm", hour.sum("OPT.RxPower") / 4.0),
    ]
}

#[test]
fn history_is_what_the_files_say() {
    let network = Network::generate(&small()).unwrap();
    let root = tempfile::tempdir().unwrap();
    write_history(&network, &below(root.path())).unwrap();
    let landing = root.path().join("landing");
    let mut compared = 0;
    let mut releases = [0, 0];
    for back in [47, 30, 18, 11, 5] {
        let hour = network.config.end.0 - back * HOUR;
        for site in &network.layout.sites {
            let element = site.element(hour);
            let upgraded = site.upgraded_at.is_some_and(|upgraded| hour >= upgraded);
            let begin = timestamp(hour).strftime("A%Y%m%d.%H%M+0000");
            let end = timestamp(hour + HOUR).strftime("%H%M+0000");
            let path = landing.join(format!("pm/north/{begin}-{end}_{element}.xml.gz"));
            if !path.exists() {
                continue;
            }
            let counters = read_counters(&path);
            if counters.keys().filter(|(object, _)| !object.contains(',')).count() < 4 {
                continue;
            }
            releases[usize::from(upgraded)] += 1;
            let me = format!("ManagedElement={element}");
            let sectors = &network.layout.sectors[site.sectors.clone()];
            for &cell in sectors.iter().flat_map(|sector| &sector.cells) {
                let cell = &network.layout.cells[cell];
                let objects = [("GNBDUFunction", "NRCellDU"), ("GNBCUCPFunction", "NRCellCU")]
                    .map(|(f, class)| format!("{me},{f}=1,{class}={}", cell.number));
                let hourly = Hour::new(&counters, &objects, upgraded);
                compare(&landing, &cell.id, hour, &cell_channels(&hourly));
                compared += 1;
            }
            let hourly = Hour::new(&counters, &[me], upgraded);
            compare(&landing, &site.id, hour, &site_channels(&hourly));
        }
    }
    assert!(compared > 50 && releases.iter().all(|count| *count > 3), "{compared} {releases:?}");
}

fn compare(landing: &Path, entity: &str, hour: Micros, expected: &[(&str, f64)]) {
    let row = read_history(&landing.join("history"), entity, hour)
        .unwrap_or_else(|| panic!("no row of {entity} at {}", timestamp(hour)));
    for (channel, value) in expected {
        match row.get(*channel) {
            // Without attempts, users or blocks there is no ratio.
            None => assert!(!value.is_finite(), "{entity} {channel}: null against {value}"),
            Some(found) => {
                let close = (found - value).abs() <= 1e-9 * value.abs().max(1.0);
                assert!(close, "{entity} {channel}: {found} against {value}");
            }
        }
    }
}
