//! What the book counts, tells apart and forgets, with a clock of the test's own.

use super::*;

/// 2026-03-09T14:00:00Z.
const START: i64 = 1_773_064_800;

fn who(caller: &str) -> Who {
    Who { caller: Some(caller.to_owned()), refused: None }
}

fn refused(reason: &str) -> Who {
    Who { caller: None, refused: Some(reason.to_owned()) }
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// As the recorder, with a storage that takes everything; hours and requests of what was written.
fn recorded(logins: &Logins, now: i64, all: bool) -> Vec<(i64, u64)> {
    let pages = logins.due(now, all);
    pages.iter().for_each(|page| logins.written(page.hour, page.size));
    pages.iter().map(|page| (page.hour.start, page.size.requests)).collect()
}

#[test]
fn a_file_has_a_line_for_each_caller_and_outcome() {
    let logins = Logins::new(true);
    logins.count_at(who("Kim"), address(1), START + 60);
    logins.count_at(who("Kim"), address(2), START + 120);
    logins.count_at(who("Kim"), address(1), START + 90);
    logins.count_at(refused("the token is not known"), address(9), START + 300);
    let text = logins.due(START + 301, false)[0].text();
    let expected = [
        r#"{"hour":"2026-03-09T14:00:00Z","caller":null,"refused":"the token is not known","count":1,"first":"2026-03-09T14:05:00Z","last":"2026-03-09T14:05:00Z","addresses":["10.0.0.9"]}"#,
        r#"{"hour":"2026-03-09T14:00:00Z","caller":"Kim","refused":null,"count":3,"first":"2026-03-09T14:01:00Z","last":"2026-03-09T14:02:00Z","addresses":["10.0.0.1","10.0.0.2"]}"#,
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_first_of_an_hour_is_told_apart() {
    let mut hour = Hour::default();
    let seen = [who("Kim"), who("Lee"), who("Kim"), refused("no")]
        .map(|who| hour.count(who, address(1), START));
    assert_eq!(seen, [true, true, false, true]);
}

#[test]
fn the_example_is_what_is_written() {
    let example = include_str!("../../../../docs/console/logins.jsonl");
    let logins = Logins::new(true);
    logins.count_at(who("Kim"), address(1), START);
    let names = |line: &str| -> Vec<String> {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object().unwrap().keys().cloned().collect()
    };
    let ours = names(&logins.due(START, false)[0].text());
    assert!(example.lines().count() > 1);
    for line in example.lines() {
        assert_eq!(ours, names(line), "{line}");
    }
}

#[test]
fn an_hour_is_written_for_somebody_new_and_once_it_is_over() {
    let logins = Logins::new(true);
    logins.count_at(who("Kim"), address(1), START);
    assert_eq!(recorded(&logins, START + 1, false), [(START, 1)]);
    logins.count_at(who("Kim"), address(1), START + 2);
    assert!(recorded(&logins, START + 3, false).is_empty(), "nobody new");
    logins.count_at(who("Lee"), address(1), START + 4);
    assert_eq!(recorded(&logins, START + 5, false), [(START, 3)]);
    logins.count_at(who("Lee"), address(1), START + 6);
    assert_eq!(recorded(&logins, START + HOUR, false), [(START, 4)], "it is over");
    assert!(recorded(&logins, START + HOUR, false).is_empty());
    assert!(logins.held().hours.is_empty(), "what is written is not kept");
}

#[test]
fn the_end_of_a_process_leaves_nothing_out() {
    let logins = Logins::new(true);
    logins.count_at(who("Kim"), address(1), START);
    recorded(&logins, START, false);
    logins.count_at(who("Kim"), address(1), START + 1);
    assert_eq!(recorded(&logins, START + 2, true), [(START, 2)]);
    assert!(recorded(&logins, START + 3, true).is_empty());
}

#[test]
fn a_clock_that_is_set_back_changes_no_file_that_is_whole() {
    let logins = Logins::new(true);
    logins.count_at(who("Kim"), address(1), START);
    assert_eq!(recorded(&logins, START + HOUR, false), [(START, 1)]);
    logins.count_at(who("Kim"), address(1), START + 1);
    assert_eq!(recorded(&logins, START + 2, false), [(START + HOUR, 1)]);
}

#[test]
fn a_clock_that_was_far_ahead_is_believed_again_once_it_is_set_right() {
    let logins = Logins::new(true);
    let ahead = START + 1_000 * HOUR;
    for now in [START, ahead, START + 60, START + HOUR] {
        logins.count_at(who("Kim"), address(1), now);
    }
    let pages = logins.due(START + HOUR, false);
    let hours: Vec<_> = pages.iter().map(|page| (page.hour.round, page.hour.start)).collect();
    let expected = [(0, START), (0, ahead), (1, START), (1, START + HOUR)];
    assert_eq!(hours, expected, "no file is overwritten");
    assert!(pages[2].text().contains(r#""count":1,"first":"2026-03-09T14:01:00Z""#));
    pages.iter().for_each(|page| logins.written(page.hour, page.size));
    logins.count_at(who("Lee"), address(1), START + HOUR + 1);
    assert_eq!(recorded(&logins, START + HOUR + 2, false), [(START + HOUR, 2)], "as ever");
}

#[test]
fn requests_are_counted_while_a_page_is_on_its_way() {
    let logins = Logins::new(true);
    logins.count_at(who("Kim"), address(1), START);
    let pages = logins.due(START, false);
    logins.count_at(who("Kim"), address(1), START + 1);
    assert!(pages[0].text().contains(r#""count":1,"#), "a page is of the moment it was taken at");
    logins.written(pages[0].hour, pages[0].size);
    assert_eq!(recorded(&logins, START + 2, true), [(START, 2)], "and the rest is due again");
}

#[test]
fn no_line_is_of_a_time_before_the_hour_of_its_file() {
    let logins = Logins::new(true);
    logins.count_at(who("Kim"), address(1), START + HOUR);
    logins.count_at(who("Kim"), address(1), START + HOUR - 1);
    let text = logins.due(START + HOUR, false)[0].text();
    assert!(text.contains(r#""count":2,"first":"2026-03-09T15:00:00Z""#), "{text}");
}

#[test]
fn a_flood_is_a_number() {
    let logins = Logins::new(true);
    for number in 0..10_000 {
        let address = IpAddr::from([10, 0, 0, (number % 256) as u8]);
        logins.count_at(refused("the token is not known"), address, START);
        logins.count_at(who(&format!("certificate CN={number}")), address, START);
    }
    let page = &logins.due(START, false)[0];
    assert_eq!((page.size.callers, page.size.requests), (MOST_CALLERS + 1, 20_000));
    let text = page.text();
    assert!(text.contains(OTHERS) && text.len() < 256 << 10);
    let flood = text.lines().next().unwrap();
    let counted = r#""refused":"the token is not known","count":10000,"#;
    let kept = flood.matches("10.0.0.").count();
    assert!(flood.contains(counted) && kept == MOST_ADDRESSES, "{flood}");
}

#[test]
fn a_storage_that_takes_nothing_costs_old_hours_only() {
    let logins = Logins::new(true);
    for hour in 0..60 {
        logins.count_at(who("Kim"), address(1), START + hour * HOUR);
    }
    let pages = logins.due(START + 59 * HOUR, false);
    assert_eq!((pages.len(), pages[0].hour.start), (MOST_HOURS, START + 12 * HOUR));
}

#[test]
fn what_nobody_records_is_forgotten_with_its_hour() {
    let logins = Logins::new(false);
    for hour in 0..3 {
        logins.count_at(who("Kim"), address(1), START + hour * HOUR);
    }
    let held: Vec<i64> = logins.held().hours.keys().map(|hour| hour.start).collect();
    assert_eq!(held, [START + 2 * HOUR]);
}
