//! Drift of the channels of every set: tests, false-discovery control over the window, two windows in
//! a row, and a cause.

use foresite_features::network::Network;
use foresite_features::task::{DAY, Micros};
use foresite_metrics::drift::decision::confirms;
use foresite_metrics::drift::discovery::q_values;
use foresite_metrics::drift::group::{Group, Kinds, Statistic, Tested};
use foresite_metrics::drift::null::LEAST_BLOCKS;
use foresite_metrics::drift::profile::Blocks;
use foresite_stage::Result;

use crate::cause::{Cause, Known};
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

/// A tested group, kept until the causes are known.
struct Place<'a> {
    watched: usize,
    channel: usize,
    group_id: &'a str,
    /// Places of the entities with blocks, in the order in which the group has them.
    entities: Vec<usize>,
    group: Option<Group<'a>>,
    exclusions: Option<String>,
    /// Reference blocks that count.
    blocks: usize,
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
    let [before, now] = [BEFORE, NOW].map(|window| judged(config, &places, window));
    let mut findings = Vec::new();
    for (at, place) in places.iter().enumerate() {
        let of = &watched[place.watched];
        for statistic in [Statistic::Level, Statistic::Part] {
            let mut finding = blank(of, place, statistic);
            if let Some((tested, q_value, flagged)) = pick(&now[at], statistic) {
                finding.tested = Some(tested);
                finding.q_value = Some(q_value);
                finding.flagged = flagged;
                finding.shift = place.group.as_ref().and_then(|group| group.shift(NOW));
                finding.confirmed = flagged
                    && pick(&before[at], statistic)
                        .is_some_and(|(before, _, flagged)| flagged && confirms(&before, &tested));
            }
            finding.history = history(config, (of, place), statistic, [&before[at], &now[at]]);
            if finding.flagged {
                let (cause, evidence) = explain(config, (of, place), statistic, known);
                finding.cause = Some(cause);
                finding.evidence = evidence;
            }
            findings.push(finding);
        }
    }
    findings.extend(watched.iter().flat_map(lacking));
    findings
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
    statistic: Statistic,
    judged: [&[Judged]; 2],
) -> Vec<(Micros, f64)> {
    let window_days = config.window_days.get() as usize;
    let starts = of.spans.reference_blocks(window_days);
    let past = place.group.iter().flat_map(|group| group.history(statistic));
    let past = past.filter_map(|(block, value)| Some((*starts.get(*block)?, *value)));
    let now = of.spans.judged_blocks(window_days).into_iter().zip(judged);
    let now = now.filter_map(|(at, tests)| Some((at, pick(tests, statistic)?.0.value)));
    past.chain(now).collect()
}

/// A test with its q-value, and whether it is a finding.
type Judged = (Tested, f64, bool);

fn pick(judged: &[Judged], statistic: Statistic) -> Option<Judged> {
    judged.iter().copied().find(|(tested, ..)| tested.statistic == statistic)
}

