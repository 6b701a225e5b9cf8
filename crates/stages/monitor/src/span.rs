//! Which days a window is compared with.

use foresite_features::task::{DAY, Micros, WEEK};
use foresite_kpi::HOUR;

use crate::config::Config;
use crate::models::Model;

/// Weeks without which nothing is usual.
const LEAST_WEEKS: Micros = 3;

/// Two stretches of hours: what a model learnt from, and what is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spans {
    /// Reference, half-open; whole weeks.
    pub(crate) reference: (Micros, Micros),
    /// The judged window and, a day earlier, the one before it.
    pub(crate) judged: (Micros, Micros),
    /// Model that sets the reference.
    pub(crate) model_id: Option<String>,
    /// Why the reference is another one than it should be.
    pub(crate) note: Option<String>,
    /// Why the reference is no reference.
    pub(crate) too_short: Option<String>,
}

impl Spans {
    /// The spans of the window that ends at `end`: after the serving model's, those that stand in
    /// where no values of it are kept.
    pub(crate) fn candidates(config: &Config, model: Option<&Model>, end: Micros) -> Vec<Self> {
        let window = Micros::from(config.window_days.get()) * DAY;
        let judged = (end - window - DAY, end);
        let length = Micros::from(config.reference_weeks.get()) * WEEK;
        let recent = (judged.0 - length, judged.0);
        let Some(model) = model else {
            let note = "no model of the task speaks: the weeks before the window are the reference";
            return vec![Self::of((recent, judged), None, Some(note.into()))];
        };
        // Days of the reference begin at the hour at which the judged ones do.
        let learnt_until = model.learnt.1.min(judged.0);
        let until = judged.0 - (judged.0 - learnt_until + DAY - 1).div_euclid(DAY) * DAY;
        let learnt = ((until - model.learnt.0).max(0) / DAY * DAY).min(length);
        // A profile needs whole weeks; what the model did not learn from is no reference for it.
        let weeks = learnt / WEEK;
        let start = until - if weeks < LEAST_WEEKS { learnt } else { weeks * WEEK };
        let asked = config.reference_weeks.get();
        let short = (start > until - length)
            .then(|| format!("the model learnt from {weeks} of the {asked} weeks of a reference"));
        let mut own = Self::of(((start, until), judged), Some(model), short);
        if weeks < LEAST_WEEKS {
            own.too_short = Some(format!(
                "the model learnt from {} days, {LEAST_WEEKS} weeks are needed",
                learnt / DAY
            ));
            return vec![own];
        }
        let note = "no hourly values are kept of the weeks that the model learnt from: \
                    the weeks before the window stand in";
        let instead = Self::of((recent, judged), Some(model), Some(note.into()));
        if own.reference == recent { vec![own] } else { vec![own, instead] }
    }

    fn of(
        (reference, judged): ((Micros, Micros), (Micros, Micros)),
        model: Option<&Model>,
        note: Option<String>,
    ) -> Self {
        let model_id = model.map(|model| model.id.clone());
        Self { reference, judged, model_id, note, too_short: None }
    }

    /// Hours of the reference.
    pub(crate) fn reference_hours(&self) -> usize {
        hours(self.reference)
    }

    /// Hours of both stretches.
    pub(crate) fn hours(&self) -> usize {
        self.reference_hours() + hours(self.judged)
    }

    /// Place of an hour: the reference's first, then the judged ones.
    pub(crate) fn place(&self, at: Micros) -> Option<usize> {
        let within = |(start, end): (Micros, Micros)| {
            (start..end).contains(&at).then(|| usize::try_from((at - start) / HOUR).ok())?
        };
        within(self.reference).or_else(|| Some(self.reference_hours() + within(self.judged)?))
    }

    /// Starts of the reference's blocks, a day apart.
    pub(crate) fn reference_blocks(&self, window_days: usize) -> Vec<Micros> {
        starts(self.reference, window_days)
    }

    /// Starts of the judged blocks, the one before the window first.
    pub(crate) fn judged_blocks(&self, window_days: usize) -> Vec<Micros> {
        starts(self.judged, window_days)
    }

    /// The judged window alone.
    pub(crate) fn window(&self) -> (Micros, Micros) {
        (self.judged.0 + DAY, self.judged.1)
    }
}

fn hours((start, end): (Micros, Micros)) -> usize {
    usize::try_from((end - start) / HOUR).unwrap_or(0)
}

fn starts((start, end): (Micros, Micros), window_days: usize) -> Vec<Micros> {
    let length = window_days as Micros * DAY;
    (0..).map(|day| start + day * DAY).take_while(|at| at + length <= end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_model_the_weeks_before_are_the_reference() {
        let spans = Spans::candidates(&Config::default(), None, 100 * DAY);
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].judged, (97 * DAY, 100 * DAY));
        assert_eq!(spans[0].reference, (41 * DAY, 97 * DAY));
        assert_eq!(spans[0].window(), (98 * DAY, 100 * DAY));
        assert_eq!(spans[0].reference_blocks(2).len(), 55);
        assert_eq!(spans[0].judged_blocks(2), [97 * DAY, 98 * DAY]);
    }

    #[test]
    fn hours_have_one_place() {
        let spans = &Spans::candidates(&Config::default(), None, 100 * DAY)[0];
        assert_eq!(spans.place(41 * DAY), Some(0));
        assert_eq!(spans.place(97 * DAY), Some(56 * 24));
        assert_eq!(spans.place(100 * DAY - HOUR), Some(spans.hours() - 1));
        assert_eq!(spans.place(100 * DAY), None);
    }
}
