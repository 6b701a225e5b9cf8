//! The targets `inventory`, `objects` and `topology_edges`: a row of the file is a state that holds
//! from its time on.

use foresite_schema::TableDef;

use super::assemble::Assembly;
use super::fields::field;
use super::rows::Rows;
use super::value::Rejects;
use super::{MappingError, TableBatch, statics};

/// The rows of the file as rows of `table`.
pub(super) fn states(
    rows: &Rows<'_>,
    table: TableDef,
    rejects: &mut Rejects,
) -> Result<TableBatch, MappingError> {
    let has_statics = rows.spec.target == super::spec::Target::Inventory;
    let table = if has_statics { statics::table(&rows.spec.statics) } else { table };
    let mut out = Assembly::new(table.clone(), rows.len());
    if let (Some(entities), Some(_)) = (&rows.entities, table.column("entity_id")) {
        out.set("entity_type", entities.kinds.array(rows.len()));
        out.set("entity_id", entities.ids.array(rows.len()));
    }
    if let (Some(entity), Some(_)) = (&rows.spec.entity, table.column("parent_id")) {
        let parents = rows.texts(entity.parent.as_ref(), rejects)?;
        out.set("parent_id", parents.array(rows.len()));
    }
    out.set_times("valid_from", rows.times.iter().copied());
    out.set_times("known_at", rows.known.iter().copied().map(Some));
    if has_statics {
        for (name, column) in statics::columns(rows, rejects)? {
            out.set(&name, column);
        }
    }
    for (name, value) in &rows.spec.fields {
        if let Some(column) = table.column(name) {
            out.set(name, field(rows, column, value, rejects)?);
        }
    }
    out.finish(rows.spec.name.as_str(), rows.provenance, rows.keep(rejects).as_ref())
}
