//! The fast and the general way of reading values give equal files, whatever stands in them.

use foresite_pm::{Limits, MeasFile, PmReader, ReadError, ValuePath};
use proptest::prelude::*;

fn by(path: ValuePath, text: &str) -> Result<MeasFile, ReadError> {
    PmReader::new(Limits::default(), path).read(text.as_bytes())
}

/// Equality that treats NaN, which stands for missing, as equal to itself.
fn assert_equal(text: &str) {
    let (fast, general) = (by(ValuePath::Fast, text), by(ValuePath::General, text));
    match (&fast, &general) {
        (Ok(fast), Ok(general)) => {
            assert_eq!(format!("{fast:?}"), format!("{general:?}"), "{text}");
        }
        (Err(_), Err(_)) => {}
        _ => panic!("one way fails: {fast:?} against {general:?} on {text}"),
    }
}

/// One `r` or something that may stand between them, in plain and in odd spelling.
fn piece() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        4 => "[0-9]{1,18}",
        3 => "-?[0-9]{0,9}\\.[0-9]{0,18}",
        1 => "[0-9 ,.]{0,12}",
        1 => Just(" ".to_owned()),
        1 => Just("NIL".to_owned()),
        1 => Just("1e400".to_owned()),
        1 => "[ -%'-;=?-~é]{0,9}",
        1 => Just("&#49;2".to_owned()),
        1 => Just("<![CDATA[7]]>".to_owned()),
        1 => Just("<!-- c -->8".to_owned()),
        1 => Just("&unknown;".to_owned()),
    ];
    let position = prop_oneof![6 => "[1-9]", 1 => "[0-9]{1,9}", 1 => "[ 0-9x]{0,3}"];
    (position, value, 0..12_u8).prop_map(|(position, value, shape)| match shape {
        0 => format!("<r p='{position}'>{value}</r>"),
        1 => format!("<r  p = \"{position}\" >{value}</r >"),
        2 => format!("<x:r p=\"{position}\">{value}</x:r>"),
        3 => format!("<suspect>true</suspect><r p=\"{position}\">{value}</r>"),
        4 => format!("<r p=\"{position}\"/><!-- {value} -->"),
        5 => format!("<r>{value}</r>"),
        6 => format!("\r\n\t<r p=\"{position}\">\n{value}\n</r>text"),
        _ => format!("\n<r p=\"{position}\">{value}</r>"),
    })
}

fn object() -> impl Strategy<Value = String> {
    (proptest::collection::vec(piece(), 0..12), 1..4_u8, any::<bool>()).prop_map(
        |(pieces, cell, empty)| {
            let pieces = pieces.concat();
            if empty && pieces.len() % 5 == 0 {
                // Values beside an empty object belong to no object.
                format!("<measValue measObjLdn=\"Cell={cell}\"/>{pieces}")
            } else {
                format!("<measValue measObjLdn=\"Cell={cell}\">{pieces}</measValue>")
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]
    #[test]
    fn both_ways_agree(objects in proptest::collection::vec(object(), 1..5), cut in 0..4000_usize) {
        let types: String = (1..7).map(|p| format!("<measType p=\"{p}\">c{p}</measType>")).collect();
        let text = format!(
            "<measCollecFile><fileHeader><fileSender localDn=\"N1\"/></fileHeader><measData><measInfo>\
             <granPeriod duration=\"PT900S\" endTime=\"2022-04-18T19:15:00Z\"/>{types}{}</measInfo></measData></measCollecFile>",
            objects.concat()
        );
        assert_equal(&text);
        let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        assert_equal(&text[..cut]);
    }
}
