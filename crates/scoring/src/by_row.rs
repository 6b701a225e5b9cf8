//! Statements about many rows in one vector: one of each would cost more than what is said.

use crate::Statement;

/// Statements about rows, row by row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ByRow {
    statements: Vec<Statement>,
    /// How many there are about each row.
    counts: Vec<usize>,
}

impl ByRow {
    /// Nothing yet, with place for one statement about each of so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { statements: Vec::with_capacity(rows), counts: Vec::with_capacity(rows) }
    }

    /// Adds all that is said about the next row.
    pub(crate) fn push(&mut self, statements: impl IntoIterator<Item = Statement>) {
        let before = self.statements.len();
        self.statements.extend(statements);
        self.counts.push(self.statements.len() - before);
    }

    /// All statements, in the order of the rows.
    pub fn all(self) -> Vec<Statement> {
        self.statements
    }

    /// The statements about each row.
    pub fn each(self) -> impl Iterator<Item = Vec<Statement>> {
        let mut statements = self.statements.into_iter();
        self.counts
            .into_iter()
            .map(move |count| statements.by_ref().take(count).collect::<Vec<_>>())
    }
}

impl FromIterator<Vec<Statement>> for ByRow {
    fn from_iter<I: IntoIterator<Item = Vec<Statement>>>(rows: I) -> Self {
        let mut by_row = Self::default();
        rows.into_iter().for_each(|statements| by_row.push(statements));
        by_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_with_as_many_statements_as_were_said() {
        let said = |horizon| Statement { horizon, ..Statement::default() };
        let rows = vec![vec![said(1), said(2)], vec![], vec![said(3)]];
        let by_row: ByRow = rows.clone().into_iter().collect();
        assert_eq!(by_row.clone().each().collect::<Vec<_>>(), rows);
        assert_eq!(by_row.all(), rows.concat());
    }
}
