//! What came of the scenarios: for people, for CI (JUnit) and for scripts (JSON).

use super::diff::{green, red};
use super::steps::StepResult;
use crate::place::Place;
use serde::Serialize;
use std::fmt::{self, Write};
use std::path::PathBuf;

/// One scenario's outcome.
#[derive(Debug, Serialize)]
pub struct ScenarioResult {
    /// Where it stands.
    pub file: PathBuf,
    /// What it shows.
    pub name: String,
    /// The rules it covers.
    pub covers: Vec<String>,
    /// The steps that were played.
    pub steps: Vec<StepResult>,
    /// How many steps it has.
    pub step_count: usize,
    /// Why it could not be played to its end, if it could not.
    pub error: Option<String>,
    /// Where in the file the cause of that stands.
    pub error_at: Option<Place>,
    /// The engine's folder, where it was kept.
    pub data: Option<PathBuf>,
    /// How long it took.
    pub took_ms: f64,
}

/// All outcomes of a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// In the order they were played.
    pub scenarios: Vec<ScenarioResult>,
    /// Files that are no scenario files, and why.
    pub unreadable: Vec<String>,
}

impl ScenarioResult {
    /// Whether every step was played and came out as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.error.is_none()
            && self.steps.len() == self.step_count
            && self.steps.iter().all(|step| step.differences.is_empty())
    }

    fn failures(&self) -> usize {
        self.steps.iter().filter(|step| !step.differences.is_empty()).count()
    }

    fn file_name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl ScenarioResult {
    /// For people: a line, and of what differs the step, the messages both ways and every element
    /// that was expected otherwise; coloured where that is wanted.
    #[must_use]
    pub fn text(&self, colour: bool) -> String {
        let verdict = match (self.passed(), colour) {
            (true, false) => "ok  ".to_owned(),
            (true, true) => green("ok  "),
            (false, false) => "FAIL".to_owned(),
            (false, true) => red("FAIL"),
        };
        let (file, name) = (self.file_name(), &self.name);
        let (steps, ms) = (self.step_count, self.took_ms);
        let mut text = format!("{verdict}  {file}: {name} ({steps} steps, {ms:.0} ms)");
        for step in self.steps.iter().filter(|step| !step.differences.is_empty()) {
            text.push('\n');
            text.push_str(&step.text(&file, colour));
        }
        if let Some(error) = &self.error {
            let next = self.steps.len() + 1;
            let place = self.error_at.map(|place| format!(", {file}:{place}")).unwrap_or_default();
            let error = error.replace('\n', "\n        ");
            text.push_str(&format!("\n      stopped at step {next}{place}: {error}"));
        }
        if let Some(data) = &self.data {
            text.push_str(&format!("\n      data kept in {}", data.display()));
        }
        text
    }
}

impl fmt::Display for ScenarioResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

impl StepResult {
    /// The step, where it stands, and expected against got.
    fn text(&self, file: &str, colour: bool) -> String {
        let place = self.place.map(|place| format!(", {file}:{place}")).unwrap_or_default();
        let mut text = format!("      step {}{place}: {}", self.number, self.label);
        let in_table = |difference: &&super::Difference| {
            let table = self.messages.iter().flat_map(|table| &table.rows);
            let mut differing = table.filter(|row| row.differs);
            // What the table does not show: the record, the key that was exchanged.
            !differing.any(|row| {
                row.name == difference.what
                    || row.element.is_some_and(|de| {
                        difference.what == format!("DE {de}")
                            || difference.what.ends_with(&format!("(DE {de})"))
                    })
            })
        };
        let rest: Vec<_> = self.differences.iter().filter(in_table).collect();
        let width = |pick: fn(&super::Difference) -> &String| {
            rest.iter().map(|d| pick(d).chars().count()).max().unwrap_or_default()
        };
        let (what, expected) = (width(|d| &d.what), width(|d| &d.expected));
        for super::Difference { what: place, expected: wanted, got } in rest {
            let (wanted, got) = (format!("{wanted:<expected$}"), got.clone());
            let (wanted, got) = if colour { (green(&wanted), red(&got)) } else { (wanted, got) };
            text.push_str(&format!("\n      > {place:<what$}   expected {wanted}   got {got}"));
        }
        for line in self
            .messages
            .iter()
            .flat_map(|table| table.text(colour).lines().map(str::to_owned).collect::<Vec<_>>())
        {
            text.push_str(&format!("\n      {line}"));
        }
        text
    }
}

