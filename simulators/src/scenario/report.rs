//! What came of the scenarios: for people, for CI (JUnit) and for scripts (JSON).

use super::steps::StepResult;
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

impl fmt::Display for ScenarioResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed() { "ok  " } else { "FAIL" };
        let (file, name) = (self.file_name(), &self.name);
        let (steps, ms) = (self.step_count, self.took_ms);
        write!(f, "{verdict}  {file}: {name} ({steps} steps, {ms:.0} ms)")?;
        for step in self.steps.iter().filter(|step| !step.differences.is_empty()) {
            write!(f, "\n{step}")?;
        }
        if let Some(error) = &self.error {
            let next = self.steps.len() + 1;
            write!(f, "\n      stopped at step {next}: {}", error.replace('\n', "\n        "))?;
        }
        if let Some(data) = &self.data {
            write!(f, "\n      data kept in {}", data.display())?;
        }
        Ok(())
    }
}

impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(", line {line}")).unwrap_or_default();
        write!(f, "      step {}{line}: {}", self.number, self.label)?;
        let width = |text: fn(&super::Difference) -> &String| {
            self.differences.iter().map(|d| text(d).chars().count()).max().unwrap_or_default()
        };
        let (what, expected) = (width(|d| &d.what), width(|d| &d.expected));
        for difference in &self.differences {
            let super::Difference { what: place, expected: wanted, got } = difference;
            write!(f, "\n        {place:<what$}   expected {wanted:<expected$}   got {got}")?;
        }
        for line in self.transcript.lines() {
            write!(f, "\n          {line}")?;
        }
        Ok(())
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

    /// JUnit XML: a suite per file, a case per scenario.
    #[must_use]
    pub fn junit(&self) -> String {
        let mut files: Vec<&PathBuf> = self.scenarios.iter().map(|result| &result.file).collect();
        files.dedup();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        for file in files {
            let of_file = || self.scenarios.iter().filter(|result| result.file == *file);
            let (tests, name) = (of_file().count(), escape(&file.display().to_string()));
            let failures = of_file().filter(|result| !result.passed()).count();
            let seconds = of_file().map(|result| result.took_ms).sum::<f64>() / 1000.0;
            line(
                &mut xml,
                &format!(
                    "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" \
                     time=\"{seconds:.3}\">"
                ),
            );
            of_file().for_each(|result| junit_case(&mut xml, &name, result));
            line(&mut xml, "  </testsuite>");
        }
        for reason in &self.unreadable {
            let text = escape(reason);
            line(
                &mut xml,
                &format!(
                    "  <testsuite name=\"unreadable\" tests=\"1\" failures=\"1\">\n    \
                     <testcase name=\"file\"><failure>{text}</failure></testcase>\n  </testsuite>"
                ),
            );
        }
        xml.push_str("</testsuites>\n");
        xml
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

fn junit_case(xml: &mut String, class: &str, result: &ScenarioResult) {
    let (name, seconds) = (escape(&result.name), result.took_ms / 1000.0);
    let open = format!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds:.3}\"");
    if result.passed() {
        line(xml, &format!("{open}/>"));
        return;
    }
    let message = format!("{} steps not as expected", result.failures());
    let text = escape(&result.to_string());
    line(
        xml,
        &format!("{open}>\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>"),
    );
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
    use super::super::Difference;
    use super::*;

    fn result(name: &str, differences: Vec<Difference>) -> ScenarioResult {
        let step = StepResult {
            number: 1,
            line: Some(9),
            label: "send 0200 POS00001 K1".into(),
            differences,
            transcript: "  2  card number   941700******0016\n".into(),
            took_ms: 1.0,
        };
        ScenarioResult {
            file: "a.yaml".into(),
            name: name.into(),
            covers: vec!["AGT-1".into()],
            steps: vec![step],
            step_count: 1,
            error: None,
            data: None,
            took_ms: 5.0,
        }
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
    fn failures_are_readable_and_survive_xml() {
        let difference = Difference::new("code (DE 39)", "00", "61");
        let mut report = Report::default();
        report.scenarios.push(result("more < less & \"so\"", vec![difference]));
        let text = report.scenarios[0].to_string();
        assert!(text.contains("step 1, line 9: send 0200 POS00001 K1"), "{text}");
        assert!(text.contains("code (DE 39)   expected 00   got 61"), "{text}");
        assert!(text.contains("941700******0016"), "{text}");
        let xml = report.junit();
        assert!(xml.contains("name=\"more &lt; less &amp; &quot;so&quot;\""), "{xml}");
        assert!(xml.contains("failures=\"1\"") && xml.contains("<failure message="), "{xml}");
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["passed"], false);
        assert_eq!(json["report"]["scenarios"][0]["steps"][0]["differences"][0]["got"], "61");
    }
}
