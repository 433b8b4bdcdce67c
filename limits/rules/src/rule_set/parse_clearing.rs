//! How presentments are matched.

use super::Clearing;
use super::reader::{Findings, Section};

pub(super) fn clearing(top: &Section<'_>, found: &mut Findings<'_>) -> Clearing {
    let path = "clearing";
    let known = ["tolerance_percent"];
    let table = top.get(path).and_then(|table| Section::of(table, path, &known, found));
    let Some(table) = table else { return Clearing::default() };
    let told = table.count("tolerance_percent", found);
    if told.is_some_and(|percent| percent > 100) {
        table.wrong("tolerance_percent", "must be from 1 to 100", found);
    }
    let tolerance_percent = told.unwrap_or(Clearing::default().tolerance_percent);
    Clearing { tolerance_percent }
}
