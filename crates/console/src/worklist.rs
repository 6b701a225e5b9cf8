//! The worklist of the newest published cutoff.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foresite_schema::catalog::{BUILT_IN_TASKS, outcome};
use foresite_tables::{Read, Result, Root};
use serde::Serialize;

use crate::clock::{self, folder, optional, stamp};
use crate::names::{Names, paths};
use crate::published::Published;
use crate::read::resolved;
use crate::rows::Rows;

/// What to look at, as of the newest published cutoff.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worklist {
    /// When the tables were read.
    pub read_at: String,
    /// The cutoff; `null` before the first run.
    pub cutoff: Option<String>,
    /// Nothing that became known later was used; `null` for lists without items.
    pub as_of: Option<String>,
    /// When the list was written.
    pub written_at: Option<String>,
    /// Document `lineage/<id>.json` of the run.
    pub lineage_id: Option<String>,
    /// Path of the report below the data root, where it is there.
    pub report: Option<String>,
    /// One list per task, the built-in tasks first.
    pub lists: Vec<List>,
    /// Incidents that closed with this run.
    pub closed: Vec<Closed>,
    /// Whether `POST /console/v1/feedback` takes marks.
    pub accepts_feedback: bool,
}

/// The items of one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct List {
    /// The task.
    pub task: String,
    /// Ranked items, the first one first.
    pub items: Vec<Item>,
    /// Incidents that are not on the list, each with its reason in `left_out`.
    pub left_out: Vec<Item>,
}

/// An incident with its place on the list, or the reason why it has none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// 1 is first; `null` = left out.
    pub rank: Option<i32>,
    /// Stable over runs.
    pub incident_id: String,
    /// Type of the entity, or of what the affected ones share.
    pub entity_type: String,
    /// The entity.
    pub entity_id: String,
    /// Its name by the inventory, site first; `null` where it has none.
    pub name: Option<String>,
    /// Entities that belong to the incident.
    pub affected: Vec<String>,
    /// One line for people.
    pub title: String,
    /// Sentences generated from checked numbers.
    pub evidence: Vec<String>,
    /// Calibrated probability, where the task has one.
    pub probability: Option<f64>,
    /// Ranking score.
    pub urgency: Option<f64>,
    /// Downlink traffic that usually flows in the hours ahead, GB/h.
    pub traffic_at_risk_gb: Option<f64>,
    /// Users that are usually connected.
    pub users_at_risk: Option<f64>,
    /// Latest order date, or when the accumulated risk passes what the list tolerates.
    pub act_before: Option<String>,
    /// new, ongoing, worse or better since the last run.
    pub change: String,
    /// Alarm, ticket or planned work that explains it already.
    pub known_cause: Option<String>,
    /// Cutoff that first raised the incident.
    pub first_seen_at: Option<String>,
    /// What runs out, of a forecast.
    pub limiting_resource: Option<String>,
    /// Earliest plausible date of the event (p10).
    pub event_low_at: Option<String>,
    /// Median date of the event.
    pub event_at: Option<String>,
    /// Latest plausible date (p90).
    pub event_high_at: Option<String>,
    /// champion or provisional.
    pub model_role: String,
    /// Who works on it; `null` = the lists are not split by team.
    pub team: Option<String>,
    /// Why it is not on the list.
    pub left_out: Option<String>,
    /// The same as a word: suppressed, alarm, ticket, planned_work, marked, not_scored,
    /// self_clearing or over_budget.
    pub left_out_code: Option<String>,
}

/// An incident that closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// The task that raised it.
    pub task: String,
    /// Stable over runs.
    pub incident_id: String,
    /// The entity.
    pub entity_id: String,
    /// Its name by the inventory.
    pub name: Option<String>,
    /// Cutoff that first raised it.
    pub first_seen_at: Option<String>,
}

/// Reads the summary.
pub(crate) fn read(root: &Root, accepts_feedback: bool) -> Result<Worklist> {
    let now = clock::now();
    let mut list = Worklist {
        read_at: stamp(now),
        cutoff: None,
        as_of: None,
        written_at: None,
        lineage_id: None,
        report: None,
        lists: Vec::new(),
        closed: Vec::new(),
        accepts_feedback,
    };
    let Some(table) = root.find(outcome::worklist())? else {
        return Ok(list);
    };
    let Some(published) = Published::find(&table, now)? else {
        return Ok(list);
    };
    let cutoff = published.cutoff;
    list.cutoff = Some(stamp(cutoff));
    list.lineage_id = published.lineage_id;
    let report = format!("reports/{}/report.html", folder(cutoff));
    list.report = root.exists(&report)?.then_some(report);
    let at_cutoff = Read::all().period(cutoff, cutoff + 1);
    let incidents = resolved(root, outcome::incidents(), &at_cutoff)?;
    let incidents = incidents.as_ref().map(Rows::of).map(Incidents::of).unwrap_or_default();
    let batch = table.read(&at_cutoff)?;
    let rows = Rows::of(&batch);
    list.stamp_of(rows);
    list.lists = lists(rows, &incidents);
    list.closed = incidents.closed;
    list.name_entities(root)?;
    Ok(list)
}

