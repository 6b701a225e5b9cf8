//! What people said: marks on predictions, and what a list shall leave out.

use super::{fact, with_provenance};
use crate::catalog::{Layout as _, nullable, required, table};
use crate::{DataKind, Keep, TableDef, TableKind};
use DataKind::{Text, Time};

/// Where a fact names the person behind it: table and column.
pub const PEOPLE: [(&str, &str); 2] = [("feedback", "person"), ("suppressions", "owner")];

/// `feedback`: people's marks on predictions.
pub fn feedback() -> TableDef {
    let own = vec![
        nullable("prediction_id", Text, "", "prediction that was marked; null for a missed event"),
        nullable("task", Text, "", "task of the prediction, or the one that missed the event"),
        nullable("cutoff", Time, "", "cutoff of the prediction that was marked"),
        nullable(
            "incident_id",
            Text,
            "",
            "incident as whose part the prediction was marked: one case, however many they are",
        ),
        nullable("person", Text, "", "who marked it, or a pseudonym: `p:<epoch>:…`"),
        nullable("text", Text, "", "free text"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "feedback",
        "one mark by a person",
        TableKind::Raw,
        Keep::Days(760),
        "feedback_id fact",
        with_provenance([
            fact("feedback_id", "identifier of the mark", "confirmed, wrong, done or missed"),
            own,
        ]),
    )
    .layout("at", "entity_id at")
}

/// `suppressions`: what a list shall leave out for a while, by whom and why.
pub fn suppressions() -> TableDef {
    let own = vec![
        nullable("task", Text, "", "task whose list is meant; null = every list"),
        nullable(
            "driver",
            Text,
            "",
            "only what this feature drives most; null = whatever drives it",
        ),
        nullable("owner", Text, "", "who answers for it, or a pseudonym: `p:<epoch>:…`"),
        nullable("reason", Text, "", "why"),
        nullable("start_at", Time, "", "from when on it holds; null = from `at` on"),
        nullable("end_at", Time, "", "when it ends by itself"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "suppressions",
        "one fact about a suppression",
        TableKind::Raw,
        Keep::Days(760),
        "suppression_id fact",
        with_provenance([
            fact("suppression_id", "identifier of the suppression", "set or lifted"),
            own,
        ]),
    )
    .layout("at", "entity_id at")
}
