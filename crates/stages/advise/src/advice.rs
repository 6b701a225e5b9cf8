//! From signals to advice: the story of the stage without its I/O.
//!
//! [`open_incidents`] needs the signals only; it names the few entities whose series are worth
//! reading ([`Focus`]). [`advise`] then adds what those series say.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    candidates, checks,
    config::{Config, Head, ListConfig},
    evidence::{self, Evidence, Sources},
    exposure::{self, AverageCell},
    incidents::{self, Identified, Incident, Run},
    inputs::{Context, Prediction, Role, Signals},
    panels::{self, Panel},
    ranking::{self, Item},
    statements::{self, Statement},
    teams,
};

/// One item with everything that people read about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The judged incident.
    pub item: Item,
    /// Title and sentences.
    pub evidence: Evidence,
    /// Plots; empty for items left out.
    pub panels: Vec<Panel>,
    /// Role of the model, shown on every item.
    pub role: Role,
    /// Lineage of the leading prediction.
    pub lineage_id: String,
}

/// One worklist.
#[derive(Debug, Clone, PartialEq)]
pub struct Worklist {
    /// What it is.
    pub list: ListConfig,
    /// Items on the list, first place first.
    pub listed: Vec<Entry>,
    /// Items left out, most urgent first.
    pub left_out: Vec<Entry>,
    /// Incidents that closed with this run.
    pub closed: Vec<Incident>,
    /// What the list of each team states beforehand.
    pub statements: Vec<Statement>,
    /// Entities that the task scored.
    pub scored: usize,
    /// Models behind the list: id and role.
    pub models: BTreeSet<(String, Role)>,
}

impl Worklist {
    /// All incidents of the task at this cutoff, closed ones last.
    pub fn incidents(&self) -> impl Iterator<Item = (&Incident, Option<&str>)> {
        self.listed
            .iter()
            .chain(&self.left_out)
            .map(|entry| (&entry.item.incident, entry.item.known.reason.as_deref()))
            .chain(self.closed.iter().map(|incident| (incident, None)))
    }
}

/// An entity without a score.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotScored {
    /// Task.
    pub task: String,
    /// Why.
    pub reason: String,
    /// The entity.
    pub entity_id: String,
}

/// All that a run tells people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Advice {
    /// Worklists in the configured order.
    pub lists: Vec<Worklist>,
    /// Entities without a score, by task and reason.
    pub not_scored: Vec<NotScored>,
}

/// Incidents of every list, before anything was read about them.
pub type Opened = Vec<(ListConfig, Identified)>;

/// Groups the candidates of each list and gives the groups their ids.
pub fn open_incidents(signals: &Signals, config: &Config) -> Opened {
    config.lists.iter().map(|list| (list.clone(), open_list(list, signals, config))).collect()
}

fn open_list(list: &ListConfig, signals: &Signals, config: &Config) -> Identified {
    let network = &signals.network;
    let scored: BTreeSet<&str> = candidates::scored(list, signals).into_keys().collect();
    let found = candidates::select(list, signals);
    let entity_types: BTreeMap<String, String> = found
        .iter()
        .map(|candidate| (candidate.entity_id.clone(), candidate.entity_type.clone()))
        .collect();
    let groups = incidents::group(list.head, found, network, config.together());
    let run =
        Run { task: &list.task, cutoff: signals.cutoff, prior: &signals.prior, scored: &scored };
    let type_of = |id: &str| {
        network
            .type_of(id)
            .map(str::to_owned)
            .or_else(|| entity_types.get(id).cloned())
            .unwrap_or_default()
    };
    let mut identified = incidents::identify(groups, run, type_of, config);
    let busy = identified.open.iter().flat_map(|incident| incident.member_entities.clone());
    let busy: BTreeSet<String> = busy.collect();
    identified.open.extend(checks::draw(list, signals, &busy, config));
    identified
}

/// Entities whose series are worth reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Focus {
    /// Hourly series and profiles: members, their cells, neighbours and equipment.
    pub hourly: BTreeSet<String>,
    /// Daily busy hours: forecast members and their cells.
    pub busy_hours: BTreeSet<String>,
    /// Profiles of the load only, for what is at risk.
    pub load: BTreeSet<String>,
    /// Channels that evidence and plots may want.
    pub channels: BTreeSet<String>,
}

