//! The simulate stage: the raw files of a seeded network, for a machine without a network.
//!
//! Writes `landing/` and `truth/` below the data root and reads nothing but its configuration. The
//! interval says what is wanted: the configured history as a whole, the hours after it, or both.
//! Files carry the time at which they would have arrived, and a rerun finds them as they are.

use std::io;

use foresite_simulator::calendar::{HOUR, Micros};
use foresite_simulator::write::{Folder, Store, WriteError, Written, write_history, write_hour};
use foresite_simulator::{Config, ConfigError, Network};
use foresite_stage::{
    Context, ErrorKind, Interval, NoArgs, Report, Result, Stage, StageError, Status,
};
use foresite_tables::Root;

/// The stage.
#[derive(Debug)]
pub struct Simulate;

impl Stage for Simulate {
    const NAME: &'static str = "simulate";
    const ABOUT: &'static str = "Writes the raw files of a simulated network, and the truth";
    const REVISION: &'static str = env!("FORESITE_REVISION");
    const CREATES_ROOT: bool = true;
    type Config = Config;
    type Args = NoArgs;

    fn run(cx: &Context, config: Config, _: NoArgs) -> Result<Report> {
        config.check().map_err(unusable)?;
        let part = Part::of(cx.interval()?, &config)?;
        let mut report = cx.report();
        report.number("history", part.history);
        report.number("hours", part.hours.len());
        if cx.is_dry_run() {
            return Ok(report);
        }
        let until = part.hours.last().map_or(config.end.0, |hour| hour + HOUR);
        let network = Network::generate_until(&config, until).map_err(unusable)?;
        let folder = Folder::on(DataRoot(cx.root())).stopping_when(|| cx.check_stop().is_err());
        let written = write(cx, &network, &folder, &part)?;
        tell(&mut report, &network, written);
        Ok(report)
    }
}

/// What of the network's time the interval asks for.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// The whole history.
    history: bool,
    /// Starts of the hours after it.
    hours: Vec<Micros>,
}

impl Part {
    fn of(interval: Interval, config: &Config) -> Result<Self> {
        if interval.start.rem_euclid(HOUR) != 0 || interval.end.rem_euclid(HOUR) != 0 {
            let message = format!("interval {interval}: expected full hours");
            return Err(
                StageError::new(ErrorKind::Usage, message).hint("move its ends to full hours, UTC")
            );
        }
        let [start, end] = [config.start.0, config.end.0];
        let history = interval.start <= start && interval.end >= end;
        if !history && interval.start < end {
            tracing::warn!(%interval, "inside the history, which is only written as a whole");
        }
        let first = interval.start.max(end);
        let count = (interval.end - first).max(0) / HOUR;
        let hours = (0..count).map(|hour| first + hour * HOUR).collect();
        Ok(Self { history, hours })
    }
}

fn write(cx: &Context, network: &Network, folder: &Folder<'_>, part: &Part) -> Result<Written> {
    let mut written = Written::default();
    if part.history {
        written += write_history(network, folder).map_err(unwritten)?;
    }
    let progress = cx.progress(part.hours.len() as u64, "hours");
    for &hour in &part.hours {
        cx.check_stop()?;
        written += write_hour(network, folder, hour).map_err(unwritten)?;
        progress.add(1);
    }
    Ok(written)
}

/// The data root, as the simulator knows a place for files.
struct DataRoot<'a>(&'a Root);

impl Store for DataRoot<'_> {
    fn holds(&self, path: &str, bytes: &[u8]) -> io::Result<bool> {
        let found = self.0.entry(path).map_err(io::Error::other)?;
        let same_size = found.is_some_and(|file| file.size == bytes.len() as u64);
        Ok(same_size && self.0.read(path).map_err(io::Error::other)? == bytes)
    }

    fn write(&self, path: &str, bytes: &[u8], modified: Micros) -> io::Result<()> {
        self.0.write_as_of(path, bytes.to_vec(), modified).map_err(io::Error::other)
    }

    fn writes_at_once(&self) -> usize {
        self.0.writes_at_once()
    }
}

/// No table is written, so the status follows from the files.
fn tell(report: &mut Report, network: &Network, written: Written) {
    if written.files > written.unchanged {
        report.status = Status::Done;
    }
    for (name, value) in [
        ("files", written.files),
        ("unchanged_files", written.unchanged),
        ("bytes", written.bytes),
        ("sites", network.layout.sites.len() as u64),
        ("cells", network.layout.cells.len() as u64),
    ] {
        report.number(name, value);
    }
}

fn unusable(error: ConfigError) -> StageError {
    StageError::new(ErrorKind::Usage, error.to_string())
        .hint("foresite-simulate --print-config shows every field with its value")
}

fn unwritten(error: WriteError) -> StageError {
    match error {
        WriteError::Io { path, source } => match source.downcast::<foresite_tables::Error>() {
            Ok(error) => StageError::from(error),
            Err(error) => StageError::from(error).while_doing(format!("write {path}")),
        },
        WriteError::Parquet { .. } => StageError::new(ErrorKind::Internal, error.to_string()),
        WriteError::Stopped => {
            StageError::new(ErrorKind::Stopped, "stopped by a signal before the end")
                .hint("rerun with the same arguments; nothing half-written is visible")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(start: Micros, end: Micros) -> Part {
        Part::of(Interval::new(start, end).unwrap(), &Config::default()).unwrap()
    }

    #[test]
    fn the_interval_chooses_between_history_and_hours() {
        let config = Config::default();
        let [start, end] = [config.start.0, config.end.0];
        assert_eq!(part(start, end), Part { history: true, hours: vec![] });
        assert_eq!(part(end, end + HOUR), Part { history: false, hours: vec![end] });
        let both = Part { history: true, hours: vec![end, end + HOUR] };
        assert_eq!(part(start - HOUR, end + 2 * HOUR), both);
        assert_eq!(part(end - HOUR, end), Part { history: false, hours: vec![] });
        let uneven = Interval::new(end + 1, end + HOUR).unwrap();
        assert!(Part::of(uneven, &config).is_err());
    }

    #[test]
    fn the_samples_parse_and_can_be_simulated() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/samples/simulate");
        let mut samples = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let config: Config =
                foresite_stage::parse_config(&text, &path.display().to_string()).unwrap();
            config.check().unwrap();
            samples += 1;
        }
        assert!(samples > 1);
    }

    #[test]
    fn the_default_sample_is_the_default() {
        let text = include_str!("../../../../docs/samples/simulate/default.json");
        let sample: Config = foresite_stage::parse_config(text, "sample").unwrap();
        assert_eq!(sample, Config::default());
    }
}