/// What `incidents` adds to the items.
#[derive(Default)]
struct Incidents {
    known: HashMap<String, (Vec<String>, Option<String>)>,
    closed: Vec<Closed>,
}

impl Incidents {
    fn of(rows: Rows<'_>) -> Self {
        let [id, task, entity] = ["incident_id", "task", "entity_id"].map(|name| rows.text(name));
        let (state, cause) = (rows.text("state"), rows.text("known_cause"));
        let (members, first) = (rows.texts("member_entities"), rows.times("first_seen_at"));
        let mut found = Self::default();
        for row in rows.each() {
            if state.at(row) == "closed" {
                found.closed.push(Closed {
                    task: task.owned(row),
                    incident_id: id.owned(row),
                    entity_id: entity.owned(row),
                    name: None,
                    first_seen_at: optional(first.at(row)),
                });
            }
            found.known.insert(id.owned(row), (members.at(row), cause.filled(row)));
        }
        found
    }
}

/// The items by task.
fn lists(rows: Rows<'_>, incidents: &Incidents) -> Vec<List> {
    let tasks = rows.text("task");
    let mut by_task: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    for (row, item) in rows.each().zip(items(rows, incidents)) {
        by_task.entry(tasks.at(row)).or_default().push(item);
    }
    let own: Vec<&str> = BUILT_IN_TASKS.to_vec();
    let others: Vec<&str> = by_task.keys().copied().filter(|task| !own.contains(task)).collect();
    let list = |task: &str| {
        let of_task = by_task.remove(task).unwrap_or_default();
        let (mut items, mut left_out): (Vec<Item>, Vec<Item>) =
            of_task.into_iter().partition(|item| item.rank.is_some());
        items.sort_by_key(|item| item.rank);
        left_out.sort_by(|a, b| b.urgency.unwrap_or(0.0).total_cmp(&a.urgency.unwrap_or(0.0)));
        List { task: task.to_owned(), items, left_out }
    };
    own.into_iter().chain(others).map(list).collect()
}

fn items(rows: Rows<'_>, incidents: &Incidents) -> Vec<Item> {
    let [id, kind, entity, title] =
        ["incident_id", "entity_type", "entity_id", "title"].map(|name| rows.text(name));
    let [change, resource, role] =
        ["change", "limiting_resource", "model_role"].map(|name| rows.text(name));
    let [team, left_out, code] = ["team", "left_out", "left_out_code"].map(|name| rows.text(name));
    let [probability, urgency, traffic, users] =
        ["probability", "urgency", "traffic_at_risk_gb", "users_at_risk"]
            .map(|name| rows.doubles(name));
    let [act_before, first, low, median, high] =
        ["act_before", "first_seen_at", "event_low_at", "event_at", "event_high_at"]
            .map(|name| rows.times(name));
    let (rank, evidence) = (rows.ints("rank"), rows.texts("evidence"));
    let item = |row| {
        let (affected, known_cause) = incidents.known.get(id.at(row)).cloned().unwrap_or_default();
        Item {
            rank: rank.at(row),
            incident_id: id.owned(row),
            entity_type: kind.owned(row),
            entity_id: entity.owned(row),
            name: None,
            affected,
            title: title.owned(row),
            evidence: evidence.at(row),
            probability: probability.at(row),
            urgency: urgency.at(row),
            traffic_at_risk_gb: traffic.at(row),
            users_at_risk: users.at(row),
            act_before: optional(act_before.at(row)),
            change: change.owned(row),
            known_cause,
            first_seen_at: optional(first.at(row)),
            limiting_resource: resource.filled(row),
            event_low_at: optional(low.at(row)),
            event_at: optional(median.at(row)),
            event_high_at: optional(high.at(row)),
            model_role: role.owned(row),
            team: team.filled(row),
            left_out: left_out.filled(row),
            left_out_code: code.filled(row),
        }
    };
    rows.each().map(item).collect()
}

impl Worklist {
    /// What all rows of a run share.
    fn stamp_of(&mut self, rows: Rows<'_>) {
        let latest = |name: &str| {
            let times = rows.times(name);
            rows.each().filter_map(|row| times.at(row)).max()
        };
        self.as_of = optional(latest("known_at"));
        self.written_at = optional(latest("ingested_at"));
        let lineage = rows.text("lineage_id");
        self.lineage_id =
            rows.each().next().and_then(|row| lineage.filled(row)).or(self.lineage_id.take());
    }

    /// Looks the names of the entities up in the inventory.
    fn name_entities(&mut self, root: &Root) -> Result<()> {
        let items = self.lists.iter().flat_map(|list| list.items.iter().chain(&list.left_out));
        let ids = items.map(|item| item.entity_id.as_str());
        let ids: BTreeSet<String> = ids
            .chain(self.closed.iter().map(|closed| closed.entity_id.as_str()))
            .flat_map(paths)
            .map(str::to_owned)
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let names = Names::of(root, &ids)?;
        for list in &mut self.lists {
            for item in list.items.iter_mut().chain(&mut list.left_out) {
                item.name = names.label(&item.entity_id);
            }
        }
        for closed in &mut self.closed {
            closed.name = names.label(&closed.entity_id);
        }
        Ok(())
    }
}
