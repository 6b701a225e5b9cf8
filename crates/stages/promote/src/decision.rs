//! What an action means, given the events so far. No I/O.

use foresite_registry::{Alias, Aliases, Event, EventKind};
use foresite_stage::{ErrorKind, Result, StageError};
use foresite_tables::Micros;

/// What people or the pipeline ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Action {
    /// Let the model serve, as far as its verdict allows.
    #[default]
    Promote,
    /// Let the model be scored beside the champion, by services that give it a share.
    Challenge,
    /// Let the champion before this one serve again.
    Rollback,
    /// Let a model serve under no alias any more.
    Revoke,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Append this event.
    Append {
        /// What is decided.
        kind: EventKind,
        /// About which model.
        model_id: String,
        /// Under which alias.
        alias: Option<Alias>,
    },
    /// Nothing changes, and why.
    Keep(String),
}

/// What the evaluation measured of a detector that serves, on the rows of the new one: no loss compares
/// detectors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Beside {
    /// The model that served then; `None` where the evaluation measured none.
    pub(crate) model_id: Option<String>,
    /// Whether it measured a detector while no other one served.
    pub(crate) was_alone: bool,
    /// Why the new one is clearly worse.
    pub(crate) worse: Option<String>,
}

impl Beside {
    /// As `evaluation.json` has it.
    pub(crate) fn of(evaluation: &serde_json::Value) -> Self {
        let text = |name: &str| evaluation["serving"][name].as_str().map(str::to_owned);
        let model_id = text("model_id");
        let was_alone = evaluation["serving"].is_object() && model_id.is_none();
        Self { model_id, was_alone, worse: text("worse") }
    }

    /// What speaks against the new model beside the one that serves now.
    fn against(&self, serving: &str) -> Option<String> {
        if self.was_alone {
            let why = format!("nobody served when it was measured, and `{serving}` serves now");
            return Some(format!("rejected: {why}: evaluate it again"));
        }
        let then = self.model_id.as_deref()?;
        if then != serving {
            let next = "evaluate it again";
            return Some(format!(
                "rejected: it was measured beside `{then}`, and `{serving}` serves now: {next}"
            ));
        }
        let why = self.worse.as_deref()?;
        Some(format!("rejected: clearly worse than `{serving}`, which serves: {why}"))
    }

    /// Whether a person may let the new model follow the champion, in whose shadow it speaks: a detector
    /// that is not worse than it never gets more said for it. It must have been there before the run
    /// `as_of` this clock: another try of the run that put it there says no more than that.
    pub(crate) fn may_follow(
        &self,
        events: &[Event],
        model_id: &str,
        (person, as_of): (Option<&str>, Micros),
    ) -> bool {
        let aliases = Aliases::of(events);
        let Some(champion) = aliases.get(Alias::Champion) else { return false };
        let named = events.iter().rev().find(|event| event.alias == Some(Alias::Challenger));
        person.is_some_and(|name| !name.is_empty())
            && aliases.get(Alias::Challenger) == Some(model_id)
            && named.is_some_and(|event| event.at < as_of)
            && self.model_id.is_some()
            && self.against(champion).is_none()
    }
}

impl Decision {
    /// Whether nothing changes because the model has what is asked for.
    pub(crate) fn is_unchanged(&self) -> bool {
        matches!(self, Self::Keep(why) if [IS_CHAMPION, HAS_ALIAS].contains(&why.as_str()))
    }
}

const IS_CHAMPION: &str = "unchanged: it is the champion";
const HAS_ALIAS: &str = "unchanged: it has the alias already";
const REVOKED: &str = "rejected: the model was revoked";
const SPOKEN_AGAINST: &str = "rejected: the gate slice spoke against it";

/// Promotion: PASS becomes champion; INSUFFICIENT stands in where no champion exists, and speaks in the
/// shadow of one that does, until it has beaten the champion there; FAIL stays a candidate, and so does a
/// detector of which INSUFFICIENT is said and that is clearly worse than the one that serves.
pub(crate) fn promotion(
    events: &[Event],
    model_id: &str,
    (verdict, beat_champion): (&str, bool),
    beside: &Beside,
) -> Decision {
    if is_revoked(events, model_id) {
        return kept(REVOKED);
    }
    let aliases = Aliases::of(events);
    let alias = match verdict {
        "PASS" => Alias::Champion,
        "INSUFFICIENT" => match aliases.serving() {
            None => Alias::Provisional,
            Some((Alias::Champion, champion)) if champion == model_id => {
                return kept(IS_CHAMPION);
            }
            Some((Alias::Champion, _)) if beat_champion => Alias::Champion,
            Some((alias, serving)) => match beside.against(serving) {
                Some(why) if serving != model_id => return Decision::Keep(why),
                _ if alias == Alias::Champion => Alias::Challenger,
                _ => Alias::Provisional,
            },
        },
        _ => return kept(SPOKEN_AGAINST),
    };
    given(&aliases, alias, model_id)
}

