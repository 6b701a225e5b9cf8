//! How many marks a minute are taken.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::ask::Ask;
use super::refusal::Refusal;

/// Marks of one person within a minute. A person clicks; a list of marks is sent now and then.
const OF_A_PERSON: usize = 240;

/// Marks of all within a minute: a name costs nothing.
const OF_ALL: usize = 1200;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts marks by the minute, once they are read: what cannot be true costs the same look-up as what
/// can. What is refused for its number does not count, nor what storage did not answer for, which is to
/// be sent again.
#[derive(Debug, Default)]
pub(super) struct Flood(Mutex<Option<Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    all: usize,
    by_person: HashMap<String, usize>,
}

/// What was counted of a request, in which minute.
#[derive(Debug)]
pub(super) struct Counted {
    began: Instant,
    by_person: HashMap<String, usize>,
}

impl Flood {
    /// Counts the marks of a request, or refuses all of them.
    ///
    /// # Errors
    /// 429 in one line.
    pub(super) fn admit(&self, asked: &[Ask]) -> Result<Counted, Refusal> {
        self.admit_at(asked, Instant::now())
    }

    /// Takes a count back, unless its minute is over.
    pub(super) fn give_back(&self, counted: &Counted) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(window) = held.as_mut().filter(|window| window.began == counted.began) else {
            return;
        };
        for (person, count) in &counted.by_person {
            window.all -= count;
            if let Some(taken) = window.by_person.get_mut(person) {
                *taken -= count;
            }
        }
    }

    fn admit_at(&self, asked: &[Ask], now: Instant) -> Result<Counted, Refusal> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Window { began: now, all: 0, by_person: HashMap::new() };
        let window = held.get_or_insert_with(fresh);
        if now.duration_since(window.began) >= MINUTE {
            *window = fresh();
        }
        let mut by_person: HashMap<String, usize> = HashMap::new();
        for ask in asked {
            *by_person.entry(ask.person.clone()).or_default() += 1;
        }
        let left = MINUTE.saturating_sub(now.duration_since(window.began)).as_secs() + 1;
        if window.all + asked.len() > OF_ALL {
            return Err(refused("all together", OF_ALL, left));
        }
        for (person, count) in &by_person {
            let before = window.by_person.get(person).copied().unwrap_or(0);
            if before + count > OF_A_PERSON {
                return Err(refused(&format!("`{person}`"), OF_A_PERSON, left));
            }
        }
        window.all += asked.len();
        for (person, count) in &by_person {
            *window.by_person.entry(person.clone()).or_default() += count;
        }
        Ok(Counted { began: window.began, by_person })
    }
}

fn refused(who: &str, most: usize, left: u64) -> Refusal {
    let line = format!("too many marks: {most} a minute are taken of {who}; again in {left} s");
    Refusal { again: Some(left), ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, line) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feedback::ask::About;
    use foresite_schema::marks::Mark;

    fn marks(person: &str, count: usize) -> Vec<Ask> {
        let mark = Ask {
            mark: Mark::Wrong,
            at: 0,
            about: About::Prediction("p".into()),
            task: String::new(),
            person: person.into(),
            text: String::new(),
        };
        vec![mark; count]
    }

    #[test]
    fn a_flood_is_refused_until_its_minute_is_over() {
        let (flood, begin) = (Flood::default(), Instant::now());
        assert!(flood.admit_at(&marks("Kim", 200), begin).is_ok());
        let refusal = flood.admit_at(&marks("Kim", 41), begin).unwrap_err();
        assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(refusal.line.contains("240 a minute are taken of `Kim`"), "{}", refusal.line);
        assert!(flood.admit_at(&marks("Kim", 40), begin).is_ok(), "what was refused did not count");
        assert!(flood.admit_at(&marks("Lee", 1), begin).is_ok());
        assert!(flood.admit_at(&marks("Kim", 1), begin + MINUTE).is_ok());
    }

    #[test]
    fn what_is_given_back_may_be_sent_again_in_the_same_minute() {
        let (flood, begin) = (Flood::default(), Instant::now());
        let counted = flood.admit_at(&marks("Kim", 200), begin).unwrap();
        assert!(flood.admit_at(&marks("Kim", 200), begin).is_err());
        flood.give_back(&counted);
        assert!(flood.admit_at(&marks("Kim", 200), begin).is_ok());
        assert!(flood.admit_at(&marks("Kim", 240), begin + MINUTE).is_ok());
        flood.give_back(&counted);
        let late = flood.admit_at(&marks("Kim", 1), begin + MINUTE);
        assert!(late.is_err(), "a count of another minute is no credit");
    }

    #[test]
    fn many_names_are_no_way_around() {
        let (flood, begin) = (Flood::default(), Instant::now());
        for name in ["a", "b", "c", "d", "e", "f"] {
            assert!(flood.admit_at(&marks(name, 200), begin).is_ok());
        }
        assert!(flood.admit_at(&marks("g", 1), begin).is_err());
    }
}
