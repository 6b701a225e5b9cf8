//! Fills one block, object by object, and keeps account of every value.

use crate::columns::Columns;
use crate::model::{Block, Counts, ListValue, Object};
use crate::rejects::{RejectReason, Rejects};
use crate::value::{Value, parse_value};
use crate::{Micros, Stamp};

/// The granularity period of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) start: Micros,
    pub(crate) granularity_s: i32,
    pub(crate) offset_s: Option<i32>,
}

impl Period {
    /// The period that ends at `end`.
    pub(crate) fn ending(end: Stamp, granularity_s: i32) -> Self {
        Self {
            start: end.at - i64::from(granularity_s) * 1_000_000,
            granularity_s,
            offset_s: end.offset_s,
        }
    }
}

/// A value as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawValue<'a> {
    /// The number that joins it with its counter.
    pub(crate) position: u32,
    pub(crate) text: &'a str,
    pub(crate) offset: u64,
}

/// A block under construction.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    meas_info_id: Option<String>,
    pub(crate) job_id: Option<String>,
    pub(crate) period: Option<Period>,
    pub(crate) columns: Columns,
    objects: Vec<Object>,
    values: Vec<f64>,
    lists: Vec<ListValue>,
    /// The object (number + 1) that gave each column its value last.
    given_by: Vec<usize>,
    /// Start of the current object's row in `values`.
    row: usize,
    /// Values of the current object that carried no position.
    ordinals: usize,
    /// The current object alone, then folded into `counts`.
    object_counts: Counts,
    first_list: usize,
    counts: Counts,
}

impl BlockBuilder {
    /// An empty block with that `measInfoId`.
    pub(crate) fn new(meas_info_id: Option<String>) -> Self {
        Self { meas_info_id, ..Self::default() }
    }

    /// Counters of an object.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Opens the row of an object.
    pub(crate) fn begin_object(&mut self, ldn: String) {
        self.columns.freeze();
        let width = self.columns.len();
        self.given_by.resize(width, 0);
        self.row = self.values.len();
        self.values.resize(self.row + width, f64::NAN);
        self.objects.push(Object { ldn, suspect: false });
        self.ordinals = 0;
        self.first_list = self.lists.len();
        self.object_counts = Counts::default();
    }

    /// Names the current object, for forms that write the name inside it.
    pub(crate) fn name_object(&mut self, ldn: String) {
        if let Some(object) = self.objects.last_mut() {
            object.ldn = ldn;
        }
    }

    /// Marks the current object as suspect.
    pub(crate) fn mark_suspect(&mut self) {
        if let Some(object) = self.objects.last_mut() {
            object.suspect = true;
        }
    }

    /// The position of a value that carries none: the next one.
    pub(crate) fn next_ordinal(&mut self) -> u32 {
        self.ordinals += 1;
        self.ordinals as u32
    }

    /// A number for the current object; `false` when its column is unknown or has a value already,
    /// which [`Self::put_text`] then judges.
    #[inline]
    pub(crate) fn put_number(&mut self, position: u32, number: f64) -> bool {
        let Some(column) = self.columns.at(position) else {
            return false;
        };
        let object = self.objects.len();
        if self.given_by[column] == object {
            return false;
        }
        self.given_by[column] = object;
        self.values[self.row + column] = number;
        self.object_counts.read += 1;
        self.object_counts.scalars += 1;
        true
    }

    /// The text of a value for the current object.
    pub(crate) fn put_text(&mut self, raw: &RawValue<'_>, rejects: &mut Rejects) {
        self.object_counts.read += 1;
        let Some(column) = self.columns.at(raw.position) else {
            return self.reject(RejectReason::UnknownPosition, raw, rejects);
        };
        let again = self.given_by[column] == self.objects.len() && self.is_set(column);
        self.given_by[column] = self.objects.len();
        let value = parse_value(raw.text);
        if value == Value::Invalid {
            self.reject(RejectReason::NotANumber, raw, rejects);
        } else if !again {
            self.keep(column, value, raw.text);
        } else if self.agrees(column, &value) {
            self.object_counts.repeated += 1;
        } else {
            self.reject(RejectReason::Disagrees, raw, rejects);
        }
    }

    fn keep(&mut self, column: usize, value: Value, text: &str) {
        match value {
            Value::Number(number) => {
                self.values[self.row + column] = number;
                self.object_counts.scalars += 1;
            }
            Value::List(bins) => {
                self.lists.push(ListValue {
                    object: self.objects.len() - 1,
                    counter: column,
                    bins,
                    raw: text.to_owned(),
                });
                self.object_counts.lists += 1;
            }
            Value::Null | Value::Invalid => self.object_counts.nulls += 1,
        }
    }

