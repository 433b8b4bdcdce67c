//! Reading a table of response codes from a file, with a line for everything that is wrong.

use crate::codes::{CodeTable, CodeTableError, CodeTableErrors, Edition};
use authorization::ResultCode;
use payment_types::ResponseCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    base: Option<Spanned<String>>,
    edition: Option<Spanned<u16>>,
    diagnostic_element: Option<Spanned<u8>>,
    #[serde(default)]
    codes: BTreeMap<String, Spanned<String>>,
}

/// Reads a table and notes all that is wrong.
struct Reader<'a> {
    text: &'a str,
    source: &'a str,
    errors: Vec<CodeTableError>,
}

pub(crate) fn read(text: &str, source: &str) -> Result<CodeTable, CodeTableErrors> {
    let mut reader = Reader { text, source, errors: Vec::new() };
    let table = reader.read();
    match table {
        Some(table) if reader.errors.is_empty() => Ok(table),
        _ => {
            reader.errors.sort_by_key(|error| error.line);
            Err(CodeTableErrors(reader.errors))
        }
    }
}

impl Reader<'_> {
    fn read(&mut self) -> Option<CodeTable> {
        let source: Source = match toml::from_str(self.text) {
            Ok(source) => source,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                self.error(at, error.message().to_owned());
                return None;
            }
        };
        let base = self.base(&source)?;
        let edition = self.edition(&source, base)?;
        let mut codes = base.map_or_else(
            || vec![None; ResultCode::ALL.len()],
            |base| base.codes.iter().copied().map(Some).collect(),
        );
        let mut places = BTreeMap::new();
        for (name, code) in &source.codes {
            let at = code.span().start;
            let Some(result) = ResultCode::ALL.iter().find(|result| result.name() == name) else {
                self.unknown(at, name);
                continue;
            };
            if let (Some(code), Some(place)) =
                (self.response_code(at, edition, code.get_ref()), codes.get_mut(*result as usize))
            {
                *place = Some(code);
                places.insert(result.name(), at);
            }
        }
        let diagnostic_element = self.diagnostic(&source, edition, base);
        let codes = self.whole(&codes, &source)?;
        let table = CodeTable { name: source.name, edition, diagnostic_element, codes };
        self.approvals_apart(&table, &places);
        Some(table)
    }

    fn base(&mut self, source: &Source) -> Option<Option<&'static CodeTable>> {
        let Some(base) = &source.base else { return Some(None) };
        match base.get_ref().as_str() {
            "iso87" => Some(Some(CodeTable::shipped_for(Edition::Of1987))),
            "iso93" => Some(Some(CodeTable::shipped_for(Edition::Of1993))),
            "iso2003" => Some(Some(CodeTable::shipped_for(Edition::Of2003))),
            other => {
                let message = format!("base {other:?} is none of iso87, iso93, iso2003");
                self.error(base.span().start, message);
                None
            }
        }
    }

    fn edition(&mut self, source: &Source, base: Option<&CodeTable>) -> Option<Edition> {
        let told = match &source.edition {
            None => None,
            Some(edition) => match edition.get_ref() {
                1987 => Some(Edition::Of1987),
                1993 => Some(Edition::Of1993),
                2003 => Some(Edition::Of2003),
                other => {
                    let message = format!("edition {other} is none of 1987, 1993, 2003");
                    self.error(edition.span().start, message);
                    return None;
                }
            },
        };
        match (told, base.map(|base| base.edition)) {
            (Some(told), Some(of_base)) if told != of_base => {
                let at = source.edition.as_ref().map_or(0, |edition| edition.span().start);
                self.error(at, "the edition is not that of the base".to_owned());
                None
            }
            (None, None) => {
                self.error(0, "name an edition (1987, 1993, 2003) or a base".to_owned());
                None
            }
            (told, of_base) => told.or(of_base),
        }
    }

    /// An element that holds text in an answer and nothing else there.
    fn diagnostic(&mut self, source: &Source, edition: Edition, base: Option<&CodeTable>) -> u8 {
        let Some(element) = &source.diagnostic_element else {
            return base.map_or(44, |base| base.diagnostic_element);
        };
        let number = *element.get_ref();
        let is_free = matches!(number, 44 | 46..=48 | 56..=63 | 104..=127)
            || edition == Edition::Of2003 && number == 18;
        if !is_free {
            let message = format!("DE {number} cannot hold a diagnostic text");
            self.error(element.span().start, message);
        }
        number
    }

    fn response_code(&mut self, at: usize, edition: Edition, text: &str) -> Option<ResponseCode> {
        let is_action = text.bytes().all(|byte| byte.is_ascii_digit());
        let (fits, shape) = match edition {
            Edition::Of1987 => {
                let is_code = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                (is_code && text.len() == 2, "two letters or digits")
            }
            Edition::Of1993 => (is_action && text.len() == 3, "three digits"),
            Edition::Of2003 => (is_action && text.len() == 4, "four digits"),
        };
        let code = ResponseCode::new(text).filter(|_| fits);
        if code.is_none() {
            self.error(at, format!("{text:?} is not {shape}"));
        }
        code
    }

    /// The codes of all outcomes, if none is left out.
    fn whole(
        &mut self,
        codes: &[Option<ResponseCode>],
        source: &Source,
    ) -> Option<Vec<ResponseCode>> {
        let whole: Option<Vec<_>> = codes.iter().copied().collect();
        if whole.is_none() {
            let missing: Vec<_> = ResultCode::ALL
                .iter()
                .zip(codes)
                .filter(|(result, code)| {
                    code.is_none() && !source.codes.contains_key(result.name())
                })
                .map(|(result, _)| result.name())
                .collect();
            if !missing.is_empty() {
                let at = self.text.find("[codes]").unwrap_or(0);
                let message = format!("no code for {}; or name a base", missing.join(", "));
                self.error(at, message);
            }
        }
        whole
    }

    fn approvals_apart(&mut self, table: &CodeTable, places: &BTreeMap<&str, usize>) {
        for result in ResultCode::ALL.iter().filter(|result| !result.is_approval()) {
            let code = table.code(*result);
            if table.is_approval(code) {
                let name = result.name();
                let at = places.get(name).copied().unwrap_or(0);
                self.error(at, format!("{name} is a decline and {code} is an approval's code"));
            }
        }
    }

    fn unknown(&mut self, at: usize, name: &str) {
        let distance = |result: &&ResultCode| strsim::damerau_levenshtein(result.name(), name);
        let nearest = ResultCode::ALL.iter().min_by_key(distance);
        let hint = nearest
            .filter(|nearest| distance(nearest) <= 3)
            .map_or_else(String::new, |nearest| format!("; did you mean {}?", nearest.name()));
        self.error(at, format!("{name:?} is not an outcome{hint}"));
    }

    fn error(&mut self, at: usize, message: String) {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        self.errors.push(CodeTableError { source_name: self.source.to_owned(), line, message });
    }
}
