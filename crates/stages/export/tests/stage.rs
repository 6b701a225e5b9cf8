//! The stage as a process: tables in, documents out that an independent validator accepts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod fixture;

use fixture::{
    END, HOUR, INTERVAL_FOLDER, KNOWN, MEASURED, ODD, document, done, faults, files, folder, full,
    stage, stage_at,
};
use foresite_schema::catalog::outcome;
use foresite_testkit::Rows;
use serde_json::{Value as Json, json};

/// The report of an incident.
fn report(reports: &Json, incident: &str) -> Json {
    let id = format!("{incident}@2026-03-09T14:00:00Z");
    let all = reports["mDAReports"].as_array().unwrap();
    all.iter().find(|report| report["mDAReportID"] == id.as_str()).expect(incident).clone()
}

fn value(report: &Json) -> &Json {
    &report["mDAOutputs"][0]["mDAOutputList"][0]["mDAOutputIEValue"]
}

#[test]
fn every_document_is_what_its_schema_says() {
    let (root, _) = full();
    let run = done(root.path());
    assert_eq!(run.status(), "done");
    let folder = folder(root.path(), &run);
    assert_eq!(faults(&files(&folder)), Vec::<String>::new());
    assert_eq!(run.number("mda_reports"), Some(5.0), "{}", run.result);
    assert_eq!(run.number("incidents_left_out"), Some(2.0), "provisional, and nobody's");
    let reports = document(&folder, "mda-reports").to_string();
    assert!(!reports.contains("i-own") && !reports.contains("i-whose"), "foreign, and nobody's");
    let manifest = document(&folder, "manifest");
    let entries = manifest["files"].as_array().unwrap().iter().map(|file| &file["entries"]);
    assert_eq!(entries.collect::<Vec<_>>(), [5, 2, 2, 3]);
    let text = std::fs::read_to_string(folder.join("mda-reports.json")).unwrap();
    assert_eq!(text.lines().count(), 2 + 5, "an entry a line");
}

