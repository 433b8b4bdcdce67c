//! A message, what should have come of it and what did, element by element: for people who look for
//! the one that differs.

use super::compare::Looked;
use crate::intent::Fields;
use crate::show;
use crate::traffic::meaning;
use iso8583::FieldValue;
use payment_types::Mti;
use serde::Serialize;
use std::collections::BTreeSet;

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The data element; nothing for what is no element by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<u8>,
    /// What people call it.
    pub name: String,
    /// In the request, masked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sent: String,
    /// What the scenario says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// In the answer, masked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub got: String,
    /// Whether the two are not one.
    pub differs: bool,
}

/// Request and answer of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The request's type.
    pub sent: String,
    /// The answer's type; nothing where none came.
    pub got: Option<String>,
    /// All elements of both, then what else was looked at.
    pub rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(
        request: (Mti, &Fields),
        answer: Option<(Mti, &Fields)>,
        looked: &[Looked],
    ) -> Self {
        let of_element = |element: u8| looked.iter().find(|looked| looked.element == Some(element));
        let expected = looked.iter().filter_map(|looked| looked.element);
        let answered = answer.iter().flat_map(|(_, fields)| fields.keys().copied());
        let elements: BTreeSet<u8> =
            request.1.keys().copied().chain(answered).chain(expected).collect();
        let cell = |fields: Option<&Fields>, element: u8| {
            let value = fields.and_then(|fields| fields.get(&element));
            value.map(|value| shown(element, value)).unwrap_or_default()
        };
        let mut rows: Vec<Row> = Vec::new();
        for element in elements {
            let looked = of_element(element);
            let differs = looked.is_some_and(|looked| looked.differs);
            let got = cell(answer.map(|(_, fields)| fields), element);
            let is_missing = got.is_empty() && differs;
            rows.push(Row {
                element: Some(element),
                name: show::name_of(element).to_owned(),
                sent: cell(Some(request.1), element),
                expected: looked.map(|looked| told(element, &looked.expected)).unwrap_or_default(),
                got: if is_missing { super::compare::NOTHING.to_owned() } else { got },
                differs,
            });
        }
        for looked in looked.iter().filter(|looked| looked.element.is_none()) {
            rows.push(Row {
                element: None,
                name: looked.what.clone(),
                sent: String::new(),
                expected: looked.expected.clone(),
                got: looked.got.clone(),
                differs: looked.differs,
            });
        }
        let got = answer.map(|(mti, _)| mti.to_string());
        Self { sent: request.0.to_string(), got, rows }
    }

    /// The table, its columns aligned; what differs is marked, and coloured where that is wanted.
    #[must_use]
    pub fn text(&self, colour: bool) -> String {
        let got =
            self.got.as_deref().map_or_else(|| "no answer".to_owned(), |mti| format!("got {mti}"));
        let head =
            ["element".to_owned(), format!("sent {}", self.sent), "expected".to_owned(), got];
        let mut cells = vec![(false, head)];
        for row in &self.rows {
            let label = match row.element {
                Some(element) => format!("{element:>3}  {}", row.name),
                None => format!("     {}", row.name),
            };
            let texts = [label, row.sent.clone(), row.expected.clone(), row.got.clone()];
            cells.push((row.differs, texts));
        }
        let width = |column: usize| {
            let lengths =
                cells.iter().map(|(_, texts)| texts.get(column).map_or(0, |t| t.chars().count()));
            lengths.max().unwrap_or_default()
        };
        let widths = [width(0), width(1), width(2)];
        let mut text = String::new();
        for (differs, [label, sent, expected, got]) in &cells {
            let pad = |text: &str, width: usize| format!("{text:<width$}");
            let [first, second, third] = widths;
            let (mark, expected) = (if *differs { '>' } else { ' ' }, pad(expected, third));
            let (expected, got) = match colour && *differs {
                true => (green(&expected), red(got)),
                false => (expected, got.clone()),
            };
            let line = format!(
                "{mark} {}   {}   {expected}   {got}",
                pad(label, first),
                pad(sent, second)
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A value of the answer or the request; what a code means is said with it.
fn shown(element: u8, value: &FieldValue) -> String {
    told(element, &show::masked(element, value))
}

fn told(element: u8, text: &str) -> String {
    let is_code =
        text.len() <= 4 && text.chars().all(|character| character.is_ascii_alphanumeric());
    match element {
        39 if is_code && !text.is_empty() => format!("{text} {}", meaning(text)),
        _ => text.to_owned(),
    }
}

pub(super) fn green(text: &str) -> String {
    format!("\x1b[32m{text}\x1b[0m")
}

pub(super) fn red(text: &str) -> String {
    format!("\x1b[1;31m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(values: &[(u8, &str)]) -> Fields {
        values.iter().map(|(de, text)| (*de, FieldValue::Text((*text).into()))).collect()
    }

    fn table() -> Table {
        let request = fields(&[
            (2, "9417000000000016"),
            (3, "010000"),
            (4, "000000000050"),
            (11, "000002"),
            (41, "AGT00001"),
        ]);
        let answer =
            fields(&[(3, "010000"), (11, "000002"), (38, "ABC123"), (39, "00"), (41, "AGT00001")]);
        let mti = |text: &str| Mti::parse(text).unwrap();
        let looked = |element, what: &str, expected: &str, got: &str| Looked {
            element,
            what: what.to_owned(),
            expected: expected.to_owned(),
            got: got.to_owned(),
            differs: expected != got,
        };
        let looked = [
            looked(Some(39), "code (DE 39)", "61", "00"),
            looked(Some(44), "DE 44", "present", "nothing"),
            looked(None, "cap_left (DE 54 type 44)", "0.00", "nothing"),
            looked(None, "mac", "none", "none"),
        ];
        Table::new((mti("0200"), &request), Some((mti("0210"), &answer)), &looked)
    }

    #[test]
    fn what_differs_is_found_at_a_glance() {
        let text = table().text(false);
        let expected = include_str!("diff_golden.txt");
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn colours_are_only_where_something_differs() {
        let text = table().text(true);
        let coloured: Vec<&str> = text.lines().filter(|line| line.contains('\x1b')).collect();
        assert_eq!(coloured.len(), 3, "{text}");
        assert!(coloured.iter().all(|line| line.starts_with('>')), "{text}");
        assert!(coloured[0].contains("\x1b[32m61 over the amount limit\x1b[0m"), "{text}");
        assert!(coloured[0].contains("\x1b[1;31m00 approved\x1b[0m"), "{text}");
    }
}