/// The entities behind the open incidents.
pub fn focus(opened: &Opened, signals: &Signals) -> Focus {
    let network = &signals.network;
    let mut focus = Focus::default();
    focus.channels.extend([exposure::TRAFFIC, exposure::USERS].map(str::to_owned));
    focus.channels.extend(evidence::EQUIPMENT_CHANNELS.map(str::to_owned));
    focus.channels.extend(opened.iter().map(|(list, _)| list.channel.clone()));
    for (list, identified) in opened {
        for incident in &identified.open {
            focus.load.extend(exposure::cells(incident, list.head, network));
            for member in &incident.members {
                let id = &member.entity_id;
                let drivers = member.drivers().iter().map(|driver| driver.name.clone());
                focus.channels.extend(drivers);
                let inside = network.inside(id);
                if list.head == Head::Forecast {
                    focus.busy_hours.extend(inside);
                    continue;
                }
                focus.hourly.extend(network.neighbours(id).map(str::to_owned));
                focus.hourly.extend(inside);
            }
        }
    }
    focus.load.extend(focus.hourly.iter().cloned());
    focus
}

/// Judges, ranks and explains the opened incidents.
pub fn advise(opened: Opened, signals: &Signals, context: &Context, config: &Config) -> Advice {
    let judged: Vec<(ListConfig, Vec<Item>, Vec<Incident>)> = opened
        .into_iter()
        .map(|(list, identified)| {
            let items = ranking::judge(identified.open, &list, signals, context, config);
            (list, items, identified.closed)
        })
        .collect();
    let exposures = judged.iter().flat_map(|(_, items, _)| items.iter().map(|item| &item.exposure));
    let average = AverageCell::of(exposures);
    let lists = judged
        .into_iter()
        .map(|(list, items, closed)| {
            let open = items.iter().map(|item| &item.incident);
            let budgets = teams::budgets(&list, open, signals, config);
            let ranked = ranking::rank(items, average, &budgets);
            let sources = Sources { list: &list, signals, context, config };
            let models = models(&list, signals);
            let (listed, left_out): (Vec<Entry>, Vec<Entry>) = ranked
                .into_iter()
                .map(|item| entry(item, &models, sources))
                .partition(|entry: &Entry| entry.item.rank.is_some());
            let entries = (listed.as_slice(), left_out.as_slice());
            let statements = statements::of_list(&list, entries, &budgets, (signals, config));
            Worklist {
                scored: candidates::scored(&list, signals).len(),
                models,
                list,
                statements,
                listed,
                left_out,
                closed,
            }
        })
        .collect();
    Advice { lists, not_scored: not_scored(signals, config) }
}

fn entry(item: Item, models: &BTreeSet<(String, Role)>, sources: Sources<'_>) -> Entry {
    let evidence = evidence::collect(&item, sources);
    let panels =
        if item.rank.is_some() { panels::of(&item, &evidence, sources) } else { Vec::new() };
    let lead = item.incident.lead();
    Entry {
        // Without members, the incident is the business of the model that serves now.
        role: lead
            .map(candidates::Candidate::role)
            .or_else(|| models.iter().map(|(_, role)| *role).max())
            .unwrap_or_default(),
        lineage_id: lead
            .and_then(|lead| lead.rows.first())
            .map(|row| row.lineage_id.clone())
            .unwrap_or_default(),
        evidence,
        panels,
        item,
    }
}

fn models(list: &ListConfig, signals: &Signals) -> BTreeSet<(String, Role)> {
    of_task(list, signals)
        .filter(|row| !row.model_id.is_empty())
        .map(|row| (row.model_id.clone(), row.role))
        .collect()
}

fn not_scored(signals: &Signals, config: &Config) -> Vec<NotScored> {
    let found: BTreeSet<NotScored> = config
        .lists
        .iter()
        .flat_map(|list| of_task(list, signals))
        .filter_map(|row| {
            Some(NotScored {
                task: row.task.clone(),
                reason: row.not_scored.clone()?,
                entity_id: row.entity_id.clone(),
            })
        })
        .collect();
    found.into_iter().collect()
}

fn of_task<'a>(list: &'a ListConfig, signals: &'a Signals) -> impl Iterator<Item = &'a Prediction> {
    signals.predictions.iter().filter(|row| row.task == list.task && row.role != Role::Challenger)
}
