//! The bucket of an entity: the unit of fan-out inside a table.

/// Buckets of a table made today; a table keeps the number it was created with.
pub const BUCKETS: u32 = 1;

/// The bucket of `key` (the site id; raw tables: `ne_dn`) among `buckets`.
///
/// FNV-1a, 32 bits: stable over versions and machines, which `std`'s hasher is not.
pub fn bucket_of(key: &str, buckets: u32) -> i32 {
    let hash = key
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    i32::try_from(hash % buckets.max(1)).unwrap_or(0)
}

/// The site of an entity id written `region/site/sector/cell` or shorter; the id itself without one.
pub fn site_of(entity_id: &str) -> &str {
    match entity_id.match_indices('/').nth(1) {
        Some((end, _)) => &entity_id[..end],
        None => entity_id,
    }
}

/// Whether `upper` is `lower` or one of the entities that its id names above it.
pub fn is_above(upper: &str, lower: &str) -> bool {
    lower.strip_prefix(upper).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether what is said about one entity concerns the other: the same, below it or above it.
pub fn concerns(said: &str, entity: &str) -> bool {
    is_above(said, entity) || is_above(entity, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_stable_and_in_range() {
        assert_eq!(bucket_of("", 16), (0x811c_9dc5_u32 % 16) as i32);
        assert_eq!(bucket_of("a", 1), 0);
        assert!((0..1000).all(|n| (0..8).contains(&bucket_of(&format!("site-{n}"), 8))));
    }

    #[test]
    fn a_site_concerns_its_cells_and_not_its_namesakes() {
        assert!(is_above("north/N001", "north/N001/2") && !is_above("north/N001/2", "north/N001"));
        assert!(concerns("north/N001/2", "north/N001") && concerns("north/N001", "north/N001"));
        assert!(!concerns("north/N00", "north/N001") && !concerns("", "north/N001"));
    }

    #[test]
    fn a_cell_belongs_to_its_site() {
        assert_eq!(site_of("north/N001/2/n78"), "north/N001");
        assert_eq!(site_of("north/N001"), "north/N001");
        assert_eq!(site_of("device-7"), "device-7");
    }
}