/// Challenge: PASS and INSUFFICIENT may stand beside a champion; FAIL may not.
pub(crate) fn challenge(events: &[Event], model_id: &str, verdict: &str) -> Decision {
    if is_revoked(events, model_id) {
        return kept(REVOKED);
    }
    let aliases = Aliases::of(events);
    match (verdict, aliases.get(Alias::Champion)) {
        ("PASS" | "INSUFFICIENT", Some(champion)) if champion == model_id => kept(IS_CHAMPION),
        ("PASS" | "INSUFFICIENT", Some(_)) => given(&aliases, Alias::Challenger, model_id),
        ("PASS" | "INSUFFICIENT", None) => kept("rejected: there is no champion to challenge"),
        _ => kept(SPOKEN_AGAINST),
    }
}

fn kept(why: &str) -> Decision {
    Decision::Keep(why.to_owned())
}

fn is_revoked(events: &[Event], model_id: &str) -> bool {
    events.iter().any(|event| event.kind == EventKind::Revoked && event.model_id == model_id)
}

/// The alias goes to the model, unless it points there.
fn given(aliases: &Aliases, alias: Alias, model_id: &str) -> Decision {
    if aliases.get(alias) == Some(model_id) {
        return kept(HAS_ALIAS);
    }
    Decision::Append {
        kind: EventKind::Promoted,
        model_id: model_id.to_owned(),
        alias: Some(alias),
    }
}

/// Rollback to `asked`, or to the champion before the present one. Who was rolled back from is no
/// champion before anybody: a second rollback goes one further, not forth again.
///
/// # Errors
/// `Usage` where there is none, or `asked` was never champion.
pub(crate) fn rollback(events: &[Event], asked: Option<&str>) -> Result<Decision> {
    let revoked = |id: &str| is_revoked(events, id);
    let now = Aliases::of(events);
    let present = now.get(Alias::Champion);
    let crowned = events.iter().filter(|event| event.alias == Some(Alias::Champion));
    let earlier = match asked {
        Some(asked) => crowned.map(|event| event.model_id.as_str()).find(|id| *id == asked),
        None => line(crowned).into_iter().rev().find(|id| Some(*id) != present && !revoked(id)),
    };
    let earlier = earlier.filter(|id| !revoked(id));
    match earlier {
        Some(id) if present == Some(id) => Ok(kept(IS_CHAMPION)),
        Some(id) => Ok(Decision::Append {
            kind: EventKind::RolledBack,
            model_id: id.to_owned(),
            alias: Some(Alias::Champion),
        }),
        None => Err(StageError::new(
            ErrorKind::Usage,
            match asked {
                Some(id) => format!("rollback: model `{id}` never was champion, or was revoked"),
                None => "rollback: no earlier champion that was not revoked".to_owned(),
            },
        )
        .hint("the table registry_events lists who was champion; --model names one of them")),
    }
}

/// Champions that stand behind the present one, oldest first; a rollback drops those after its model.
fn line<'a>(crowned: impl Iterator<Item = &'a Event>) -> Vec<&'a str> {
    let mut line: Vec<&str> = Vec::new();
    for event in crowned {
        let id = event.model_id.as_str();
        match line.iter().rposition(|have| *have == id) {
            Some(at) if event.kind == EventKind::RolledBack => line.truncate(at + 1),
            _ => line.push(id),
        }
    }
    line
}

/// Revocation of `asked`.
///
/// # Errors
/// `Usage` without a model, or for one that nobody registered.
pub(crate) fn revocation(events: &[Event], asked: Option<&str>) -> Result<Decision> {
    let usage = |message: String| StageError::new(ErrorKind::Usage, message);
    let id = asked.ok_or_else(|| usage("revoke: no model is given".into()).hint("pass --model"))?;
    let of_model = || events.iter().filter(|event| event.model_id == id);
    if of_model().next().is_none() {
        return Err(usage(format!("revoke: model `{id}` is not registered")));
    }
    if of_model().any(|event| event.kind == EventKind::Revoked) {
        return Ok(kept("unchanged: it was revoked already"));
    }
    Ok(Decision::Append { kind: EventKind::Revoked, model_id: id.to_owned(), alias: None })
}

#[cfg(test)]
mod tests;
