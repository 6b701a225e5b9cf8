//! Drift of the channels of every set, as rows: what was tested, what was found and why. `place` says
//! what is compared with what, `judging` what of it is drift.

mod judging;
mod place;

use foresite_features::network::Network;
use foresite_features::task::Micros;
use foresite_metrics::drift::group::{Statistic, Tested};
use foresite_stage::Result;

use self::judging::Verdict;
use self::place::{Place, places};
use crate::cause::{Case, Cause, Known, Without};
use crate::config::{ChannelSet, Config};
use crate::models::Model;
use crate::panel::{Channel, Hours, Members, channels, members};
use crate::source::Source;
use crate::span::Spans;

/// Judged blocks: the window before, then the window.
const BEFORE: usize = 0;
pub(crate) const NOW: usize = 1;

/// A set with its values.
pub(crate) struct Watched<'a> {
    pub(crate) set: &'a ChannelSet,
    pub(crate) spans: Spans,
    pub(crate) members: Members,
    pub(crate) channels: Vec<Channel>,
}

/// One row of `drift`.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) task: String,
    pub(crate) entity_type: String,
    pub(crate) group_id: String,
    pub(crate) channel: String,
    pub(crate) statistic: Statistic,
    pub(crate) model_id: Option<String>,
    pub(crate) window_start: Micros,
    pub(crate) reference: (Micros, Micros),
    pub(crate) exclusions: Option<String>,
    pub(crate) tested: Option<Tested>,
    pub(crate) shift: Option<f64>,
    pub(crate) q_value: Option<f64>,
    pub(crate) flagged: bool,
    pub(crate) confirmed: bool,
    pub(crate) cause: Option<Cause>,
    pub(crate) evidence: Vec<String>,
    pub(crate) not_tested: Option<String>,
    /// The statistic in the reference's blocks, then before and in the window: (start, value).
    pub(crate) history: Vec<(Micros, f64)>,
}

impl Finding {
    /// Whether it says that there is drift or that there is none.
    pub(crate) fn says(&self) -> bool {
        self.tested.is_some() || self.statistic == Statistic::Gone
    }

    /// A row without a test.
    fn blank(of: &Watched<'_>, group_id: &str, channel: &str, statistic: Statistic) -> Self {
        Self {
            task: of.set.task.clone(),
            entity_type: of.set.entity_type.clone(),
            group_id: group_id.to_owned(),
            channel: channel.to_owned(),
            statistic,
            model_id: of.spans.model_id.clone(),
            window_start: of.spans.window().0,
            reference: of.spans.reference,
            exclusions: None,
            tested: None,
            shift: None,
            q_value: None,
            flagged: false,
            confirmed: false,
            cause: None,
            evidence: Vec::new(),
            not_tested: None,
            history: Vec::new(),
        }
    }
}

/// Reads every set with the reference of its task's serving model.
pub(crate) fn watch<'c>(
    source: &mut Source<'_>,
    config: &'c Config,
    (network, models): (&Network, &[Model]),
    end: Micros,
) -> Result<Vec<Watched<'c>>> {
    let mut found = Vec::new();
    for set in &config.sets {
        let serving = models.iter().find(|model| model.task.task == set.task && model.serves());
        let candidates = Spans::candidates(config, serving, end);
        let members = members(source, config, (network, set), candidates[0].window())?;
        let mut kept: Option<Watched<'c>> = None;
        for spans in candidates {
            let hours = Hours::new(network, &members, &spans);
            let channels = channels(source, config, (set, &members), (&spans, &hours))?;
            let has_values = channels.iter().any(Channel::has_reference);
            if has_values || kept.is_none() {
                kept = Some(Watched { set, spans, members: members.clone(), channels });
            }
            if has_values {
                break;
            }
        }
        found.extend(kept);
    }
    Ok(found)
}

impl Channel {
    /// Whether any entity has a reference.
    fn has_reference(&self) -> bool {
        self.series.iter().any(|series| series.blocks.is_some())
    }
}

