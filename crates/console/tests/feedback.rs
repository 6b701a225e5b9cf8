//! Marks that are sent to the console: what is taken becomes one file, what cannot be true is refused
//! in one line, and nothing is written then.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "fixture/send.rs"]
mod send;
#[path = "fixture/site.rs"]
mod site;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use foresite_console::{Caller, Options, router};
use foresite_schema::catalog::outcome;
use foresite_testkit::Rows;
use jiff::Timestamp;
use send::send;
use serde_json::{Value, json};
use site::{HOUR, PATH, post, refused, site, some};

#[test]
fn a_mark_is_a_file_that_lands_once() {
    let site = site();
    let mark = site.mark("done", "K. Brandt, \"north\"");
    let (status, first) = post(&site.console(), &mark);
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    assert_eq!(first["feedback_ids"].as_array().unwrap().len(), 1);
    assert_eq!(post(&site.console(), &mark).1, first);
    let example: Value =
        serde_json::from_str(include_str!("../../../docs/console/feedback.json")).unwrap();
    let names = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&first), names(&example));
    assert_eq!(site.files(), [first["file"].as_str().unwrap()]);
    let text = site.root.read(first["file"].as_str().unwrap()).unwrap();
    let expected = format!(
        "feedback_id,fact,at,entity_type,entity_id,prediction_id,task,person,text,incident_id\n\
         {},done,{},cell,r/A/1,a-near,anomaly,\"K. Brandt, \"\"north\"\"\",,\n",
        first["feedback_ids"][0].as_str().unwrap(),
        site.at(30)
    );
    assert_eq!(String::from_utf8(text.to_vec()).unwrap(), expected);
}

