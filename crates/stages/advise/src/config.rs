//! What an operator can set: the lists, their budgets, and what counts as known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::{DAY, HOUR, Micros};

/// Configuration of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// One worklist each, in the order of the report.
    pub lists: Vec<ListConfig>,
    /// Two alerts belong to one incident only if they began within this many hours.
    pub together_hours: u32,
    /// A closed incident that comes back within this many hours keeps its id.
    pub reopen_hours: u32,
    /// An incident is worse or better when its level changed by at least this ratio.
    pub change_ratio: f64,
    /// Days for which a person's mark `done` or `wrong` keeps an incident off the list.
    pub mark_holds_days: u32,
    /// Alarm severities that explain an incident; lesser ones only stand beside it.
    pub explaining_severities: Vec<String>,
    /// Hours ahead over which the usual traffic and users are averaged.
    pub exposure_hours: u32,
    /// Days of hourly history in an item's plot.
    pub plot_days: u32,
    /// Spreads above and below the usual median that the expected band covers.
    pub band_spreads: f64,
    /// Seed of the draw of checks: another seed is another draw.
    pub check_seed: u64,
    /// Who works when: with it, the budget of a list is one team's for one shift; without, the budget
    /// of each list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams: Option<Teams>,
}

/// Who works when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// Hours of the day at which shifts begin, on the clock of the team's first place.
    #[serde(default = "three_shifts")]
    pub shift_starts: Vec<u32>,
    /// The teams; none = each region is one.
    #[serde(default)]
    pub teams: Vec<Team>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// The entities that it is responsible for, with everything inside; the nearest place above an
    /// entity says whose it is.
    pub places: Vec<String>,
    /// Most items of a shift, by task, where another number than the list's `budget` holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub budgets: BTreeMap<String, u32>,
}

fn three_shifts() -> Vec<u32> {
    vec![6, 14, 22]
}

impl Teams {
    /// Most items of a team's shift on a list.
    pub fn budget(&self, team: &str, list: &ListConfig) -> u32 {
        let team = self.teams.iter().find(|own| own.name == team);
        team.and_then(|team| team.budgets.get(&list.task)).copied().unwrap_or(list.budget)
    }

    fn fault(&self, lists: &[ListConfig]) -> Option<String> {
        if self.shift_starts.is_empty() || self.shift_starts.iter().any(|hour| *hour > 23) {
            return Some("shift_starts: must be hours of the day, 0 to 23".into());
        }
        let mut seen = std::collections::BTreeSet::new();
        for (at, team) in self.teams.iter().enumerate() {
            if team.name.is_empty() || !seen.insert(&team.name) {
                return Some(format!("teams[{at}].name: must be there and stand once"));
            }
            if team.places.is_empty() {
                return Some(format!("teams[{at}].places: must name an entity"));
            }
            for (task, budget) in &team.budgets {
                let list = lists.iter().find(|list| list.task == *task);
                if list.is_none_or(|list| *budget <= list.checks) {
                    let rule = "must be of a list, and leave a place to news";
                    return Some(format!("teams[{at}].budgets.{task}: {rule}"));
                }
            }
        }
        None
    }
}

/// One worklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListConfig {
    /// Task whose `predictions_<task>` feed the list.
    pub task: String,
    /// What kind of statement the task makes.
    pub head: Head,
    /// Most items on the list.
    pub budget: u32,
    /// Hours that acting takes: the probability that ranks is the one of this horizon.
    pub act_within_hours: u32,
    /// Least probability that makes a candidate.
    pub min_probability: f64,
    /// Hours for which a prediction stays usable, so that a list outlives a slower cadence.
    pub max_age_hours: u32,
    /// Limit that a forecast must not pass, as the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Channel that the list's plots show first.
    pub channel: String,
    /// Places of the budget for entities of low risk that are drawn at random, each for a day: what
    /// people find there says what the lists miss. 0 = none.
    #[serde(default)]
    pub checks: u32,
    /// Hours for which an alert may be held back where alerts like it mostly end by themselves within
    /// that time. 0 = none is held back.
    #[serde(default)]
    pub hold_back_hours: u32,
}

