//! Which value of a counter set fills which canonical counter: worked out once per counter set and
//! software release, so that the loop over rows only indexes into the lists of values.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Combine, Counter, Terms, Translation};

/// A weighted sum of values, by position in the list.
type Picks = Vec<(f64, usize)>;

/// How one canonical counter is read.
#[derive(Debug, Clone, PartialEq)]
struct Source {
    slot: usize,
    of: Picks,
    over: Option<Picks>,
    scale: f64,
}

/// How the values of one counter set are read.
#[derive(Debug, Clone)]
pub struct CounterPlan {
    sources: Vec<Source>,
    /// Counters of the set that neither the catalogue nor a dialect knows.
    pub unknown: Vec<String>,
}

impl CounterPlan {
    /// The plan for elements of `vendor` with release `software` that write `names`.
    pub fn new(catalogue: &Catalogue, vendor: &str, software: &str, names: &[String]) -> Self {
        let lower: Vec<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let mut plan =
            Planner { names: &lower, claimed: vec![false; lower.len()], sources: BTreeMap::new() };
        for dialect in catalogue.dialects_of(vendor, software) {
            for translation in &dialect.translations {
                plan.translate(translation);
            }
        }
        let mut known = plan.claimed.clone();
        for (slot, counter) in catalogue.counters().iter().enumerate() {
            plan.standard(slot, counter, &mut known);
        }
        let unknown = names.iter().zip(&known).filter(|(_, known)| !**known);
        Self {
            unknown: unknown.map(|(name, _)| name.clone()).collect(),
            sources: plan.sources.into_values().collect(),
        }
    }

    /// The canonical values of one row: (slot, value), in ascending slots. `value_at` gives the
    /// value at a position, `None` for null.
    pub fn read(
        &self,
        value_at: impl Fn(usize) -> Option<f64>,
    ) -> impl Iterator<Item = (usize, Option<f64>)> {
        self.sources.iter().map(move |source| {
            let sum = |picks: &Picks| {
                picks.iter().try_fold(0.0, |sum, (factor, position)| {
                    Some(sum + factor * value_at(*position)?)
                })
            };
            let value = match &source.over {
                None => sum(&source.of),
                // An empty denominator says nothing about the level.
                Some(over) => sum(&source.of).zip(sum(over)).and_then(|(num, den)| {
                    let positive = den != 0.0;
                    positive.then(|| num / den)
                }),
            };
            (source.slot, value.map(|value| value * source.scale))
        })
    }
}

struct Planner<'a> {
    names: &'a [String],
    claimed: Vec<bool>,
    sources: BTreeMap<usize, Source>,
}

impl Planner<'_> {
    /// Fills a counter by a dialect when all its vendor counters are there.
    fn translate(&mut self, translation: &Translation) {
        let beside = translation.beside.as_ref();
        if beside.is_some_and(|beside| !self.names.contains(beside)) {
            return;
        }
        let Some(of) = self.picks(&translation.of) else {
            return;
        };
        let over = match &translation.over {
            None => None,
            Some(over) => match self.picks(over) {
                None => return,
                over => over,
            },
        };
        for (_, position) in of.iter().chain(over.iter().flatten()) {
            self.claimed[*position] = true;
        }
        self.sources.entry(translation.slot).or_insert(Source {
            slot: translation.slot,
            of,
            over,
            scale: translation.scale,
        });
    }

    fn picks(&self, terms: &Terms) -> Option<Picks> {
        terms
            .0
            .iter()
            .map(|(factor, name)| {
                let name = name.as_ref()?.to_ascii_lowercase();
                let position = self.names.iter().position(|have| *have == name)?;
                Some((*factor, position))
            })
            .collect()
    }

    /// Fills a counter by its 3GPP name: the total, or else its parts.
    fn standard(&mut self, slot: usize, counter: &Counter, known: &mut [bool]) {
        let base = counter.name.to_ascii_lowercase();
        let mut total = None;
        let mut parts: Vec<(&str, usize)> = Vec::new();
        for (position, name) in self.names.iter().enumerate() {
            let Some(rest) = name.strip_prefix(&base) else {
                continue;
            };
            let filter = match rest.strip_prefix('.') {
                Some(filter) => filter,
                None if rest.is_empty() => "",
                None => continue,
            };
            known[position] = true;
            if self.claimed[position] {
                continue;
            }
            match filter {
                "" | "sum" => total = Some(position),
                part => parts.push((part, position)),
            }
        }
        let excluded = |part: &str| counter.exclude.iter().any(|e| e.eq_ignore_ascii_case(part));
        let of: Picks = match total {
            Some(total) => {
                let minus = parts.iter().filter(|(part, _)| excluded(part));
                let minus = minus.map(|(_, position)| (-1.0, *position));
                [(1.0, total)].into_iter().chain(minus).collect()
            }
            None => one_family(&parts, counter.parts())
                .filter(|(part, _, _)| !excluded(part))
                .map(|(_, position, factor)| (factor, position))
                .collect(),
        };
        if !of.is_empty() {
            self.sources.entry(slot).or_insert(Source { slot, of, over: None, scale: 1.0 });
        }
    }
}

