//! One value per counter, object and period.
//!
//! Vendors measure one object in several jobs and repeat `measInfoId`s, so two blocks can hold the
//! same counter of the same object and period. The first value stays; an equal repeat is dropped,
//! another value is set aside as disagreeing, and a value where the first block has none moves
//! there, unless only one of the two objects is marked as suspect: the mark belongs to the value.
//!
//! Genuine files share no counter between blocks of one period, so they pay a hash per
//! counter and per object but nothing per value; files that do pay in proportion to what is shared.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use crate::model::{Block, ListValue, MeasFile};
use crate::rejects::{RejectReason, Rejects};

/// A value by block, object and counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Cell {
    block: usize,
    object: usize,
    counter: usize,
}

/// Settles every value that stands twice in `file`.
pub(crate) fn settle(file: &mut MeasFile, rejects: &mut Rejects) {
    let clashes = find(file);
    if clashes.is_empty() {
        return;
    }
    let mut settlement = Settlement::new(file);
    for (first, again) in &clashes {
        settlement.settle(*first, *again, rejects);
    }
    settlement.return_lists();
    let repeats = clashes.iter().map(|(_, again)| (again.block, again.object));
    drop_emptied(file, &repeats.collect());
}

/// Who holds a counter of a period: one whole block until a second one comes, then each object.
enum Holders<'a> {
    Block { block: usize, counter: usize },
    Objects(HashMap<&'a str, Cell>),
}

/// All values that stand twice, the earlier one first.
fn find(file: &MeasFile) -> Vec<(Cell, Cell)> {
    let mut clashes = Vec::new();
    let mut counters: HashMap<(&str, i64, i32, &str), Holders<'_>> = HashMap::new();
    for (at, block) in file.blocks.iter().enumerate() {
        within(block, at, &mut clashes);
        let ne_dn = file.elements[block.element].ne_dn.as_str();
        for (counter, name) in block.counters.iter().enumerate() {
            let key = (ne_dn, block.period_start, block.granularity_s, name.as_str());
            match counters.entry(key) {
                Entry::Vacant(free) => drop(free.insert(Holders::Block { block: at, counter })),
                Entry::Occupied(mut taken) => {
                    share(file, at, counter, taken.get_mut(), &mut clashes);
                }
            }
        }
    }
    clashes
}

/// Objects that stand twice in one block.
fn within(block: &Block, at: usize, clashes: &mut Vec<(Cell, Cell)>) {
    let mut seen = HashMap::with_capacity(block.objects.len());
    for (object, named) in block.objects.iter().enumerate() {
        let first = *seen.entry(named.ldn.as_str()).or_insert(object);
        if first == object {
            continue;
        }
        clashes.extend((0..block.counters.len()).map(|counter| {
            let cell = |object| Cell { block: at, object, counter };
            (cell(first), cell(object))
        }));
    }
}

/// Adds the objects of block `at` to the holders of one of its counters.
fn share<'a>(
    file: &'a MeasFile,
    at: usize,
    counter: usize,
    holders: &mut Holders<'a>,
    clashes: &mut Vec<(Cell, Cell)>,
) {
    if let Holders::Block { block, counter } = *holders {
        let mut objects = HashMap::new();
        for (name, cell) in cells(file, block, counter) {
            objects.entry(name).or_insert(cell);
        }
        *holders = Holders::Objects(objects);
    }
    let Holders::Objects(objects) = holders else {
        return;
    };
    for (name, cell) in cells(file, at, counter) {
        let first = *objects.entry(name).or_insert(cell);
        if first != cell {
            clashes.push((first, cell));
        }
    }
}

fn cells(file: &MeasFile, block: usize, counter: usize) -> impl Iterator<Item = (&str, Cell)> {
    let objects = file.blocks[block].objects.iter().enumerate();
    objects.map(move |(object, named)| (named.ldn.as_str(), Cell { block, object, counter }))
}

/// The file while repeats are settled, with its lists by their place.
struct Settlement<'a> {
    file: &'a mut MeasFile,
    lists: HashMap<Cell, ListValue>,
}

