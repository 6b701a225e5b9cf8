//! The words of `suppressions.fact`, how long a suppression may last, and what makes a row none.

/// A suppression is made, or made anew under the same id.
pub const SET: &str = "set";

/// It ends before its time.
pub const LIFTED: &str = "lifted";

/// Days after the decision by which a suppression must end: who still needs it then decides again.
pub const LONGEST_DAYS: i64 = 92;

/// `LONGEST_DAYS` in microseconds.
pub const LONGEST: i64 = LONGEST_DAYS * 86_400_000_000;

/// What the rules look at in a row; times in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// `set` or `lifted`.
    pub fact: &'a str,
    /// Entity, task and driver.
    pub scope: [Option<&'a str>; 3],
    /// Who answers for it.
    pub owner: Option<&'a str>,
    /// Why.
    pub reason: Option<&'a str>,
    /// When it was decided.
    pub at: i64,
    /// From when on it holds; `None` = from the decision on.
    pub start: Option<i64>,
    /// When it ends.
    pub end: Option<i64>,
}

/// Why a row counts for nothing, whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody answers for it.
    NoOwner,
    /// The fact is no word of the table.
    NoFact,
    /// Nobody says why.
    NoReason,
    /// It would hide everything.
    NoScope,
    /// It never ends.
    NoEnd,
    /// It ends at the first time, not after its start, the second.
    Empty(i64, i64),
    /// It ends later than it may.
    TooLong(i64),
}

/// What is wrong with a row; `None` where it counts. A text of blanks says nothing.
pub fn fault(row: &Row<'_>) -> Option<Fault> {
    if is_blank(row.owner) {
        return Some(Fault::NoOwner);
    }
    match row.fact {
        LIFTED => None,
        SET => fault_of_set(row),
        _ => Some(Fault::NoFact),
    }
}

fn fault_of_set(row: &Row<'_>) -> Option<Fault> {
    if is_blank(row.reason) {
        return Some(Fault::NoReason);
    }
    if row.scope.into_iter().all(is_blank) {
        return Some(Fault::NoScope);
    }
    let Some(end) = row.end else { return Some(Fault::NoEnd) };
    let start = row.start.unwrap_or(row.at);
    if end <= start {
        return Some(Fault::Empty(end, start));
    }
    (end > row.at.saturating_add(LONGEST)).then_some(Fault::TooLong(end))
}

fn is_blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_when_somebody_answers_for_a_part_and_an_end() {
        let whole = Row {
            fact: SET,
            scope: [Some("r/A"), None, None],
            owner: Some("Kim"),
            reason: Some("festival"),
            at: 5,
            start: None,
            end: Some(5 + LONGEST),
        };
        let lifted = Row { fact: LIFTED, owner: Some("Lee"), ..Row::default() };
        assert_eq!([fault(&whole), fault(&lifted)], [None; 2]);
        for (row, expected) in [
            (Row { owner: Some(" "), ..whole }, Fault::NoOwner),
            (Row { owner: None, ..lifted }, Fault::NoOwner),
            (Row { fact: "mute", ..whole }, Fault::NoFact),
            (Row { reason: Some("\t"), ..whole }, Fault::NoReason),
            (Row { scope: [None, Some(" "), Some("")], ..whole }, Fault::NoScope),
            (Row { end: None, ..whole }, Fault::NoEnd),
            (Row { start: Some(9), end: Some(9), ..whole }, Fault::Empty(9, 9)),
            (Row { end: Some(6 + LONGEST), ..whole }, Fault::TooLong(6 + LONGEST)),
        ] {
            assert_eq!(fault(&row), Some(expected), "{row:?}");
        }
    }
}
