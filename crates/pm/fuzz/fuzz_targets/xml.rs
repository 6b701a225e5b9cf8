//! Measurement files: no input panics, the two ways of reading values agree, every value is
//! accounted for, and the batches hold what was counted.

#![no_main]

use foresite_pm::{Batcher, Limits, Load, MeasFile, PmReader, ReadError, ValuePath};
use libfuzzer_sys::fuzz_target;

fn read(path: ValuePath, bytes: &[u8]) -> Result<MeasFile, ReadError> {
    PmReader::new(Limits::default(), path).read(bytes)
}

fuzz_target!(|bytes: &[u8]| {
    let _ = PmReader::default().peek(bytes);
    let (fast, general) = (read(ValuePath::Fast, bytes), read(ValuePath::General, bytes));
    match (fast, general) {
        (Ok(fast), Ok(general)) => {
            assert_eq!(format!("{fast:?}"), format!("{general:?}"));
            check(&fast);
        }
        (fast, general) => assert_eq!(fast.is_ok(), general.is_ok()),
    }
});

fn check(file: &MeasFile) {
    assert!(file.counts.is_conserved(), "{:?}", file.counts);
    let rejected: u64 = file.rejects.iter().map(|reject| reject.values).sum();
    assert_eq!(rejected, file.counts.rejected);
    let load = Load {
        source: "pm".into(),
        plan: "p".into(),
        file_id: "f".into(),
        lineage_id: "l".into(),
        known_at: 0,
        ingested_at: 0,
        buckets: 4,
    };
    let mut batcher = Batcher::default();
    let written = batcher.push(file, &load);
    assert_eq!((written.scalars, written.lists), (file.counts.scalars, file.counts.lists));
    batcher.finish().expect("rows fit their tables");
}
