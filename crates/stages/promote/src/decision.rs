//! What an action means, given the events so far. No I/O.

use foresite_registry::{Alias, Aliases, Event, EventKind};
use foresite_stage::{ErrorKind, Result, StageError};

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
    Keep(&'static str),
}

impl Decision {
    /// Whether nothing changes because the model has what is asked for.
    pub(crate) fn is_unchanged(&self) -> bool {
        matches!(self, Self::Keep(why) if [IS_CHAMPION, HAS_ALIAS].contains(why))
    }
}

const IS_CHAMPION: &str = "unchanged: it is the champion";
const HAS_ALIAS: &str = "unchanged: it has the alias already";
const REVOKED: &str = "rejected: the model was revoked";
const SPOKEN_AGAINST: &str = "rejected: the gate slice spoke against it";

/// Promotion: PASS becomes champion; INSUFFICIENT stands in where no champion exists, and speaks in the
/// shadow of one that does, until it has beaten the champion there; FAIL stays a candidate.
pub(crate) fn promotion(
    events: &[Event],
    model_id: &str,
    (verdict, beat_champion): (&str, bool),
) -> Decision {
    if is_revoked(events, model_id) {
        return Decision::Keep(REVOKED);
    }
    let aliases = Aliases::of(events);
    let alias = match verdict {
        "PASS" => Alias::Champion,
        "INSUFFICIENT" => match aliases.get(Alias::Champion) {
            None => Alias::Provisional,
            Some(champion) if champion == model_id => {
                return Decision::Keep(IS_CHAMPION);
            }
            Some(_) if beat_champion => Alias::Champion,
            Some(_) => Alias::Challenger,
        },
        _ => return Decision::Keep(SPOKEN_AGAINST),
    };
    given(&aliases, alias, model_id)
}

/// Challenge: PASS and INSUFFICIENT may stand beside a champion; FAIL may not.
pub(crate) fn challenge(events: &[Event], model_id: &str, verdict: &str) -> Decision {
    if is_revoked(events, model_id) {
        return Decision::Keep(REVOKED);
    }
    let aliases = Aliases::of(events);
    match (verdict, aliases.get(Alias::Champion)) {
        ("PASS" | "INSUFFICIENT", Some(champion)) if champion == model_id => {
            Decision::Keep(IS_CHAMPION)
        }
        ("PASS" | "INSUFFICIENT", Some(_)) => given(&aliases, Alias::Challenger, model_id),
        ("PASS" | "INSUFFICIENT", None) => {
            Decision::Keep("rejected: there is no champion to challenge")
        }
        _ => Decision::Keep(SPOKEN_AGAINST),
    }
}

fn is_revoked(events: &[Event], model_id: &str) -> bool {
    events.iter().any(|event| event.kind == EventKind::Revoked && event.model_id == model_id)
}

