//! A detector against what people marked, where nothing else tells right from wrong.

use super::Track;
use crate::measure::Measured;

/// Share of the hours marked right, or reported as missed, that the detector raises.
pub(super) const RIGHT_FOUND: &str = "marked_right_found";
/// Share of the hours marked wrong that it would raise again.
pub(super) const WRONG_REPEATED: &str = "marked_wrong_repeated";

/// How much of what people called right, or reported as missed, the detector raises, and how much of
/// what they called wrong it would raise again.
///
/// People mark what was listed, so the marked steps are no sample of all steps: a precision or a
/// recall over them would flatter the model that made the lists. These two shares compare models on
/// the same marks, and claim nothing else.
pub(super) fn by_marks(tracks: &[Track], measured: &mut Measured) {
    for (name, wanted) in [(RIGHT_FOUND, true), (WRONG_REPEATED, false)] {
        let alarms: Vec<bool> = tracks
            .iter()
            .flat_map(|track| track.labels.iter().zip(&track.alarms))
            .filter(|(label, _)| **label == Some(wanted))
            .map(|(_, alarm)| *alarm)
            .collect();
        let raised = alarms.iter().filter(|alarm| **alarm).count();
        if !alarms.is_empty() {
            measured.add(name, Some(raised as f64 / alarms.len() as f64), alarms.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_what_was_marked_only() {
        let track = Track {
            entity: 0,
            steps: (0..5).collect(),
            labels: vec![Some(true), Some(true), None, Some(false), None],
            raw: vec![],
            smoothed: vec![],
            level: vec![],
            widest: vec![],
            alarms: vec![true, false, true, true, false],
            low: 0,
        };
        let mut measured = Measured::default();
        by_marks(&[track], &mut measured);
        let found: Vec<_> = measured
            .metrics
            .iter()
            .map(|value| (value.name.as_str(), value.value, value.samples))
            .collect();
        assert_eq!(
            found,
            [("marked_right_found", Some(0.5), 2), ("marked_wrong_repeated", Some(1.0), 1)]
        );
        let mut nothing = Measured::default();
        by_marks(&[], &mut nothing);
        assert!(nothing.metrics.is_empty());
    }
}
