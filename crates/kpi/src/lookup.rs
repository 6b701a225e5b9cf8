//! Objects, counter plans and files by number, each looked up once: the loop over rows compares
//! and indexes, it builds no text.

use std::collections::HashMap;

use crate::bitemporal::Fact;
use crate::catalogue::Catalogue;
use crate::counter_sets::CounterSets;
use crate::error::Result;
use crate::objects::{ObjectMap, object_dn};
use crate::resolve::CounterPlan;

/// A measured object.
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) element: String,
    /// Levels below the element.
    pub(crate) depth: u32,
    /// Which entity it belongs to.
    pub(crate) facts: Vec<Fact<u32>>,
}

/// A counter plan and the rows it has read.
pub(crate) struct Plan {
    pub(crate) plan: CounterPlan,
    pub(crate) rows: u64,
}

/// Everything met so far.
pub(crate) struct Lookup<'a> {
    catalogue: &'a Catalogue,
    sets: &'a CounterSets,
    map: &'a ObjectMap,
    pub(crate) objects: Vec<Object>,
    object_numbers: HashMap<String, HashMap<String, u32>>,
    pub(crate) plans: Vec<Plan>,
    plan_numbers: HashMap<String, HashMap<String, usize>>,
    pub(crate) files: Vec<String>,
    file_numbers: HashMap<String, u32>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(catalogue: &'a Catalogue, sets: &'a CounterSets, map: &'a ObjectMap) -> Self {
        Self {
            catalogue,
            sets,
            map,
            objects: Vec::new(),
            object_numbers: HashMap::new(),
            plans: Vec::new(),
            plan_numbers: HashMap::new(),
            files: Vec::new(),
            file_numbers: HashMap::new(),
        }
    }

    /// Number of an object.
    pub(crate) fn object(&mut self, ne_dn: &str, ldn: &str) -> u32 {
        if let Some(found) = self.object_numbers.get(ne_dn).and_then(|of| of.get(ldn)) {
            return *found;
        }
        let next = number(self.objects.len());
        self.objects.push(Object {
            name: object_dn(ne_dn, ldn),
            element: ne_dn.to_owned(),
            depth: depth(ldn),
            facts: self.map.facts(ne_dn, ldn),
        });
        let of_element = self.object_numbers.entry(ne_dn.to_owned()).or_default();
        of_element.insert(ldn.to_owned(), next);
        next
    }

    /// Number of the plan for a counter set and software release.
    ///
    /// **Errors** when the counter set is unknown.
    pub(crate) fn plan(&mut self, counter_set: &str, software: &str) -> Result<usize> {
        let found = self.plan_numbers.get(counter_set);
        if let Some(found) = found.and_then(|of| of.get(software)) {
            return Ok(*found);
        }
        let plan = self.sets.plan(self.catalogue, counter_set, software)?;
        self.plans.push(Plan { plan, rows: 0 });
        let of_set = self.plan_numbers.entry(counter_set.to_owned()).or_default();
        of_set.insert(software.to_owned(), self.plans.len() - 1);
        Ok(self.plans.len() - 1)
    }

    /// Number of a file.
    pub(crate) fn file(&mut self, file_id: &str) -> u32 {
        if let Some(found) = self.file_numbers.get(file_id) {
            return *found;
        }
        let next = number(self.files.len());
        self.files.push(file_id.to_owned());
        self.file_numbers.insert(file_id.to_owned(), next);
        next
    }
}

fn depth(ldn: &str) -> u32 {
    if ldn.is_empty() {
        return 0;
    }
    number(ldn.bytes().filter(|byte| *byte == b',').count()) + 1
}

/// A position as a short number.
pub(crate) fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
