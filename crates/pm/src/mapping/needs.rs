//! Which columns of a file a mapping speaks of.

use std::collections::BTreeSet;

use super::leaf::{TemplatePart, Value};
use super::spec::{Clock, Label, LabelFrom, Shape, Source, Spec, StaticFrom};

/// The column `value` that [`unpivot`](super::frame::unpivot) makes.
pub(super) const UNPIVOTED: &str = "value";

/// Columns that a file of `source` must have, and those that it may have.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) required: BTreeSet<String>,
    pub(super) optional: BTreeSet<String>,
    positions: BTreeSet<usize>,
    /// Columns are also named by position or pattern, so that none may be left out.
    all: bool,
}

impl Needs {
    pub(super) fn of(spec: &Spec, source: &Source) -> Self {
        let mut needs = Self::default();
        let is_due = |label: &&Label| label.role.is_none() || label.role == source.role;
        let mut see = |value: &Value| needs.collect(value);
        visit_rows(spec, &mut see);
        spec.labels.iter().filter(is_due).for_each(|label| visit_label(&label.from, &mut see));
        for join in &source.joins {
            needs.required.extend(join.on.keys().cloned());
        }
        needs.all = !needs.positions.is_empty();
        if let Shape::EntityPerColumn { columns } = &spec.shape {
            needs.all = true;
            needs.required.remove(UNPIVOTED);
            for name in columns.captures() {
                needs.required.remove(name);
            }
        }
        let captures: Vec<_> = source.path.captures().chain(["role"]).collect();
        let joined = source.joins.iter().flat_map(|join| join.take.keys());
        let given: BTreeSet<&str> =
            captures.into_iter().chain(joined.map(String::as_str)).collect();
        needs.required.retain(|name| !given.contains(name.as_str()));
        needs
    }

    /// Whether the mapping speaks of the column at `position`, called `name`, by itself.
    pub(super) fn names(&self, position: usize, name: &str) -> bool {
        self.positions.contains(&position)
            || self.required.contains(name)
            || self.optional.contains(name)
    }

    /// Names to read from a Parquet file; `None` for all.
    pub(super) fn wanted(&self) -> Option<Vec<&str>> {
        let named = || self.required.iter().chain(&self.optional).map(String::as_str).collect();
        (!self.all).then(named)
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::Column(name) => {
                self.required.insert(name.clone());
            }
            Value::Optional(name) => {
                self.optional.insert(name.clone());
            }
            Value::Position(position) => {
                self.positions.insert(*position);
            }
            Value::Capture(_) | Value::Constant(_) => {}
            Value::Template(template) => {
                self.required.extend(template.parts.iter().filter_map(|part| match part {
                    TemplatePart::Place(name) => Some(name.clone()),
                    TemplatePart::Literal(_) => None,
                }));
            }
            Value::Map(words) => self.collect(&words.of),
            Value::FirstOf(values) => values.iter().for_each(|value| self.collect(value)),
        }
    }
}

/// Shows every value of a mapping to `see`.
pub(super) fn visit(spec: &Spec, see: &mut dyn FnMut(&Value)) {
    visit_rows(spec, see);
    spec.labels.iter().for_each(|label| visit_label(&label.from, see));
}

/// The same without the labels, which only some files have.
fn visit_rows(spec: &Spec, see: &mut dyn FnMut(&Value)) {
    visit_channels(spec, see);
    if let Some(entity) = &spec.entity {
        [Some(&entity.kind), Some(&entity.id), entity.parent.as_ref()]
            .into_iter()
            .flatten()
            .for_each(&mut *see);
        if let Some(exposure) = &entity.exposure {
            visit_clock(&exposure.start, see);
            exposure.end.iter().for_each(|clock| visit_clock(clock, see));
        }
    }
    visit_clock(&spec.time.from, see);
    spec.fields.values().for_each(&mut *see);
    for fact in &spec.facts {
        see(&fact.fact);
        fact.at.iter().for_each(|clock| visit_clock(clock, see));
    }
    spec.repairs.iter().filter_map(|repairs| repairs.answers.as_ref()).for_each(&mut *see);
    spec.statics.iter().for_each(|one| visit_static(&one.from, see));
    spec.segments.iter().filter_map(|segments| segments.by.as_ref()).for_each(&mut *see);
    let released = spec.history.iter().filter_map(|history| history.released.as_ref());
    released.for_each(|clock| visit_clock(clock, see));
}

fn visit_channels(spec: &Spec, see: &mut dyn FnMut(&Value)) {
    if let Shape::Long { channel, value, .. } = &spec.shape {
        // The values of the channels are words in the column `channel`.
        see(channel);
        see(value);
        return;
    }
    for channel in &spec.channels {
        match &channel.value {
            Some(value) => see(value),
            None => see(&Value::Column(channel.name.as_str().to_owned())),
        }
        channel.over.iter().for_each(&mut *see);
    }
}

fn visit_clock(clock: &Clock, see: &mut dyn FnMut(&Value)) {
    match clock {
        Clock::Stamp { value, .. } | Clock::Epoch { value, .. } | Clock::Step { value, .. } => {
            see(value);
        }
        Clock::Split { date, clock, .. } => {
            see(date);
            see(clock);
        }
        Clock::RowOrder { .. } | Clock::None { .. } => {}
    }
}

fn visit_static(from: &StaticFrom, see: &mut dyn FnMut(&Value)) {
    match from {
        StaticFrom::Text(value) | StaticFrom::Number(value) => see(value),
        StaticFrom::Since(clock) => visit_clock(clock, see),
        StaticFrom::Age { value, as_of, .. } => {
            see(value);
            visit_clock(as_of, see);
        }
    }
}

fn visit_label(from: &LabelFrom, see: &mut dyn FnMut(&Value)) {
    match from {
        LabelFrom::Points(value)
        | LabelFrom::LastRow(value)
        | LabelFrom::EachRow(value)
        | LabelFrom::Class(value) => see(value),
        LabelFrom::Interval { start, end, value } => {
            visit_clock(start, see);
            visit_clock(end, see);
            value.iter().for_each(see);
        }
    }
}
