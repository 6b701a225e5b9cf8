//! What people said about predictions.

use foresite_schema::marks::Judgement;

use crate::clock::Micros;

/// Marks of the last weeks, by the case that they are about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// One entry for each marked incident, and for each prediction that was marked by itself.
    pub cases: Vec<Said>,
    /// Marks that name no prediction: they count for no list.
    pub unplaced: usize,
}

/// What past lists of a task stated and what came of it, each as a mean over lists whose time is over, as
/// `monitor` found at the end of a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Came {
    /// Task of the lists.
    pub task: String,
    /// End of the day.
    pub until: Micros,
    /// How many lists.
    pub lists: i64,
    /// Right items, as stated and as they came, of those about which the truth is known.
    pub hits: [Option<f64>; 2],
    /// Entities with an event that no open incident named.
    pub misses: [Option<f64>; 2],
}

/// What was said about one case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// Task of its predictions.
    pub task: String,
    /// When it was last marked.
    pub at: Micros,
    /// What those who judged it say together; `None` where it was only dealt with.
    pub judgement: Option<Judgement>,
    /// What drove most of its predictions, where they say so.
    pub driver: Option<String>,
    /// Probability with which it came on the list; `None` = for its urgency.
    pub inclusion: Option<f64>,
    /// Probability that the first list which named it stated; `None` = no list named the incident, or
    /// that list stated nothing.
    pub stated: Option<f64>,
}
