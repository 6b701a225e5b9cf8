//! Names of entities by the inventory.

use std::collections::{BTreeSet, HashMap};

use foresite_schema::catalog::raw;
use foresite_tables::{Micros, Read, Result, Root};

use crate::read::scanned;

/// An id and what stands above it by its path: `r`, `r/site`, `r/site/1`.
pub(crate) fn paths(id: &str) -> impl Iterator<Item = &str> {
    let ends = id.match_indices('/').map(|(at, _)| at);
    ends.chain([id.len()]).map(|end| &id[..end])
}

/// Type and name of entities by their id.
pub(crate) struct Names(HashMap<String, (String, String)>);

impl Names {
    /// Reads the names of these entities; the newest row of each counts.
    pub(crate) fn of(root: &Root, ids: &BTreeSet<String>) -> Result<Self> {
        let mut named: HashMap<String, (Micros, (String, String))> = HashMap::new();
        let read = Read::all().columns(["entity_type", "entity_id", "name", "known_at"]);
        scanned(root, raw::inventory(), &read, |rows| {
            let [kind, id, name] =
                ["entity_type", "entity_id", "name"].map(|column| rows.text(column));
            let known_at = rows.times("known_at");
            for row in rows.each().filter(|row| ids.contains(id.at(*row))) {
                let at = known_at.required(row);
                let entry = named.entry(id.owned(row)).or_default();
                if at >= entry.0 {
                    *entry = (at, (kind.owned(row), name.owned(row)));
                }
            }
        })?;
        Ok(Self(named.into_iter().map(|(id, (_, named))| (id, named)).collect()))
    }

    /// `Depot · sector 2 · n78`: what stands on the path, without the region that holds it.
    pub(crate) fn label(&self, id: &str) -> Option<String> {
        let parts: Vec<String> = paths(id)
            .filter_map(|path| Some((path, self.0.get(path)?)))
            .filter(|(path, (kind, name))| !name.is_empty() && (kind != "region" || *path == id))
            .map(|(_, (kind, name))| match kind.as_str() {
                "sector" => format!("sector {name}"),
                _ => name.clone(),
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(" · "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_follows_the_path_without_its_region() {
        let named =
            |id: &str, kind: &str, name: &str| (id.to_owned(), (kind.to_owned(), name.to_owned()));
        let names = Names(
            [
                named("n", "region", "North"),
                named("n/d", "site", "Depot"),
                named("n/d/2", "sector", "2"),
                named("n/d/2/a", "cell", ""),
            ]
            .into(),
        );
        assert_eq!(names.label("n").as_deref(), Some("North"));
        assert_eq!(names.label("n/d/2/a").as_deref(), Some("Depot · sector 2"));
        assert_eq!(names.label("x/y"), None);
    }
}
