//! Tabular mappings: a mapping, a zero byte, a file. No mapping and no file panics, and every row is
//! written or set aside.

#![no_main]

use bytes::Bytes;
use foresite_pm::Limits;
use foresite_pm::mapping::{Input, Mapped, Mapping, Provenance};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    max_ratio: 200,
    ratio_floor: 1 << 16,
    max_depth: 32,
    max_text: 1 << 16,
    max_cells: 1 << 16,
};

/// A path that the mappings of the seeds take.
const PATH: &str = "a/file_20260101.csv";

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (Some(mapping), Some(file)) = (parts.next(), parts.next()) else { return };
    let Ok(mapping) = serde_json::from_slice::<Mapping>(mapping) else { return };
    let Some(matched) = mapping.matches(PATH) else { return };
    let joined = vec![Bytes::copy_from_slice(file); matched.joined.len()];
    let bytes = Bytes::copy_from_slice(file);
    let input = Input { path: PATH, bytes, joined: &joined, limits: LIMITS };
    let provenance = Provenance {
        file_id: "f".into(),
        plan: "p".into(),
        known_at: 1,
        ingested_at: 2,
        lineage_id: "l".into(),
        buckets: 4,
    };
    if let Ok(mapped) = mapping.read(&matched, &input, &provenance) {
        check(&mapped);
    }
});

fn check(mapped: &Mapped) {
    let rejected: u64 = mapped.rejected.iter().map(|entry| entry.rows).sum();
    assert_eq!(mapped.rows_read, mapped.rows_written + rejected);
    for rows in &mapped.batches {
        assert_eq!(rows.batch.schema(), rows.table.schema());
    }
}
