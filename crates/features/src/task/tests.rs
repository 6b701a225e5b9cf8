//! Task files that fit and that contradict themselves.

use super::*;

fn sample(name: &str) -> &'static str {
    built_in(name).unwrap()
}

fn parse(text: &str) -> Result<Task, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn built_in_tasks_parse_and_survive_a_round_trip() {
    for (name, text) in BUILT_IN {
        let task = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(task.task, name);
        assert_eq!(parse(&serde_json::to_string(&task).unwrap()).unwrap(), task);
    }
}

#[test]
fn every_task_file_is_named_after_its_task() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/samples/tasks");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let task = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(path.file_stem().unwrap(), task.task.as_str());
        count += 1;
    }
    assert!(count > BUILT_IN.len(), "found {count}");
}

#[test]
fn spans_of_the_maintenance_task_follow_from_its_head() {
    let task = parse(sample("maintenance")).unwrap();
    assert_eq!(task.horizon(), Span::days(30));
    assert_eq!(task.purge(), Span::days(37));
    assert_eq!(task.outputs(), 6);
    assert!(task.stores_features());
}

#[test]
fn contradictions_name_their_field() {
    let text = sample("maintenance");
    for (from, to, expected) in [
        ("\"1d\", \"3d\"", "\"3d\", \"1d\"", "`head.bins`"),
        ("\"look_back\": \"7d\"", "\"look_back\": \"3d\"", "`inputs.rolling[0]`"),
        ("\"rule\": \"event_within\"", "\"rule\": \"value_at\"", "unknown field `events`"),
        ("0.5, 0.1, 0.15", "0.6, 0.1, 0.15", "`slices.rule.fractions`"),
        ("\"age\": true", "\"agee\": true", "unknown field `agee`"),
        ("\"step\": \"6h\"", "\"step\": \"6\"", "`6` is no span"),
    ] {
        let error = parse(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_label_column_may_not_be_an_input() {
    let text = sample("anomaly")
        .replace("{ \"rule\": \"none\" }", "{ \"rule\": \"point\", \"channel\": \"users_mean\" }");
    assert!(parse(&text).unwrap_err().contains("may not be an input"));
}

#[test]
fn cutoffs_follow_the_end_of_their_period() {
    let cutoffs = Cutoffs { step: Span::hours(1), offset: Span::parse("30m").unwrap() };
    let of_an_hour: Vec<_> = cutoffs.of_interval(10 * HOUR, 11 * HOUR).collect();
    assert_eq!(of_an_hour, [11 * HOUR + 30 * MINUTE]);
    assert_eq!(cutoffs.period_end(of_an_hour[0]), 11 * HOUR);
    assert_eq!(cutoffs.at_or_before(12 * HOUR), 11 * HOUR + 30 * MINUTE);
    assert_eq!(cutoffs.of_interval(0, DAY).count(), 24);
}
