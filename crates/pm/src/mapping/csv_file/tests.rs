//! CSV files of every kind of untidiness.

use proptest::prelude::*;

use super::*;

fn asked<'a>(required: &'a [&'a str]) -> Asked<'a> {
    Asked { required, wanted: None }
}

fn file(text: &str) -> CsvFile {
    read(text.as_bytes(), &Csv::default(), asked(&["id", "value"])).unwrap()
}

fn reasons(file: &CsvFile) -> Vec<String> {
    file.rejected.iter().map(|row| format!("{}: {}", row.place, row.reason)).collect()
}

#[test]
fn junk_before_the_header_and_its_delimiter_are_found() {
    let file = file("Export of 3 May\n\nid;value;note\na;1;x\nb;2;y\n");
    assert_eq!(file.frame.names(), ["id", "value", "note"]);
    assert_eq!(file.frame.rows(), 2);
    assert_eq!(file.frame.place(1), "line 5");
    assert_eq!(file.frame.sample(0), "a,1,x");
}

#[test]
fn ragged_rows_are_rejected_and_empty_surplus_is_not() {
    let file = file("id,value\na,1,,\nb\nc,3,4\nid,value\nd,4\n");
    assert_eq!(file.frame.rows(), 2);
    assert_eq!(
        reasons(&file),
        [
            "line 3: expected 2 fields, got 1",
            "line 4: expected 2 fields, got 3",
            "line 5: the header stands here again",
        ]
    );
}

#[test]
fn a_quote_left_open_costs_one_line() {
    let file = file("id,value\na,1\nb,\"2\nc,3\nd,4\n");
    assert_eq!(file.frame.rows(), 3, "{:?}", reasons(&file));
    assert_eq!(reasons(&file), ["line 3: a quote is left open, or a field is too long"]);
    assert_eq!(file.frame.place(2), "line 5");
}

#[test]
fn line_ends_and_blank_lines_do_not_shift_what_a_quote_costs() {
    let text = "id,value\na,1\n\nb,\"2\nc,3\nd,\"4\ne,5\n";
    let expected = [
        "line 4: a quote is left open, or a field is too long",
        "line 6: a quote is left open, or a field is too long",
    ];
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let file = file(&text);
        assert_eq!(reasons(&file), expected);
        assert_eq!((file.frame.rows(), file.frame.place(2)), (3, "line 7".into()));
    }
}

#[test]
fn encodings() {
    for bytes in [&b"id,value\nM\xfcnchen,1\n"[..], "id,value\nMünchen,1\n".as_bytes()] {
        let file = read(bytes, &Csv::default(), asked(&["id"])).unwrap();
        assert_eq!(file.frame.sample(0), "München,1");
    }
    let wide: Vec<u8> =
        "\u{feff}id\tvalue\nü\t1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&wide, &Csv::default(), asked(&["id"])).unwrap().frame.sample(0), "ü,1");
    let strict = Csv { encoding: Encoding::Utf8, ..Csv::default() };
    assert!(read(b"id\n\xff", &strict, asked(&["id"])).is_err());
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let fault = read(b"id,val\na,1\n", &Csv::default(), asked(&["id", "value"])).err().unwrap();
    assert_eq!(fault.to_string(), "column `value`: not in the file, which has id, val");
}

#[test]
fn units_and_positions() {
    let csv = Csv { unit_row: true, ..Csv::default() };
    let file = read(b"id,value\n(None),(%)\na,1\n", &csv, asked(&["id"])).unwrap();
    assert_eq!((file.frame.rows(), file.frame.place(0)), (1, "line 3".into()));
    let csv = Csv { header: false, ..Csv::default() };
    let file = read(b"a;1\nb;2\n", &csv, asked(&[])).unwrap();
    assert_eq!(file.frame.names(), ["0", "1"]);
    assert_eq!(file.frame.rows(), 2);
}

proptest! {
    #[test]
    fn any_bytes_are_safe(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes, &Csv::default(), asked(&[]));
        let _ = read(&[b"id,value\n".as_slice(), &bytes].concat(), &Csv::default(), asked(&["id"]));
    }
}
