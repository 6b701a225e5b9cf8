//! What people's marks make of a label.

use super::*;

#[test]
fn a_prediction_that_was_acted_upon_is_no_false_alarm() {
    // Predicted at 100, a visit at 104, no failure afterwards: nobody can know what it prevented.
    let mut world = World::new(vec![], vec![]);
    assert_eq!(world.label(&task(&[]), 100, FAR).values, [Some(0.0); 6]);
    world.marks = Marks::new([said(Mark::Done, 104)]);
    let label = world.label(&task(&[]), 100, FAR);
    assert_eq!((label.values, label.mask), (vec![None; 6], Some(MaskReason::Censored)));
    // A later visit leaves what was survived before it.
    world.marks = Marks::new([said(Mark::Done, 140)]);
    let (no, label) = (Some(0.0), world.label(&task(&[]), 100, FAR));
    assert_eq!(label.values, [no, None, None, None, None, None], "a day of reporting delay");
}

#[test]
fn what_was_done_about_another_task_censors_nothing() {
    let mut world = World::new(vec![], vec![]);
    for (named, counts) in [(Some("anomaly"), false), (Some("maintenance"), true), (None, true)] {
        world.marks = Marks::new([Marked {
            entity_id: "n/s1/c1".into(),
            task: named.map(str::to_owned),
            ..said(Mark::Done, 104)
        }]);
        let mask = |cutoff| world.label(&task(&[]), cutoff, FAR).mask;
        let expected = |reason| counts.then_some(reason);
        assert_eq!(mask(100), expected(MaskReason::Censored), "{named:?} on a cell of the site");
        assert_eq!(mask(105), expected(MaskReason::Acted), "{named:?} on a cell of the site");
    }
}

#[test]
fn what_was_missed_is_an_event_of_its_task() {
    let mut world = World::new(vec![], vec![]);
    let hit = |world: &World| world.label(&task(&[]), 100, FAR).values[0] == Some(1.0);
    let missed = |entity: &str, task: Option<&str>| Marked {
        entity_id: entity.into(),
        task: task.map(str::to_owned),
        ..said(Mark::Missed, 103)
    };
    for (entity, task, counts) in [
        ("n/s1", None, true),
        ("n/s1", Some("maintenance"), true),
        ("n/s1/c1", Some("maintenance"), true),
        ("n/s1", Some("anomaly"), false),
        // What a cell did says nothing about its site, unless somebody says so.
        ("n/s1/c1", None, false),
        ("n/s2", None, false),
    ] {
        world.marks = Marks::new([missed(entity, task)]);
        assert_eq!(hit(&world), counts, "{entity} {task:?}");
    }
    world.marks = Marks::new([missed("n/s1", None)]);
    let label = world.label(&task(&[]), 100, FAR);
    assert_eq!((label.value, label.known_at), (None, 104 * HOUR), "no cause, known when reported");
    assert_eq!(world.label(&task(&[]), 103, FAR).mask, None, "it masks nothing");
    assert_eq!(world.label(&task(&[]), 100, 103).values[0], None, "not known in its slice");
}

