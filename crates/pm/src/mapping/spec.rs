//! What a mapping file may say, as it is written.
//!
//! `docs/bring_your_own_data.md` explains every key. Single keys are checked while they are read
//! (see [`leaf`](super::leaf)); how they fit together is checked by [`Mapping`](super::Mapping).

mod channel;
mod entity;
mod event;
mod label;
mod source;
mod time;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::leaf::{Name, Value};

pub use channel::{Channel, ChannelKind};
pub use entity::{Entity, Exposure, Static, StaticFrom};
pub use event::{Fact, Repairs};
pub use label::{Label, LabelFrom, SegmentEnd, SegmentRole, Segments};
pub use source::{Csv, Encoding, Join, Others, Role, Shape, Source, Unmatched};
pub use time::{Clock, History, Marks, Repeat, Time, Unit};

use time::yes;

/// A mapping as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Name of the mapping; the `source` of its rows.
    pub name: Name,
    /// The table that the rows go to.
    pub target: Target,
    /// The files; the first source that matches a path takes it.
    pub sources: Vec<Source>,
    /// How CSV files are written.
    #[serde(default)]
    pub csv: Csv,
    /// How values lie in columns.
    #[serde(default)]
    pub shape: Shape,
    /// Words that mean "no value", beside the usual ones.
    #[serde(default)]
    pub missing: Vec<String>,
    /// What a row is about.
    #[serde(default)]
    pub entity: Option<Entity>,
    /// When.
    pub time: Time,
    /// Measured values; none at all is fine for events and static tables.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Other columns of the target table.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    /// What one row of an event log says: one fact each.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// Hides repairs that answer a failure of the same moment.
    #[serde(default)]
    pub repairs: Option<Repairs>,
    /// What does not change, or changes with age only.
    #[serde(default)]
    pub statics: Vec<Static>,
    /// Stretches of rows that belong together.
    #[serde(default)]
    pub segments: Option<Segments>,
    /// What the set says about itself.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// When past rows could be known; without it, when the file was taken.
    #[serde(default)]
    pub history: Option<History>,
}

/// The tables that a mapping may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Measured values per entity and period.
    Kpis,
    /// Alarm facts.
    Alarms,
    /// Ticket facts; failures, repairs and planned work of any equipment.
    Tickets,
    /// People's marks.
    Feedback,
    /// What people keep off the lists for a while.
    Suppressions,
    /// What people come together for.
    LocalEvents,
    /// Entities over time.
    Inventory,
    /// Which measured objects make which entity.
    Objects,
    /// Who depends on or borders whom.
    TopologyEdges,
    /// Labels alone.
    Labels,
}

impl Target {
    /// Name of the table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Kpis => "kpis",
            Self::Alarms => "alarms",
            Self::Tickets => "tickets",
            Self::Feedback => "feedback",
            Self::Suppressions => "suppressions",
            Self::LocalEvents => "local_events",
            Self::Inventory => "inventory",
            Self::Objects => "objects",
            Self::TopologyEdges => "topology_edges",
            Self::Labels => "labels",
        }
    }

    /// Whether a row of the table is a fact with an `at`.
    pub fn is_event_log(self) -> bool {
        matches!(
            self,
            Self::Alarms | Self::Tickets | Self::Feedback | Self::Suppressions | Self::LocalEvents
        )
    }
}
