//! One fixture per form, each with the quirks that real files of it carry.

use foresite_pm::{Format, PmReader, RejectReason, class_of, flags};

use super::{micros, read, row};

#[test]
fn positional_32435() {
    let file = read(include_bytes!("../fixtures/ericsson_style.xml"));
    assert_eq!(
        (file.format, file.vendor.as_str(), file.sender.as_str()),
        (Format::MeasCollec, "Vendor E", "hill0042")
    );
    assert_eq!(file.begin, Some(micros("2024-02-29T22:45:00Z")));
    assert_eq!(file.end, Some(micros("2024-02-29T23:00:00Z")));
    assert_eq!(file.elements.len(), 1);
    assert_eq!(file.elements[0].ne_dn, "SubNetwork=Hills,ManagedElement=hill0042");
    assert_eq!(file.elements[0].sw_version.as_deref(), Some("R7 build 3"));

    let [cells, again, energy] = &file.blocks[..] else { panic!("three blocks") };
    assert_eq!(
        (cells.meas_info_id.as_deref(), cells.job_id.as_deref()),
        (Some("PM=1,PmGroup=NRCellDU"), Some("nrcell"))
    );
    assert_eq!((cells.period_start, cells.granularity_s), (micros("2024-02-29T22:45:00Z"), 900));
    assert_eq!((cells.offset_s, cells.flags), (Some(3600), 0));
    assert_eq!(cells.objects[0].ldn, "GNBDUFunction=1,NRCellDU=1");
    assert_eq!(row(cells, 0), [Some(17.0), None, Some(90_071_992_547_409_930.0)]);
    assert_eq!(row(cells, 1), [Some(0.0), None, Some(5.0)]);
    assert_eq!(
        cells.lists[0].bins.as_deref(),
        Some(&[Some(4.0), Some(0.0), Some(0.0), Some(11.0)][..])
    );
    assert_eq!(again.meas_info_id, cells.meas_info_id);
    assert_eq!(row(again, 0), [Some(-35.0)]);
    assert!(energy.objects[0].suspect);
    assert_eq!((row(energy, 0), energy.lists[0].bins.clone()), (vec![None, None], None));
    assert_eq!(
        (file.counts.read, file.counts.scalars, file.counts.lists, file.counts.nulls),
        (8, 5, 2, 1)
    );
    assert!(file.rejects.is_empty());
}

#[test]
fn list_form_with_wrapped_types_several_elements_and_faults() {
    let file = read(include_bytes!("../fixtures/list_form.xml"));
    assert_eq!(file.blocks.len(), 1);
    let block = &file.blocks[0];
    assert_eq!(block.counters, ["1526726659", "1526726660", "1526726661"]);
    assert_eq!(block.meas_info_id, None);
    assert_eq!(row(block, 0), [Some(1.0), None, Some(3.5)]);
    assert_eq!(block.objects.len(), 1);
    let element = &file.elements[block.element].ne_dn;
    assert_eq!(class_of(element, &block.objects[0].ldn), "Cell");

    let rejects: Vec<_> =
        file.rejects.iter().map(|reject| (reject.reason, reject.values)).collect();
    assert_eq!(rejects, [(RejectReason::WrongCount, 2), (RejectReason::NoPeriod, 1)]);
    assert_eq!(
        file.rejects[0].place,
        "block without measInfoId, NE-7/Cell:eNodeB Function Name=NE-7, Local Cell ID=2, Cell Name=B"
    );
}