/// All tests of one window, with false-discovery control over them.
fn judged(config: &Config, places: &[Place<'_>], window: usize) -> Vec<Vec<Judged>> {
    let tests: Vec<Vec<Tested>> = places
        .iter()
        .map(|place| place.group.as_ref().map_or_else(Vec::new, |group| group.test(window)))
        .collect();
    let p_values: Vec<f64> = tests.iter().flatten().map(|tested| tested.p_value).collect();
    let mut q_values = q_values(&p_values).into_iter();
    let mut judge = |tested: Tested| {
        let q = q_values.next().unwrap_or(1.0);
        (tested, q, config.drift.flags(&tested, q))
    };
    tests.into_iter().map(|of| of.into_iter().map(&mut judge).collect()).collect()
}

fn places<'a>(config: &Config, watched: &'a [Watched<'_>], network: &Network) -> Vec<Place<'a>> {
    let mut found = Vec::new();
    for (at, of) in watched.iter().enumerate() {
        for (group_id, members) in &of.members.groups {
            let days = Days::of(config, of, members, network);
            for (number, channel) in of.channels.iter().enumerate() {
                let entities: Vec<usize> = members
                    .iter()
                    .copied()
                    .filter(|place| channel.series[*place].blocks.is_some())
                    .collect();
                let blocks: Vec<&Blocks> =
                    entities.iter().filter_map(|e| channel.series[*e].blocks.as_ref()).collect();
                let is_fit = of.spans.too_short.is_none();
                let kinds = Kinds { reference: &days.reference, windows: &days.windows };
                found.push(Place {
                    watched: at,
                    channel: number,
                    group_id,
                    group: is_fit.then(|| Group::new(&blocks, kinds)).flatten(),
                    entities,
                    exclusions: days.exclusions(of, &blocks),
                    blocks: days.counted(&blocks),
                });
            }
        }
    }
    found
}

/// The days that a group's blocks begin on.
struct Days {
    reference: Vec<Option<u8>>,
    windows: Vec<u8>,
    holidays: usize,
}

impl Days {
    fn of(config: &Config, watched: &Watched<'_>, members: &[usize], network: &Network) -> Self {
        let window_days = config.window_days.get() as usize;
        let weekday = |at: Micros| u8::try_from(at.div_euclid(DAY).rem_euclid(7)).unwrap_or(0);
        let first = members.first().map(|place| watched.members.entities[*place].as_str());
        let clock = network.clock(first.unwrap_or_default());
        let is_holiday = |start: &Micros| {
            (0..window_days as Micros).any(|day| clock.is_holiday(start + day * DAY + DAY / 2))
        };
        let starts = watched.spans.reference_blocks(window_days);
        let holidays = starts.iter().filter(|start| is_holiday(start)).count();
        let kind = |start: &Micros| (!is_holiday(start)).then(|| weekday(*start));
        let judged = watched.spans.judged_blocks(window_days);
        Self {
            reference: starts.iter().map(kind).collect(),
            windows: judged.iter().map(|start| weekday(*start)).collect(),
            holidays,
        }
    }

    /// Blocks that count and that some entity has values in.
    fn counted(&self, blocks: &[&Blocks]) -> usize {
        let has_values = |at: usize| {
            blocks.iter().any(|of| of.reference.get(at).is_some_and(|value| !value.is_nan()))
        };
        let counts = self.reference.iter().enumerate().filter(|(_, kind)| kind.is_some());
        counts.filter(|(at, _)| has_values(*at)).count()
    }

    fn exclusions(&self, watched: &Watched<'_>, blocks: &[&Blocks]) -> Option<String> {
        let holes = self.reference.len() - self.holidays - self.counted(blocks);
        let mut told: Vec<String> = watched.spans.note.iter().cloned().collect();
        if self.holidays > 0 {
            told.push(format!(
                "{} of {} reference blocks touch a holiday",
                self.holidays,
                self.reference.len()
            ));
        }
        if holes > 0 {
            told.push(format!(
                "{holes} of {} reference blocks hold less than half of their values",
                self.reference.len()
            ));
        }
        (!told.is_empty()).then(|| told.join("; "))
    }
}

fn blank(of: &Watched<'_>, place: &Place<'_>, statistic: Statistic) -> Finding {
    Finding {
        exclusions: place.exclusions.clone(),
        not_tested: not_tested(of, place),
        ..Finding::blank(of, place.group_id, &of.channels[place.channel].name, statistic)
    }
}

/// Why a place has no value.
fn not_tested(of: &Watched<'_>, place: &Place<'_>) -> Option<String> {
    if of.spans.too_short.is_some() {
        return of.spans.too_short.clone();
    }
    let entities = place.entities.len();
    match &place.group {
        None if place.blocks < LEAST_BLOCKS => Some(format!(
            "the reference holds {} of the {LEAST_BLOCKS} blocks that a test needs",
            place.blocks
        )),
        None => Some(format!("{entities} entities have a reference, too few for a test")),
        Some(group) if group.test(NOW).is_empty() => {
            Some("too few entities have values in the window".into())
        }
        Some(_) => None,
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
    let traffic = of.channels.iter().find(|channel| channel.name == config.traffic_channel);
    let case = crate::cause::Case {
        members: &of.members.entities,
        group: &of.members.groups[place.group_id],
        channel: &of.channels[place.channel],
        traffic,
        without: &without,
    };
    known.explain(&case, statistic)
}