#[test]
fn an_incident_is_one_mark_for_each_of_its_entities() {
    let site = site();
    let (status, taken) = post(&site.console(), &site.mark_of_incident("inc-1", 30));
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    let text = site.root.read(taken["file"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("r/A/1,a-near,anomaly,Kim,street festival,inc-1\n"), "{text}");
    assert!(text.contains("r/A/2,b-near,anomaly,Kim,street festival,inc-1\n"), "{text}");
    assert_eq!((taken["feedback_ids"].as_array().unwrap().len(), text.lines().count()), (2, 3));
}

#[test]
fn a_mark_of_an_earlier_hour_is_about_what_the_incident_was_then() {
    let site = site();
    let (status, taken) = post(&site.console(), &site.mark_of_incident("inc-1", -30));
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    let text = site.root.read(taken["file"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("r/A/1,c-near,anomaly,Kim,street festival"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_mark_on_an_incident_reaches_as_far_back_as_one_on_its_predictions() {
    // Carried on without members since: what belonged to it was not scored any more.
    let carried = |task: &str| {
        let site = site();
        let then = site.cutoff - 60 * 24 * HOUR;
        Rows::new(1)
            .text("prediction_id", some(["old"]))
            .text("entity_type", some(["sector"]))
            .text("entity_id", some(["r/A/S1"]))
            .times("cutoff", [Some(then)].into_iter())
            .write_from(&site.root, outcome::predictions(task), then, "old");
        Rows::new(2)
            .text("incident_id", some(["inc-old"; 2]))
            .text("task", some([task; 2]))
            .times("cutoff", [then, site.cutoff].map(Some).into_iter())
            .times("first_seen_at", [Some(then); 2].into_iter())
            .texts("members", [vec!["old".to_owned()], Vec::new()].into_iter())
            .write_from(&site.root, outcome::incidents(), site.cutoff, "old");
        site
    };
    let site = carried("capacity");
    let (status, taken) = post(&site.console(), &site.mark_of_incident("inc-old", -30));
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    let text = site.root.read(taken["file"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("r/A/S1,old,capacity,Kim,street festival,inc-old\n"), "{text}");
    let site = carried("anomaly");
    let late = site.mark_of_incident("inc-old", -30);
    let late = refused(&site, &late, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(late, format!("mark 1: incident `inc-old` is on no list before {}", site.at(-30)));
}

#[test]
fn a_mark_from_before_its_incident_says_since_when_it_is_there() {
    let site = site();
    let gone = site.mark_of_incident("inc-2", -30);
    let gone = refused(&site, &gone, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(gone, format!("mark 1: incident `inc-2` is on no list before {}", site.at(-30)));
    let line =
        refused(&site, &site.mark_of_incident("inc-1", -90), StatusCode::UNPROCESSABLE_ENTITY);
    let (at, since) = (site.at(-90), site.at(-60));
    assert_eq!(line, format!("mark 1: incident `inc-1` was not there at {at}, only since {since}"));
}

#[test]
fn marks_from_before_a_prediction_are_not_read_for_it() {
    let site = site();
    site.marked("confirmed", "Lee", -60 * 24 * 30);
    let files = site.root.list("tables/feedback").unwrap();
    let data = files.iter().filter(|file| file.path.ends_with(".parquet"));
    let removed = data.map(|file| std::fs::remove_file(site.folder.path().join(&file.path)));
    assert!(removed.map(Result::unwrap).count() > 0);
    let (status, answer) = post(&site.console(), &site.mark("wrong", "Kim"));
    assert_eq!((status, &answer["notes"]), (StatusCode::ACCEPTED, &json!([])), "{answer}");
}

#[test]
fn a_missed_event_needs_a_place_that_is_known() {
    let site = site();
    let missed = |kind: &str, id: &str, task: &str| {
        json!({"mark": "missed", "entity_type": kind, "entity_id": id, "at": site.at(-600),
               "person": "Kim", "task": task})
    };
    let nowhere = refused(&site, &missed("cell", "r/Z", ""), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(nowhere, "mark 1: the inventory holds no cell `r/Z`");
    let other = missed("cell", "r/A/1", "weather");
    let other = refused(&site, &other, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other, "mark 1: no task `weather` is known to this data root");
    assert_eq!(post(&site.console(), &missed("cell", "r/A/1", "")).0, StatusCode::ACCEPTED);
}

#[test]
fn what_cannot_be_true_is_refused_and_nothing_of_its_body_is_taken() {
    let site = site();
    let with = |name: &str, value: &str| {
        let mut mark = site.mark("wrong", "Kim");
        mark[name] = json!(value);
        json!([site.mark("done", "Kim"), mark])
    };
    let far = Timestamp::now().checked_add(jiff::SignedDuration::from_mins(10)).unwrap();
    let incident = json!([site.mark("done", "Kim"),
        {"mark": "done", "incident_id": "inc-9", "cutoff": site.at(0), "at": site.at(5),
         "person": "Kim"}]);
    let cases = [
        (with("prediction_id", "elsewhere"), "not known to this data root"),
        (with("at", &site.at(-1)), "before the cutoff"),
        (with("at", &far.to_string()), "lies in the future"),
        (with("mark", "maybe"), "expected confirmed, wrong, done or missed"),
        (incident, "incident `inc-9` is not on the list"),
    ];
    for (body, expected) in cases {
        let line = refused(&site, &body, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(line.starts_with("mark 2: ") && line.contains(expected), "{line}");
    }
}

#[test]
fn both_at_once_is_a_conflict() {
    let site = site();
    let both = json!([site.mark("wrong", "Kim"), site.mark("confirmed", "Kim")]);
    let line = refused(&site, &both, StatusCode::CONFLICT);
    assert!(line.contains("`a-near` is confirmed and wrong at once"), "{line}");
}

#[test]
fn what_others_said_before_is_told() {
    let of = |person: &str, minutes: i64| {
        let site = site();
        site.marked("confirmed", person, minutes);
        let (status, answer) = post(&site.console(), &site.mark("wrong", "Kim"));
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["notes"][0].as_str().unwrap().to_owned()
    };
    assert!(of("Lee", 10).ends_with("people disagree, so it counts for neither"));
    assert!(of("Kim", 10).ends_with("the newer mark counts, both are kept"));
    assert!(of("Kim", 50).ends_with("that one is newer and counts, both are kept"));
}

#[test]
fn a_flood_is_told_when_to_come_again() {
    let site = site();
    let console = site.console();
    let many: Vec<Value> = (0..200)
        .map(|n| {
            let mut mark = site.mark("done", "Kim");
            mark["at"] = json!(site.at(n % 60));
            mark
        })
        .collect();
    assert_eq!(post(&console, &json!(many)).0, StatusCode::ACCEPTED);
    let (status, answer) = post(&console, &json!(many));
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer["error"].as_str().unwrap().contains("too many marks"), "{answer}");
}

#[test]
fn what_is_not_asked_for_is_not_open() {
    let site = site();
    let closed = router(site.root.clone(), Options::default());
    let (status, answer) = post(&closed, &site.mark("done", "Kim"));
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(answer["error"].as_str().unwrap().contains("--accept-feedback"), "{answer}");
    let plain = Request::post(PATH).header("content-type", "text/plain");
    let plain = plain.body(Body::from(site.mark("done", "Kim").to_string())).unwrap();
    assert_eq!(send(site.console(), plain).0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let page = Request::post(PATH).header("content-type", "application/json");
    let page = page.header("origin", "http://localhost:8080");
    let page = page.body(Body::from(site.mark("done", "Kim").to_string())).unwrap();
    assert_eq!(send(site.console(), page).0, StatusCode::FORBIDDEN);
    let large = json!({"text": "x".repeat(300 << 10)});
    assert_eq!(post(&site.console(), &large).0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(site.files(), Vec::<String>::new());
}

#[test]
fn a_token_speaks_for_its_person_only() {
    let site = site();
    let ask = |person: &str| {
        let mut request = Request::post(PATH)
            .header("content-type", "application/json")
            .body(Body::from(site.mark("done", person).to_string()))
            .unwrap();
        request.extensions_mut().insert(Caller(Some("Lee".into())));
        send(site.console(), request)
    };
    let (status, answer) = ask("Kim");
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer["error"].as_str().unwrap().contains("that of `Lee`"), "{answer}");
    assert_eq!(ask("").0, StatusCode::ACCEPTED);
}
