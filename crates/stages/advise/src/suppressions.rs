//! What people keep off the lists for a while: each with an owner, a reason and an end.
//!
//! A suppression hides nothing: the incident stands among those left out, with who answers for that
//! and until when.

use crate::{
    candidates::{CAUSE, Candidate},
    clock::{self, Micros},
    config::Config,
    incidents::Incident,
    inputs::Signals,
    left_out::{Code, LeftOut},
    network::Network,
};

/// A decision to leave something out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suppression {
    /// Its id.
    pub id: String,
    /// What it is about, with everything inside; `None` = everywhere.
    pub entity_id: Option<String>,
    /// The list that is meant; `None` = every list.
    pub task: Option<String>,
    /// Only what this feature drives most; `None` = whatever drives it.
    pub driver: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// From when on it holds.
    pub from: Micros,
    /// When it ends.
    pub until: Micros,
}

impl Suppression {
    fn holds_at(&self, at: Micros) -> bool {
        self.from <= at && at < self.until
    }

    fn is_of_task(&self, task: &str) -> bool {
        self.task.as_deref().is_none_or(|own| own == task)
    }

    fn covers_place(&self, id: &str, network: &Network) -> bool {
        self.entity_id.as_deref().is_none_or(|own| {
            foresite_schema::is_above(own, id) || network.path_up(id).contains(&own)
        })
    }

    fn covers(&self, member: &Candidate, network: &Network) -> bool {
        let main = member.drivers().iter().find(|driver| !driver.name.starts_with(CAUSE));
        let is_driven = |name: &str| main.is_some_and(|driver| driver.name == name);
        self.covers_place(&member.entity_id, network)
            && self.driver.as_deref().is_none_or(is_driven)
    }
}

/// Why an incident is suppressed; `None` where it is not.
///
/// Every affected member must be covered, so that a suppressed cell takes no other cell of its
/// incident off the list. What covers them may be several; the one that ends first is named.
pub fn on(incident: &Incident, signals: &Signals) -> Option<LeftOut> {
    let network = &signals.network;
    let holding: Vec<&Suppression> = signals
        .suppressions
        .iter()
        .filter(|one| one.holds_at(signals.cutoff) && one.is_of_task(&incident.task))
        .collect();
    let first = |covers: &dyn Fn(&Suppression) -> bool| {
        let found = holding.iter().copied().filter(|one| covers(one));
        found.min_by_key(|one| (one.until, &one.id))
    };
    let of_item =
        first(&|one| one.driver.is_none() && one.covers_place(&incident.entity_id, network));
    let of_members = || {
        let each: Option<Vec<&Suppression>> =
            incident.affected().map(|member| first(&|one| one.covers(member, network))).collect();
        each?.into_iter().min_by_key(|one| (one.until, &one.id))
    };
    let one = of_item.or_else(of_members)?;
    let text =
        format!("Suppressed by {} until {}: {}", one.owner, clock::stamp(one.until), one.reason);
    Some(LeftOut::new(Code::Suppressed, text))
}

