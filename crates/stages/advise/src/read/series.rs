//! `kpis`, `kpi_groups` and `profiles` of the entities in focus.

use std::collections::{BTreeMap, BTreeSet};

use foresite_features::profile;
use foresite_schema::TableDef;
use foresite_schema::catalog::derived;
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::advice::Focus;
use crate::clock::{self, DAY, HOUR, Micros};
use crate::config::Head;
use crate::exposure::{TRAFFIC, USERS};
use crate::inputs::{Profile, Sample, Series, SeriesKey, Signals, UsualHour};
use crate::wording;

/// Days of hourly values behind the busy hours.
const BUSY_DAYS: Micros = 200;

/// A profile is built daily; an older one than this says nothing about today.
const PROFILE_MEMORY: Micros = 40 * DAY;

/// Granularity of the rows that models and reports use.
const HOUR_S: i64 = 3600;

/// The newest version of each value, by when it became known; imported and derived ones apart.
type Versions = BTreeMap<(SeriesKey, Micros, Origin), (Micros, Option<f64>)>;

/// Where a value comes from. At equal times the later of these wins, if it has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Imported,
    Derived,
}

impl Origin {
    fn of(source: Option<&str>) -> Self {
        if source == Some("derived") { Self::Derived } else { Self::Imported }
    }
}

/// What is usual at an hour of the week, by the version (valid from, known at) that won so far.
type UsualHours = BTreeMap<(SeriesKey, usize), ((Micros, Micros), UsualHour)>;

impl Reader<'_> {
    /// Hourly values of the focus over the days that plots show.
    pub(super) fn hourly(&mut self, focus: &Focus) -> Result<BTreeMap<SeriesKey, Series>> {
        let channels: BTreeSet<String> = focus.channels.clone();
        let span = (self.cutoff - self.config.plot(), self.cutoff);
        let mut versions = Versions::new();
        self.values(derived::kpis(), span, &focus.hourly, &channels, &mut versions)?;
        Ok(settle(versions))
    }

    /// Daily maxima of the forecast channels, on the site's own days. Hours in which the tables hold
    /// no value for a sector take the greatest of its cells.
    pub(super) fn busy_hours(
        &mut self,
        focus: &Focus,
        signals: &Signals,
    ) -> Result<BTreeMap<SeriesKey, Series>> {
        let channels: BTreeSet<String> = self
            .config
            .lists
            .iter()
            .filter(|list| list.head == Head::Forecast)
            .map(|list| list.channel.clone())
            .collect();
        if focus.busy_hours.is_empty() || channels.is_empty() {
            return Ok(BTreeMap::new());
        }
        let span = (self.cutoff - BUSY_DAYS * DAY, self.cutoff);
        let mut versions = Versions::new();
        for def in [derived::kpis(), derived::kpi_groups()] {
            self.values(def, span, &focus.busy_hours, &channels, &mut versions)?;
        }
        let mut hourly = settle(versions);
        fill_from_cells(&mut hourly, focus, &channels, signals);
        Ok(hourly
            .into_iter()
            .map(|(key, series)| {
                let daily = daily_maxima(&series, &key.entity_id, signals);
                (key, daily)
            })
            .collect())
    }

    /// Usual weeks of the focus, as last known; of all other candidates only their load.
    pub(super) fn profiles(&mut self, focus: &Focus) -> Result<BTreeMap<SeriesKey, Profile>> {
        let Some(first) = self.last_profiles()? else {
            return Ok(BTreeMap::new());
        };
        let read = Read::all().period(first, self.cutoff + HOUR).columns([
            "entity_id",
            "channel",
            "hour_of_week",
            "valid_from",
            "median",
            "spread",
            "tombstone",
            "known_at",
            "lineage_id",
        ]);
        let mut newest = UsualHours::new();
        self.scanned(derived::profiles(), read, |rows| take_usual(rows, focus, &mut newest))?;
        let mut profiles: BTreeMap<SeriesKey, Profile> = BTreeMap::new();
        for ((key, hour), (_, usual)) in newest {
            profiles.entry(key).or_default().set(hour, usual);
        }
        Ok(profiles)
    }

    /// `valid_from` of the set of profiles that was usable last. There is one a day, of a row per entity,
    /// channel and hour of the week each: to read them all would cost more with every day.
    fn last_profiles(&mut self) -> Result<Option<Micros>> {
        let Some(table) = self.table(derived::profiles())? else {
            return Ok(None);
        };
        let read = Read::all()
            .as_of(self.as_of)
            .period(self.cutoff - PROFILE_MEMORY, self.cutoff + HOUR)
            .columns(profile::SET_COLUMNS);
        let batches = table.scan(&read)?.map(|batch| {
            self.cx.check_stop()?;
            batch.map_err(StageError::from)
        });
        profile::first_needed(batches, self.as_of, |error| {
            StageError::new(ErrorKind::BadData, error.to_string())
        })
    }

    fn values(
        &mut self,
        def: TableDef,
        (start, end): (Micros, Micros),
        entities: &BTreeSet<String>,
        channels: &BTreeSet<String>,
        versions: &mut Versions,
    ) -> Result<()> {
        let Some(table) = self.table(def.clone())? else {
            return Ok(());
        };
        let fixed = ["entity_id", "period_start", "source", "tombstone", "known_at", "lineage_id"];
        let stored = channels.iter().filter(|name| table.def().column(name).is_some());
        let read = Read::all()
            .period(start, end)
            .number("granularity_s", HOUR_S)
            .columns(fixed.into_iter().map(str::to_owned).chain(stored.cloned()));
        self.scanned(def, read, |rows| {
            let (entity, source) = (rows.text("entity_id")?, rows.text("source")?);
            let (at, known) = (rows.times("period_start")?, rows.times("known_at")?);
            let values = rows.channels(channels);
            for row in 0..rows.len() {
                let Some(id) = entity.at(row).filter(|id| entities.contains(*id)) else {
                    continue;
                };
                let origin = Origin::of(source.at(row));
                let version = known.required(row);
                let is_dead = rows.flag("tombstone", row)?;
                for (channel, column) in &values {
                    let value = column.at(row).filter(|_| !is_dead);
                    let place = (SeriesKey::new(id, channel), at.required(row), origin);
                    let slot = versions.entry(place).or_insert((version, value));
                    if version >= slot.0 {
                        *slot = (version, value);
                    }
                }
            }
            Ok(())
        })
    }
}