#[test]
fn form_28532_with_an_instruction_before_the_declaration() {
    let file = read(include_bytes!("../fixtures/emulator_28532.xml"));
    assert_eq!(file.format, Format::MeasData);
    assert_eq!(file.elements[0].ne_dn, "DC=example.org,SubNetwork=Lab,ManagedElement=GNB-9");
    let [first, second] = &file.blocks[..] else { panic!("two periods") };
    assert_eq!(first.objects[0].ldn, "", "an empty name is the element itself");
    assert_eq!(class_of(&file.elements[0].ne_dn, &first.objects[0].ldn), "ManagedElement");
    assert_eq!(row(first, 0), [Some(3.0), None]);
    assert_eq!(first.period_start, micros("2024-12-11T09:33:23Z"));
    assert_eq!(second.period_end(), micros("2024-12-11T09:35:23Z"));
    assert_eq!(
        first.flags,
        flags::TIMES_DISAGREE,
        "the first period begins before the header's time"
    );
    assert_eq!(second.flags, 0);
}

#[test]
fn legacy_mdc_in_the_order_of_its_types() {
    let file = read(include_bytes!("../fixtures/legacy_mdc.xml"));
    assert_eq!((file.format, file.vendor.as_str()), (Format::Mdc, "Vendor E"));
    assert_eq!(file.elements[0].ne_dn, "SubNetwork=Old,MeContext=RNC12");
    let block = &file.blocks[0];
    assert_eq!((block.period_start, block.granularity_s), (micros("2021-03-01T14:15:00Z"), 900));
    assert_eq!(row(block, 0), [Some(41.0), None, None]);
    assert_eq!((block.objects[0].suspect, block.objects[1].suspect), (false, true));
    assert_eq!(block.lists.len(), 2);
    assert_eq!((file.rejects[0].reason, file.rejects[0].values), (RejectReason::WrongCount, 2));
}

#[test]
fn nokia_omes_gathers_objects_into_blocks() {
    let file = read(include_bytes!("../fixtures/nokia_omes.xml"));
    assert_eq!((file.format, file.vendor.as_str()), (Format::Omes, "Nokia"));
    let [cells, power] = &file.blocks[..] else { panic!("two measurement types") };
    assert_eq!(cells.period_start, micros("2023-05-01T08:00:00Z"));
    assert_eq!(file.elements[cells.element].ne_dn, "PLMN-PLMN/MRBTS-4711");
    assert_eq!(cells.objects[1].ldn, "NRBTS-4711/NRCELL-2");
    assert_eq!(class_of("PLMN-PLMN/MRBTS-4711", &cells.objects[1].ldn), "NRCELL");
    assert_eq!(
        (row(cells, 0), row(cells, 1)),
        (vec![Some(12.0), Some(0.5)], vec![Some(13.0), None])
    );
    assert_eq!(power.objects[0].ldn, "");
}

#[test]
fn a_file_without_measurements_is_valid() {
    let file = read(b"<measCollecFile><fileHeader vendorName=\"V\"/></measCollecFile>");
    assert_eq!((file.blocks.len(), file.counts.read), (0, 0));
}

#[test]
fn a_missing_element_falls_back_to_the_sender_and_then_to_a_reject() {
    let body = "<measData><measInfo><granPeriod duration=\"PT900S\" endTime=\"2022-04-18T19:15:00Z\"/>\
        <measType p=\"1\">a</measType><measValue measObjLdn=\"Cell=1\"><r p=\"1\">1</r></measValue></measInfo></measData>";
    let sent = format!(
        "<measCollecFile><fileHeader><fileSender localDn=\"N1\"/></fileHeader>{body}</measCollecFile>"
    );
    assert_eq!(read(sent.as_bytes()).elements[0].ne_dn, "ManagedElement=N1");
    let nobody = read(format!("<measCollecFile>{body}</measCollecFile>").as_bytes());
    assert_eq!((nobody.rejects[0].reason, nobody.counts.rejected), (RejectReason::NoElement, 1));
}

