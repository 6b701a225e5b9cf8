//! `incidents` of earlier cutoffs: the newest row of each.

use std::collections::BTreeMap;

use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{DAY, Micros};
use crate::incidents::{Change, PriorIncident};

/// How far back an open incident is looked for: a week without a run ends its identity.
pub(crate) const MEMORY: Micros = 7 * DAY;

impl Reader<'_> {
    /// The newest row of every incident of the last days, before this cutoff.
    pub(super) fn prior_incidents(&mut self) -> Result<Vec<PriorIncident>> {
        let read = Read::all().period(self.cutoff - MEMORY, self.cutoff);
        let Some(batch) = self.resolved(outcome::incidents(), read)? else {
            return Ok(Vec::new());
        };
        let mut rows = parse(&Rows::of(&batch))?;
        // A check is drawn anew, and never closes.
        rows.retain(|row| row.change != Change::Check);
        Ok(newest(rows))
    }
}

/// The newest row of each incident, with the prediction ids of all.
fn newest(mut rows: Vec<PriorIncident>) -> Vec<PriorIncident> {
    rows.sort_by_key(|row| row.cutoff);
    let mut newest: BTreeMap<String, PriorIncident> = BTreeMap::new();
    for mut row in rows {
        if let Some(older) = newest.remove(&row.incident_id) {
            row.said_before = older.said_before;
        }
        row.said_before.insert(row.cutoff, row.prediction_ids.clone());
        newest.insert(row.incident_id.clone(), row);
    }
    newest.into_values().collect()
}

fn parse(rows: &Rows<'_>) -> Result<Vec<PriorIncident>> {
    let [id, task, kind, entity, state] = [
        rows.text("incident_id")?,
        rows.text("task")?,
        rows.text("entity_type")?,
        rows.text("entity_id")?,
        rows.text("state")?,
    ];
    let (members, entities) = (rows.texts("members")?, rows.texts("member_entities")?);
    let (cutoff, first_seen) = (rows.times("cutoff")?, rows.times("first_seen_at")?);
    let level = rows.doubles("level")?;
    Ok((0..rows.len())
        .map(|row| PriorIncident {
            incident_id: id.owned(row),
            task: task.owned(row),
            entity_id: entity.owned(row),
            entity_type: kind.owned(row),
            member_entities: entities.at(row).into_iter().collect(),
            prediction_ids: members.at(row),
            said_before: BTreeMap::new(),
            cutoff: cutoff.required(row),
            first_seen_at: first_seen.at(row).unwrap_or_else(|| cutoff.required(row)),
            change: state.at(row).and_then(Change::from_word).unwrap_or(Change::Ongoing),
            level: level.at(row).unwrap_or(0.0),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_newest_row_remembers_what_all_of_them_said() {
        let row = |cutoff: Micros, prediction: &str| PriorIncident {
            incident_id: "inc-1".into(),
            task: "anomaly".into(),
            entity_id: "r/A".into(),
            entity_type: "cell".into(),
            member_entities: BTreeSet::new(),
            prediction_ids: vec![prediction.into()],
            said_before: BTreeMap::new(),
            cutoff,
            first_seen_at: 1,
            change: Change::Ongoing,
            level: 0.5,
        };
        let found = newest(vec![row(3, "p3"), row(1, "p1"), row(2, "p2")]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].cutoff, found[0].prediction_ids.as_slice()), (3, &["p3".into()][..]));
        let said = [1, 2, 3].map(|hour| (hour, vec![format!("p{hour}")]));
        assert_eq!(found[0].said_before, said.into());
    }
}
