//! `performance` of the lists: what they stated, and what came of it.

use std::collections::BTreeMap;

use foresite_schema::catalog::watch;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{DAY, Micros};
use crate::inputs::Came;

/// How long what `monitor` found is worth telling: it looks once a day.
const FRESH: Micros = 4 * DAY;

/// How long ago the judged days ended: monitor looks after the list of a day's last hour is out, and that
/// list would read otherwise if it were made again.
const SETTLED: Micros = DAY;

impl Reader<'_> {
    /// What `monitor` found last, by task.
    pub(super) fn came(&mut self) -> Result<Vec<Came>> {
        let read = Read::all().period(self.cutoff - FRESH, self.cutoff - SETTLED + 1);
        let read = read.text("scope", watch::OF_LISTS);
        let Some(batch) = self.resolved(watch::performance(), read)? else {
            return Ok(Vec::new());
        };
        let rows = Rows::of(&batch);
        let [task, metric] = [rows.text("task")?, rows.text("metric")?];
        let (until, value) = (rows.times("window_end")?, rows.doubles("value")?);
        let lists = rows.longs("samples")?;
        let mut found: BTreeMap<String, Came> = BTreeMap::new();
        for row in 0..rows.len() {
            let at = until.required(row);
            let came = found.entry(task.owned(row)).or_default();
            if at < came.until {
                continue;
            }
            if at > came.until {
                *came = Came { task: task.owned(row), until: at, ..Came::default() };
            }
            came.lists = came.lists.max(lists.at(row).unwrap_or(0));
            match metric.at(row) {
                Some("stated_hits") => came.hits[0] = value.at(row),
                Some("hits") => came.hits[1] = value.at(row),
                Some("stated_misses") => came.misses[0] = value.at(row),
                Some("misses") => came.misses[1] = value.at(row),
                _ => {}
            }
        }
        Ok(found.into_values().collect())
    }
}