#[test]
fn one_bad_value_costs_one_value() {
    let text = "<measCollecFile><fileHeader><fileSender localDn=\"N1\"/></fileHeader><measData><measInfo measInfoId=\"i\">\
        <granPeriod duration=\"PT100S\" endTime=\"2022-04-18T19:15:00\"/><measType p=\"1\">a</measType><measType p=\"2\">b</measType>\
        <measValue measObjLdn=\"Cell=1\"><r p=\"1\">1e400</r><r p=\"2\">2</r><r p=\"3\">3</r><r p=\"x\">3</r></measValue>\
        </measInfo></measData></measCollecFile>";
    let file = read(text.as_bytes());
    assert_eq!(row(&file.blocks[0], 0), [None, Some(2.0)]);
    assert_eq!(file.blocks[0].flags, flags::TRUNCATED | flags::NO_OFFSET);
    let places: Vec<_> =
        file.rejects.iter().map(|reject| (reject.reason, reject.place.as_str())).collect();
    assert_eq!(
        places,
        [
            (RejectReason::NotANumber, "block i, Cell=1, a"),
            (RejectReason::UnknownPosition, "block i, Cell=1, position 3"),
            (RejectReason::UnknownPosition, "block i, Cell=1, position 4294967295"),
        ]
    );
}

#[test]
fn a_position_given_twice_keeps_the_first_number() {
    let text = "<measCollecFile><fileHeader><fileSender localDn=\"N1\"/></fileHeader><measData><measInfo>\
        <granPeriod duration=\"PT900S\" endTime=\"2022-04-18T19:15:00Z\"/><measType p=\"1\">a</measType><measType p=\"2\">b</measType>\
        <measValue measObjLdn=\"Cell=1\"><r p=\"1\"> </r><r p=\"1\">5</r><r p=\"1\">5</r><r p=\"1\">6</r><r p=\"2\">x</r><r p=\"2\">7</r>\
        </measValue></measInfo></measData></measCollecFile>";
    let file = read(text.as_bytes());
    assert_eq!(row(&file.blocks[0], 0), [Some(5.0), Some(7.0)]);
    let reasons: Vec<_> = file.rejects.iter().map(|reject| reject.reason).collect();
    assert_eq!(reasons, [RejectReason::Disagrees, RejectReason::NotANumber]);
    assert_eq!((file.counts.nulls, file.counts.scalars, file.counts.repeated), (1, 2, 1));
}

#[test]
fn peeking_reads_who_and_when() {
    let mut reader = PmReader::default();
    let peek = |reader: &mut PmReader, bytes: &[u8]| {
        let peek = reader.peek(bytes).unwrap();
        (peek.vendor, peek.ne_dn, peek.begin, peek.end)
    };
    let (vendor, ne_dn, begin, end) =
        peek(&mut reader, include_bytes!("../fixtures/ericsson_style.xml"));
    assert_eq!(
        (vendor.as_str(), ne_dn.as_str()),
        ("Vendor E", "SubNetwork=Hills,ManagedElement=hill0042")
    );
    assert_eq!(
        (begin, end),
        (Some(micros("2024-02-29T22:45:00Z")), Some(micros("2024-02-29T23:00:00Z")))
    );
    let (_, ne_dn, begin, end) = peek(&mut reader, include_bytes!("../fixtures/nokia_omes.xml"));
    assert_eq!(ne_dn, "PLMN-PLMN/MRBTS-4711");
    assert_eq!(
        (begin, end),
        (Some(micros("2023-05-01T08:00:00Z")), Some(micros("2023-05-01T08:15:00Z")))
    );
    let (_, ne_dn, _, end) = peek(&mut reader, include_bytes!("../fixtures/legacy_mdc.xml"));
    assert_eq!(
        (ne_dn.as_str(), end),
        ("SubNetwork=Old,MeContext=RNC12", Some(micros("2021-03-01T14:30:00Z")))
    );
    let footless = String::from_utf8_lossy(include_bytes!("../fixtures/emulator_28532.xml"))
        .replace("endTime=\"2024-12-11T09:36:00+00:00\"", "");
    let (_, _, _, end) = peek(&mut reader, footless.as_bytes());
    assert_eq!(
        end,
        Some(micros("2024-12-11T09:34:23Z")),
        "the first period stands in for a footer"
    );
}
