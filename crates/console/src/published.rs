//! Which cutoff was published last.

use foresite_tables::{Micros, Result, Table};

use crate::read::newest;

/// Commits that are looked at for one of a list without items.
const COMMITS: usize = 50;

/// A cutoff and the run that published it.
pub(crate) struct Published {
    /// The cutoff.
    pub(crate) cutoff: Micros,
    /// Lineage of the run, where a commit tells it.
    pub(crate) lineage_id: Option<String>,
}

impl Published {
    /// The newest one: by the rows, and by the commits, because a list without items has no rows.
    pub(crate) fn find(table: &Table, now: Micros) -> Result<Option<Self>> {
        let of_rows = newest(table, ("cutoff", &["cutoff"]), now, |rows| {
            let cutoffs = rows.times("cutoff");
            rows.each().filter_map(|row| cutoffs.at(row)).max()
        })?;
        let of_commits = table.history(COMMITS)?.into_iter().filter_map(|entry| {
            let lineage = entry.commit_info.get("lineage")?;
            let cutoff = lineage.pointer("/slot/period/0")?.as_i64()?;
            let lineage_id = lineage.get("lineage_id")?.as_str().map(str::to_owned);
            Some(Self { cutoff, lineage_id })
        });
        let of_rows = of_rows.map(|cutoff| Self { cutoff, lineage_id: None });
        // The first one of the greatest: history begins with the newest commit.
        Ok(of_commits.chain(of_rows).reduce(
            |best, next| {
                if next.cutoff > best.cutoff { next } else { best }
            },
        ))
    }
}