/// Tests everything that is watched.
pub(crate) fn test(
    config: &Config,
    watched: &[Watched<'_>],
    network: &Network,
    known: &Known,
) -> Vec<Finding> {
    let places = places(config, watched, network);
    let verdicts = judging::judge(&config.drift, &places);
    let mut findings = Vec::new();
    for (place, verdicts) in places.iter().zip(&verdicts) {
        let of = &watched[place.watched];
        for statistic in [Statistic::Level, Statistic::Part] {
            let mut finding = blank(of, place, statistic);
            if let Some(verdict) = judging::of(verdicts, statistic) {
                finding.judged(config, (of, place), verdict);
            }
            if finding.flagged {
                let (cause, evidence) = explain(config, (of, place), statistic, known);
                finding.cause = Some(cause);
                finding.evidence = evidence;
            }
            findings.push(finding);
        }
        findings.extend(gone(config, (of, place), known));
    }
    findings.extend(watched.iter().flat_map(lacking));
    findings
}

impl Finding {
    fn judged(
        &mut self,
        config: &Config,
        (of, place): (&Watched<'_>, &Place<'_>),
        verdict: &Verdict,
    ) {
        self.tested = Some(verdict.tested);
        self.q_value = Some(verdict.q_value);
        self.flagged = verdict.flagged;
        self.confirmed = verdict.confirmed;
        self.shift = place.group.as_ref().and_then(|group| group.shift(NOW));
        self.history = history(config, (of, place), verdict);
    }
}

/// A channel that nobody of the group has any more; confirmed, where the window before had none
/// either. No test can say so: there is nothing to test.
fn gone(
    config: &Config,
    (of, place): (&Watched<'_>, &Place<'_>),
    known: &Known,
) -> Option<Finding> {
    if !place.is_gone(of, NOW) {
        return None;
    }
    let (cause, evidence) = known.explain_gone(&Case {
        group: &place.entities,
        traffic: None,
        ..case(config, (of, place), &|_| None)
    });
    Some(Finding {
        not_tested: None,
        flagged: true,
        confirmed: place.is_gone(of, BEFORE),
        cause: Some(cause),
        evidence,
        ..blank(of, place, Statistic::Gone)
    })
}

/// What is to be watched and is not there: a channel that `kpis` lacks, a set without entities.
fn lacking(of: &Watched<'_>) -> Vec<Finding> {
    let finding = |channel: &str, why: String| Finding {
        not_tested: Some(why),
        ..Finding::blank(of, "*", channel, Statistic::Level)
    };
    if of.members.entities.is_empty() {
        let why = format!("no entity of the type {} is known", of.set.entity_type);
        return vec![finding("*", why)];
    }
    let is_there = |name: &&String| of.channels.iter().any(|channel| channel.name == **name);
    let absent = of.set.channels.iter().filter(|name| !is_there(name));
    absent.map(|name| finding(name, "table `kpis` has no such channel".into())).collect()
}

fn history(
    config: &Config,
    (of, place): (&Watched<'_>, &Place<'_>),
    verdict: &Verdict,
) -> Vec<(Micros, f64)> {
    let window_days = config.window_days.get() as usize;
    let starts = of.spans.reference_blocks(window_days);
    let statistic = verdict.tested.statistic;
    let past = place.group.iter().flat_map(|group| group.history(statistic));
    let past = past.filter_map(|(block, value)| Some((*starts.get(*block)?, *value)));
    let now = of.spans.judged_blocks(window_days).into_iter();
    let now = now.zip([verdict.before, Some(verdict.tested)]);
    past.chain(now.filter_map(|(at, tested)| Some((at, tested?.value)))).collect()
}

fn blank(of: &Watched<'_>, place: &Place<'_>, statistic: Statistic) -> Finding {
    Finding {
        exclusions: place.exclusions.clone(),
        not_tested: place.not_tested(of),
        ..Finding::blank(of, place.group_id, &of.channels[place.channel].name, statistic)
    }
}

fn explain(
    config: &Config,
    (of, place): (&Watched<'_>, &Place<'_>),
    statistic: Statistic,
    known: &Known,
) -> (Cause, Vec<String>) {
    let without = |left_out: &dyn Fn(usize) -> bool| {
        let group = place.group.as_ref()?;
        let tests = group.test_without(NOW, |at| left_out(place.entities[at]));
        tests.into_iter().find(|tested| tested.statistic == statistic)
    };
    known.explain(&case(config, (of, place), &without), statistic)
}

fn case<'a>(
    config: &Config,
    (of, place): (&'a Watched<'_>, &'a Place<'_>),
    without: &'a Without<'a>,
) -> Case<'a> {
    let own = &of.channels[place.channel];
    Case {
        members: &of.members.entities,
        group: &of.members.groups[place.group_id],
        channel: own,
        traffic: of.channels.iter().find(|channel| channel.name == config.traffic_channel),
        others: of.channels.iter().filter(|channel| channel.name != own.name).collect(),
        reference_end: of.spans.reference.1,
        without,
    }
}
