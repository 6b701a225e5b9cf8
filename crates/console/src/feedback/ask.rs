//! What a request says, before anything is looked up.

use foresite_schema::marks::Mark;
use foresite_tables::Micros;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::refusal::Refusal;
use axum::http::StatusCode;

/// Marks in one body.
pub(super) const MOST_MARKS: usize = 200;

/// Characters of a name or an id.
const LONGEST_NAME: usize = 200;

/// Characters of the words beside a mark.
const LONGEST_TEXT: usize = 1000;

/// One mark as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    mark: String,
    at: String,
    #[serde(default)]
    prediction_id: String,
    #[serde(default)]
    incident_id: String,
    cutoff: Option<String>,
    #[serde(default)]
    entity_type: String,
    #[serde(default)]
    entity_id: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    text: String,
}

/// One mark that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) mark: Mark,
    pub(super) at: Micros,
    pub(super) about: About,
    pub(super) task: String,
    pub(super) person: String,
    pub(super) text: String,
}

/// What a mark is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// A prediction by its id.
    Prediction(String),
    /// All that belonged to an incident when the list of a cutoff was written.
    Incident { id: String, cutoff: Micros },
    /// An entity of which nothing was said.
    Entity { kind: String, id: String },
}

/// Reads a body: one mark or a list of them. `caller` is who asked, where the token says so.
///
/// # Errors
/// 422 in one line.
pub(super) fn read(body: &[u8], caller: Option<&str>) -> Result<Vec<Ask>, Refusal> {
    let sent: Value = serde_json::from_slice(body).map_err(|error| unfit(format!("{error}")))?;
    let marks = match sent {
        Value::Array(marks) => marks,
        one => vec![one],
    };
    if marks.is_empty() || marks.len() > MOST_MARKS {
        let got = marks.len();
        return Err(unfit(format!("expected 1 to {MOST_MARKS} marks, got {got}")));
    }
    let numbered = (1..).zip(marks);
    numbered
        .map(|(number, mark)| {
            let sent = serde_json::from_value(mark).map_err(|error| error.to_string());
            sent.and_then(|sent: Sent| sent.complete(caller))
                .map_err(|why| Refusal::mark(number, why))
        })
        .collect()
}

fn unfit(why: String) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why)
}

impl Sent {
    fn complete(self, caller: Option<&str>) -> Result<Ask, String> {
        self.check_sizes()?;
        let mark = Mark::from_word(&self.mark).ok_or_else(|| {
            format!("`mark` is `{}`, expected confirmed, wrong, done or missed", self.mark)
        })?;
        Ok(Ask {
            mark,
            at: moment("at", &self.at)?,
            person: person(caller, self.person.trim())?,
            about: about(
                mark,
                (self.prediction_id, self.incident_id, self.cutoff),
                (self.entity_type, self.entity_id),
            )?,
            task: self.task,
            text: self.text.trim().to_owned(),
        })
    }

    /// Control characters would end in tables and logs, where they lie about lines.
    fn check_sizes(&self) -> Result<(), String> {
        let names = [
            ("mark", &self.mark),
            ("prediction_id", &self.prediction_id),
            ("incident_id", &self.incident_id),
            ("entity_type", &self.entity_type),
            ("entity_id", &self.entity_id),
            ("task", &self.task),
            ("person", &self.person),
        ];
        let sized = names.map(|(name, value)| (name, value, LONGEST_NAME));
        for (name, value, most) in sized.into_iter().chain([("text", &self.text, LONGEST_TEXT)]) {
            if value.chars().count() > most {
                return Err(format!("`{name}` has more than {most} characters"));
            }
            if value.chars().any(char::is_control) {
                return Err(format!("`{name}` holds control characters: write it as one line"));
            }
        }
        Ok(())
    }
}

fn moment(name: &str, text: &str) -> Result<Micros, String> {
    let moment: Timestamp = text.parse().map_err(|_| {
        format!("`{name}` is `{text}`, expected a time such as 2026-03-09T14:00:00Z")
    })?;
    Ok(moment.as_microsecond())
}