/// Keeps the newest version of each usual hour of the focus.
fn take_usual(rows: &Rows<'_>, focus: &Focus, newest: &mut UsualHours) -> Result<()> {
    let [entity, channel] = [rows.text("entity_id")?, rows.text("channel")?];
    let (hour, from, known) =
        (rows.ints("hour_of_week")?, rows.times("valid_from")?, rows.times("known_at")?);
    let (median, spread) = (rows.doubles("median")?, rows.doubles("spread")?);
    for row in 0..rows.len() {
        let (Some(id), Some(name)) = (entity.at(row), channel.at(row)) else { continue };
        let (Some(hour), Some(median)) = (hour.at(row), median.at(row)) else { continue };
        let wanted = focus.hourly.contains(id)
            || (focus.load.contains(id) && (name == TRAFFIC || name == USERS));
        if !wanted || rows.flag("tombstone", row)? {
            continue;
        }
        // Shrinking towards a group can push a quiet hour's median below zero.
        let floor = if wording::is_never_negative(name) { 0.0 } else { f64::MIN };
        let usual = UsualHour { median: median.max(floor), spread: spread.at(row).unwrap_or(0.0) };
        let version = (from.required(row), known.required(row));
        let place = (SeriesKey::new(id, name), usize::try_from(hour).unwrap_or(usize::MAX));
        let slot = newest.entry(place).or_insert((version, usual));
        if version >= slot.0 {
            *slot = (version, usual);
        }
    }
    Ok(())
}

fn settle(versions: Versions) -> BTreeMap<SeriesKey, Series> {
    let mut series: BTreeMap<SeriesKey, Series> = BTreeMap::new();
    // The map is ordered by key, time and origin, so every series comes out in order.
    for ((key, at, _), (_, value)) in versions {
        let samples = series.entry(key).or_default();
        match samples.last_mut().filter(|last| last.at == at) {
            Some(last) => last.value = value.or(last.value),
            None => samples.push(Sample { at, value }),
        }
    }
    // A channel that an entity never had is no series of gaps.
    series.retain(|_, samples| samples.iter().any(|sample| sample.value.is_some()));
    series
}

fn fill_from_cells(
    hourly: &mut BTreeMap<SeriesKey, Series>,
    focus: &Focus,
    channels: &BTreeSet<String>,
    signals: &Signals,
) {
    for id in &focus.busy_hours {
        for channel in channels {
            let key = SeriesKey::new(id, channel);
            let mut greatest: BTreeMap<Micros, f64> = BTreeMap::new();
            for cell in signals.network.cells_inside(id).iter().filter(|cell| *cell != id) {
                for sample in hourly.get(&SeriesKey::new(cell, channel)).into_iter().flatten() {
                    if let Some(value) = sample.value {
                        let most = greatest.entry(sample.at).or_insert(value);
                        *most = most.max(value);
                    }
                }
            }
            let own = hourly.remove(&key).unwrap_or_default();
            let known = own.iter().filter_map(|sample| Some((sample.at, sample.value?)));
            greatest.extend(known);
            if !greatest.is_empty() {
                let samples = greatest.into_iter().map(|(at, v)| Sample { at, value: Some(v) });
                hourly.insert(key, samples.collect());
            }
        }
    }
}

/// The greatest hour of each local day, at the day's first hour with a value.
fn daily_maxima(series: &Series, entity_id: &str, signals: &Signals) -> Series {
    let zone = signals.network.time_zone(entity_id);
    let mut days: BTreeMap<jiff::civil::Date, (Micros, f64)> = BTreeMap::new();
    // The day of the cutoff is not over: its greatest hour may still come.
    let today = clock::local(signals.cutoff, &zone).date();
    for sample in series {
        if let Some(value) = sample.value {
            let day = clock::local(sample.at, &zone).date();
            if day == today {
                continue;
            }
            let most = days.entry(day).or_insert((sample.at, value));
            most.1 = most.1.max(value);
        }
    }
    days.into_values().map(|(at, value)| Sample { at, value: Some(value) }).collect()
}

const _: () = assert!(HOUR == HOUR_S * 1_000_000);
