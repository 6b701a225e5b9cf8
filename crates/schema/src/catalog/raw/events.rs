//! What happened or was announced: alarms, tickets, local events, labels of data sets.

use super::{fact, with_provenance};
use crate::catalog::{Layout as _, date, nullable, required, slot_columns, table};
use crate::{DataKind, Keep, TableDef, TableKind};
use DataKind::{Double, Text, Time};

/// `alarms`: raise and clear are separate facts.
pub fn alarms() -> TableDef {
    let own = vec![
        nullable("alarm_type", Text, "", "X.733 event type"),
        nullable("probable_cause", Text, "", "X.733 probable cause"),
        required("specific_problem", Text, "", "the vendor's alarm name"),
        nullable("severity", Text, "", "CRITICAL, MAJOR, MINOR, WARNING or INDETERMINATE"),
        nullable("text", Text, "", "additional text"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "alarms",
        "one fact about an alarm",
        TableKind::Raw,
        Keep::Days(760),
        "alarm_id fact",
        with_provenance([fact("alarm_id", "identifier of the alarm", "raised or cleared"), own]),
    )
    .layout("at", "entity_id at")
}

/// `tickets`: opened, cause, closed, planned work announced.
pub fn tickets() -> TableDef {
    let own = vec![
        nullable("start_at", Time, "", "start of the outage or of the planned work"),
        nullable("end_at", Time, "", "end of the outage or of the planned work"),
        nullable("cause", Text, "", "cause as coded by the people who closed it"),
        nullable("text", Text, "", "free text"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ];
    table(
        "tickets",
        "one fact about a trouble ticket or planned work",
        TableKind::Raw,
        Keep::Days(760),
        "ticket_id fact",
        with_provenance([
            fact("ticket_id", "identifier of the ticket", "opened, cause, closed or planned"),
            own,
        ]),
    )
    .layout("at", "entity_id at")
}

/// `local_events`: concerts, matches, fairs and the like, for which people come to a place.
pub fn local_events() -> TableDef {
    let mut columns = vec![date()];
    columns.extend(slot_columns());
    columns.extend([
        required("event_id", Text, "", "identifier of the event"),
        required("fact", Text, "", "planned or cancelled"),
        required("at", Time, "", "when the event begins"),
        nullable("end_at", Time, "", "when it ends"),
        nullable("name", Text, "", "name for people"),
        nullable(
            "entities",
            Text,
            "",
            "cells, sites or regions where it takes place, separated by `;`",
        ),
        nullable("latitude", Double, "°", "WGS 84, of the middle"),
        nullable("longitude", Double, "°", "WGS 84, of the middle"),
        nullable("radius_km", Double, "km", "entities so near to the middle are concerned"),
        nullable("expected_effect", Text, "", "what is expected, for people"),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ]);
    table(
        "local_events",
        "one version of a local event",
        TableKind::Raw,
        Keep::Days(760),
        "event_id",
        with_provenance([columns, vec![]]),
    )
    .layout("at", "event_id at")
}

/// `labels`: what a data set says about itself: marked points and intervals, ends of runs, classes.
pub fn labels() -> TableDef {
    let mut columns = vec![date()];
    columns.extend(slot_columns());
    columns.extend([
        required("entity_type", Text, "", "type of the entity"),
        required("entity_id", Text, "", "the entity concerned"),
        required(
            "label",
            Text,
            "",
            "name of the label; `segment` marks a stretch of rows: value 1 = ends in the event, 0 = censored, null = neither",
        ),
        required("at", Time, "", "the moment, or the start of the interval"),
        nullable(
            "end_at",
            Time,
            "",
            "end of the interval, exclusive; null = a moment",
        ),
        nullable("value", Double, "as the label", "number of the label"),
        nullable("class", Text, "", "class of the label, where it is a word"),
        nullable(
            "role",
            Text,
            "",
            "part that the set's authors gave the file: train or test",
        ),
        required("plan", Text, "", "plan that took the file"),
        required("file_id", Text, "", "sha256 of the file"),
    ]);
    table(
        "labels",
        "one label of an entity: a moment or an interval",
        TableKind::Raw,
        Keep::Forever,
        "entity_type entity_id label at",
        with_provenance([columns, vec![]]),
    )
    .layout("at", "entity_id at")
}
