//! How samples get their labels, and why some do not count.

use serde::{Deserialize, Serialize};

use super::{Inputs, Span, TaskError, ensure};

/// The table that an event is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTable {
    /// Tickets: outage start, end and cause as people coded them.
    Tickets,
    /// Alarms: raise and clear.
    Alarms,
    /// What a data set says about itself: marked intervals, classes. Never a feature.
    Labels,
}

/// Which events count. An empty list lets everything pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFilter {
    /// Where events are read.
    pub table: EventTable,
    /// Alarm names; names of labels.
    #[serde(default)]
    pub specific_problems: Vec<String>,
    /// Ticket causes, probable causes of alarms, or classes of labels.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Causes that do not count.
    #[serde(default)]
    pub except_causes: Vec<String>,
    /// Severities of alarms.
    #[serde(default)]
    pub severities: Vec<String>,
    /// Shorter events do not count; an open one counts once it has lasted this long.
    #[serde(default)]
    pub min_duration: Span,
    /// How long after its start an event may still be reported: "nothing happened" is known only
    /// this long after the end of a bin.
    #[serde(default)]
    pub reporting_delay: Span,
}

/// The rule that makes a label from what happened after the cutoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum LabelRule {
    /// No labels.
    None {},
    /// An event begins in `(cutoff + lead, cutoff + horizon]`; hazard bins come from the head.
    EventWithin {
        /// Which events count.
        events: EventFilter,
        /// Horizon of a yes-or-no label; hazard heads take theirs from the bins.
        #[serde(default)]
        within: Span,
    },
    /// The channel's busy-hour value passes `limit` within the horizon.
    Exceedance {
        /// Channel of `inputs.channels`.
        channel: String,
        /// The level, in the channel's unit.
        limit: f64,
        /// How far ahead is looked.
        within: Span,
    },
    /// Values of the channel at the head's horizons, or at the lead for a regression.
    ValueAt {
        /// Channel of `inputs.channels`.
        channel: String,
    },
    /// A channel that holds the label itself (a mapping puts label columns there), read at the
    /// last step before the cutoff.
    Point {
        /// Channel that holds the label.
        channel: String,
    },
    /// An interval of a table covers the moment `cutoff + lead`: 1, or its class.
    Interval {
        /// Which intervals count.
        events: EventFilter,
    },
    /// Steps until the entity's last row; entities with a `channel` value are known to end later.
    RemainingLife {
        /// Channel with the life that remains after an entity's last row (test units), if any.
        #[serde(default)]
        channel: Option<String>,
    },
}

impl LabelRule {
    /// How far after the cutoff the rule looks, beyond what the head says.
    pub fn horizon(&self) -> Span {
        match self {
            Self::EventWithin { within, .. } | Self::Exceedance { within, .. } => *within,
            _ => Span::default(),
        }
    }

    /// The channel that labels are read from, if any.
    pub fn channel(&self) -> Option<&str> {
        match self {
            Self::Exceedance { channel, .. }
            | Self::ValueAt { channel }
            | Self::Point { channel } => Some(channel),
            Self::RemainingLife { channel } => channel.as_deref(),
            _ => None,
        }
    }

    /// The events that labels are made of, if any.
    pub fn events(&self) -> Option<&EventFilter> {
        match self {
            Self::EventWithin { events, .. } | Self::Interval { events } => Some(events),
            _ => None,
        }
    }

    /// The events that people and machines saw happen, and that may thus be features of later
    /// cutoffs; labels of a data set are not among them.
    pub fn observed_events(&self) -> Option<&EventFilter> {
        self.events().filter(|filter| filter.table != EventTable::Labels)
    }

    pub(super) fn check(&self, inputs: &Inputs) -> Result<(), TaskError> {
        match self {
            Self::Exceedance { channel, .. } | Self::ValueAt { channel } => ensure(
                inputs.channels.contains(channel),
                "label.channel",
                format!("`{channel}` is not among `inputs.channels`"),
            ),
            // A label column among the inputs would be the answer handed to the model.
            Self::Point { channel } | Self::RemainingLife { channel: Some(channel) } => ensure(
                !inputs.all_channels().contains(channel),
                "label.channel",
                format!("`{channel}` is a label and may not be an input"),
            ),
            _ => Ok(()),
        }
    }
}

/// Spans around events whose samples do not count. A masked sample keeps its reason; it never
/// becomes a zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Masks {
    /// Cutoffs inside planned work (tickets `planned`) do not count.
    pub planned_work: bool,
    /// Cutoffs inside an event of the label rule do not count: it has happened already.
    pub during_event: bool,
    /// Cutoffs this long after the end of an event do not count.
    pub settling: Span,
    /// Cutoffs within this span after a person marked a prediction as acted upon do not count.
    pub acted: Span,
    /// Least share of the look-back that must be observed in the series.
    pub min_observed: f64,
}
