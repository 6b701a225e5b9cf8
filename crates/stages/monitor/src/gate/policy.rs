//! Whether a task is trained again, by what is known about it. No I/O.
//!
//! A reason must speak for it and nothing against it. The candidate that training makes is judged beside
//! the serving model on the gate slice before anybody sees it; the rules here only keep the machines from
//! training for nothing, or on what nobody should learn from.

use foresite_features::task::{DAY, Micros};

use super::reason::{Against, Reason};
use crate::config::Retraining;

/// What is known about a task at the end of a day. Texts are sentences for people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// End of the day.
    pub(crate) now: Micros,
    /// The model that serves.
    pub(crate) model_id: Option<String>,
    /// Since when it serves.
    pub(crate) serves_since: Option<Micros>,
    /// Whether a person asked.
    pub(crate) is_asked: bool,
    /// Erasures that reached the model, where the policy asks for them.
    pub(crate) erased: Vec<String>,
    /// Skill that was down today and the day before.
    pub(crate) skill: Vec<String>,
    /// Coverage that was broken today and the day before.
    pub(crate) coverage: Vec<String>,
    /// What moved for good.
    pub(crate) drift: Drift,
    /// What of the data is broken.
    pub(crate) bad_data: Vec<String>,
    /// Days for which a challenger has stood beside it, about which nothing is known yet.
    pub(crate) in_shadow: Option<i64>,
    /// Ends of the days that decided for training, before this one.
    pub(crate) decided: Vec<Micros>,
    /// When models were registered.
    pub(crate) registered: Vec<Micros>,
    /// What came since the serving model's data end.
    pub(crate) truth: Truth,
}

/// Channels of a task with a lasting drift.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drift {
    /// Channels in which enough entities moved.
    pub(crate) moved: Vec<String>,
    /// Channels that were tested.
    pub(crate) tested: usize,
    /// What moved for a while only, or is no fact about the network.
    pub(crate) passing: Vec<String>,
}

/// What a new model could learn from that the serving one could not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Days whose labels have come; without a model, of values.
    pub(crate) days: i64,
    /// Events to be foretold that began in them; `None`: the task foretells none.
    pub(crate) events: Option<usize>,
}

/// What was decided about a task, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) task: String,
    pub(crate) model_id: Option<String>,
    pub(crate) reason: Option<Reason>,
    pub(crate) against: Vec<Against>,
    pub(crate) evidence: Vec<String>,
}

impl Decision {
    /// Whether the task is trained again. Who asks has seen what speaks against it.
    pub(crate) fn retrains(&self) -> bool {
        match self.reason {
            Some(Reason::Asked) => true,
            Some(_) => self.against.is_empty(),
            None => false,
        }
    }

    /// The word stored in tables.
    pub(crate) fn word(&self) -> &'static str {
        if self.retrains() { "retrain" } else { "wait" }
    }
}

/// The decision about a task.
pub(crate) fn decide(task: &str, rules: &Retraining, evidence: &Evidence) -> Decision {
    let mut said = Vec::new();
    let reasons = reasons(rules, evidence, &mut said);
    let mut against = Vec::new();
    if !reasons.is_empty() {
        weigh(rules, evidence, (&mut against, &mut said));
    }
    Decision {
        task: task.to_owned(),
        model_id: evidence.model_id.clone(),
        reason: reasons.into_iter().min(),
        against,
        evidence: said,
    }
}

