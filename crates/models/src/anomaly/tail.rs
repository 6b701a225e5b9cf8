//! P-values beyond what one entity has seen.
//!
//! A month of hours holds half a dozen scores above the 99 % quantile: too few to say how often an
//! entity will pass a level of a thousandth, and an alarm budget asks for less. The usual scores of an
//! entity are its own; how far the unusual ones reach beyond them is shared.
//!
//! ```text
//! excess = (score - q90) / (q90 - median)       q90, median: the entity's own reference
//! p      = own rank below q90 · 0.1 x rank among the excesses of all entities above it
//! ```
//! Source: peaks over a threshold (Pickands 1975) with one growth curve for a region (the index flood
//! of Hosking and Wallis 1997), its parametric tail replaced by the ranks.

use serde::{Deserialize, Serialize};

use crate::conformal::Reference;

/// Share of an entity's scores that are its own affair.
const BODY: f64 = 0.9;
/// Scores that a reference needs to say where its body ends.
const LEAST_SCORES: usize = 20;

/// Excesses of all entities.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tail {
    excesses: Reference,
}

impl Tail {
    /// The shared tail of these references.
    pub(super) fn of<'a>(references: impl Iterator<Item = &'a Reference>) -> Self {
        let excesses =
            references.filter_map(|own| Some((own, Body::of(own)?))).flat_map(|(own, body)| {
                let beyond = own.scores().iter().filter(move |score| **score > body.end);
                beyond.map(move |score| body.excess(*score))
            });
        Self { excesses: Reference::new(excesses) }
    }

    /// P(a score of an entity with this reference is at least this great).
    pub(super) fn p_value(&self, own: &Reference, score: f64) -> f64 {
        match Body::of(own) {
            Some(body) if score > body.end => {
                (1.0 - BODY) * self.excesses.p_value(body.excess(score))
            }
            Some(_) => own.p_value(score).max(1.0 - BODY),
            None => own.p_value(score),
        }
    }
}

/// Where the usual scores of an entity lie.
#[derive(Clone, Copy)]
struct Body {
    end: f64,
    width: f64,
}

impl Body {
    fn of(own: &Reference) -> Option<Self> {
        if own.count() < LEAST_SCORES {
            return None;
        }
        let (median, end) = (own.quantile(0.5)?, own.quantile(BODY)?);
        Some(Self { end, width: (end - median).max(1e-6) })
    }

    fn excess(self, score: f64) -> f64 {
        (score - self.end) / self.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores 1 to 100 times `scale`: median 50.5, 90 % quantile 90.1.
    fn reference(scale: f64) -> Reference {
        Reference::new((1..=100).map(|score| f64::from(score) * scale))
    }

    #[test]
    fn the_body_is_an_entitys_own_and_the_tail_is_shared() {
        let references = [reference(1.0), reference(7.0), reference(0.01)];
        let tail = Tail::of(references.iter());
        for (own, scale) in references.iter().zip([1.0, 7.0, 0.01]) {
            assert!((tail.p_value(own, 50.0 * scale) - 52.0 / 101.0).abs() < 1e-9);
            assert_eq!(tail.p_value(own, 90.0 * scale), 12.0 / 101.0);
            // Of thirty excesses the six of 99 and 100 are at least as great.
            assert!((tail.p_value(own, 98.5 * scale) - 0.1 * 7.0 / 31.0).abs() < 1e-9);
        }
        let beyond = tail.p_value(&references[0], 1e6);
        assert!(beyond < references[0].p_value(1e6), "finer than its own hundred scores");
        assert!((beyond - 0.1 / 31.0).abs() < 1e-12);
    }

    #[test]
    fn p_values_never_rise_with_the_score() {
        let own = reference(1.0);
        let tail = Tail::of([&own, &reference(3.0)].into_iter());
        let p: Vec<f64> = (0..300).map(|k| tail.p_value(&own, f64::from(k) / 2.0)).collect();
        assert!(p.windows(2).all(|pair| pair[1] <= pair[0]));
    }

    #[test]
    fn few_scores_are_their_own_reference() {
        let own = Reference::new([1.0, 2.0, 3.0]);
        assert_eq!(Tail::default().p_value(&own, 9.0), 0.25);
    }
}
