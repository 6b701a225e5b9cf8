//! What following the log asks of the store, and what it notices.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use foresite_schema::{Column, DataKind, Keep, TableDef, TableKind};
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use tempfile::TempDir;
use url::Url;

use super::*;
use crate::root::Place;
use crate::{Commit, Read, Root, Slot};

/// A local store that counts what is asked of it, by kind.
#[derive(Debug, Default)]
struct Counting {
    store: LocalFileSystem,
    calls: Mutex<BTreeMap<&'static str, usize>>,
}

impl Counting {
    fn count(&self, call: &'static str) {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
    }

    /// The calls since the last time.
    fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting")
    }
}

type Outcome<T> = object_store::Result<T>;

#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, at: &Path, data: PutPayload, how: PutOptions) -> Outcome<PutResult> {
        self.count("put");
        self.store.put_opts(at, data, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Outcome<Box<dyn MultipartUpload>> {
        self.count("put");
        self.store.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Outcome<GetResult> {
        self.count(if how.head { "head" } else { "get" });
        self.store.get_opts(at, how).await
    }

    fn delete_stream(
        &self,
        at: BoxStream<'static, Outcome<Path>>,
    ) -> BoxStream<'static, Outcome<Path>> {
        self.store.delete_stream(at)
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, Outcome<ObjectMeta>> {
        self.count("list");
        self.store.list(below)
    }

    fn list_with_offset(
        &self,
        below: Option<&Path>,
        after: &Path,
    ) -> BoxStream<'static, Outcome<ObjectMeta>> {
        self.count("list");
        self.store.list_with_offset(below, after)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> Outcome<ListResult> {
        self.count("list");
        self.store.list_with_delimiter(below).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Outcome<()> {
        self.store.copy_opts(from, to, how).await
    }
}

fn root() -> (TempDir, Arc<Counting>, Root) {
    let folder = TempDir::new().unwrap();
    let url = Url::from_directory_path(folder.path()).unwrap();
    let store = Arc::new(Counting::default());
    let root = Root::over(url, Place::Local, Arc::clone(&store) as Arc<dyn ObjectStore>).unwrap();
    (folder, store, root)
}

fn def() -> TableDef {
    TableDef {
        name: "events".into(),
        row: "an event".into(),
        columns: vec![
            Column::required("plan", DataKind::Text, "", ""),
            Column::required("seq", DataKind::Long, "", ""),
        ],
        keys: vec!["seq".into()],
        time: None,
        sort: vec!["seq".into()],
        kind: TableKind::Raw,
        keep: Keep::Forever,
    }
}

fn append(table: &Table, seq: i64) -> crate::Outcome {
    let plan = format!("plan-{seq}");
    let plans: ArrayRef = Arc::new(StringArray::from(vec![plan.as_str()]));
    let seqs: ArrayRef = Arc::new(Int64Array::from(vec![seq]));
    let batch = RecordBatch::try_from_iter([("plan", plans), ("seq", seqs)]).unwrap();
    let commit = Commit {
        lineage_id: format!("{seq:016x}"),
        as_of: 0,
        ingested_at: 0,
        force: false,
        note: Json::Null,
    };
    table.append(&Slot::plan("test", &plan), &batch, &commit).unwrap()
}

fn rows(table: &Table) -> usize {
    table.read_all(&Read::all()).unwrap().num_rows()
}

#[test]
fn what_an_append_asks_of_the_store_does_not_grow_with_the_log() {
    let (_folder, store, root) = root();
    let table = root.table(def()).unwrap();
    append(&table, 0);
    store.take();
    let plain = BTreeMap::from([("head", 2), ("get", 1), ("put", 1)]);
    let mut with_checkpoint = Vec::new();
    for seq in 1..60 {
        append(&table, seq);
        table.wait_for_checkpoint();
        match store.take() {
            // A look at two names, a commit, and a look at the one before it; local data files take
            // no detour.
            cost if seq % 10 != 9 => assert_eq!(cost, plain, "commit {}", seq + 1),
            cost => with_checkpoint.push(cost),
        }
    }
    assert!(with_checkpoint.iter().all(|calls| calls["list"] == 1), "{with_checkpoint:#?}");
    // The first has no checkpoint before it to read.
    assert_eq!(with_checkpoint.last(), with_checkpoint.get(1), "and that does not grow either");
    assert_eq!(rows(&table), 60);
}

#[test]
fn commits_do_not_wait_for_a_checkpoint_but_the_last_handle_does() {
    let (folder, _store, root) = root();
    let table = root.table(def()).unwrap();
    for seq in 0..35 {
        append(&table, seq);
    }
    drop(table);
    let log = folder.path().join("tables/events/_delta_log");
    for version in [10, 20, 30] {
        assert!(log.join(format!("{version:020}.checkpoint.parquet")).exists(), "{version}");
    }
    let hint = std::fs::read_to_string(log.join("_last_checkpoint")).unwrap();
    assert!(hint.contains("\"version\":30"), "{hint}");
}

#[test]
fn a_long_log_is_opened_from_its_checkpoint() {
    let (_folder, store, root) = root();
    let table = root.table(def()).unwrap();
    let mut opened = Vec::new();
    for seq in 0..65 {
        append(&table, seq);
        if seq % 30 == 14 {
            table.wait_for_checkpoint();
            store.take();
            assert_eq!(root.existing(def()).unwrap().version().unwrap(), seq as u64 + 1);
            opened.push(store.take());
        }
    }
    assert_eq!(opened.len(), 2);
    assert_eq!(opened[0], opened[1]);
    assert_eq!(opened[0]["list"], 1, "{opened:?}");
}

#[test]
fn commits_of_others_are_followed() {
    let (_folder, store, root) = root();
    let (ours, theirs) = (root.table(def()).unwrap(), root.table(def()).unwrap());
    append(&ours, 0);
    assert_eq!(rows(&ours), 1);
    for seq in 1..6 {
        append(&theirs, seq);
    }
    store.take();
    assert_eq!(ours.version().unwrap(), 6);
    assert!(!store.take().contains_key("list"), "five commits are fetched by name");
    assert_eq!(rows(&ours), 6);
    for seq in 6..40 {
        append(&theirs, seq);
    }
    assert_eq!(append(&ours, 20), crate::Outcome { version: 40, unchanged: true, rows: 0 });
    assert_eq!(append(&ours, 40).version, 41);
    assert_eq!(rows(&ours), 41);
    assert_eq!(rows(&theirs), 41);
}

#[test]
fn a_table_made_again_is_not_taken_for_the_one_before() {
    let (folder, _store, root) = root();
    let table = root.table(def()).unwrap();
    for seq in 0..5 {
        append(&table, seq);
    }
    std::fs::remove_dir_all(folder.path().join("tables/events")).unwrap();
    let error = table.version().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    let again = root.table(def()).unwrap();
    for seq in 0..5 {
        append(&again, seq);
    }
    std::fs::remove_dir_all(folder.path().join("tables/events")).unwrap();
    let third = root.table(def()).unwrap();
    for seq in 10..18 {
        append(&third, seq);
    }
    // Version 5 is there, and is another one.
    assert_eq!(again.version().unwrap(), 8);
    assert!(!append(&again, 2).unchanged);
    assert_eq!(rows(&again), 9);
}

#[test]
fn a_log_cleaned_up_past_what_a_handle_knows_is_read_anew() {
    let (_folder, _store, root) = root();
    let (ours, theirs) = (root.table(def()).unwrap(), root.table(def()).unwrap());
    for seq in 0..3 {
        append(&ours, seq);
    }
    for seq in 3..25 {
        append(&theirs, seq);
    }
    assert!(!theirs.expire_log(25, false).unwrap().is_empty());
    assert_eq!(ours.version().unwrap(), 25);
    assert_eq!(rows(&ours), 25);
    assert!(append(&ours, 1).unchanged);
}

#[test]
fn a_schema_that_another_writer_widened_is_seen() {
    let (_folder, _store, root) = root();
    let table = root.table(def()).unwrap();
    append(&table, 0);
    root.table(def().with_columns([Column::nullable("load", DataKind::Double, "", "")])).unwrap();
    append(&table, 1);
    let batch = table.read_all(&Read::all()).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 3));
}

#[test]
fn what_is_followed_is_what_the_log_says() {
    let (_folder, _store, root) = root();
    let table = root.table(def()).unwrap();
    append(&table, 0);
    table.files(&table.newest().unwrap()).unwrap();
    for seq in 1..35 {
        append(&table, seq);
    }
    let (followed, read) = (table.newest().unwrap(), table.load(None).unwrap());
    assert!(followed.known_files().is_some(), "kept up, not read again");
    assert_eq!(table.files(&followed).unwrap(), table.files(&read).unwrap());
    assert_eq!(followed.transaction("plan=plan-7/source=test").unwrap(), Some(7));
    assert_eq!(read.transaction("plan=plan-7/source=test").unwrap(), Some(7));
}
