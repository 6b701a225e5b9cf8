//! Which slice a sample belongs to, and until when its label may look.
//!
//! A label that reaches into the next slice would show that slice's truth to whatever is fitted
//! here. So every slice but the last ends early: labels must be complete and known
//! `purge − horizon` before the next slice begins, which keeps the label and the look-back of two
//! slices apart by the task's purge. A label with several outputs (hazard bins, forecast steps) is
//! cut there, not dropped.

use std::collections::BTreeMap;

use crate::task::{Micros, SliceName, SliceRule, Task};

/// Where a sample belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its slice.
    pub slice: SliceName,
    /// Labels that end or become known later do not count.
    pub until: Micros,
    /// The sample may be used: its group is not held out of this slice.
    pub is_seen: bool,
}

/// The slices of a sample set.
#[derive(Debug, Clone)]
pub struct Slicer {
    /// First moments of the slices; all equal to the first cutoff when entities are divided.
    starts: [Micros; 5],
    /// By entity: its slice when entities are divided.
    by_entity: Option<BTreeMap<String, SliceName>>,
    /// Entities of groups held out of fit and select.
    unseen: std::collections::BTreeSet<String>,
    /// How long before the next slice labels must be complete.
    margin: Micros,
    as_of: Micros,
}

impl Slicer {
    /// Divides cutoffs in `[first, last]` of `entities`, each given with the group that must not
    /// be torn apart.
    pub fn new(
        task: &Task,
        (first, last): (Micros, Micros),
        as_of: Micros,
        entities: &BTreeMap<String, String>,
    ) -> Self {
        let starts = match &task.slices.rule {
            SliceRule::Time { fractions } => {
                let mut share = 0.0;
                let mut starts = [first; 5];
                for (start, fraction) in starts[1..].iter_mut().zip(fractions) {
                    share += fraction;
                    *start = first + ((last - first) as f64 * share) as Micros;
                }
                starts
            }
            SliceRule::Dates { starts } => {
                let mut all = [Micros::MIN; 5];
                for (start, given) in all[1..].iter_mut().zip(starts) {
                    *start = given.as_microsecond();
                }
                all
            }
            SliceRule::Entities { .. } => [first; 5],
        };
        let margin = task.purge().micros() - task.horizon().micros();
        Self {
            starts,
            by_entity: divide(&task.slices.rule, entities),
            unseen: held_out(task.slices.unseen, entities),
            margin: margin.max(0),
            as_of,
        }
    }

    /// The place of a sample.
    pub fn place(&self, entity: &str, cutoff: Micros) -> Place {
        let slice = match &self.by_entity {
            Some(slices) => slices.get(entity).copied().unwrap_or(SliceName::Fit),
            None => {
                let later = self.starts[1..].partition_point(|start| *start <= cutoff);
                SliceName::ALL[later]
            }
        };
        let next = self.by_entity.is_none().then(|| self.starts.get(slice as usize + 1));
        let until = next.flatten().map_or(self.as_of, |next| next - self.margin);
        let is_fitted = slice <= SliceName::Select;
        Place {
            slice,
            until: until.min(self.as_of),
            is_seen: !(is_fitted && self.unseen.contains(entity)),
        }
    }
}

/// FNV-1a: an order of groups that depends on neither names nor time in any meaningful way.
fn shuffled(group: &str) -> u64 {
    group.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Groups in shuffled order with the share of groups that stand before each.
fn shares<'a>(groups: impl Iterator<Item = &'a String>) -> BTreeMap<&'a str, f64> {
    let mut order: Vec<(u64, &str)> =
        groups.map(|group| (shuffled(group), group.as_str())).collect();
    order.sort_unstable();
    order.dedup();
    let count = order.len() as f64;
    let share =
        |(index, (_, group)): (usize, (u64, &'a str))| (group, (index as f64 + 0.5) / count);
    order.into_iter().enumerate().map(share).collect()
}

fn divide(
    rule: &SliceRule,
    entities: &BTreeMap<String, String>,
) -> Option<BTreeMap<String, SliceName>> {
    let SliceRule::Entities { fractions, test_prefix } = rule else {
        return None;
    };
    let is_test = |id: &str| test_prefix.as_ref().is_some_and(|prefix| id.starts_with(prefix));
    let rest = entities.iter().filter(|(id, _)| !is_test(id));
    let position = shares(rest.map(|(_, group)| group));
    // With the test slice named, the other four share what remains.
    let last = if test_prefix.is_some() { 4 } else { 5 };
    let total: f64 = fractions[..last].iter().sum();
    let slice_at = |position: f64| {
        let mut share = 0.0;
        let below = |fraction: &&f64| {
            share += **fraction / total;
            position >= share
        };
        SliceName::ALL[fractions[..last].iter().take_while(below).count().min(last - 1)]
    };
    let of = |(id, group): (&String, &String)| match position.get(group.as_str()) {
        Some(position) if !is_test(id) => (id.clone(), slice_at(*position)),
        _ => (id.clone(), SliceName::Test),
    };
    Some(entities.iter().map(of).collect())
}

fn held_out(share: f64, entities: &BTreeMap<String, String>) -> std::collections::BTreeSet<String> {
    let position = shares(entities.values());
    let is_out = |group: &String| position.get(group.as_str()).is_some_and(|p| *p < share);
    let out = entities.iter().filter(|(_, group)| is_out(group));
    out.map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests;
