//! Files of real equipment, where `FORESITE_DATA_DIR` names a folder that holds them under `pm/`.
//!
//! The expected numbers were counted in the XML with other tools (grep, lxml), not with this crate.

use std::collections::BTreeSet;
use std::path::PathBuf;

use foresite_pm::{Batcher, Load, MeasFile, class_of};

use super::read;

/// The folder, or `None` with the reason printed.
fn folder() -> Option<PathBuf> {
    let found = std::env::var_os("FORESITE_DATA_DIR").map(|root| PathBuf::from(root).join("pm"));
    match found {
        Some(folder) if folder.is_dir() => Some(folder),
        Some(folder) => {
            println!("skipped: no folder {}", folder.display());
            None
        }
        None => {
            println!("skipped: FORESITE_DATA_DIR is not set");
            None
        }
    }
}

fn genuine(prefix: &str) -> Option<MeasFile> {
    let entries = std::fs::read_dir(folder()?).expect("a readable folder");
    let path = entries
        .map(|entry| entry.expect("a readable entry").path())
        .find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .expect("the file of that name");
    Some(read(&std::fs::read(path).expect("a readable file")))
}

fn suspects(file: &MeasFile) -> usize {
    file.blocks.iter().flat_map(|block| &block.objects).filter(|object| object.suspect).count()
}

fn objects(file: &MeasFile) -> usize {
    file.blocks.iter().map(|block| block.objects.len()).sum()
}

fn classes(file: &MeasFile) -> usize {
    let classes: BTreeSet<_> = file
        .blocks
        .iter()
        .flat_map(|block| {
            block
                .objects
                .iter()
                .map(|object| class_of(&file.elements[block.element].ne_dn, &object.ldn))
        })
        .collect();
    classes.len()
}

/// `blanks` are single-blank values, `blank_lists` lists of blanks.
fn assert_ericsson(file: &MeasFile, blanks: u64, blank_lists: usize) {
    assert_eq!((file.counts.read, file.counts.lists, file.counts.nulls), (2_667, 409, blanks));
    assert_eq!(file.counts.scalars, 2_667 - 409 - blanks);
    assert_eq!((file.counts.repeated, file.counts.rejected), (0, 0));
    assert_eq!((file.blocks.len(), objects(file), suspects(file), classes(file)), (34, 125, 2, 24));
    let counters: Vec<_> = file.blocks.iter().flat_map(|block| &block.counters).collect();
    assert_eq!((counters.len(), counters.iter().collect::<BTreeSet<_>>().len()), (880, 810));
    let jobs: BTreeSet<_> =
        file.blocks.iter().filter_map(|block| block.job_id.as_deref()).collect();
    assert_eq!(jobs.len(), 12);
    let empty =
        file.blocks.iter().flat_map(|block| &block.lists).filter(|list| list.bins.is_none());
    assert_eq!(empty.count(), blank_lists);
    let lengths = file
        .blocks
        .iter()
        .flat_map(|block| &block.lists)
        .filter_map(|list| Some(list.bins.as_ref()?.len()));
    assert!(lengths.clone().min() >= Some(3) && lengths.max() == Some(273));
    assert!(file.blocks.iter().all(|block| block.flags == 0 && block.granularity_s == 900));
    assert_eq!((file.vendor.as_str(), file.elements.len()), ("Ericsson AB", 1));
    assert!(file.elements[0].ne_dn.starts_with("SubNetwork=G3,ManagedElement="));
}

#[test]
fn ericsson_with_genuine_names() {
    let Some(file) = genuine("ericsson_enm") else {
        return;
    };
    assert_ericsson(&file, 27, 4);
}

#[test]
fn ericsson_gzipped() {
    let Some(file) = genuine("ericsson_32435v10") else {
        return;
    };
    assert_ericsson(&file, 27, 4);
}

#[test]
fn ericsson_with_an_offset_without_colon() {
    let Some(file) = genuine("ericsson_anon_tz0100") else {
        return;
    };
    assert_ericsson(&file, 0, 0);
    assert!(file.blocks.iter().all(|block| block.offset_s == Some(3600)));
}

#[test]
fn keysight_emulator() {
    let Some(file) = genuine("keysight_28532") else {
        return;
    };
    assert_eq!((file.counts.read, file.counts.scalars, file.counts.rejected), (284, 284, 0));
    assert_eq!((file.blocks.len(), objects(&file), suspects(&file)), (94, 166, 0));
    let rows = file.blocks.iter().flat_map(|block| &block.values);
    assert_eq!(rows.filter(|value| **value != 0.0 && !value.is_nan()).count(), 22);
    let nameless =
        file.blocks.iter().flat_map(|block| &block.objects).filter(|object| object.ldn.is_empty());
    assert!(nameless.count() >= 14);
    let ends: BTreeSet<_> = file.blocks.iter().map(foresite_pm::Block::period_end).collect();
    assert_eq!(ends.len(), 2);
    assert!(file.blocks.iter().all(|block| block.granularity_s == 60));
}

#[test]
fn batches_hold_what_was_counted() {
    let Some(file) = genuine("ericsson_enm") else {
        return;
    };
    let load = Load {
        source: "pm".into(),
        plan: "p".into(),
        file_id: "f".into(),
        lineage_id: "l".into(),
        known_at: 0,
        ingested_at: 0,
        buckets: 1,
    };
    let mut batcher = Batcher::default();
    let written = batcher.push(&file, &load);
    assert_eq!((written.scalars, written.lists), (file.counts.scalars, file.counts.lists));
    let batches = batcher.finish().expect("batches of the catalogue's schema");
    assert_eq!(batches.pm_histograms.num_rows(), 409);
    assert!(batches.pm_counters.num_rows() <= 125);
}