/// What kind of statement a task makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// An entity behaves unlike itself and its neighbours, now.
    Anomaly,
    /// An event happens within a horizon.
    TimeToEvent,
    /// A value passes a limit on some date.
    Forecast,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lists: vec![ListConfig::anomaly(), ListConfig::maintenance(), ListConfig::capacity()],
            together_hours: 6,
            reopen_hours: 24,
            change_ratio: 1.25,
            mark_holds_days: 7,
            explaining_severities: ["CRITICAL", "MAJOR"].map(str::to_owned).to_vec(),
            exposure_hours: 24,
            plot_days: 7,
            band_spreads: 2.0,
            check_seed: 1,
            teams: None,
        }
    }
}

impl Config {
    /// What is wrong with the values, if anything: the path and the rule it breaks.
    pub fn fault(&self) -> Option<String> {
        let ratio = (self.change_ratio <= 1.0 || !self.change_ratio.is_finite())
            .then(|| "change_ratio: must be greater than 1".to_owned());
        let lists = || {
            self.lists
                .iter()
                .enumerate()
                .find_map(|(at, list)| Some(format!("lists[{at}].{}", list.fault()?)))
        };
        let teams = || Some(format!("teams.{}", self.teams.as_ref()?.fault(&self.lists)?));
        ratio.or_else(lists).or_else(|| self.double_task()).or_else(teams)
    }

    fn double_task(&self) -> Option<String> {
        let mut seen = std::collections::BTreeSet::new();
        let twice = self.lists.iter().find(|list| !seen.insert(&list.task))?;
        Some(format!("lists: task `{}` stands twice", twice.task))
    }

    /// `together_hours` as time.
    pub fn together(&self) -> Micros {
        Micros::from(self.together_hours) * HOUR
    }

    /// `reopen_hours` as time.
    pub fn reopen(&self) -> Micros {
        Micros::from(self.reopen_hours) * HOUR
    }

    /// `mark_holds_days` as time.
    pub fn mark_holds(&self) -> Micros {
        Micros::from(self.mark_holds_days) * DAY
    }

    /// `plot_days` as time.
    pub fn plot(&self) -> Micros {
        Micros::from(self.plot_days) * DAY
    }
}

impl ListConfig {
    /// The list of the built-in anomaly task. A check of it is a look at a few plots; a check of the
    /// others would be a visit, so they have none unless somebody asks for it.
    pub fn anomaly() -> Self {
        Self {
            task: "anomaly".into(),
            head: Head::Anomaly,
            budget: 10,
            act_within_hours: 0,
            min_probability: 0.0,
            max_age_hours: 2,
            limit: None,
            channel: "traffic_dl_gb".into(),
            checks: 1,
            hold_back_hours: 0,
        }
    }

    /// The list of the built-in maintenance task: a visit is planned within a week.
    pub fn maintenance() -> Self {
        Self {
            task: "maintenance".into(),
            head: Head::TimeToEvent,
            budget: 10,
            act_within_hours: 168,
            min_probability: 0.05,
            max_age_hours: 30,
            limit: None,
            channel: "temperature_c".into(),
            checks: 0,
            hold_back_hours: 0,
        }
    }

    /// The list of the built-in capacity task: a carrier takes two months from order to service.
    pub fn capacity() -> Self {
        Self {
            task: "capacity".into(),
            head: Head::Forecast,
            budget: 10,
            act_within_hours: 60 * 24,
            min_probability: 0.2,
            max_age_hours: 48,
            limit: Some(70.0),
            channel: "prb_util_dl".into(),
            checks: 0,
            hold_back_hours: 0,
        }
    }

    /// `act_within_hours` as time.
    pub fn act_within(&self) -> Micros {
        Micros::from(self.act_within_hours) * HOUR
    }

    /// `max_age_hours` as time.
    pub fn max_age(&self) -> Micros {
        Micros::from(self.max_age_hours) * HOUR
    }

    fn fault(&self) -> Option<String> {
        if self.task.is_empty() {
            return Some("task: must not be empty".into());
        }
        if self.budget == 0 {
            return Some("budget: must be at least 1".into());
        }
        if self.checks >= self.budget {
            return Some("checks: must leave a place of the budget to news".into());
        }
        if !(0.0..=1.0).contains(&self.min_probability) {
            return Some("min_probability: must lie between 0 and 1".into());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold() {
        assert_eq!(Config::default().fault(), None);
    }

    #[test]
    fn faults_name_their_place() {
        let mut config = Config::default();
        config.lists[1].min_probability = 5.0;
        assert_eq!(
            config.fault().as_deref(),
            Some("lists[1].min_probability: must lie between 0 and 1")
        );
        config.lists[1] = ListConfig::anomaly();
        assert_eq!(config.fault().as_deref(), Some("lists: task `anomaly` stands twice"));
    }
}
