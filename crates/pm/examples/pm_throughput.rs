//! How fast performance files are read on this machine, one core.
//!
//! Generates hourly 3GPP 32.435 files (four periods, integers and decimals mixed, one `r` per
//! line) and prints MB of XML per second for: inflating alone, a straightforward quick-xml program,
//! both ways of [`PmReader`], and the whole way from gzip to record batches.
//!
//! `cargo run --release -p foresite-pm --example pm_throughput [cells] [counters]`

#![allow(clippy::print_stdout, clippy::expect_used)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use flate2::{Compression, write::GzEncoder};
use foresite_pm::{Batcher, Limits, Load, PmReader, ValuePath};
use quick_xml::Reader;
use quick_xml::events::Event;

const ROUNDS: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let cells = arguments.next().unwrap_or(300);
    let counters = arguments.next().unwrap_or(120);
    let text = xml(cells, counters);
    let packed = gzip(text.as_bytes());
    let values = 4 * cells * counters;
    println!(
        "{:.1} MB XML, {:.2} MB gzip, {values} values; best of {ROUNDS}",
        text.len() as f64 / 1e6,
        packed.len() as f64 / 1e6,
    );

    let mut inflater = libdeflater::Decompressor::new();
    let mut out = vec![0; text.len()];
    report("inflate (libdeflate)", text.len(), values, || {
        inflater.gzip_decompress(&packed, &mut out).expect("gzip");
    });
    report("plain quick-xml", text.len(), values, || {
        black_box(plain_quick_xml(&text));
    });
    for (name, path) in [("general path", ValuePath::General), ("fast path", ValuePath::Fast)] {
        let mut reader = PmReader::new(Limits::default(), path);
        report(name, text.len(), values, || {
            black_box(reader.read(text.as_bytes()).expect("readable"));
        });
    }
    let mut reader = PmReader::default();
    report("gzip to batches", text.len(), values, || {
        let file = reader.read(&packed).expect("readable");
        let mut batcher = Batcher::default();
        batcher.push(&file, &load());
        black_box(batcher.finish().expect("batches"));
    });
}

fn report(name: &str, bytes: usize, values: usize, mut work: impl FnMut()) {
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!(
        "{name:<22} {:>8.0} MB/s {:>8.1} M values/s",
        bytes as f64 / 1e6 / best,
        values as f64 / 1e6 / best,
    );
}

/// What a careful reader of the quick-xml manual would write for the values alone.
fn plain_quick_xml(text: &str) -> f64 {
    let mut reader = Reader::from_str(text);
    let mut sum = 0.0;
    let mut inside = false;
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(tag) if tag.name().as_ref() == "r" => {
                let position = tag.attributes().with_checks(false).flatten().next();
                sum += position.map_or(0.0, |p| p.value.parse::<f64>().unwrap_or(0.0));
                inside = true;
            }
            Event::Text(value) if inside => sum += value.parse::<f64>().unwrap_or(0.0),
            Event::End(_) => inside = false,
            Event::Eof => return sum,
            _ => {}
        }
    }
}

fn xml(cells: usize, counters: usize) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <measCollecFile xmlns=\"http://www.3gpp.org/ftp/specs/archive/32_series/32.435#measCollec\">\n\
         <fileHeader vendorName=\"Example\" dnPrefix=\"SubNetwork=S\"><measCollec beginTime=\"2024-05-01T10:00:00Z\"/></fileHeader>\n\
         <measData>\n<managedElement localDn=\"ManagedElement=N1\"/>\n",
    );
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    for quarter in 1..=4 {
        let (hour, minute) = (10 + quarter * 15 / 60, quarter * 15 % 60);
        text.push_str("<measInfo measInfoId=\"cells\">\n");
        let _ = writeln!(
            text,
            "<granPeriod duration=\"PT900S\" endTime=\"2024-05-01T{hour}:{minute:02}:00Z\"/>"
        );
        for counter in 1..=counters {
            let _ = writeln!(text, "<measType p=\"{counter}\">counter.{counter}</measType>");
        }
        for cell in 0..cells {
            let _ = writeln!(
                text,
                "      <measValue measObjLdn=\"ManagedElement=N1,GNBDUFunction=1,NRCellDU={cell}\">"
            );
            for counter in 1..=counters {
                // Xorshift: any spread of digits does.
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                let value = noise >> (24 + noise % 36);
                let _ = match counter % 4 {
                    0 => writeln!(
                        text,
                        "        <r p=\"{counter}\">{}.{:03}</r>",
                        value % 100_000,
                        value % 1000
                    ),
                    _ => writeln!(text, "        <r p=\"{counter}\">{value}</r>"),
                };
            }
            text.push_str("      </measValue>\n");
        }
        text.push_str("</measInfo>\n");
    }
    text.push_str("</measData>\n<fileFooter><measCollec endTime=\"2024-05-01T11:00:00Z\"/></fileFooter>\n</measCollecFile>\n");
    text
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn load() -> Load {
    Load {
        source: "pm".into(),
        plan: "plan".into(),
        file_id: "file".into(),
        lineage_id: "lineage".into(),
        known_at: 0,
        ingested_at: 0,
        buckets: 1,
    }
}