    /// Whether the current object has a number or list in a column.
    fn is_set(&self, column: usize) -> bool {
        let mut lists = self.lists[self.first_list..].iter();
        !self.values[self.row + column].is_nan() || lists.any(|list| list.counter == column)
    }

    /// Whether a second value for a column of the same object says the same as the first.
    fn agrees(&self, column: usize, value: &Value) -> bool {
        let list = self.lists[self.first_list..].iter().find(|list| list.counter == column);
        match value {
            Value::Number(number) => self.values[self.row + column] == *number,
            Value::List(bins) => list.is_some_and(|list| list.bins == *bins),
            Value::Null | Value::Invalid => true,
        }
    }

    fn reject(&mut self, reason: RejectReason, raw: &RawValue<'_>, rejects: &mut Rejects) {
        self.object_counts.rejected += 1;
        rejects.add(reason, raw.offset, raw.text, 1, || {
            let counter = match self.columns.at(raw.position) {
                Some(column) => self.columns.name(column).to_owned(),
                None => format!("position {}", raw.position),
            };
            format!("{}, {counter}", self.place())
        });
    }

    /// Block and object, for people.
    fn place(&self) -> String {
        let info = self.meas_info_id.as_deref().unwrap_or("without measInfoId");
        match self.objects.last() {
            Some(object) if object.ldn.is_empty() => format!("block {info}, the element itself"),
            Some(object) => format!("block {info}, {}", object.ldn),
            None => format!("block {info}"),
        }
    }

    /// Closes the row. Values without positions are only usable when none is missing: otherwise
    /// nobody knows which counter lacks its value, and the whole object is set aside.
    pub(crate) fn end_object(&mut self, offset: u64, rejects: &mut Rejects) {
        let width = self.columns.len();
        if self.ordinals != 0 && self.ordinals != width {
            let values = self.object_counts.read - self.object_counts.rejected;
            let sample = format!("{} values for {width} counters", self.ordinals);
            rejects.add(RejectReason::WrongCount, offset, &sample, values, || self.place());
            self.drop_object();
        }
        let object = self.object_counts;
        self.counts.read += object.read;
        self.counts.scalars += object.scalars;
        self.counts.lists += object.lists;
        self.counts.nulls += object.nulls;
        self.counts.repeated += object.repeated;
        self.counts.rejected += object.rejected;
    }

    fn drop_object(&mut self) {
        self.values.truncate(self.row);
        self.lists.truncate(self.first_list);
        self.objects.pop();
        self.given_by.fill(0);
        self.object_counts = Counts {
            read: self.object_counts.read,
            rejected: self.object_counts.read,
            ..Counts::default()
        };
    }

    /// The finished block, or `None` when it is empty or unusable as a whole; either way `counts`
    /// and `rejects` account for its values.
    pub(crate) fn finish(
        self,
        element: Option<usize>,
        offset: u64,
        counts: &mut Counts,
        rejects: &mut Rejects,
    ) -> Option<Block> {
        let fault = if self.period.is_none() {
            Some(RejectReason::NoPeriod)
        } else if !self.columns.is_sound() {
            Some(RejectReason::BadCounters)
        } else if element.is_none() {
            Some(RejectReason::NoElement)
        } else {
            None
        };
        counts.read += self.counts.read;
        if let (None, Some(period), Some(element)) = (fault, self.period, element) {
            counts.scalars += self.counts.scalars;
            counts.lists += self.counts.lists;
            counts.nulls += self.counts.nulls;
            counts.repeated += self.counts.repeated;
            counts.rejected += self.counts.rejected;
            return (!self.objects.is_empty()).then(|| self.into_block(period, element));
        }
        counts.rejected += self.counts.read;
        if let Some(reason) = fault.filter(|_| !self.objects.is_empty()) {
            let values = self.counts.read - self.counts.rejected;
            let info = self.meas_info_id.as_deref().unwrap_or("without measInfoId");
            rejects.add(reason, offset, "", values, || format!("block {info}"));
        }
        None
    }

    fn into_block(self, period: Period, element: usize) -> Block {
        Block {
            element,
            meas_info_id: self.meas_info_id,
            job_id: self.job_id,
            period_start: period.start,
            granularity_s: period.granularity_s,
            offset_s: period.offset_s,
            flags: 0,
            counters: self.columns.into_names(),
            objects: self.objects,
            values: self.values,
            lists: self.lists,
        }
    }
}
