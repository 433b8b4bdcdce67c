//! What was expected against what came.

use super::file::{Expect, FieldText};
use crate::exchange::{AVAILABLE_BALANCE, Answer, CAP_LEFT};
use crate::gear::Verdict;
use serde_json::Value;
use std::time::Duration;

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// `DE 39`, `status`, `body.available`, ...
    pub what: String,
    /// What the scenario says.
    pub expected: String,
    /// What came.
    pub got: String,
}

pub(super) const NOTHING: &str = "nothing";

impl Difference {
    pub(crate) fn new(
        what: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), expected: expected.into(), got: got.into() }
    }
}

/// Something a step expects, and whether it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The data element it is, if it is one by itself.
    pub element: Option<u8>,
    pub what: String,
    pub expected: String,
    pub got: String,
    pub differs: bool,
}

impl From<Difference> for Looked {
    fn from(Difference { what, expected, got }: Difference) -> Self {
        Self { element: None, what, expected, got, differs: true }
    }
}

/// What differs of all that was looked at.
pub(crate) fn differences(looked: &[Looked]) -> Vec<Difference> {
    let differs = looked.iter().filter(|looked| looked.differs);
    differs.map(|l| Difference::new(&l.what, &l.expected, &l.got)).collect()
}

/// An answer against what a step expects of it.
pub(crate) fn answer(expect: &Expect, answer: &Answer, verdict: &Verdict) -> Vec<Looked> {
    let mut found = Vec::new();
    let mut look = |element, what: &str, expected: Option<&str>, got: Option<String>| {
        found.extend(expected.map(|expected| looked_at(element, what, expected, got)));
    };
    look(Some(39), "code (DE 39)", expect.code.as_deref(), answer.text(39));
    look(Some(38), "auth_code (DE 38)", expect.auth_code.as_deref(), answer.auth_code());
    let available = expect.available.as_deref();
    look(None, "available (DE 54 type 02)", available, answer.amount(AVAILABLE_BALANCE));
    let cap_left = expect.cap_left.as_deref();
    look(None, "cap_left (DE 54 type 44)", cap_left, answer.amount(CAP_LEFT));
    for (element, value) in &expect.fields {
        let expected = match value {
            FieldText::Text(text) => text.trim().to_owned(),
            FieldText::Hex(bytes) => hex::encode_upper(bytes),
            FieldText::Absent => "absent".to_owned(),
        };
        let what = format!("DE {element}");
        look(Some(*element), &what, Some(&expected), answer.text(*element));
    }
    if let Some(declined) = expect.declined {
        let expected = if declined { "a decline" } else { "an approval" };
        found.push(Looked {
            element: Some(39),
            what: "code (DE 39)".to_owned(),
            expected: expected.to_owned(),
            got: answer.code(),
            differs: declined == answer.is_approved(),
        });
    }
    found.extend(proofs(expect, verdict));
    found.extend(too_late(expect, answer.took).map(Looked::from));
    found
}

/// What proves an answer against what is expected of it.
fn proofs(expect: &Expect, verdict: &Verdict) -> Vec<Looked> {
    let mut found = Vec::new();
    for (what, expected, got) in
        [("arpc (tag 91)", expect.arpc, verdict.arpc), ("mac", expect.mac, verdict.mac)]
    {
        let got = got.name().to_owned();
        found.extend(expected.map(|expected| looked_at(None, what, expected.name(), Some(got))));
    }
    if let Some(expected) = &expect.scripts {
        let got: Vec<String> = verdict.scripts.iter().map(ToString::to_string).collect();
        found.push(looked_at(None, "scripts", &expected.join(", "), Some(got.join(", "))));
    }
    found
}

/// Whether an answer took longer than `within_ms` allows.
pub(crate) fn too_late(expect: &Expect, took: Duration) -> Option<Difference> {
    let allowed = expect.within_ms?;
    let late = took > Duration::from_millis(allowed);
    late.then(|| {
        Difference::new("time", format!("{allowed} ms"), format!("{} ms", took.as_millis()))
    })
}

fn looked_at(element: Option<u8>, what: &str, expected: &str, got: Option<String>) -> Looked {
    let same = match expected {
        "present" => got.is_some(),
        "absent" => got.is_none(),
        _ => got.as_deref() == Some(expected),
    };
    let got = got.unwrap_or_else(|| NOTHING.to_owned());
    let (what, expected) = (what.to_owned(), expected.to_owned());
    Looked { element, what, expected, got, differs: !same }
}

