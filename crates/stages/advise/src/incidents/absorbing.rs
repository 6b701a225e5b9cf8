//! Which members only carry what the others lost, by the measured load.
//!
//! Grouping asks the drivers of the predictions, which name the load only where it drove the score.
//! Once the series are read, the load of every member is known.

use std::collections::{BTreeMap, BTreeSet};

use super::{Incident, grouping};
use crate::{
    evidence,
    inputs::{Context, Signals},
};

/// Members with more than their usual load since the onset, where another one lost some.
pub fn absorbing(
    incident: &Incident,
    (signals, context): (&Signals, &Context),
) -> BTreeSet<String> {
    let window = evidence::window(incident.onset(), signals.cutoff);
    let ratios: BTreeMap<&str, f64> = incident
        .members
        .iter()
        .filter_map(|member| {
            let id = member.entity_id.as_str();
            let (ratio, _) = evidence::load_ratio([id].into_iter(), window, (signals, context))?;
            Some((id, ratio))
        })
        .collect();
    if !ratios.values().any(|ratio| *ratio <= grouping::LOSS) {
        return BTreeSet::new();
    }
    let gains = ratios.into_iter().filter(|(_, ratio)| *ratio >= grouping::GAIN);
    gains.map(|(id, _)| id.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Candidate;
    use crate::clock::HOUR;
    use crate::incidents::Change;
    use crate::inputs::{Profile, Sample, SeriesKey, UsualHour};

    fn found(loads: &[(&str, f64)]) -> Vec<String> {
        let signals = Signals { cutoff: 3 * HOUR, ..Signals::default() };
        let mut context = Context::default();
        let mut usual = Profile::default();
        (0..168).for_each(|hour| usual.set(hour, UsualHour { median: 2.0, spread: 0.1 }));
        for (id, load) in loads {
            let key = SeriesKey::new(id, crate::exposure::TRAFFIC);
            let sample = |hour| Sample { at: hour * HOUR, value: Some(2.0 * load) };
            context.hourly.insert(key.clone(), (0..3).map(sample).collect());
            context.profiles.insert(key, usual.clone());
        }
        let member = |id: &str| Candidate {
            entity_id: id.into(),
            entity_type: "cell".into(),
            probability: 0.5,
            onset: 0,
            rows: vec![],
        };
        let incident = Incident {
            incident_id: "inc-1".into(),
            task: "anomaly".into(),
            entity_id: "r/A".into(),
            entity_type: "site".into(),
            members: loads.iter().map(|(id, _)| member(id)).collect(),
            absorbing: BTreeSet::new(),
            member_entities: BTreeSet::new(),
            prediction_ids: vec![],
            first_seen_at: 0,
            change: Change::New,
            level: 1.0,
            is_confirmed: true,
            inclusion: None,
        };
        absorbing(&incident, (&signals, &context)).into_iter().collect()
    }

    #[test]
    fn who_gained_carries_what_another_lost() {
        assert_eq!(found(&[("a", 0.1), ("b", 1.9), ("c", 1.0)]), ["b"]);
    }

    #[test]
    fn a_gain_without_a_loss_is_an_anomaly_of_its_own() {
        assert!(found(&[("a", 0.9), ("b", 1.9)]).is_empty());
    }
}
