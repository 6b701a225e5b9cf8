//! The incidents that marks name, as they stood when they were marked.
//!
//! A page shows the newest list, and a person may say that a mark is about an earlier hour: then it
//! is about what belonged to the incident at that hour.

use std::collections::{BTreeMap, BTreeSet};

use foresite_feedback::reach;
use foresite_schema::catalog::outcome;
use foresite_tables::{Micros, Read, Result, Root};

use super::ask::{About, Ask};
use crate::clock::{DAY, stamp};
use crate::read::resolved;
use crate::rows::Rows;

/// How far back an incident is looked for first: lists are made every hour.
const NEAR: Micros = 2 * DAY;

/// A marked incident: its id, the list that shows it, and the moment of the mark.
type Named = (String, Micros, Micros);

/// The members of each marked incident at the moment of the mark, or why there are none.
pub(super) struct Incidents(BTreeMap<Named, std::result::Result<Vec<String>, String>>);

impl Incidents {
    /// Reads each list that is named once, and what was before it only for marks that are older.
    ///
    /// # Errors
    /// Storage errors.
    pub(super) fn read(root: &Root, asked: &[Ask]) -> Result<Self> {
        let named: BTreeSet<Named> = asked.iter().filter_map(named).collect();
        let listed = listed(root, &named)?;
        let (mut found, mut earlier) = (BTreeMap::new(), BTreeMap::new());
        for key in named {
            let (id, cutoff, at) = &key;
            match listed.get(&(id.clone(), *cutoff)) {
                None => {
                    let line = format!("incident `{id}` is not on the list of {}", stamp(*cutoff));
                    found.insert(key, Err(line));
                }
                Some(row) if *at >= *cutoff => {
                    found.insert(key, Ok(row.members.clone()));
                }
                Some(row) if *at < row.first_seen => {
                    let (at, since) = (stamp(*at), stamp(row.first_seen));
                    let line = format!("incident `{id}` was not there at {at}, only since {since}");
                    found.insert(key, Err(line));
                }
                Some(row) => {
                    // What stood behind it before that can no longer be marked.
                    let since = at.saturating_sub(reach(&row.task)).max(row.first_seen);
                    earlier.insert(key, since);
                }
            }
        }
        found.extend(before(root, earlier)?);
        Ok(Self(found))
    }

    /// The predictions of the incident that a mark names; none where it names another thing.
    ///
    /// # Errors
    /// In one line why it cannot be about the incident.
    pub(super) fn members(&self, ask: &Ask) -> std::result::Result<&[String], &str> {
        match named(ask).and_then(|key| self.0.get(&key)) {
            Some(Ok(members)) => Ok(members),
            Some(Err(why)) => Err(why),
            None => Ok(&[]),
        }
    }
}

fn named(ask: &Ask) -> Option<Named> {
    match &ask.about {
        About::Incident { id, cutoff } => Some((id.clone(), *cutoff, ask.at)),
        _ => None,
    }
}

struct Listed {
    task: String,
    members: Vec<String>,
    first_seen: Micros,
}

/// The named incidents on their lists.
fn listed(root: &Root, named: &BTreeSet<Named>) -> Result<BTreeMap<(String, Micros), Listed>> {
    let mut by_cutoff: BTreeMap<Micros, BTreeSet<&str>> = BTreeMap::new();
    for (id, cutoff, _) in named {
        by_cutoff.entry(*cutoff).or_default().insert(id);
    }
    let mut found = BTreeMap::new();
    for (cutoff, ids) in by_cutoff {
        let read = Read::all().columns(["incident_id", "task", "members", "first_seen_at"]);
        let read = read.period(cutoff, cutoff.saturating_add(1));
        let Some(batch) = resolved(root, outcome::incidents(), &read)? else { break };
        let rows = Rows::of(&batch);
        let [known, tasks] = ["incident_id", "task"].map(|name| rows.text(name));
        let (members, first_seen) = (rows.texts("members"), rows.times("first_seen_at"));
        for row in rows.each().filter(|row| ids.contains(known.at(*row))) {
            let first_seen = first_seen.at(row).unwrap_or(cutoff);
            let listed = Listed { task: tasks.owned(row), members: members.at(row), first_seen };
            found.insert((known.owned(row), cutoff), listed);
        }
    }
    Ok(found)
}

/// What belonged to incidents at marks that are older than the list they name. `earlier` holds since
/// when a list may tell.
fn before(
    root: &Root,
    mut earlier: BTreeMap<Named, Micros>,
) -> Result<BTreeMap<Named, std::result::Result<Vec<String>, String>>> {
    let mut found = BTreeMap::new();
    for back in [NEAR, Micros::MAX] {
        let starts = earlier.iter().map(|((_, _, at), since)| at.saturating_sub(back).max(*since));
        let (start, end) = (starts.min(), earlier.keys().map(|(_, _, at)| at + 1).max());
        let (Some(start), Some(end)) = (start, end) else { break };
        let read = Read::all().columns(["incident_id", "cutoff", "members"]).period(start, end);
        let Some(batch) = resolved(root, outcome::incidents(), &read)? else { break };
        earlier.retain(|named, _| match newest(Rows::of(&batch), named) {
            Some(members) => found.insert(named.clone(), Ok(members)).is_some(),
            None => true,
        });
    }
    found.extend(earlier.into_keys().map(|named| {
        let line = format!("incident `{}` is on no list before {}", named.0, stamp(named.2));
        (named, Err(line))
    }));
    Ok(found)
}

/// The members of an incident on the newest list that is no newer than the mark. A list that only
/// closes it has none.
fn newest(rows: Rows<'_>, (id, _, at): &Named) -> Option<Vec<String>> {
    let (ids, cutoffs) = (rows.text("incident_id"), rows.times("cutoff"));
    let members = rows.texts("members");
    let of_it = rows.each().filter(|row| ids.at(*row) == id && cutoffs.required(*row) <= *at);
    let filled = of_it.filter(|row| !members.at(*row).is_empty());
    filled.max_by_key(|row| cutoffs.required(*row)).map(|row| members.at(row))
}
