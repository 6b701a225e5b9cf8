//! Input that someone broke, by accident or on purpose.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use foresite_pm::{Limits, PmReader, ReadErrorKind, ValuePath};
use proptest::prelude::*;

use super::read;

const GOOD: &[u8] = include_bytes!("../fixtures/ericsson_style.xml");

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn kind(bytes: &[u8]) -> ReadErrorKind {
    PmReader::default().read(bytes).unwrap_err().kind
}

#[test]
fn gzip_is_recognised_by_its_magic() {
    let plain = format!("{:?}", read(GOOD));
    let (head, tail) = GOOD.split_at(700);
    assert_eq!(format!("{:?}", read(&gzip(GOOD))), plain);
    assert_eq!(format!("{:?}", read(&[gzip(head), gzip(tail)].concat())), plain);
    assert_eq!(kind(&gzip(GOOD)[..300]), ReadErrorKind::Compression);
}

#[test]
fn every_cut_of_a_good_file_is_one_error_of_the_right_kind() {
    let whole = String::from_utf8_lossy(GOOD);
    let root_opens = whole.find("<measCollecFile").unwrap();
    for cut in (root_opens + 1)..GOOD.len() - "</measCollecFile>\n".len() {
        let fault = PmReader::default().read(&GOOD[..cut]).unwrap_err();
        assert!(
            matches!(fault.kind, ReadErrorKind::Truncated | ReadErrorKind::Syntax),
            "cut at {cut}: {fault}"
        );
    }
}

#[test]
fn bombs_and_foreign_entities_are_refused() {
    let laughs = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><measCollecFile>&lol2;</measCollecFile>";
    assert_eq!(kind(laughs.as_bytes()), ReadErrorKind::Doctype);
    let external = "<!DOCTYPE mdc SYSTEM \"file:///etc/passwd\"><mdc/>";
    assert_eq!(kind(external.as_bytes()), ReadErrorKind::Doctype);
    let undeclared = String::from_utf8_lossy(GOOD).replace("<r p=\"1\">17<", "<r p=\"1\">&x;<");
    let fault = PmReader::default().read(undeclared.as_bytes()).unwrap_err();
    assert_eq!(
        (fault.kind, fault.path.as_str()),
        (ReadErrorKind::Entity, "measCollecFile/measData/measInfo/measValue/r")
    );
    assert_eq!(kind(&gzip(&vec![b'<'; 64 << 20])), ReadErrorKind::TooLarge);
}

#[test]
fn foreign_text_is_named() {
    assert_eq!(kind(b""), ReadErrorKind::UnknownFormat);
    assert_eq!(kind(b"Start Time,Period (min),NE Name\n"), ReadErrorKind::UnknownFormat);
    assert_eq!(kind(b"\xff\xfe<\0m\0"), ReadErrorKind::Encoding);
    assert_eq!(kind(b"\x89PNG\r\n\x1a\n"), ReadErrorKind::Encoding);
    assert_eq!(
        PmReader::default().read(b"<bulkCmConfigDataFile/>").unwrap_err().to_string(),
        "unknown format: expected measCollecFile, measDataFile, mdc or OMeS, got element \
         `bulkCmConfigDataFile` at byte 23"
    );
    assert_eq!(kind(b"<mdc/><mdc/>"), ReadErrorKind::Syntax);
    assert_eq!(kind("<measCollecFile>".repeat(50).as_bytes()), ReadErrorKind::Depth);
}

#[test]
fn limits_are_the_callers() {
    let limits = Limits { max_bytes: 100, ..Limits::default() };
    let fault = PmReader::new(limits, ValuePath::Fast).read(GOOD).unwrap_err();
    assert_eq!(fault.kind, ReadErrorKind::TooLarge);
}

/// Two counters and three objects named once each are six cells, whatever stands in them.
#[test]
fn cells_that_nobody_wrote_are_bounded_too() {
    let text = "<measCollecFile><fileHeader><fileSender localDn=\"N1\"/></fileHeader><measData><measInfo>\
        <granPeriod duration=\"PT900S\" endTime=\"2022-04-18T19:15:00Z\"/><measTypes>a b</measTypes>\
        <measValue measObjLdn=\"1\"/><measValue measObjLdn=\"2\"/><measValue measObjLdn=\"3\"/>\
        </measInfo></measData></measCollecFile>";
    let read = |max_cells| {
        let limits = Limits { max_cells, ..Limits::default() };
        PmReader::new(limits, ValuePath::Fast).read(text.as_bytes())
    };
    assert_eq!(read(6).unwrap().blocks[0].objects.len(), 3);
    let fault = read(5).unwrap_err();
    assert_eq!(
        (fault.kind, fault.path.as_str()),
        (ReadErrorKind::TooLarge, "measCollecFile/measData/measInfo/measValue")
    );
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_file_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = PmReader::default().read(&bytes);
        let _ = PmReader::default().peek(&bytes);
    }

    #[test]
    fn a_good_file_with_bytes_overwritten_never_panics(
        at in 0..GOOD.len(),
        with in proptest::collection::vec(any::<u8>(), 1..6),
    ) {
        let mut bytes = GOOD.to_vec();
        for (slot, byte) in bytes[at..].iter_mut().zip(&with) {
            *slot = *byte;
        }
        if let Ok(file) = PmReader::default().read(&bytes) {
            prop_assert!(file.counts.is_conserved());
        }
        let _ = PmReader::default().peek(&bytes);
    }
}
