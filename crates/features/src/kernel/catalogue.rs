//! Which raw features a task has, in order.

use crate::clock::LocalClock;
use crate::encode::Encoding;
use crate::events::kinds;
use crate::task::{Events, Rolling, Scope, Statistic, Task, Transform};

/// A raw feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Column name.
    pub name: String,
    /// Unit in the field's notation.
    pub unit: String,
    /// One sentence for the data dictionary.
    pub meaning: String,
    /// How a model takes it.
    pub encoding: Encoding,
}

impl Feature {
    fn new(name: String, unit: &str, meaning: impl Into<String>, encoding: Encoding) -> Self {
        Self { name, unit: unit.into(), meaning: meaning.into(), encoding }
    }
}

/// The raw features of a task, in the order of every row.
pub fn features(task: &Task) -> Vec<Feature> {
    let inputs = &task.inputs;
    let mut all: Vec<Feature> = inputs.rolling.iter().flat_map(rolling).collect();
    if inputs.neighbours {
        all.extend(inputs.channels.iter().flat_map(|channel| around(channel)));
    }
    all.extend(inputs.silence.iter().flat_map(|channel| silence(channel)));
    if let Some(how) = &inputs.events {
        all.extend(alarms(how));
        if task.label.observed_events().is_some() {
            all.extend(history(how));
        }
    }
    if inputs.age {
        let meaning = "time since the entity went into service";
        all.push(Feature::new("age_d".into(), "d", meaning, Encoding::Count));
    }
    if inputs.wall_clock {
        all.extend(LocalClock::FEATURES.map(|name| {
            let meaning = "position of the cutoff in local time";
            Feature::new(name.into(), "", meaning, Encoding::Plain)
        }));
    }
    all
}

fn rolling(rolling: &Rolling) -> Vec<Feature> {
    let (prefix, of) = (
        match rolling.transform {
            Transform::Raw => "",
            Transform::Profile => "z_",
        },
        match rolling.of {
            Scope::Own => String::new(),
            Scope::Units => format!("_units_{}", rolling.aggregate.word()),
            Scope::Cells => format!("_cells_{}", rolling.aggregate.word()),
        },
    );
    let mut features = Vec::new();
    for channel in &rolling.channels {
        for window in &rolling.windows {
            for statistic in &rolling.statistics {
                let word = statistic.word();
                let unit = match (rolling.transform, statistic) {
                    (Transform::Profile, _) => "spreads",
                    (_, Statistic::Slope) => "as the channel, per step",
                    _ => "as the channel",
                };
                features.push(Feature::new(
                    format!("{prefix}{channel}{of}_{window}_{word}"),
                    unit,
                    format!("{word} of `{channel}` over the last {window}"),
                    Encoding::Scaled,
                ));
            }
        }
    }
    features
}

fn around(channel: &str) -> [Feature; 3] {
    let feature = |prefix: &str, whose: &str| {
        Feature::new(
            format!("{prefix}_{channel}"),
            "spreads",
            format!("distance of `{channel}` from the usual: {whose}"),
            Encoding::Scaled,
        )
    };
    [
        feature("z", "the entity itself"),
        feature("neighbours_z", "mean of its neighbours"),
        feature("site_z", "mean of the other cells of its site"),
    ]
}

fn silence(channel: &str) -> [Feature; 3] {
    [
        Feature::new(
            format!("silence_{channel}"),
            "log ratio",
            format!("observed over usual `{channel}` of the last 3 steps"),
            Encoding::Scaled,
        ),
        Feature::new(
            format!("silent_steps_{channel}"),
            "steps",
            format!("steps in a row with hardly any of the usual `{channel}`"),
            Encoding::Count,
        ),
        Feature::new(
            format!("absorbed_{channel}"),
            "log ratio",
            format!("observed over usual `{channel}` of the neighbours together"),
            Encoding::Scaled,
        ),
    ]
}

fn alarms(how: &Events) -> Vec<Feature> {
    let mut features = Vec::new();
    for kind in kinds(how) {
        let word = slug(kind);
        for window in &how.windows {
            features.push(Feature::new(
                format!("alarm_{word}_count_{window}"),
                "",
                format!("alarms `{kind}` raised in the last {window}"),
                Encoding::Count,
            ));
        }
        features.push(Feature::new(
            format!("alarm_{word}_since_h"),
            "h",
            format!("time since the last alarm `{kind}`; null = never"),
            Encoding::Since(how.bins),
        ));
    }
    for window in &how.windows {
        features.push(Feature::new(
            format!("alarm_hours_{window}"),
            "h",
            format!("time in alarm during the last {window}, added up over alarms"),
            Encoding::Count,
        ));
    }
    features.push(Feature::new("alarm_open".into(), "", "alarms that stand", Encoding::Count));
    features.push(Feature::new(
        "alarm_open_since_h".into(),
        "h",
        "time since the oldest standing alarm was raised; null = none stands",
        Encoding::Since(how.bins),
    ));
    features
}

fn history(how: &Events) -> [Feature; 2] {
    [
        Feature::new(
            "event_count".into(),
            "",
            format!("events of the label's kind in the last {}", how.memory),
            Encoding::Count,
        ),
        Feature::new(
            "event_since_h".into(),
            "h",
            "time since the last event of the label's kind began; null = never",
            Encoding::Since(how.bins),
        ),
    ]
}

/// An alarm name as part of a column name.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    name.chars().map(plain).collect()
}