/// What is wrong with the names of those that hold now or later: an entity that is not in the
/// inventory, a task without a list. Such a suppression mostly does nothing, and says so nowhere else.
pub fn unknown(signals: &Signals, config: &Config) -> Vec<String> {
    let has_list = |task: &str| config.lists.iter().any(|list| list.task == task);
    let due = signals.suppressions.iter().filter(|one| one.until > signals.cutoff);
    let fault = |one: &Suppression| {
        let entity = one.entity_id.as_deref().filter(|id| !signals.network.knows(id));
        let task = one.task.as_deref().filter(|task| !has_list(task));
        let entity = entity.map(|id| format!("entity `{id}`, which is not in the inventory"));
        let what = entity.or_else(|| Some(format!("task `{}`, which has no list", task?)))?;
        Some(format!("suppression `{}` of {} is of {what}", one.id, one.owner))
    };
    due.filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::clock::HOUR;
    use crate::incidents::Change;
    use crate::inputs::{Driver, Prediction};

    fn member(id: &str, driver: &str) -> Candidate {
        let drivers =
            ["cause:power", driver].map(|name| Driver::parse(&format!("{name}=0.5")).unwrap());
        Candidate {
            entity_id: id.into(),
            entity_type: "cell".into(),
            probability: 0.5,
            onset: 0,
            rows: vec![Prediction { drivers: drivers.into(), ..Prediction::default() }],
        }
    }

    fn incident(entity: &str, members: Vec<Candidate>) -> Incident {
        Incident {
            incident_id: "inc-1".into(),
            task: "anomaly".into(),
            entity_id: entity.into(),
            entity_type: "cell".into(),
            members,
            absorbing: BTreeSet::new(),
            member_entities: BTreeSet::new(),
            prediction_ids: vec![],
            first_seen_at: 0,
            change: Change::New,
            level: 0.5,
            is_confirmed: true,
            inclusion: None,
        }
    }

    fn festival(entity: &str) -> Suppression {
        Suppression {
            id: "s-1".into(),
            entity_id: (!entity.is_empty()).then(|| entity.to_owned()),
            owner: "Kim".into(),
            reason: "street festival".into(),
            from: 10 * HOUR,
            until: 20 * HOUR,
            ..Suppression::default()
        }
    }

    fn found(suppressions: &[Suppression], hour: i64, incident: &Incident) -> Option<String> {
        let suppressions = suppressions.to_vec();
        let signals = Signals { cutoff: hour * HOUR, suppressions, ..Signals::default() };
        on(incident, &signals).map(|reason| reason.text)
    }

    fn of_two() -> Incident {
        incident("r/A", vec![member("r/A/1", "users_mean"), member("r/A/2", "latency_dl")])
    }

    #[test]
    fn owner_reason_and_end_are_told_and_only_while_it_holds() {
        let told = found(&[festival("r/A")], 12, &of_two()).unwrap();
        assert_eq!(told, "Suppressed by Kim until 1970-01-01 20:00 UTC: street festival");
        for hour in [9, 20] {
            assert_eq!(found(&[festival("r/A")], hour, &of_two()), None, "{hour}");
        }
    }

    #[test]
    fn a_suppressed_cell_takes_no_other_one_off_the_list() {
        assert_eq!(found(&[festival("r/A/1")], 12, &of_two()), None);
        let other = Suppression { until: 15 * HOUR, ..festival("r/A/2") };
        let told = found(&[festival("r/A/1"), other], 12, &of_two()).unwrap();
        assert!(told.contains("15:00"), "the first to end: {told}");
        assert_eq!(found(&[festival("r/AB")], 12, &of_two()), None);
    }

    #[test]
    fn names_that_nothing_bears_are_told() {
        let of_task = |task: &str| Suppression { task: Some(task.into()), ..festival("") };
        let over = Suppression { until: 11 * HOUR, ..of_task("old") };
        let suppressions = vec![festival("r/A"), of_task("anomaly"), of_task("anomalies"), over];
        let signals = Signals { cutoff: 11 * HOUR, suppressions, ..Signals::default() };
        let told = unknown(&signals, &Config::default());
        assert_eq!(
            told,
            [
                "suppression `s-1` of Kim is of entity `r/A`, which is not in the inventory",
                "suppression `s-1` of Kim is of task `anomalies`, which has no list",
            ]
        );
    }

    #[test]
    fn task_and_driver_narrow_it() {
        let of_task = |task: &str| Suppression { task: Some(task.into()), ..festival("") };
        assert!(found(&[of_task("anomaly")], 12, &of_two()).is_some());
        assert_eq!(found(&[of_task("capacity")], 12, &of_two()), None);
        let driven = Suppression { driver: Some("users_mean".into()), ..festival("r") };
        assert_eq!(found(std::slice::from_ref(&driven), 12, &of_two()), None);
        let one = incident("r/A/1", vec![member("r/A/1", "users_mean")]);
        assert!(found(&[driven], 12, &one).is_some(), "the cause is no driver");
    }
}