impl Report {
    /// Whether all that was asked for was played and passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.unreadable.is_empty()
            && !self.scenarios.is_empty()
            && self.scenarios.iter().all(ScenarioResult::passed)
    }

    /// JUnit XML: a suite per file, a case per scenario; a scenario that could not be played to its
    /// end is an error, one with a step that came out otherwise a failure.
    #[must_use]
    pub fn junit(&self) -> String {
        let mut files: Vec<&PathBuf> = self.scenarios.iter().map(|result| &result.file).collect();
        files.dedup();
        let mut suites = String::new();
        let (mut all, unreadable) = (Counts::default(), self.unreadable.len());
        for file in files {
            let of_file = || self.scenarios.iter().filter(|result| result.file == *file);
            let counts = of_file().fold(Counts::default(), Counts::with);
            all.add(&counts);
            let name = escape(&file.display().to_string());
            line(&mut suites, &format!("  <testsuite name=\"{name}\" {counts}>"));
            of_file().for_each(|result| junit_case(&mut suites, &name, result));
            line(&mut suites, "  </testsuite>");
        }
        for reason in &self.unreadable {
            let text = escape(reason);
            line(
                &mut suites,
                &format!(
                    "  <testsuite name=\"unreadable\" tests=\"1\" failures=\"0\" errors=\"1\" \
                     time=\"0.000\">\n    <testcase classname=\"unreadable\" name=\"file\">\n      \
                     <error message=\"{text}\"/>\n    </testcase>\n  </testsuite>"
                ),
            );
        }
        all.tests += unreadable;
        all.errors += unreadable;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"scenarios\" {all}>\n\
             {suites}</testsuites>\n"
        )
    }

    /// The whole report as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::json!({ "passed": self.passed(), "report": self }).to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.scenarios.iter().filter(|result| result.passed()).count();
        let failed = self.scenarios.len().saturating_sub(passed);
        let steps: usize = self.scenarios.iter().map(|result| result.steps.len()).sum();
        let wrong: usize = self.scenarios.iter().map(ScenarioResult::failures).sum();
        write!(f, "{passed} passed, {failed} failed; {steps} steps played, {wrong} of them wrong")?;
        if !self.unreadable.is_empty() {
            write!(f, "; {} files unreadable", self.unreadable.len())?;
        }
        let covers = self.scenarios.iter().filter(|result| result.passed());
        let rules: std::collections::BTreeSet<&str> =
            covers.flat_map(|result| &result.covers).map(String::as_str).collect();
        if rules.is_empty() {
            return Ok(());
        }
        let rules: Vec<&str> = rules.into_iter().collect();
        write!(f, "\nrules covered by what passed: {}", rules.join(" "))
    }
}

/// The attributes of a suite.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    ms: f64,
}

impl Counts {
    fn with(mut self, result: &ScenarioResult) -> Self {
        self.tests += 1;
        self.errors += usize::from(result.error.is_some());
        self.failures += usize::from(result.error.is_none() && !result.passed());
        self.ms += result.took_ms;
        self
    }

    fn add(&mut self, other: &Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.ms += other.ms;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tests, failures, errors, ms } = self;
        write!(
            f,
            "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\"",
            ms / 1000.0
        )
    }
}

fn junit_case(xml: &mut String, class: &str, result: &ScenarioResult) {
    let (name, seconds) = (escape(&result.name), result.took_ms / 1000.0);
    line(
        xml,
        &format!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds:.3}\">"),
    );
    if !result.covers.is_empty() {
        line(xml, "      <properties>");
        for rule in &result.covers {
            let rule = escape(rule);
            line(xml, &format!("        <property name=\"covers\" value=\"{rule}\"/>"));
        }
        line(xml, "      </properties>");
    }
    let text = escape(&result.to_string());
    if let Some(error) = &result.error {
        let message = escape(error.lines().next().unwrap_or_default());
        line(xml, &format!("      <error message=\"{message}\">{text}</error>"));
    } else if !result.passed() {
        let message = format!("{} steps not as expected", result.failures());
        line(xml, &format!("      <failure message=\"{message}\">{text}</failure>"));
    }
    line(xml, "    </testcase>");
}

fn line(xml: &mut String, text: &str) {
    // Writing to a String cannot fail.
    writeln!(xml, "{text}").unwrap_or_default();
}

