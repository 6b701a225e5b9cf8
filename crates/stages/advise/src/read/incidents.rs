//! `incidents` of earlier cutoffs: the newest row of each.

use std::collections::BTreeMap;

use foresite_schema::catalog::outcome;
use foresite_stage::Result;
use foresite_tables::Read;

use super::{Reader, Rows};
use crate::clock::{DAY, Micros};
use crate::incidents::{Change, PriorIncident};

/// How far back an open incident is looked for: a week without a run ends its identity.
const MEMORY: Micros = 7 * DAY;

impl Reader<'_> {
    /// The newest row of every incident of the last days, before this cutoff.
    pub(super) fn prior_incidents(&mut self) -> Result<Vec<PriorIncident>> {
        let read = Read::all().period(self.cutoff - MEMORY, self.cutoff);
        let Some(batch) = self.resolved(outcome::incidents(), read)? else {
            return Ok(Vec::new());
        };
        let mut newest: BTreeMap<String, PriorIncident> = BTreeMap::new();
        for incident in parse(&Rows::of(&batch))? {
            match newest.get(&incident.incident_id) {
                Some(have) if have.cutoff >= incident.cutoff => {}
                _ => {
                    newest.insert(incident.incident_id.clone(), incident);
                }
            }
        }
        Ok(newest.into_values().collect())
    }
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
            cutoff: cutoff.required(row),
            first_seen_at: first_seen.at(row).unwrap_or_else(|| cutoff.required(row)),
            change: state.at(row).and_then(Change::from_word).unwrap_or(Change::Ongoing),
            level: level.at(row).unwrap_or(0.0),
        })
        .collect())
}
