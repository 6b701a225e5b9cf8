//! `performance` of the lists: what they stated, and what came of it.

use std::collections::BTreeMap;

use foresite_schema::catalog::watch;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::DAY;
use crate::inputs::Came;

/// Days for which what `monitor` found is worth telling: it looks once a day.
const FRESH: i64 = 3;

impl Reader<'_> {
    /// What `monitor` found last, by task.
    pub(super) fn came(&mut self) -> Result<Vec<Came>> {
        let read = Read::all().period(self.cutoff - FRESH * DAY, self.cutoff + 1);
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
