//! Who answers for which row while a challenger takes its share.

use std::sync::Arc;

use foresite_tables::sha256_hex;

use super::ask::Row;
use crate::model::{Loaded, Models};

/// Rows of one model, with their places in the request.
pub(crate) struct Part {
    pub(crate) model: Arc<Loaded>,
    pub(crate) places: Vec<usize>,
    pub(crate) rows: Vec<Row>,
}

/// Splits rows between the model that serves and the challenger. An entity always goes to the same
/// of the two, so that nobody sees it jump from one to the other.
pub(crate) fn split(
    models: &Models,
    serving: &Arc<Loaded>,
    share: f64,
    rows: Vec<Row>,
) -> Vec<Part> {
    let part = |model: &Arc<Loaded>, places: Vec<usize>, rows: Vec<Row>| {
        let model = Arc::clone(model);
        Part { model, places, rows }
    };
    let Some(challenger) = models.challenger.as_ref().filter(|_| share > 0.0) else {
        return vec![part(serving, (0..rows.len()).collect(), rows)];
    };
    let mut own = part(serving, Vec::new(), Vec::new());
    let mut other = part(challenger, Vec::new(), Vec::new());
    for (place, row) in rows.into_iter().enumerate() {
        let fits = row.values.is_none() || challenger.takes_rows_of(serving);
        let part = if fits && is_of_share(&row.entity, share) { &mut other } else { &mut own };
        part.places.push(place);
        part.rows.push(row);
    }
    [own, other].into_iter().filter(|part| !part.rows.is_empty()).collect()
}

/// Whether the hash of an entity falls into the first `share` of all; rows without a name never.
fn is_of_share(entity: &str, share: f64) -> bool {
    let digits = sha256_hex(entity.as_bytes());
    let hash = digits.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    !entity.is_empty() && hash.is_some_and(|hash| f64::from(hash) < share * f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_as_large_as_said_and_grows_around_the_same_entities() {
        let of = |share: f64| -> Vec<bool> {
            (0..2000).map(|n| is_of_share(&format!("cell-{n}"), share)).collect()
        };
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        let (tenth, half) = (of(0.1), of(0.5));
        assert!((150..250).contains(&count(&tenth)), "{}", count(&tenth));
        assert!((900..1100).contains(&count(&half)), "{}", count(&half));
        assert!(tenth.iter().zip(&half).all(|(small, large)| *large || !*small));
        assert_eq!((count(&of(0.0)), count(&of(1.0))), (0, 2000));
        assert!(!is_of_share("", 1.0));
    }
}
