//! What could not be used of a readable file.

use std::fmt;

/// Detailed entries kept per reason; a broken exporter repeats itself in every object.
const KEPT_PER_REASON: usize = 20;

/// Characters of offending text kept as a sample.
const SAMPLE_CHARS: usize = 200;

/// Why values were set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// The text is no number, list or null.
    NotANumber,
    /// A value refers to a position that no counter has.
    UnknownPosition,
    /// The block has no usable period (`granPeriod`, `mts`, `startTime`).
    NoPeriod,
    /// The block's counters are missing or two of them share a position.
    BadCounters,
    /// An object has more or fewer values than the block has counters.
    WrongCount,
    /// The same counter of the same object and period was read before with another value.
    Disagrees,
    /// Nothing in the file names the element.
    NoElement,
}

impl RejectReason {
    const ALL: usize = 7;

    /// The words that ledger and quarantine show.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotANumber => "not a number",
            Self::UnknownPosition => "no counter at this position",
            Self::NoPeriod => "no usable period",
            Self::BadCounters => "counters missing or ambiguous",
            Self::WrongCount => "more or fewer values than counters",
            Self::Disagrees => "disagrees with an earlier value of the same counter",
            Self::NoElement => "no managed element",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Values that were set aside for one reason at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: RejectReason,
    /// Where: block, object and counter as far as they are known.
    pub place: String,
    /// Byte offset into the text; 0 where the fault is between two places.
    pub offset: u64,
    /// Up to 200 characters of the offending text.
    pub sample: String,
    /// Values that this entry stands for; 0 for a block without values.
    pub values: u64,
}

/// Collects rejects, keeping the first few of each reason in detail and counting the rest.
#[derive(Debug, Default)]
pub(crate) struct Rejects {
    kept: Vec<Reject>,
    per_reason: [usize; RejectReason::ALL],
}

impl Rejects {
    /// Adds one entry; `place` is only built when the entry is kept.
    pub(crate) fn add(
        &mut self,
        reason: RejectReason,
        offset: u64,
        sample: &str,
        values: u64,
        place: impl FnOnce() -> String,
    ) {
        let seen = &mut self.per_reason[reason as usize];
        *seen += 1;
        if *seen <= KEPT_PER_REASON {
            self.kept.push(Reject {
                reason,
                place: place(),
                offset,
                sample: sample.trim().chars().take(SAMPLE_CHARS).collect(),
                values,
            });
        } else if let Some(last) = self.kept.iter_mut().rev().find(|kept| kept.reason == reason) {
            last.values += values;
        }
    }

    /// The entries; the last one of a reason says how many others it stands for.
    pub(crate) fn finish(mut self) -> Vec<Reject> {
        for (index, seen) in self.per_reason.iter().enumerate() {
            if let Some(more) = seen.checked_sub(KEPT_PER_REASON).filter(|more| *more > 0) {
                let of_reason = |kept: &&mut Reject| kept.reason as usize == index;
                if let Some(last) = self.kept.iter_mut().rev().find(of_reason) {
                    last.place.push_str(&format!(" and {more} more places"));
                }
            }
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_not_listed() {
        let mut rejects = Rejects::default();
        for n in 0..30 {
            rejects.add(RejectReason::NotANumber, n, "x", 1, || format!("object {n}"));
        }
        rejects.add(RejectReason::NoPeriod, 0, "", 5, || "block".into());
        let kept = rejects.finish();
        assert_eq!(kept.iter().map(|reject| reject.values).sum::<u64>(), 35);
        assert_eq!(kept.len(), 21);
        assert_eq!(kept[19].place, "object 19 and 10 more places");
        assert_eq!(kept[19].values, 11);
    }
}
