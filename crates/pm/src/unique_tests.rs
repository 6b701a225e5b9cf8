//! Which counters of an object are told apart.

use crate::{MeasFile, PmReader};

fn block(counters: &[&str], objects: &[(&str, &[&str])]) -> String {
    let types: String = counters
        .iter()
        .enumerate()
        .map(|(n, name)| format!("<measType p=\"{n}\">{name}</measType>"))
        .collect();
    let values = objects.iter().map(|(ldn, values)| {
        let values: String = values
            .iter()
            .enumerate()
            .map(|(n, value)| format!("<r p=\"{n}\">{value}</r>"))
            .collect();
        format!("<measValue measObjLdn=\"{ldn}\">{values}</measValue>")
    });
    let values: String = values.collect();
    format!(
        "<measInfo><granPeriod duration=\"PT900S\" endTime=\"2022-04-18T19:15:00Z\"/>{types}{values}</measInfo>"
    )
}

fn file(blocks: &[String]) -> MeasFile {
    let text = format!(
        "<measCollecFile><fileHeader><fileSender localDn=\"N1\"/></fileHeader><measData>{}</measData></measCollecFile>",
        blocks.concat()
    );
    let file = PmReader::default().read(text.as_bytes()).unwrap();
    assert!(file.counts.is_conserved(), "{:?}", file.counts);
    file
}

#[test]
fn an_equal_repeat_is_dropped_with_its_row() {
    let one = block(&["a", "b"], &[("Cell=1", &["1", "2,3"])]);
    let file = file(&[one.clone(), one]);
    assert_eq!(file.blocks.len(), 1);
    assert_eq!(
        (file.counts.read, file.counts.scalars, file.counts.lists, file.counts.repeated),
        (4, 1, 1, 2)
    );
    assert!(file.rejects.is_empty());
}

#[test]
fn a_different_value_is_set_aside_and_the_first_stays() {
    let first = block(&["a", "b"], &[("Cell=1", &["1", "5"]), ("Cell=2", &["1", "1"])]);
    let second = block(&["c", "a"], &[("Cell=1", &["7", "2"]), ("Cell=3", &["7", "9"])]);
    let file = file(&[first, second]);
    assert_eq!(file.counts.rejected, 1);
    assert_eq!(
        file.rejects[0].reason.words(),
        "disagrees with an earlier value of the same counter"
    );
    assert_eq!(file.rejects[0].sample, "2");
    assert_eq!(file.blocks[0].row(0), [1.0, 5.0]);
    assert_eq!(file.blocks[1].row(0)[0], 7.0);
    assert!(file.blocks[1].row(0)[1].is_nan());
    assert_eq!(file.blocks[1].row(1), [7.0, 9.0]);
}

#[test]
fn a_value_fills_the_blank_of_an_earlier_block() {
    let first = block(&["a", "b"], &[("Cell=1", &[" ", "5"])]);
    let second = block(&["a"], &[("Cell=1", &["4"])]);
    let file = file(&[first, second]);
    assert_eq!(file.blocks.len(), 1);
    assert_eq!(file.blocks[0].row(0), [4.0, 5.0]);
    assert_eq!((file.counts.nulls, file.counts.scalars, file.counts.rejected), (1, 2, 0));
}

#[test]
fn a_list_fills_the_blank_of_an_earlier_block() {
    let first = block(&["a", "b"], &[("Cell=1", &[" ", "5"])]);
    let second = block(&["b", "a"], &[("Cell=1", &["5", "1,2"])]);
    let file = file(&[first, second]);
    assert_eq!(file.blocks.len(), 1);
    assert_eq!((file.blocks[0].lists[0].object, file.blocks[0].lists[0].counter), (0, 0));
    assert_eq!((file.counts.lists, file.counts.repeated, file.counts.rejected), (1, 1, 0));
}

#[test]
fn a_suspect_value_stays_where_it_is_marked() {
    let first = block(&["a", "b"], &[("Cell=1", &[" ", "5"])]);
    let second = block(&["a"], &[("Cell=1", &["4"])])
        .replace("</measValue>", "<suspect>true</suspect></measValue>");
    let file = file(&[first, second]);
    assert!(file.blocks[0].row(0)[0].is_nan());
    assert_eq!(file.blocks[1].row(0), [4.0]);
    assert!(file.blocks[1].objects[0].suspect && !file.blocks[0].objects[0].suspect);
}

#[test]
fn an_object_may_stand_twice_in_one_block() {
    let twice = block(&["a"], &[("Cell=1", &["4"]), ("Cell=1", &["4"]), ("Cell=1", &["5"])]);
    let file = file(&[twice]);
    assert_eq!(file.blocks[0].objects.len(), 1);
    assert_eq!((file.counts.repeated, file.counts.rejected), (1, 1));
}

#[test]
fn many_repeats_stay_linear() {
    let blocks: Vec<_> = (0..3000)
        .map(|n| block(&["a"], &[("Cell=1", &[if n == 0 { "1" } else { "2" }])]))
        .collect();
    let file = file(&blocks);
    assert_eq!((file.blocks.len(), file.counts.rejected), (1, 2999));
}
