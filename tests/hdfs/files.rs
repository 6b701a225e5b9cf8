//! Plain files and folders: written once, read in parts, streamed in bounded memory.

use std::sync::Barrier;

use bytes::Bytes;
use foresite_tables::{ErrorKind, Root};
use foresite_testkit::Hdfs;
use futures::StreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use crate::noise;

/// Where a file of the root lies in the object store.
fn location(root: &Root, path: &str) -> Path {
    Path::from_url_path(root.url().join(path).unwrap().path()).unwrap()
}

#[test]
fn of_sixteen_racers_one_wins_and_the_others_leave_nothing() {
    let Some((_hdfs, root)) = crate::root() else { return };
    let barrier = Barrier::new(16);
    let race = |racer: usize| {
        barrier.wait();
        root.write_new("plan.json", format!("racer {racer}")).unwrap()
    };
    let won: Vec<bool> = std::thread::scope(|scope| {
        let race = &race;
        let racers: Vec<_> = (0..16).map(|racer| scope.spawn(move || race(racer))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(root.read("plan.json").unwrap(), format!("racer {winner}"));
    assert!(root.leftovers("").unwrap().is_empty());
}

#[test]
fn files_cross_blocks_and_are_read_in_parts() {
    let Some((_hdfs, root)) = crate::root() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Around a packet, a sync and a block of the test cluster (1 MiB).
    for length in [0, 1, 65_016, 65_536, 1 << 20, (1 << 20) + 1, (3 << 20) + 12_345] {
        let bytes = noise(length);
        let path = format!("files/{length}");
        root.write(&path, bytes.clone()).unwrap();
        assert_eq!(root.read(&path).unwrap(), bytes, "{length} bytes");
        assert_eq!(root.entry(&path).unwrap().unwrap().size, length as u64);
        if length > 2 << 20 {
            let ranges = [0..10, 1_000_000..1_100_000, (1 << 20) - 1..(1 << 20) + 1];
            let place = location(&root, &path);
            let read = root.store().get_ranges(&place, &ranges);
            for (part, range) in runtime.block_on(read).unwrap().iter().zip(ranges) {
                assert_eq!(part, &bytes[range.start as usize..range.end as usize]);
            }
        }
    }
    let end = 65_016_u64;
    let place = location(&root, "files/65016");
    let over = runtime.block_on(root.store().get_range(&place, end - 1..end + 5)).unwrap();
    assert_eq!(over.len(), 1, "a range over the end is cut there");
    let past = runtime.block_on(root.store().get_range(&place, end + 1..end + 5));
    assert!(past.is_err(), "a range past the end is refused");
}

#[test]
fn many_reads_at_once_share_one_connection() {
    let Some((_hdfs, root)) = crate::root() else { return };
    let paths: Vec<String> = (0..200).map(|number| format!("log/{number:03}.json")).collect();
    std::thread::scope(|scope| {
        for part in paths.chunks(25) {
            let root = &root;
            scope.spawn(move || {
                for path in part {
                    root.write(path, path.clone()).unwrap();
                }
            });
        }
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The kernel opens files like this: many, of which it polls only some.
    let read = futures::stream::iter(&paths)
        .map(|path| {
            let place = location(&root, path);
            let store = root.store();
            async move { store.get(&place).await.unwrap().bytes().await.unwrap() }
        })
        .buffered(200)
        .collect::<Vec<Bytes>>();
    for (bytes, path) in runtime.block_on(read).iter().zip(&paths) {
        assert_eq!(bytes, path.as_bytes());
    }
    let listed: Vec<String> = root.list("").unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(listed, paths);
}

#[test]
fn a_replaced_file_is_always_whole_and_keeps_its_permission() {
    let Some((hdfs, root)) = crate::root() else { return };
    root.write("pointer", "first").unwrap();
    let path = root.url().join("pointer").unwrap();
    hdfs.control(&format!("dfs -chmod 640 {path}"));
    root.write("pointer", "second").unwrap();
    assert_eq!(root.read("pointer").unwrap(), "second");
    let listed = hdfs.control(&format!("dfs -ls {path}"));
    assert!(listed.contains("-rw-r-----"), "{listed}");
    root.delete("pointer").unwrap();
    root.delete("pointer").unwrap();
    assert_eq!(root.read("pointer").unwrap_err().kind(), ErrorKind::Missing);
}

#[test]
fn a_folder_is_published_once_and_whole() {
    let Some((_hdfs, root)) = crate::root() else { return };
    let publish = |text: &'static str| {
        let files = [("a", Bytes::from(text)), ("b", Bytes::from(text))];
        root.publish_folder("models/t/m/bundle", files).unwrap()
    };
    let won: Vec<bool> = std::thread::scope(|scope| {
        let racers = ["one", "two", "three", "four"].map(|text| scope.spawn(move || publish(text)));
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let bundle = "models/t/m/bundle";
    let read = |name: &str| root.read(&format!("{bundle}/{name}")).unwrap();
    assert_eq!(read("a"), read("b"), "both files are of one racer");
    assert_eq!(root.list("").unwrap().len(), 2, "the losers clean up");
}

#[test]
fn folders_on_the_way_to_a_published_one_give_their_group_what_the_data_root_gives() {
    let Some((hdfs, root)) = crate::root() else { return };
    hdfs.control(&format!("dfs -chmod 770 {}", root.url()));
    assert!(root.publish_folder("models/t/m/bundle", [("a", Bytes::from("a"))]).unwrap());
    let listed =
        hdfs.control(&format!("dfs -ls -d {0}models {0}models/t {0}models/t/m", root.url()));
    assert_eq!(listed.matches("drwxrwxr-x").count(), 3, "{listed}");
}

/// Peak and present size of this process in KiB.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmHWM:"), field("VmRSS:"))
}

#[test]
fn two_hundred_megabytes_are_streamed_in_bounded_memory() {
    let Some(hdfs) = Hdfs::alone() else { return };
    let root = Root::open(&hdfs.folder()).unwrap();
    let place = location(&root, "large.bin");
    let part = Bytes::from(noise(8 << 20));
    let parts = 25;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // 5 sets the peak back to the present size.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let (_, before) = memory();
    runtime.block_on(async {
        let mut upload = root.store().put_multipart(&place).await.unwrap();
        for _ in 0..parts {
            upload.put_part(PutPayload::from(part.clone())).await.unwrap();
        }
        upload.complete().await.unwrap();
        let mut read = root.store().get(&place).await.unwrap().into_stream();
        let mut offset = 0;
        while let Some(bytes) = read.next().await {
            let mut bytes = bytes.unwrap();
            while !bytes.is_empty() {
                let expected = &part[offset % part.len()..];
                let here = bytes.split_to(bytes.len().min(expected.len()));
                assert!(here == expected[..here.len()], "the bytes differ at {offset}");
                offset += here.len();
            }
        }
        assert_eq!(offset, parts * part.len());
    });
    let (peak, _) = memory();
    let grown = peak.saturating_sub(before) / 1024;
    assert!(grown < 64, "200 MiB took {grown} MiB of memory");
}
