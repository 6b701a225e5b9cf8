//! The network: measured objects, entities and how these hang together.

use super::with_provenance;
use crate::catalog::{nullable, required, table};
use crate::{Column, DataKind, Keep, TableDef, TableKind};
use DataKind::{Double, Int, Text, Time};

fn validity() -> Vec<Column> {
    vec![
        required("valid_from", Time, "", "start of validity"),
        nullable("valid_to", Time, "", "end of validity, exclusive; null = still valid"),
    ]
}

/// `objects`: which measured objects make which entity.
pub fn objects() -> TableDef {
    let own = vec![
        required("ne_dn", Text, "", "distinguished name of the managed element"),
        required("ldn", Text, "", "measured object; a trailing `*` matches any continuation"),
        required("mo_class", Text, "", "class of the object"),
        required("entity_type", Text, "", "site, sector, cell, unit or link"),
        required("entity_id", Text, "", "the entity that the object belongs to"),
    ];
    table(
        "objects",
        "one measured object and the entity it belongs to",
        TableKind::Raw,
        Keep::Forever,
        "ne_dn ldn mo_class valid_from",
        with_provenance([own, validity()]),
    )
}

/// `inventory`: the network's entities over time.
pub fn inventory() -> TableDef {
    let own = vec![
        required("entity_type", Text, "", "region, site, sector, cell, unit or link"),
        required("entity_id", Text, "", "identifier of the entity"),
        nullable(
            "parent_id",
            Text,
            "",
            "the entity above: cell → sector → site → region; unit, link → site",
        ),
        nullable("name", Text, "", "name for people"),
        nullable("latitude", Double, "°", "WGS 84"),
        nullable("longitude", Double, "°", "WGS 84"),
        nullable("azimuth", Double, "°", "direction of the sector"),
        nullable("technology", Text, "", "NR or LTE"),
        nullable("band", Text, "", "operating band"),
        nullable("bandwidth_mhz", Double, "MHz", "channel bandwidth"),
        nullable("prb_count", Int, "PRB", "downlink resource blocks"),
        nullable("vendor", Text, "", "manufacturer"),
        nullable("hardware", Text, "", "hardware model"),
        nullable("software", Text, "", "software release"),
        nullable("commissioned_at", Time, "", "start of service"),
        nullable("time_zone", Text, "", "IANA time zone of the site"),
        nullable("holiday_calendar", Text, "", "name of the holiday calendar"),
    ];
    table(
        "inventory",
        "one state of an entity",
        TableKind::Raw,
        Keep::Forever,
        "entity_type entity_id valid_from",
        with_provenance([own, validity()]),
    )
}

/// `topology_edges`: who depends on or borders whom.
pub fn topology_edges() -> TableDef {
    let own = vec![
        required("a_id", Text, "", "the depending entity, or the smaller id of two neighbours"),
        required("b_id", Text, "", "the entity depended on, or the neighbour"),
        required("kind", Text, "", "backhaul, power or neighbour"),
    ];
    table(
        "topology_edges",
        "one edge between two entities",
        TableKind::Raw,
        Keep::Forever,
        "a_id b_id kind valid_from",
        with_provenance([own, validity()]),
    )
}