fn reasons(rules: &Retraining, of: &Evidence, said: &mut Vec<String>) -> Vec<Reason> {
    let mut found = Vec::new();
    if of.is_asked {
        found.push(Reason::Asked);
    }
    if of.model_id.is_none() {
        found.push(Reason::NoModel);
        said.push("no model serves".to_owned());
    }
    for (reason, sentences) in [
        (Reason::Erased, &of.erased),
        (Reason::SkillDown, &of.skill),
        (Reason::CoverageBroken, &of.coverage),
    ] {
        if !sentences.is_empty() {
            found.push(reason);
            said.extend_from_slice(sentences);
        }
    }
    let Drift { moved, tested, passing } = &of.drift;
    if !moved.is_empty() {
        said.push(format!("{} of {tested} channels moved: {}", moved.len(), moved.join(", ")));
        if moved.len() as f64 >= rules.drift_channels_share.get() * *tested as f64 {
            found.push(Reason::Drift);
        }
    }
    said.extend_from_slice(passing);
    let age = of.model_id.as_ref().and_then(|_| days_since(of.trained(), of.now));
    if let Some(days) = age.filter(|days| *days >= i64::from(rules.schedule_days.get())) {
        found.push(Reason::Scheduled);
        said.push(format!("last trained {days} days ago"));
    }
    found
}

fn weigh(
    rules: &Retraining,
    of: &Evidence,
    (against, said): (&mut Vec<Against>, &mut Vec<String>),
) {
    let mut say = |what, sentence| {
        against.push(what);
        said.push(sentence);
    };
    for sentence in &of.bad_data {
        say(Against::BadData, sentence.clone());
    }
    let patience = i64::from(rules.shadow_days.get());
    if let Some(days) = of.in_shadow.filter(|days| *days < patience) {
        let sentence = format!(
            "a challenger has spoken in the shadow for {days} days, and nothing is known about it yet"
        );
        say(Against::InShadow, sentence);
    }
    if let Some(sentence) = of.lacks(rules) {
        say(Against::TooLittleTruth, sentence);
    }
    let pause = i64::from(rules.cool_down_days.get());
    if let Some(days) = days_since(of.trained(), of.now) {
        let lost = of.lost();
        let longest = i64::from(rules.quota.days.get()).max(pause);
        let longer = pause.saturating_mul(1 << lost.min(16)).min(longest);
        if days < pause {
            say(Against::CoolDown, format!("last trained {days} days ago, {pause} are the pause"));
        } else if days < longer {
            let sentence = format!(
                "{lost} trainings since the model serves made none that beat it: \
                 the next one {longer} days after the last, {days} have passed"
            );
            say(Against::WouldNotHelp, sentence);
        }
    }
    let quota = &rules.quota;
    let since = of.now - Micros::from(quota.days.get()) * DAY;
    let recent = of.decided.iter().filter(|at| **at > since).count();
    if recent >= quota.trainings.get() as usize {
        say(Against::Quota, format!("{recent} trainings in {} days are the quota", quota.days));
    }
    against.dedup();
}

impl Evidence {
    /// When the task was trained last, or was to be.
    fn trained(&self) -> Option<Micros> {
        self.decided.iter().chain(&self.registered).copied().max()
    }

    /// Decisions for training since the serving model serves: it serves because none of them beat it.
    /// Where nobody serves there was nobody to beat.
    fn lost(&self) -> usize {
        let since = self.model_id.as_ref().and(self.serves_since);
        since.map_or(0, |since| self.decided.iter().filter(|at| **at > since).count())
    }

    fn lacks(&self, rules: &Retraining) -> Option<String> {
        let Truth { days, events } = self.truth;
        let (what, least) = match self.model_id {
            Some(_) => ("new days", i64::from(rules.least_days.get())),
            None => ("days of values", i64::from(rules.first_days.get())),
        };
        if days < least {
            return Some(format!("{} {what}, {least} are needed", days.max(0)));
        }
        let least = rules.least_events.get() as usize;
        let seen = events.filter(|seen| *seen < least)?;
        Some(format!("{seen} new events, {least} are needed"))
    }
}

/// Days since, the begun one counted: what was decided at midnight is done some hours later.
fn days_since(at: Option<Micros>, now: Micros) -> Option<i64> {
    at.map(|at| ((now - at).max(0) + DAY - 1) / DAY)
}

#[cfg(test)]
mod tests;