fn person(caller: Option<&str>, said: &str) -> Result<String, String> {
    match (caller, said) {
        (None, "") => Err("`person` is missing, and the token names nobody".into()),
        (Some(caller), said) if !said.is_empty() && said != caller => {
            Err(format!("`person` is `{said}`, but the token is that of `{caller}`"))
        }
        (Some(caller), _) => Ok(caller.to_owned()),
        (None, said) => Ok(said.to_owned()),
    }
}

fn about(
    mark: Mark,
    (prediction, incident, cutoff): (String, String, Option<String>),
    (kind, id): (String, String),
) -> Result<About, String> {
    let names_entity = !kind.is_empty() || !id.is_empty();
    match (prediction.as_str(), incident.as_str()) {
        ("", "") if mark == Mark::Missed && !kind.is_empty() && !id.is_empty() => {
            Ok(About::Entity { kind, id })
        }
        ("", "") if mark == Mark::Missed => {
            Err("a missed event needs `entity_type` and `entity_id`".into())
        }
        _ if mark == Mark::Missed => {
            Err("what was missed has no prediction and no incident".into())
        }
        _ if names_entity => Err("the prediction says which entity it is about".into()),
        (_, "") if !prediction.is_empty() => Ok(About::Prediction(prediction)),
        ("", _) if !incident.is_empty() => {
            let cutoff = cutoff.ok_or("`incident_id` needs the `cutoff` of its list")?;
            Ok(About::Incident { id: incident, cutoff: moment("cutoff", &cutoff)? })
        }
        _ => Err("give either `prediction_id`, or `incident_id` and `cutoff`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn why(body: &Value, caller: Option<&str>) -> String {
        read(body.to_string().as_bytes(), caller)
            .map_or_else(|refusal| refusal.line, |_| "ok".into())
    }

    fn mark() -> Value {
        json!({"mark": "done", "at": "2026-03-09T15:10:00Z", "prediction_id": "p1", "person": "Kim"})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut changed = mark();
        changed[name] = value;
        changed
    }

    #[test]
    fn one_mark_or_a_list_of_them() {
        assert_eq!(read(mark().to_string().as_bytes(), None).unwrap().len(), 1);
        let two = json!([mark(), with("mark", json!("wrong"))]);
        assert_eq!(read(two.to_string().as_bytes(), None).unwrap().len(), 2);
        assert_eq!(why(&json!([]), None), "expected 1 to 200 marks, got 0");
        assert_eq!(why(&json!(vec![mark(); 201]), None), "expected 1 to 200 marks, got 201");
    }

    #[test]
    fn the_token_says_who_it_is_or_the_body_does() {
        let nobody = with("person", json!(" "));
        assert_eq!(why(&nobody, None), "mark 1: `person` is missing, and the token names nobody");
        assert_eq!(why(&nobody, Some("Kim")), "ok");
        assert_eq!(
            why(&mark(), Some("Lee")),
            "mark 1: `person` is `Kim`, but the token is that of `Lee`"
        );
    }

    #[test]
    fn what_is_not_understood_says_where() {
        let cases = [
            (with("mark", json!("maybe")), "expected confirmed, wrong, done or missed"),
            (with("at", json!("yesterday")), "expected a time such as"),
            (with("text", json!("x".repeat(1001))), "`text` has more than 1000 characters"),
            (with("person", json!("Kim\u{1b}[2J")), "`person` holds control characters"),
            (with("mark", json!("missed")), "has no prediction and no incident"),
            (with("incident_id", json!("i1")), "give either `prediction_id`, or `incident_id`"),
            (with("entity_id", json!("r/A")), "the prediction says which entity"),
            (with("colour", json!("red")), "unknown field `colour`"),
            (
                json!({"mark": "missed", "at": "2026-03-09T15:10:00Z", "person": "Kim"}),
                "needs `entity_type` and `entity_id`",
            ),
            (
                json!({"mark": "done", "at": "2026-03-09T15:10:00Z", "person": "Kim",
                    "incident_id": "i1"}),
                "needs the `cutoff` of its list",
            ),
        ];
        for (body, expected) in cases {
            let why = why(&json!([mark(), body]), None);
            assert!(why.starts_with("mark 2: ") && why.contains(expected), "{why}");
        }
        assert!(read(b"{", None).is_err());
    }
}
