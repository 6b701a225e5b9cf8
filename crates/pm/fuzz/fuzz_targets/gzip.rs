//! Compression: no stream panics, and what was packed in any number of members is read like the
//! text itself.

#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use foresite_pm::{Limits, PmReader, ValuePath};
use libfuzzer_sys::fuzz_target;

const FILE: &[u8] = include_bytes!("../../tests/fixtures/ericsson_style.xml");
const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    max_ratio: 200,
    ratio_floor: 1 << 16,
    max_depth: 32,
    max_text: 1 << 16,
    max_cells: 1 << 16,
};

fn packed(text: &[u8], level: u8) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(u32::from(level % 10)));
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fuzz_target!(|bytes: &[u8]| {
    let mut reader = PmReader::new(LIMITS, ValuePath::Fast);
    let _ = reader.read(bytes);
    let [level, at, flip, rest @ ..] = bytes else { return };
    let cut = usize::from(*at) * FILE.len() / 256;
    let members = [packed(&FILE[..cut], *level), packed(&FILE[cut..], *level)].concat();
    assert!(reader.read(&members).is_ok(), "two members are one text");
    // A damaged stream is an error or the same text, never another one.
    let mut damaged = members;
    let place = usize::from(*flip) * damaged.len() / 256;
    for (slot, byte) in damaged[place..].iter_mut().zip(rest) {
        *slot = *byte;
    }
    let _ = reader.read(&damaged);
    let _ = reader.read(&[&packed(rest, *level), bytes].concat());
});
