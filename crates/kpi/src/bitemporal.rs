//! Two clocks: when something holds, and when that was known.

use crate::Micros;

/// While something was believed: from the moment it was known until it was known better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// First moment.
    pub from: Micros,
    /// End, exclusive; [`Micros::MAX`] = still believed.
    pub until: Micros,
}

impl Known {
    /// Believed since `from`.
    pub fn since(from: Micros) -> Self {
        Self { from, until: Micros::MAX }
    }

    /// Whether it was believed at `moment`.
    pub fn contains(self, moment: Micros) -> bool {
        self.from <= moment && moment < self.until
    }

    /// While both were believed.
    pub fn and(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), until: self.until.min(other.until) };
        (both.from < both.until).then_some(both)
    }

    /// The moments at which the belief changed.
    pub fn edges(self) -> impl Iterator<Item = Micros> {
        [self.from, self.until].into_iter().filter(|edge| *edge != Micros::MAX)
    }
}

/// One statement: `value` holds during `[valid_from, valid_to)`, known since `known_at`.
///
/// A later statement with the same `rank` and `valid_from` replaces it. Of several that hold at one
/// time, the greatest (`rank`, `valid_from`) counts.
#[derive(Debug, Clone)]
pub(crate) struct Fact<T> {
    pub(crate) rank: usize,
    pub(crate) valid_from: Micros,
    pub(crate) valid_to: Micros,
    pub(crate) known_at: Micros,
    pub(crate) value: T,
}

/// Leaves out facts that only say again what was known: a snapshot a day would make every look-up
/// grow with the square of its age.
pub(crate) fn drop_repeats<T: PartialEq>(facts: &mut Vec<Fact<T>>) {
    facts.sort_by_key(|fact| (fact.rank, fact.valid_from, fact.known_at));
    facts.dedup_by(|later, first| {
        (later.rank, later.valid_from, later.valid_to)
            == (first.rank, first.valid_from, first.valid_to)
            && later.value == first.value
    });
}

/// What was believed at `moment` to hold at `time`.
pub(crate) fn belief<T>(facts: &[Fact<T>], time: Micros, moment: Micros) -> Option<&T> {
    let replaced = |fact: &Fact<T>| {
        facts.iter().any(|other| {
            (other.rank, other.valid_from) == (fact.rank, fact.valid_from)
                && fact.known_at < other.known_at
                && other.known_at <= moment
        })
    };
    facts
        .iter()
        .filter(|fact| fact.known_at <= moment)
        .filter(|fact| fact.valid_from <= time && time < fact.valid_to)
        .filter(|fact| !replaced(fact))
        .max_by_key(|fact| (fact.rank, fact.valid_from))
        .map(|fact| &fact.value)
}

/// Everything that was ever believed to hold at `time`, in the order in which it was believed.
pub(crate) fn beliefs<T: Clone + PartialEq>(facts: &[Fact<T>], time: Micros) -> Vec<(T, Known)> {
    if let [fact] = facts {
        let holds = fact.valid_from <= time && time < fact.valid_to;
        return holds
            .then(|| (fact.value.clone(), Known::since(fact.known_at)))
            .into_iter()
            .collect();
    }
    let edges = distinct(facts.iter().map(|fact| fact.known_at));
    let mut found: Vec<(T, Known)> = Vec::new();
    for (position, edge) in edges.iter().enumerate() {
        let until = edges.get(position + 1).copied().unwrap_or(Micros::MAX);
        let Some(value) = belief(facts, time, *edge) else {
            continue;
        };
        match found.last_mut() {
            Some((last, known)) if last == value && known.until == *edge => known.until = until,
            _ => found.push((value.clone(), Known { from: *edge, until })),
        }
    }
    found
}

/// The distinct moments, ascending.
pub(crate) fn distinct(moments: impl Iterator<Item = Micros>) -> Vec<Micros> {
    let mut moments: Vec<_> = moments.collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(valid: (Micros, Micros), known_at: Micros, value: char) -> Fact<char> {
        Fact { rank: 0, valid_from: valid.0, valid_to: valid.1, known_at, value }
    }

    #[test]
    fn a_correction_replaces_what_it_corrects() {
        // At 5 it became known that `a` ended at 100 and `b` began.
        let facts = [
            fact((0, Micros::MAX), 1, 'a'),
            fact((0, 100), 5, 'a'),
            fact((100, Micros::MAX), 5, 'b'),
        ];
        assert_eq!(beliefs(&facts, 50), [('a', Known::since(1))]);
        assert_eq!(
            beliefs(&facts, 150),
            [('a', Known { from: 1, until: 5 }), ('b', Known::since(5))]
        );
        assert_eq!(belief(&facts, 150, 0), None);
    }

    #[test]
    fn repeats_change_no_belief_and_take_no_room() {
        let end = [(0, Micros::MAX), (0, 100)];
        let mut facts: Vec<_> = (0..50)
            .flat_map(|day| {
                [fact(end[usize::from(day > 30)], day, 'a'), fact((100, 200), day, 'b')]
            })
            .collect();
        let before = [50, 150, 250].map(|time| beliefs(&facts, time));
        drop_repeats(&mut facts);
        assert_eq!(facts.len(), 3);
        assert_eq!([50, 150, 250].map(|time| beliefs(&facts, time)), before);
    }

    #[test]
    fn the_more_exact_statement_wins() {
        let mut facts = [fact((0, Micros::MAX), 1, 'a'), fact((0, Micros::MAX), 1, 'b')];
        facts[1].rank = 7;
        assert_eq!(beliefs(&facts, 3), [('b', Known::since(1))]);
    }
}