/// The alias goes to the model, unless it points there.
fn given(aliases: &Aliases, alias: Alias, model_id: &str) -> Decision {
    if aliases.get(alias) == Some(model_id) {
        return Decision::Keep(HAS_ALIAS);
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
        Some(id) if present == Some(id) => Ok(Decision::Keep(IS_CHAMPION)),
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
        return Ok(Decision::Keep("unchanged: it was revoked already"));
    }
    Ok(Decision::Append { kind: EventKind::Revoked, model_id: id.to_owned(), alias: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn champion(seq: i64, id: &str) -> Event {
        Event {
            task: "t".into(),
            seq,
            kind: EventKind::Promoted,
            model_id: id.into(),
            alias: Some(Alias::Champion),
            reason: None,
            person: None,
            at: seq,
        }
    }

    fn alias_of(decision: &Decision) -> Option<Alias> {
        match decision {
            Decision::Append { alias, .. } => *alias,
            Decision::Keep(_) => None,
        }
    }

    #[test]
    fn verdicts_open_their_doors_only() {
        let with = [champion(1, "a")];
        assert_eq!(alias_of(&promotion(&[], "m", ("PASS", false))), Some(Alias::Champion));
        assert_eq!(
            alias_of(&promotion(&[], "m", ("INSUFFICIENT", false))),
            Some(Alias::Provisional)
        );
        assert_eq!(alias_of(&promotion(&with, "m", ("PASS", false))), Some(Alias::Champion));
        assert_eq!(
            alias_of(&promotion(&with, "m", ("INSUFFICIENT", false))),
            Some(Alias::Challenger)
        );
        assert!(matches!(promotion(&with, "a", ("INSUFFICIENT", false)), Decision::Keep(_)));
        assert_eq!(alias_of(&promotion(&with, "m", ("INSUFFICIENT", true))), Some(Alias::Champion));
        assert!(matches!(promotion(&with, "m", ("FAIL", true)), Decision::Keep(_)));
        assert!(matches!(promotion(&[], "m", ("FAIL", false)), Decision::Keep(_)));
        assert!(matches!(promotion(&[], "m", ("nonsense", false)), Decision::Keep(_)));
        assert!(matches!(promotion(&with, "a", ("PASS", false)), Decision::Keep(_)));
    }

    #[test]
    fn a_challenger_stands_beside_a_champion_only() {
        let with = [champion(1, "a")];
        assert_eq!(alias_of(&challenge(&with, "m", "PASS")), Some(Alias::Challenger));
        assert_eq!(alias_of(&challenge(&with, "m", "INSUFFICIENT")), Some(Alias::Challenger));
        assert!(matches!(challenge(&with, "m", "FAIL"), Decision::Keep(_)));
        assert!(matches!(challenge(&with, "a", "PASS"), Decision::Keep(_)));
        assert!(matches!(challenge(&[], "m", "PASS"), Decision::Keep(_)));
        let challenger = Event { alias: Some(Alias::Challenger), ..champion(2, "m") };
        let both = [champion(1, "a"), challenger];
        assert!(matches!(challenge(&both, "m", "PASS"), Decision::Keep(_)));
    }

    #[test]
    fn a_rollback_goes_one_champion_back() {
        let events = [champion(1, "a"), champion(2, "b"), champion(3, "c")];
        let to = |asked| match rollback(&events, asked).unwrap() {
            Decision::Append { model_id, .. } => model_id,
            Decision::Keep(why) => why.to_owned(),
        };
        assert_eq!(to(None), "b");
        assert_eq!(to(Some("a")), "a");
        assert_eq!(to(Some("c")), "unchanged: it is the champion");
        assert!(rollback(&events, Some("x")).is_err());
        assert!(rollback(&events[..1], None).is_err());
    }

    #[test]
    fn a_second_rollback_goes_one_further() {
        let back = |seq, id| Event { kind: EventKind::RolledBack, ..champion(seq, id) };
        let mut events = vec![champion(1, "a"), champion(2, "b"), champion(3, "c"), back(4, "b")];
        let to = |events: &[Event]| match rollback(events, None) {
            Ok(Decision::Append { model_id, .. }) => model_id,
            other => format!("{other:?}"),
        };
        assert_eq!(to(&events), "a");
        events.push(champion(5, "d"));
        assert_eq!(to(&events), "b");
        events.push(back(6, "a"));
        assert!(to(&events).contains("no earlier champion"));
    }

    #[test]
    fn a_revoked_model_does_not_come_back() {
        let mut events = vec![champion(1, "a"), champion(2, "b")];
        let revoked = Event { kind: EventKind::Revoked, alias: None, ..champion(3, "a") };
        events.push(revoked);
        assert!(rollback(&events, None).is_err());
        assert!(matches!(promotion(&events, "a", ("PASS", false)), Decision::Keep(_)));
        assert!(matches!(revocation(&events, Some("a")).unwrap(), Decision::Keep(_)));
        assert!(revocation(&events, None).is_err());
        assert!(revocation(&events, Some("x")).is_err());
    }
}