/// The parts of the first family that is there, each with its factor.
fn one_family<'a>(
    parts: &'a [(&'a str, usize)],
    combine: Combine,
) -> impl Iterator<Item = (&'a str, usize, f64)> {
    let family = parts.iter().map(|(part, _)| Family::of(part)).min();
    let of_family =
        move |part: &str| Some(Family::of(part)) == family && combine != Combine::Ignore;
    let count = parts.iter().filter(|(part, _)| of_family(part)).count();
    #[allow(clippy::cast_precision_loss)]
    let factor = if combine == Combine::Mean { 1.0 / count as f64 } else { 1.0 };
    parts
        .iter()
        .filter(move |(part, _)| of_family(part))
        .map(move |(part, position)| (*part, *position, factor))
}

/// What a sub-counter divides its total by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Cause,
    FiveQi,
    Plmn,
    Snssai,
}

impl Family {
    fn of(part: &str) -> Self {
        let hex = part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit());
        // An S-NSSAI without differentiator is two digits, the first a zero; a 5QI has none.
        match part.len() {
            8 if hex => Self::Snssai,
            2 if hex && part.starts_with('0') => Self::Snssai,
            6 if hex => Self::Plmn,
            1..=3 if part.bytes().all(|byte| byte.is_ascii_digit()) => Self::FiveQi,
            _ => Self::Cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vendor: &str, software: &str, counters: &[(&str, f64)]) -> Vec<(String, Option<f64>)> {
        let catalogue = Catalogue::built_in();
        let names: Vec<_> = counters.iter().map(|(name, _)| (*name).to_owned()).collect();
        let plan = CounterPlan::new(catalogue, vendor, software, &names);
        let value_at = |position: usize| counters.get(position).map(|(_, value)| *value);
        plan.read(value_at)
            .map(|(slot, value)| (catalogue.counters()[slot].name.clone(), value))
            .collect()
    }

    fn one(name: &str, value: f64) -> Vec<(String, Option<f64>)> {
        vec![(name.to_owned(), Some(value))]
    }

    #[test]
    fn a_total_is_never_added_to_its_parts() {
        let parts = [("RRC.ConnEstabAtt.mo-Data", 3.0), ("RRC.ConnEstabAtt.mt-Access", 4.0)];
        assert_eq!(read("x", "", &parts), one("RRC.ConnEstabAtt", 7.0));
        let with_total = [parts[0], parts[1], ("RRC.ConnEstabAtt.Sum", 8.0)];
        assert_eq!(read("x", "", &with_total), one("RRC.ConnEstabAtt", 8.0));
    }

    #[test]
    fn two_families_of_parts_are_not_added() {
        let parts = [("DRB.EstabAtt.1", 3.0), ("DRB.EstabAtt.9", 4.0), ("DRB.EstabAtt.01", 7.0)];
        assert_eq!(read("x", "", &parts), one("DRB.EstabAtt", 7.0));
    }

    #[test]
    fn sampled_parts_are_averaged() {
        let parts = [("DRB.RlcSduDelayDl.01", 40.0), ("DRB.RlcSduDelayDl.02", 60.0)];
        assert_eq!(read("x", "", &parts), one("DRB.RlcSduDelayDl", 50.0));
    }

    #[test]
    fn energy_saving_is_not_an_outage() {
        let name = "RRU.CellUnavailableTime";
        let total = [(name, 300.0), ("RRU.CellUnavailableTime.EnergySaving", 100.0)];
        assert_eq!(read("x", "", &total), one(name, 200.0));
        let parts = [("RRU.CellUnavailableTime.Fault", 50.0), total[1]];
        assert_eq!(read("x", "", &parts), one(name, 50.0));
    }

    #[test]
    fn vendors_words_are_translated() {
        let levels = [("pmRrcConnLevelSumSa", 900.0), ("pmRrcConnLevelSamp", 180.0)];
        assert_eq!(read("Ericsson AB", "", &levels), one("RRC.ConnMean", 5.0));
        assert!(read("Other", "", &levels).is_empty());
        let prbs = [("RRU.PrbTotDl", 40.0)];
        assert_eq!(read("OpenAirInterface", "", &prbs), one("RRU.PrbUsedDl", 40.0));
        assert_eq!(read("Other", "", &prbs), one("RRU.PrbTotDl", 40.0));
    }

    #[test]
    fn unknown_counters_are_listed() {
        let names = ["RRC.ConnMean".to_owned(), "pmSecret".to_owned()];
        let plan = CounterPlan::new(Catalogue::built_in(), "x", "", &names);
        assert_eq!(plan.unknown, ["pmSecret"]);
    }
}