/// How a JSON value differs from a part of it that must be there. Objects may have more keys than
/// expected; the items of an expected array must be found in the array, in that order.
pub(crate) fn subset(path: &str, expected: &Value, got: Option<&Value>) -> Vec<Difference> {
    match (expected, got) {
        (Value::Object(keys), Some(Value::Object(object))) => keys
            .iter()
            .flat_map(|(key, value)| subset(&format!("{path}.{key}"), value, object.get(key)))
            .collect(),
        (Value::Array(items), Some(Value::Array(array))) => missing_items(path, items, array),
        (Value::Null, None) => Vec::new(),
        _ if Some(expected) == got => Vec::new(),
        _ => {
            let got = got.map_or_else(|| NOTHING.to_owned(), Value::to_string);
            vec![Difference::new(path, expected.to_string(), got)]
        }
    }
}

fn missing_items(path: &str, items: &[Value], array: &[Value]) -> Vec<Difference> {
    let mut rest = array.iter();
    let mut found = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if !rest.any(|candidate| subset(path, item, Some(candidate)).is_empty()) {
            let got = Value::from(array.to_vec()).to_string();
            found.push(Difference::new(format!("{path}[{at}]"), item.to_string(), got));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Proof;
    use crate::intent::Fields;
    use iso8583::FieldValue;
    use payment_types::Mti;
    use serde_json::json;

    fn got(fields: &[(u8, &str)]) -> Answer {
        let fields: Fields =
            fields.iter().map(|(de, text)| (*de, FieldValue::Text((*text).into()))).collect();
        let took = Duration::from_millis(20);
        Answer { mti: Mti::parse("0210").unwrap(), fields, body: Vec::new(), took }
    }

    fn compared(expect: &Expect, answer: &Answer) -> Vec<Difference> {
        let verdict = Verdict { arpc: Proof::Right, mac: Proof::None, scripts: Vec::new() };
        differences(&super::answer(expect, answer, &verdict))
    }

    #[test]
    fn answers_are_compared_where_something_is_expected() {
        let approved = got(&[(39, "00"), (38, "ABC123")]);
        let expect = Expect {
            code: Some("00".into()),
            auth_code: Some("present".into()),
            within_ms: Some(20),
            ..Expect::default()
        };
        assert_eq!(compared(&expect, &approved), []);
        assert_eq!(compared(&Expect::default(), &got(&[])), []);
        let declined = got(&[(39, "61"), (54, "0044417C000000500000")]);
        let found = compared(&expect, &declined);
        assert_eq!(found[0], Difference::new("code (DE 39)", "00", "61"));
        assert_eq!(found[1], Difference::new("auth_code (DE 38)", "present", "nothing"));
        let cap = Expect { cap_left: Some("5000.00".into()), ..Expect::default() };
        assert_eq!(compared(&cap, &declined), []);
        assert_eq!(compared(&cap, &approved).len(), 1);
        let late = Expect { within_ms: Some(19), ..Expect::default() };
        assert_eq!(compared(&late, &approved)[0].what, "time");
    }

    #[test]
    fn a_decline_is_any_code_but_an_approval() {
        let expect = Expect { declined: Some(true), ..Expect::default() };
        assert_eq!(compared(&expect, &got(&[(39, "51")])), []);
        assert_eq!(compared(&expect, &got(&[(39, "00")])).len(), 1);
        assert_eq!(compared(&expect, &got(&[(39, "10")])).len(), 1);
    }

    #[test]
    fn bodies_are_compared_where_the_scenario_says_something() {
        let body = json!({"a": {"b": "1.00", "c": 2}, "list": [{"x": 1, "y": 2}, {"x": 3}]});
        let same = json!({"a": {"b": "1.00"}, "list": [{"x": 3}], "gone": null});
        assert_eq!(subset("body", &same, Some(&body)), []);
        let other = json!({"a": {"b": "2.00", "d": 1}, "list": [{"x": 3}, {"x": 1}]});
        let found = subset("body", &other, Some(&body));
        let places: Vec<_> = found.iter().map(|difference| difference.what.as_str()).collect();
        assert_eq!(places, ["body.a.b", "body.a.d", "body.list[1]"]);
        assert_eq!(found[0].got, "\"1.00\"");
        assert_eq!(found[1].got, "nothing");
    }
}