/// XML text and attribute values; what XML 1.0 cannot carry becomes a question mark.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            character if character.is_control() => escaped.push('?'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::compare::{Difference, Looked};
    use super::super::diff::Table;
    use super::*;
    use crate::intent::Fields;
    use iso8583::FieldValue;
    use payment_types::Mti;

    fn table(differs: bool) -> Table {
        let fields = |values: &[(u8, &str)]| -> Fields {
            values.iter().map(|(de, text)| (*de, FieldValue::Text((*text).into()))).collect()
        };
        let mti = |text: &str| Mti::parse(text).unwrap();
        let request = fields(&[(2, "9417000000000016"), (11, "000002"), (41, "AGT00001")]);
        let answer = fields(&[(11, "000002"), (39, "00"), (41, "AGT00001")]);
        let looked = Looked {
            element: Some(39),
            what: "code (DE 39)".into(),
            expected: if differs { "61".into() } else { "00".into() },
            got: "00".into(),
            differs,
        };
        Table::new((mti("0200"), &request), Some((mti("0210"), &answer)), &[looked])
    }

    fn result(name: &str, differences: Vec<Difference>) -> ScenarioResult {
        let step = StepResult {
            number: 1,
            place: Some(Place { line: 9, column: 3 }),
            label: "send 0200 AGT00001 K1".into(),
            messages: Some(table(!differences.is_empty())),
            differences,
            took_ms: 1.0,
        };
        ScenarioResult {
            file: "tests/a.yaml".into(),
            name: name.into(),
            covers: vec!["AGT-1".into()],
            steps: vec![step],
            step_count: 1,
            error: None,
            error_at: None,
            data: None,
            took_ms: 5.0,
        }
    }

    fn report() -> Report {
        let code = Difference::new("code (DE 39)", "61", "00");
        let record = Difference::new("record.result", "\"cap_exceeded\"", "\"approved\"");
        let mut report = Report::default();
        report.scenarios.push(result("a card within its cap", vec![]));
        report.scenarios.push(result("more < less & \"so\"", vec![code, record]));
        let mut stopped = result("a card that is not there", vec![]);
        stopped.step_count = 2;
        stopped.error = Some("card \"K9\" is not in the portfolio".into());
        stopped.error_at = Some(Place { line: 10, column: 31 });
        report.scenarios.push(stopped);
        report.unreadable.push("b.yaml:2:1: unknown key `clokc` (did you mean `clock`?)".into());
        report
    }

    #[test]
    fn a_report_passes_only_if_all_of_it_did() {
        let mut report = Report::default();
        assert!(!report.passed(), "nothing played is no success");
        report.scenarios.push(result("good", vec![]));
        assert!(report.passed());
        report.scenarios[0].step_count = 2;
        assert!(!report.passed(), "a step was left out");
        report.scenarios[0].step_count = 1;
        report.unreadable.push("b.yaml: no".into());
        assert!(!report.passed());
    }

    #[test]
    fn what_differs_is_shown_with_its_place_and_both_messages() {
        let texts: Vec<String> = report().scenarios.iter().map(ToString::to_string).collect();
        let text = format!("{}\n", texts.join("\n"));
        assert_eq!(text, include_str!("report_golden.txt"), "\n{text}");
        assert!(!text.contains('\x1b'));
        let coloured = report().scenarios[1].text(true);
        assert!(coloured.starts_with("\x1b[1;31mFAIL\x1b[0m"), "{coloured}");
    }

    #[test]
    fn junit_says_the_same_to_a_machine() {
        let xml = report().junit();
        assert_eq!(xml, include_str!("report_golden.xml"), "\n{xml}");
    }

    #[test]
    fn json_has_every_element_of_both_messages() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(json["passed"], false);
        let step = &json["report"]["scenarios"][1]["steps"][0];
        assert_eq!(step["differences"][0]["got"], "00");
        assert_eq!(step["place"], serde_json::json!({"line": 9, "column": 3}));
        let rows = step["messages"]["rows"].as_array().unwrap();
        let code = rows.iter().find(|row| row["element"] == 39).unwrap();
        assert_eq!(code["expected"], "61 over the amount limit");
        assert_eq!((&code["got"], &code["differs"]), (&"00 approved".into(), &true.into()));
        assert_eq!(rows[0]["sent"], "941700******0016");
    }
}
