//! JSON as the API takes it: no object may have a name twice, however deep it lies. Which of the two
//! counts is a matter of the reader, so a sum that was checked by one could be booked by another.

use super::problem::Problem;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::fmt;

/// Reads a body.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Problem> {
    let twice = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let whole = Once { place: None, twice: &twice };
    let read = whole.deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    if let Some(path) = twice.into_inner() {
        return Err(Problem::field(&path, "is given twice"));
    }
    read.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Problem::bad_request(format!("the body is not JSON: line {line}, column {column}"))
    })
}

/// Where a value lies: by name or position in what it lies in. It is put into words only if that is
/// asked for: a body may have a long name and many values under it.
#[derive(Clone, Copy)]
struct Place<'p> {
    outer: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Name(&'p str),
    Position(usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            write!(f, "{outer}.")?;
        }
        match self.step {
            Step::Name(name) => f.write_str(name),
            Step::Position(position) => position.fmt(f),
        }
    }
}

/// A value at a place of the body, and where the first name that stands twice is noted.
struct Once<'p, 't> {
    place: Option<&'p Place<'p>>,
    twice: &'t RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Once<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let place = Place { outer: self.place, step: Step::Position(list.len()) };
            let inner = Once { place: Some(&place), twice: self.twice };
            let Some(item) = items.next_element_seed(inner)? else { break };
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut table = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let place = Place { outer: self.place, step: Step::Name(&name) };
            if table.contains_key(&name) {
                self.twice.replace(Some(place.to_string()));
                return Err(A::Error::custom("a name stands twice"));
            }
            let value = entries.next_value_seed(Once { place: Some(&place), twice: self.twice })?;
            table.insert(name, value);
        }
        Ok(Value::Object(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_told_wherever_it_lies() {
        for (body, field) in [
            (r#"{"amount":"1.00","amount":"9.00"}"#, "amount"),
            (r#"{"amount":"1.00","amount":"1.00"}"#, "amount"),
            (r#"{"amount":"1.00","am\u006funt":"9.00"}"#, "amount"),
            (r#"{"change":{"limits":[{},{"id":"a","id":"b"}]}}"#, "change.limits.1.id"),
            (r#"{"change":{"a":{}},"change":null}"#, "change"),
            (r#"[{"a":[[{"b":1,"b":2}]]}]"#, "0.a.0.0.b"),
        ] {
            let problem = read(body.as_bytes()).unwrap_err();
            assert_eq!(problem, Problem::field(field, "is given twice"), "{body}");
        }
    }

    #[test]
    fn all_else_is_read_as_it_stands() {
        for body in [
            r#"{"a":{"x":1},"b":{"x":-1},"c":[{"x":1.5},{"x":null}],"d":true,"e":"\u0416"}"#,
            "[]",
            "18446744073709551615",
            "\"9\"",
        ] {
            let plain: Value = serde_json::from_str(body).unwrap();
            assert_eq!(read(body.as_bytes()).unwrap(), plain, "{body}");
        }
        for bad in ["", "{", "{} {}", "{\"a\"}", "1e999", "{\"a\":1,}", "\u{feff}{}"] {
            let problem = read(bad.as_bytes()).unwrap_err();
            assert!(problem.detail().starts_with("the body is not JSON"), "{bad}: {problem:?}");
        }
        let deep = "[".repeat(60_000);
        assert!(read(deep.as_bytes()).is_err());
    }
}