impl<'a> Settlement<'a> {
    fn new(file: &'a mut MeasFile) -> Self {
        let mut lists = HashMap::new();
        for (at, block) in file.blocks.iter_mut().enumerate() {
            lists.extend(block.lists.drain(..).map(|list| {
                let cell = Cell { block: at, object: list.object, counter: list.counter };
                (cell, list)
            }));
        }
        Self { file, lists }
    }

    fn settle(&mut self, first: Cell, again: Cell, rejects: &mut Rejects) {
        if !self.is_set(again) {
            return;
        }
        if !self.is_set(first) {
            if self.is_suspect(first) == self.is_suspect(again) {
                self.fill(first, again);
            }
            return;
        }
        let number = std::mem::replace(self.value(again), f64::NAN);
        if let Some(list) = self.lists.remove(&again) {
            self.file.counts.lists -= 1;
            let agrees = self.lists.get(&first).is_some_and(|kept| kept.bins == list.bins);
            return self.account(first, again, agrees, &list.raw, rejects);
        }
        self.file.counts.scalars -= 1;
        let agrees = *self.value(first) == number;
        self.account(first, again, agrees, &number.to_string(), rejects);
    }

    fn is_set(&mut self, cell: Cell) -> bool {
        !self.value(cell).is_nan() || self.lists.contains_key(&cell)
    }

    fn is_suspect(&self, cell: Cell) -> bool {
        self.file.blocks[cell.block].objects[cell.object].suspect
    }

    /// Moves a value to where the first block has none.
    fn fill(&mut self, first: Cell, again: Cell) {
        let number = std::mem::replace(self.value(again), f64::NAN);
        *self.value(first) = number;
        if let Some(list) = self.lists.remove(&again) {
            let moved = ListValue { object: first.object, counter: first.counter, ..list };
            self.lists.insert(first, moved);
        }
    }

    fn account(
        &mut self,
        first: Cell,
        again: Cell,
        agrees: bool,
        sample: &str,
        rejects: &mut Rejects,
    ) {
        if agrees {
            self.file.counts.repeated += 1;
            return;
        }
        self.file.counts.rejected += 1;
        let blocks = &self.file.blocks;
        rejects.add(RejectReason::Disagrees, 0, sample, 1, || {
            let info =
                |at: usize| blocks[at].meas_info_id.as_deref().unwrap_or("without measInfoId");
            let block = &blocks[again.block];
            let ldn = &block.objects[again.object].ldn;
            let counter = &block.counters[again.counter];
            format!(
                "block {}, {ldn}, {counter}; first in block {}",
                info(again.block),
                info(first.block)
            )
        });
    }

    fn value(&mut self, cell: Cell) -> &mut f64 {
        let block = &mut self.file.blocks[cell.block];
        let width = block.counters.len();
        &mut block.values[cell.object * width + cell.counter]
    }

    fn return_lists(self) {
        let mut lists: Vec<_> = self.lists.into_iter().collect();
        lists.sort_unstable_by_key(|(cell, _)| *cell);
        for (cell, list) in lists {
            self.file.blocks[cell.block].lists.push(list);
        }
    }
}

/// Removes repeated objects of which nothing is left, and blocks without objects.
fn drop_emptied(file: &mut MeasFile, repeats: &BTreeSet<(usize, usize)>) {
    for (at, block) in file.blocks.iter_mut().enumerate() {
        let listed: BTreeSet<_> = block.lists.iter().map(|list| list.object).collect();
        let is_left = |object: usize| {
            !repeats.contains(&(at, object))
                || listed.contains(&object)
                || block.row(object).iter().any(|value| !value.is_nan())
        };
        let left: Vec<_> = (0..block.objects.len()).filter(|object| is_left(*object)).collect();
        if left.len() < block.objects.len() {
            keep_objects(block, &left);
        }
    }
    file.blocks.retain(|block| !block.objects.is_empty());
}

fn keep_objects(block: &mut Block, left: &[usize]) {
    block.values = left.iter().flat_map(|object| block.row(*object).to_vec()).collect();
    block.objects = left.iter().map(|object| block.objects[*object].clone()).collect();
    for list in &mut block.lists {
        // Objects with lists are all left, and `left` is sorted.
        list.object = left.partition_point(|object| *object < list.object);
    }
}

#[cfg(test)]
#[path = "unique_tests.rs"]
mod tests;
