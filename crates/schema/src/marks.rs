//! The words of `feedback.fact`, and what several people's marks on one prediction say together.

use std::collections::BTreeMap;

/// What a person can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The prediction was right.
    Confirmed,
    /// It was wrong.
    Wrong,
    /// It has been dealt with, so that nobody can know any more whether it was right.
    Done,
    /// Something happened that no list named.
    Missed,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Wrong, Self::Done, Self::Missed];

    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Wrong => "wrong",
            Self::Done => "done",
            Self::Missed => "missed",
        }
    }

    /// The mark of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.word() == word)
    }
}

/// What the marks on one prediction say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Whoever judged it called it right.
    Right,
    /// Whoever judged it called it wrong.
    Wrong,
    /// People disagree: it counts for neither.
    Disputed,
}

/// What the name of a person ends with whose epoch was erased before the mark came.
pub const ERASED: &str = ":erased";

/// When each person last said what; marks of an erased epoch are told apart by their place.
type Newest<'a> = BTreeMap<(Option<&'a str>, usize), (i64, [bool; 2])>;

/// The judgement of marks on one prediction, given as person, mark and moment in any order; `None`
/// where nobody confirmed it or called it wrong.
///
/// Of one person the newest mark counts, so that a mistake is put right by marking again; at the
/// same moment nobody can tell which one was meant, and the two contradict each other. Marks without
/// a person are one person's. Those of an erased epoch ([`ERASED`]) are somebody else's each: who
/// agreed and who was put right, nobody can tell any more.
pub fn judgement<'a>(
    marks: impl IntoIterator<Item = (Option<&'a str>, Mark, i64)>,
) -> Option<Judgement> {
    let mut newest: Newest<'_> = BTreeMap::new();
    for (index, (person, mark, at)) in marks.into_iter().enumerate() {
        let says = [mark == Mark::Confirmed, mark == Mark::Wrong];
        if says == [false; 2] {
            continue;
        }
        let is_erased = person.is_some_and(|person| person.ends_with(ERASED));
        let apart = if is_erased { index } else { 0 };
        let said = newest.entry((person, apart)).or_insert((at, says));
        if at > said.0 {
            *said = (at, says);
        } else if at == said.0 {
            said.1 = [said.1[0] || says[0], said.1[1] || says[1]];
        }
    }
    let any = |index: usize| newest.values().any(|(_, says)| says[index]);
    match (any(0), any(1)) {
        (true, true) => Some(Judgement::Disputed),
        (true, false) => Some(Judgement::Right),
        (false, true) => Some(Judgement::Wrong),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Mark::{Confirmed, Done, Missed, Wrong};
    use super::*;

    const KIM: Option<&str> = Some("Kim");
    const LEE: Option<&str> = Some("Lee");

    #[test]
    fn words_are_read_back() {
        for mark in Mark::ALL {
            assert_eq!(Mark::from_word(mark.word()), Some(mark));
        }
        assert_eq!(Mark::from_word("maybe"), None);
    }

    #[test]
    fn the_newest_mark_of_a_person_counts_in_any_order() {
        let marks = [(KIM, Wrong, 9), (KIM, Confirmed, 5), (LEE, Wrong, 1)];
        assert_eq!(judgement(marks), Some(Judgement::Wrong));
        let mut other_way = marks;
        other_way.reverse();
        assert_eq!(judgement(other_way), Some(Judgement::Wrong));
    }

    #[test]
    fn who_disagrees_counts_for_neither() {
        assert_eq!(judgement([(KIM, Wrong, 9), (LEE, Confirmed, 5)]), Some(Judgement::Disputed));
        assert_eq!(judgement([(KIM, Wrong, 5), (KIM, Confirmed, 5)]), Some(Judgement::Disputed));
        assert_eq!(judgement([(None, Wrong, 5), (None, Confirmed, 6)]), Some(Judgement::Right));
    }

    #[test]
    fn marks_of_an_erased_epoch_are_not_one_persons() {
        let nobody = Some("p:2026-01-01:erased");
        let marks = [(nobody, Confirmed, 5), (nobody, Wrong, 9)];
        assert_eq!(judgement(marks), Some(Judgement::Disputed), "it may have been two people");
        assert_eq!(judgement([(nobody, Wrong, 5), (nobody, Wrong, 9)]), Some(Judgement::Wrong));
    }

    #[test]
    fn what_was_done_or_missed_judges_nothing() {
        assert_eq!(judgement([(KIM, Done, 9), (KIM, Missed, 9)]), None);
        assert_eq!(judgement([(KIM, Confirmed, 3), (KIM, Done, 9)]), Some(Judgement::Right));
    }
}
