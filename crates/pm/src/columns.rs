//! The counters of a block and the positions that values refer to them by.

use std::collections::HashSet;

/// Positions above this are refused; genuine files stay below 1,000.
const MAX_POSITION: u32 = 100_000;

/// Counter names with the column of each position.
///
/// Values join their counters by the number in `p`, never by order: files leave values out.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    names: Vec<String>,
    known: HashSet<String>,
    /// Column + 1 by position; 0 where no counter has it.
    by_position: Vec<u32>,
    ambiguous: bool,
    frozen: bool,
}

impl Columns {
    /// Adds a counter at the position written in the file, or at the next one.
    pub(crate) fn add(&mut self, position: Option<&str>, name: &str) {
        if self.frozen {
            self.ambiguous = true;
            return;
        }
        let next = self.names.len() as u32 + 1;
        let position = match position {
            None => next,
            Some(text) => match text.trim().parse() {
                Ok(number) if number <= MAX_POSITION => number,
                _ => {
                    self.ambiguous = true;
                    return;
                }
            },
        };
        let slot = position as usize;
        if self.by_position.len() <= slot {
            self.by_position.resize(slot + 1, 0);
        }
        let name = name.trim();
        let taken = self.by_position[slot] != 0;
        if taken || name.is_empty() || !self.known.insert(name.to_owned()) {
            self.ambiguous = true;
            return;
        }
        self.by_position[slot] = next;
        self.names.push(name.to_owned());
    }

    /// Ends the list: a counter named behind the first object makes the block ambiguous.
    pub(crate) fn freeze(&mut self) {
        self.frozen = true;
    }

    /// The column of a position.
    #[inline]
    pub(crate) fn at(&self, position: u32) -> Option<usize> {
        let column = *self.by_position.get(position as usize)?;
        column.checked_sub(1).map(|column| column as usize)
    }

    /// How many counters there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The name of a column.
    pub(crate) fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    /// The names, in order of their columns.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// Whether every value can be told which counter it belongs to.
    pub(crate) fn is_sound(&self) -> bool {
        !self.ambiguous && !self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_join_by_position() {
        let mut columns = Columns::default();
        columns.add(Some("7"), "a");
        columns.add(Some(" 3 "), "b");
        assert_eq!(
            (columns.at(7), columns.at(3), columns.at(1), columns.at(99)),
            (Some(0), Some(1), None, None)
        );
        assert!(columns.is_sound());
    }

    #[test]
    fn two_counters_at_one_position_are_ambiguous() {
        for second in [
            (Some("1"), "b"),
            (Some("2"), "a"),
            (Some("x"), "b"),
            (Some("2"), " "),
            (Some("4000000000"), "b"),
        ] {
            let mut columns = Columns::default();
            columns.add(Some("1"), "a");
            columns.add(second.0, second.1);
            assert!(!columns.is_sound(), "{second:?}");
        }
        assert!(!Columns::default().is_sound());
    }
}