fn unlabelled() -> Task {
    task(&[
        ("head", r#"{ "kind": "anomaly" }"#),
        ("label", r#"{ "rule": "none" }"#),
        inputs(),
        ("masks", "{}"),
    ])
}

#[test]
fn marks_are_the_labels_of_a_task_that_has_none() {
    let on = |mark, at, person: &str| Marked {
        cutoff: Some(100 * HOUR),
        task: Some("maintenance".into()),
        person: Some(person.into()),
        ..said(mark, at)
    };
    let value = |marks: Vec<Marked>, until| {
        let mut world = World::new(vec![], vec![]);
        world.marks = Marks::new(marks);
        let label = world.label(&unlabelled(), 100, until);
        assert_eq!(label.mask, None);
        label.value.map(|value| (value, label.known_at / HOUR))
    };
    assert_eq!(value(vec![on(Mark::Confirmed, 105, "Kim")], FAR), Some((1.0, 106)));
    assert_eq!(value(vec![on(Mark::Wrong, 105, "Kim")], FAR), Some((0.0, 106)));
    let both = vec![on(Mark::Wrong, 105, "Kim"), on(Mark::Confirmed, 109, "Kim")];
    assert_eq!(value(both.clone(), FAR), Some((1.0, 110)), "of one person the newest counts");
    assert_eq!(value(both, 107), Some((0.0, 106)), "as it was known in its slice");
    let disputed = vec![on(Mark::Wrong, 105, "Kim"), on(Mark::Confirmed, 109, "Lee")];
    assert_eq!(value(disputed, FAR), None);
    assert_eq!(value(vec![on(Mark::Done, 105, "Kim")], FAR), None, "acted upon, not negative");
    let elsewhere = Marked { cutoff: Some(99 * HOUR), ..on(Mark::Wrong, 105, "Kim") };
    assert_eq!(value(vec![elsewhere], FAR), None);
    let other = Marked { task: Some("capacity".into()), ..on(Mark::Wrong, 105, "Kim") };
    assert_eq!(value(vec![other], FAR), None);
}

#[test]
fn of_an_incident_the_newest_mark_of_a_person_counts_across_hours() {
    let on = |mark, cutoff: i64, at, person: &str| Marked {
        cutoff: Some(cutoff * HOUR),
        task: Some("maintenance".into()),
        incident_id: Some("i1".into()),
        person: Some(person.into()),
        ..said(mark, at)
    };
    let value = |marks: Vec<Marked>, cutoff, until| {
        let mut world = World::new(vec![], vec![]);
        world.marks = Marks::new(marks);
        let label = world.label(&unlabelled(), cutoff, until);
        label.value.map(|value| (value, label.known_at / HOUR))
    };
    let wrong = on(Mark::Wrong, 100, 105, "Kim");
    let again = on(Mark::Confirmed, 104, 109, "Kim");
    let both = vec![wrong.clone(), again.clone()];
    assert_eq!(value(both.clone(), 100, FAR), Some((1.0, 110)), "Kim had another look");
    assert_eq!(value(both.clone(), 104, FAR), Some((1.0, 110)));
    assert_eq!(value(both.clone(), 102, FAR), None, "nobody marked this one");
    assert_eq!(value(both, 100, 107), Some((0.0, 106)), "as it was known in its slice");
    let lee = on(Mark::Confirmed, 104, 109, "Lee");
    assert_eq!(value(vec![wrong.clone(), lee], 100, FAR), None, "they disagree");
    let other = Marked { incident_id: Some("i2".into()), ..again.clone() };
    assert_eq!(value(vec![wrong.clone(), other], 100, FAR), Some((0.0, 106)));
    let cell = Marked { entity_id: "n/s1/c1".into(), ..again.clone() };
    assert_eq!(value(vec![wrong.clone(), cell], 100, FAR), Some((0.0, 106)), "of its own entity");
    let alone = |marked| Marked { incident_id: None, ..marked };
    assert_eq!(value(vec![alone(wrong), alone(again)], 100, FAR), Some((0.0, 106)));
}

#[test]
fn what_was_missed_after_the_data_ended_is_seen_by_the_next_look() {
    let mut task = unlabelled();
    task.cutoffs = serde_json::from_str(r#"{ "step": "1h", "offset": "15m" }"#).unwrap();
    let value = |minutes: i64| {
        let mut world = World::new(vec![], vec![]);
        let at = 100 * HOUR + minutes * HOUR / 60;
        world.marks = Marks::new([Marked { at, ..said(Mark::Missed, 100) }]);
        let truth = |hour: i64| {
            let asked = Asked { entity: "n/s1", cutoff: hour * HOUR + HOUR / 4, until: FAR * HOUR };
            world.labelled(&task, asked).value
        };
        [100, 101, 102].map(truth)
    };
    // The look at 100:15 describes the hour from 99:00 to 100:00.
    assert_eq!(value(-1), [Some(1.0), None, None]);
    assert_eq!(value(10), [None, Some(1.0), None]);
    assert_eq!(value(20), [None, Some(1.0), None]);
    assert_eq!(value(0), [None, Some(1.0), None], "an hour holds its first moment");
}

#[test]
fn what_was_missed_is_a_yes_at_the_first_look_after_it() {
    let mut world = World::new(vec![], vec![]);
    world.marks = Marks::new([Marked { at: 100 * HOUR - 1, ..said(Mark::Missed, 100) }]);
    let value = |cutoff| world.label(&unlabelled(), cutoff, FAR).value;
    assert_eq!([value(99), value(100), value(101)], [None, Some(1.0), None]);
}