#[test]
fn a_schema_refuses_what_is_not_in_it() {
    let (root, _) = full();
    let folder = folder(root.path(), &done(root.path()));
    let path = folder.join("feedback.json");
    let mut feedback = document(&folder, "feedback");
    feedback["analyticsFeedbackInfos"][0]["person"] = json!("K. Brandt");
    feedback["accuracyInfos"][0]["accuracyVal"] = json!(101);
    std::fs::write(&path, feedback.to_string()).unwrap();
    let found = faults(&[path]);
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn incidents_become_failure_predictions() {
    let (root, _) = full();
    let reports = document(&folder(root.path(), &done(root.path())), "mda-reports");
    let anomaly = report(&reports, "i-a");
    let expected = json!({
        "failurePredictionObject": ["SubNetwork=north,ManagedElement=N001,GNBDUFunction=1,NRCellDU=1"],
        "potentialFailureType": "QUALITY_OF_SERVICE_ALARM",
        "potentialFailureCause": "traffic_dl_gb",
        "eventTime": "2026-03-09T12:00:00Z",
        "issueID": "i-a",
        "issueDomain": "RAN_ISSUE",
        "perceivedSeverity": "CRITICAL",
        "trendIndication": "MORE_SEVERE",
    });
    assert_eq!(value(&anomaly), &expected);
    let said = &anomaly["foresite"]["predictions"];
    assert_eq!(said.as_array().unwrap().len(), 1, "no challenger, no replay: {said}");
    assert_eq!(said[0]["predictionId"], "a1");
    assert!(said[0].get("score").is_none(), "infinity is no number: {said}");

    let maintenance = report(&reports, "i-m");
    let output = value(&maintenance);
    assert_eq!(output["failurePredictionObject"], json!(["SubNetwork=north,ManagedElement=N001"]));
    assert_eq!(output["potentialFailureType"], "EQUIPMENT_ALARM");
    assert_eq!(output["potentialFailureCause"], "fan");
    assert_eq!(output["eventTime"], "2026-03-10T02:00:00Z");
    let actions = &output["recommendedActions"][0]["recommendedHumanReadableActions"];
    assert_eq!(actions, &json!(["act before 2026-03-09T23:00:00Z"]));
    let window = &maintenance["mDAOutputs"][0]["analyticsWindow"];
    assert_eq!(window["mDAOutputEndTime"], "2026-03-16T14:00:00Z");
    assert_eq!(maintenance["mDAOutputs"][0]["confidenceDegree"], 0.9);
    assert_eq!(value(&report(&reports, "i-closed"))["perceivedSeverity"], "CLEARED");
}

#[test]
fn predictions_without_an_incident_are_told_the_likeliest_first() {
    let (root, _) = full();
    let run = done(root.path());
    assert_eq!(run.number("predictions_left_out"), Some(0.0), "{}", run.result);
    let others = document(&folder(root.path(), &run), "predictions");
    assert_eq!(others["foresite"]["leftOut"], 0);
    let ids = |others: &Json| {
        let reports = others["mDAReports"].as_array().unwrap().iter();
        reports.map(|report| report["mDAReportID"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&others), ["q2", "q1"], "no challenger, no replay, none of an incident");
    let likeliest = &others["mDAReports"][0];
    let expected = json!({
        "failurePredictionObject": ["ForesiteEntity=north/N003"],
        "potentialFailureType": "EQUIPMENT_ALARM",
        "potentialFailureCause": "fan",
        "eventTime": "2026-03-10T02:00:00Z",
        "issueID": "q2",
        "issueDomain": "RAN_ISSUE",
        "perceivedSeverity": "WARNING",
        "trendIndication": "NO_CHANGE",
    });
    assert_eq!(value(likeliest), &expected);
    assert_eq!(likeliest["mDAOutputs"][0]["confidenceDegree"], 0.03);
    let window = &likeliest["mDAOutputs"][0]["analyticsWindow"];
    assert_eq!(window["mDAOutputEndTime"], "2026-03-10T14:00:00Z");

    let few = stage(root.path()).config(&json!({"most_predictions": 1})).exits(0);
    let path = folder(root.path(), &few);
    let others = document(&path, "predictions");
    assert_eq!((ids(&others), &others["foresite"]["leftOut"]), (vec![json!("q2")], &json!(1)));
    assert_eq!(faults(&files(&path)), Vec::<String>::new());
    let none = stage(root.path()).config(&json!({"most_predictions": 0})).exits(0);
    let path = folder(root.path(), &none);
    let others = document(&path, "predictions");
    assert_eq!(ids(&others), Vec::<Json>::new());
    assert!(others["foresite"].get("leftOut").is_none(), "nobody looked: {}", others["foresite"]);
    assert_eq!(faults(&files(&path)), Vec::<String>::new());
}

#[test]
fn odd_names_and_numbers_survive() {
    let (root, _) = full();
    let reports = document(&folder(root.path(), &done(root.path())), "mda-reports");
    let odd = report(&reports, "i-odd");
    let name = r#"ForesiteEntity=north/N0\,0\=1 \+\<\"Zürich\"\\\>\;#\0A\01"#;
    assert_eq!(value(&odd)["failurePredictionObject"], json!([name]));
    assert_eq!(odd["foresite"]["entityId"], ODD);
    assert_eq!(odd["foresite"]["leftOutCode"], "suppressed");
    assert_eq!(value(&odd)["perceivedSeverity"], "INDETERMINATE");
    assert!(odd["mDAOutputs"][0].get("confidenceDegree").is_none(), "NaN is no degree");
    assert!(odd["foresite"]["predictions"][0].get("probability").is_none());
}

#[test]
fn a_limit_that_is_passed_becomes_a_congestion_prediction() {
    let (root, _) = full();
    let reports = document(&folder(root.path(), &done(root.path())), "mda-reports");
    let capacity = report(&reports, "i-c");
    let output = &capacity["mDAOutputs"][0];
    assert_eq!(output["mDAType"], "SLS_ANALYSIS_TRAFFIC_CONGESTION_PREDICTION_ANALYSIS");
    let ours = &value(&capacity)["foresite"];
    assert_eq!(ours["limitingResource"], "prb_util_dl");
    assert_eq!(ours["objects"], json!(["ForesiteEntity=north/N001/s1"]));
    assert_eq!(ours["earliestTime"], "2026-03-13T17:00:00Z");
    assert_eq!(ours["medianTime"], "9999-12-30T22:00:00.999999999Z", "a corrupt stamp is clamped");
    assert!(ours.get("latestTime").is_none(), "beyond the horizon");
    assert_eq!(ours["trendIndication"], "LESS_SEVERE");
}

#[test]
fn models_are_told_by_their_newest_evaluation_and_what_came() {
    let (root, _) = full();
    let models = document(&folder(root.path(), &done(root.path())), "model-performance");
    let own = |samples| json!({ "samples": samples });
    let figure = |metric: &str, score: f64| {
        json!({
            "inferenceOutputName": "MDA_ASSISTED_FAULT_MANAGEMENT_FAILURE_PREDICTION",
            "performanceMetric": metric,
            "performanceScore": score,
            "foresite": own(400),
        })
    };
    let expected = json!([{
        "mLModelId": "maintenance-0a1b",
        "modelPerformanceValidation": [figure("brier_24h", 0.08)],
        "modelPerformanceTesting": [figure("recall", 0.7)],
        "foresite": {"task": "maintenance", "evaluatedAt": "2026-03-09T05:00:00Z", "verdict": "PASS"},
    }]);
    assert_eq!(models["mLModels"], expected);
    let realised = models["modelAccuInfos"].as_array().unwrap();
    assert_eq!(realised.len(), 1, "realised, of the champion, of the metric that is the deviation");
    assert_eq!(
        (&realised[0]["deviation"], &realised[0]["inferenceNum"]),
        (&json!(0.1), &json!(70))
    );
    assert_eq!(realised[0]["foresite"]["windowEnd"], "2026-03-09T00:00:00Z", "the newest by then");
}

#[test]
fn a_mark_is_exported_in_the_hour_in_which_it_became_known_and_names_nobody() {
    let (root, _) = full();
    let run = done(root.path());
    let path = folder(root.path(), &run);
    let feedback = document(&path, "feedback");
    let marks = feedback["analyticsFeedbackInfos"].as_array().unwrap();
    let told = |mark: &Json| (mark["foresite"]["feedbackId"].clone(), mark["impactInd"].clone());
    let expected = [(json!("f1"), json!(false)), (json!("f2"), json!(true))];
    assert_eq!(marks.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(marks[0]["usedAnaTypes"], json!(["ABNORMAL_BEHAVIOUR"]));
    assert_eq!(marks[0]["actionTimes"], json!(["2026-03-07T12:00:00Z"]));
    let accuracy = &feedback["accuracyInfos"];
    assert_eq!(
        (&accuracy[0]["accuracyVal"], &accuracy[0]["accuSampleNbr"]),
        (&json!(50), &json!(2))
    );
    for file in files(&path) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("Brandt") && !text.contains("fan replaced"), "{}", file.display());
    }
    let list = report(&document(&path, "mda-reports"), "i-a");
    assert_eq!(list["foresite"]["evidence"], json!([MEASURED]), "what was measured stays");
    let config = json!({"name_people": true});
    let named = folder(root.path(), &stage(root.path()).config(&config).exits(0));
    let marks = document(&named, "feedback");
    assert_eq!(marks["analyticsFeedbackInfos"][0]["foresite"]["person"], "K. Brandt");
    let reports = document(&named, "mda-reports");
    let list = report(&reports, "i-a");
    assert_eq!(value(&list)["potentialFailureCause"], list["foresite"]["knownCause"]);
    assert_eq!(list["foresite"]["evidence"].as_array().unwrap().len(), 2);
    let left_out = report(&reports, "i-odd")["foresite"]["leftOut"].clone();
    assert!(left_out.as_str().unwrap().contains("K. Brandt"), "{left_out}");
    assert_eq!(faults(&files(&named)), Vec::<String>::new());
}

#[test]
fn an_export_never_changes_and_later_knowledge_stands_beside_it() {
    let (root, _) = full();
    let first = done(root.path());
    let folder_of = |run| folder(root.path(), run);
    let read = |run| std::fs::read(folder_of(run).join("mda-reports.json")).unwrap();
    let bytes = read(&first);
    let again = done(root.path());
    assert_eq!(again.status(), "unchanged");
    assert_eq!(again.result["numbers"], first.result["numbers"]);
    let forced = stage(root.path()).args("--force").exits(0);
    assert_eq!((forced.status(), read(&forced)), ("unchanged", bytes.clone()));

    let later = stage_at(root.path(), "2026-03-09T16:00:00Z").exits(0);
    assert_eq!(
        (later.status(), later.number("mda_reports")),
        ("done", Some(6.0)),
        "one more is known by then"
    );
    assert_eq!(read(&first), bytes);
    assert_eq!(done(root.path()).status(), "unchanged");
    let current = document(folder_of(&later).parent().unwrap(), "current");
    let newest = current["folder"].as_str().unwrap();
    assert!(folder_of(&later).ends_with(newest), "an earlier clock takes nothing back");
}

#[test]
fn the_greatest_clock_leads_even_if_it_knew_no_more() {
    let (root, _) = full();
    let path = folder(root.path(), &done(root.path()));
    let clock = || document(path.parent().unwrap(), "current")["asOfMicros"].as_i64().unwrap();
    assert_eq!(clock(), KNOWN);
    let later = stage_at(root.path(), "2026-03-09T14:45:00Z").exits(0);
    assert_eq!((later.status(), folder(root.path(), &later)), ("unchanged", path.clone()));
    assert_eq!(clock(), END + 3 * HOUR / 4);
    assert_eq!(done(root.path()).status(), "unchanged");
    assert_eq!(clock(), END + 3 * HOUR / 4, "an earlier clock takes nothing back");
}

#[test]
fn what_a_recomputation_takes_back_is_not_exported() {
    let (root, store) = full();
    assert_eq!(done(root.path()).number("mda_reports"), Some(5.0));
    Rows::new(0).write_as(&store, outcome::incidents(), KNOWN + HOUR / 4, &"f".repeat(32));
    let later = stage_at(root.path(), "2026-03-09T14:45:00Z").exits(0);
    assert_eq!((later.status(), later.number("mda_reports")), ("done", Some(0.0)));
}

#[test]
fn a_configuration_takes_the_lead_from_no_other() {
    let (root, _) = full();
    let own = folder(root.path(), &done(root.path()));
    let config = json!({"roles": ["champion", "provisional"]});
    let other = stage_at(root.path(), "2026-03-09T14:45:00Z").config(&config).exits(0);
    let other = folder(root.path(), &other);
    let interval = root.path().join(INTERVAL_FOLDER);
    for path in [&own, &other] {
        let beside = path.parent().unwrap();
        assert_eq!(beside.parent().unwrap(), interval);
        let newest = document(beside, "current")["folder"].as_str().unwrap().to_owned();
        assert!(path.ends_with(newest), "{}", path.display());
    }
}
