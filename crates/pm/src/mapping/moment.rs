//! The moments of the rows, whichever way the mapping says they are written.

use arrow::array::{ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};

use super::MappingError;
use super::civil::{Locator, Written, parse, parse_clock};
use super::leaf::{Value, Zone};
use super::number::NumberRules;
use super::spec::{Clock, Repeat, Unit};
use super::value::{Rejects, Scope};
use crate::Micros;

/// The farthest moment from 1970, with room for adding.
const FARTHEST: u64 = 4_000_000_000_000_000_000;

/// A moment per row; `None` where the file has no value.
pub(super) type Moments = Vec<Option<Micros>>;

/// What moments are read from.
pub(super) struct MomentScope<'a> {
    pub(super) scope: &'a Scope<'a>,
    /// A source's own origin, in place of that of a step or row-order clock.
    pub(super) origin: Option<Micros>,
    /// Which rows belong to one clock: repeated hours and row numbers count within these. Without
    /// it every row stands alone.
    pub(super) series: Option<&'a [u32]>,
}

/// Zone of a clock and what its repeated hour means.
#[derive(Clone, Copy)]
struct Wall<'a> {
    zone: &'a Zone,
    repeat: Repeat,
}

impl MomentScope<'_> {
    /// The moments by `clock`; a value that is no moment rejects its row.
    pub(super) fn moments(
        &self,
        clock: &Clock,
        rejects: &mut Rejects,
    ) -> Result<Moments, MappingError> {
        let rows = self.scope.frame.rows();
        match clock {
            Clock::Stamp { value, format, zone, repeat } => {
                self.stamps(value, format.as_deref(), Wall { zone, repeat: *repeat }, rejects)
            }
            Clock::Split { date, clock, date_format, clock_format, zone, repeat } => {
                let formats = [date_format.as_deref(), clock_format.as_deref()];
                let wall = Wall { zone, repeat: *repeat };
                self.dates_and_clocks([date, clock], formats, wall, rejects)
            }
            Clock::Epoch { value, unit, origin } => {
                self.since(value, unit.micros(), origin.micros(), rejects)
            }
            Clock::Step { value, seconds, origin } => {
                let origin = self.origin.unwrap_or(origin.micros());
                self.since(value, f64::from(*seconds) * Unit::Seconds.micros(), origin, rejects)
            }
            Clock::RowOrder { seconds, origin } => {
                let origin = self.origin.unwrap_or(origin.micros());
                Ok(self.row_order(i64::from(*seconds) * 1_000_000, origin, rejects))
            }
            Clock::None { at } => Ok(vec![Some(self.origin.unwrap_or(at.micros())); rows]),
        }
    }

    fn series_of(&self, row: usize) -> u32 {
        match self.series {
            Some(series) => series.get(row).copied().unwrap_or_default(),
            None => row as u32,
        }
    }

    fn stamps(
        &self,
        value: &Value,
        format: Option<&str>,
        wall: Wall<'_>,
        rejects: &mut Rejects,
    ) -> Result<Moments, MappingError> {
        if let Some(column) = self.scope.column(value)?
            && column.data_type().is_temporal()
        {
            return self.temporal(&column, wall, rejects);
        }
        let texts = self.scope.texts(value, rejects)?;
        let mut last: (String, Option<Written>) = Default::default();
        let written = (0..self.scope.frame.rows()).map(|row| {
            let text = texts.get(row)?;
            // Rows of one moment follow each other in most exports.
            if last.0 != text {
                last = (text.to_owned(), parse(text, format));
            }
            if last.1.is_none() {
                rejects.add(row, || format!("`{text}` is not a moment"));
            }
            last.1
        });
        let written = written.collect::<Vec<_>>();
        Ok(self.locate(&written, wall, rejects))
    }

    /// Columns that are timestamps or dates already.
    fn temporal(
        &self,
        column: &ArrayRef,
        wall: Wall<'_>,
        rejects: &mut Rejects,
    ) -> Result<Moments, MappingError> {
        let zone = match column.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        let is_absolute = zone.is_some();
        let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
        let within = micros.iter().enumerate().map(|(row, at)| in_range(at?, row, rejects));
        let within: Moments = within.collect();
        if is_absolute || wall.zone.is_utc() {
            return Ok(within);
        }
        let written: Vec<_> = within.into_iter().map(|local| local.map(Written::Local)).collect();
        Ok(self.locate(&written, wall, rejects))
    }

    fn dates_and_clocks(
        &self,
        [date, clock]: [&Value; 2],
        [date_format, clock_format]: [Option<&str>; 2],
        wall: Wall<'_>,
        rejects: &mut Rejects,
    ) -> Result<Moments, MappingError> {
        let dates = self.scope.texts(date, rejects)?;
        let clocks = self.scope.texts(clock, rejects)?;
        let written = (0..self.scope.frame.rows()).map(|row| {
            let (date, clock) = (dates.get(row)?, clocks.get(row)?);
            let midnight =
                parse(date, date_format).map(|(Written::Local(at) | Written::Absolute(at))| at);
            let local =
                midnight.zip(parse_clock(clock, clock_format)).map(|(day, time)| day + time);
            if local.is_none() {
                rejects.add(row, || format!("`{date}` and `{clock}` are not a date and a time"));
            }
            local.map(Written::Local)
        });
        let written = written.collect::<Vec<_>>();
        Ok(self.locate(&written, wall, rejects))
    }

    fn locate(
        &self,
        written: &[Option<Written>],
        wall: Wall<'_>,
        rejects: &mut Rejects,
    ) -> Moments {
        let mut locator = Locator::new(wall.zone, wall.repeat);
        let located = written.iter().enumerate().map(|(row, written)| match (*written)? {
            Written::Absolute(at) => Some(at),
            Written::Local(local) => match locator.locate(local, self.series_of(row)) {
                Ok(at) => Some(at),
                Err(reason) => {
                    rejects.add(row, || reason);
                    None
                }
            },
        });
        located.collect()
    }

    fn since(
        &self,
        value: &Value,
        unit: f64,
        origin: Micros,
        rejects: &mut Rejects,
    ) -> Result<Moments, MappingError> {
        let numbers = self.scope.numbers(value, &NumberRules::plain("time"), rejects)?;
        let moments = numbers.iter().enumerate().map(|(row, number)| {
            // A float beyond the range saturates and is refused as well.
            in_range(origin.saturating_add((number? * unit).round() as Micros), row, rejects)
        });
        Ok(moments.collect())
    }

    fn row_order(&self, step: i64, origin: Micros, rejects: &mut Rejects) -> Moments {
        let mut rows_of: Vec<i64> = Vec::new();
        let moments = (0..self.scope.frame.rows()).map(|row| {
            let series = self.series.map_or(0, |_| self.series_of(row)) as usize;
            if rows_of.len() <= series {
                rows_of.resize(series + 1, 0);
            }
            let at = origin.saturating_add(step.saturating_mul(rows_of[series]));
            rows_of[series] += 1;
            in_range(at, row, rejects)
        });
        moments.collect()
    }
}

/// A moment that leaves room for adding periods and delays; any other rejects its row.
fn in_range(at: Micros, row: usize, rejects: &mut Rejects) -> Option<Micros> {
    if at.unsigned_abs() > FARTHEST {
        rejects.add(row, || "time is out of range".into());
        return None;
    }
    Some(at)
}
