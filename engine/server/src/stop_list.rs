//! `tamga stop-list`: entries for the stop-list from a file (BLK-5), all of them or none.
//!
//! CSV with a header: `card` or `from` and `to`, `until`, and if wanted `code` (04 or 07) and `action`
//! (add or delete). A range is of one to eight leading digits on both sides, or of whole card numbers:
//! then the cards in it go on the list one by one, which is possible up to [`CARDS_MOST`] of them,
//! since only eight leading digits of a number are kept anywhere.

use crate::card_numbers;
use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::remote::Remote;
use crate::replay::must_exist;
use authorization::{
    CardNumber, Command, Done, OnRequestOf, Outcome, Refusal, StopListAction, StopListed, StopTerms,
};
use payment_types::{BusinessDate, Pan, Timestamp};
use security::SecurityModule;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use utoipa::ToSchema;

/// The largest range of whole card numbers.
const CARDS_MOST: u64 = 10_000;
/// The largest file: what the API takes at once.
const FILE_MOST: u64 = 4 << 20;
/// As many wrong lines are told.
const SHOWN: usize = 50;
const COLUMNS: [&str; 6] = ["card", "from", "to", "until", "code", "action"];

/// What a file did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StopListSummary {
    /// New entries.
    pub added: u64,
    /// In place of entries that were there.
    pub replaced: u64,
    /// Taken off.
    pub removed: u64,
    /// To be taken off, and not there.
    pub missing: u64,
}

/// What `tamga stop-list` was told.
pub struct StopListOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// The file.
    pub file: PathBuf,
    /// A token of the API, for a running engine.
    pub token: Option<String>,
    /// Another time than the system's; only where no engine runs.
    pub test_clock: Option<Timestamp>,
}

/// Entries, and of each the line it stands in.
pub struct Entries {
    /// What to change.
    pub actions: Vec<StopListAction>,
    /// The line of each.
    pub lines: Vec<usize>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong, by line. Never shows a card number.
pub fn read(text: &str, security: &dyn SecurityModule) -> Result<Entries, Vec<String>> {
    let mut lines = (1usize..).zip(text.lines());
    let header = lines.next().map_or("", |(_, line)| line).trim_start_matches('\u{feff}');
    let separator = if header.contains(';') { ';' } else { ',' };
    let names: Vec<&str> = header.split(separator).map(str::trim).collect();
    if let Some(unknown) = names.iter().find(|name| !COLUMNS.contains(name)) {
        let known = COLUMNS.join(", ");
        let unknown = card_numbers::masked(unknown);
        return Err(vec![format!("1: {unknown:?} is no column; the header names {known}")]);
    }
    let mut entries = Entries { actions: Vec::new(), lines: Vec::new() };
    let mut wrong = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split(separator).map(str::trim).collect();
        let column = |name: &str| {
            let at = names.iter().position(|known| *known == name);
            at.and_then(|at| fields.get(at)).copied().unwrap_or_default()
        };
        let read = if fields.len() == names.len() {
            entry(column, security)
        } else {
            Err(format!("has {} columns, the header has {}", fields.len(), names.len()))
        };
        match read {
            Ok(actions) => {
                entries.lines.extend(std::iter::repeat_n(number, actions.len()));
                entries.actions.extend(actions);
            }
            Err(why) => wrong.push(format!("{number}: {why}")),
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
}

fn entry<'t>(
    column: impl Fn(&str) -> &'t str,
    security: &dyn SecurityModule,
) -> Result<Vec<StopListAction>, String> {
    let is_removal = match column("action") {
        "" | "add" => false,
        "delete" => true,
        _ => return Err("action: is neither add nor delete".to_owned()),
    };
    let special = match column("code") {
        "" | "04" => false,
        "07" => true,
        _ => return Err("code: is neither 04 nor 07".to_owned()),
    };
    let until = match column("until") {
        "" if is_removal => None,
        "" => return Err("until: is missing".to_owned()),
        text => Some(BusinessDate::parse(text).map_err(|error| format!("until: {error}"))?),
    };
    let action = |listed| match until.filter(|_| !is_removal) {
        Some(until) => StopListAction::Put(listed, StopTerms { until, special }),
        None => StopListAction::Remove(listed),
    };
    let listed = listed(&column, security)?;
    Ok(listed.into_iter().map(action).collect())
}

fn listed<'t>(
    column: &impl Fn(&str) -> &'t str,
    security: &dyn SecurityModule,
) -> Result<Vec<StopListed>, String> {
    let (card, from, to) = (column("card"), column("from"), column("to"));
    if card.is_empty() == (from.is_empty() && to.is_empty()) {
        return Err("has either card or from and to".to_owned());
    }
    let of = |pan: &Pan| {
        StopListed::Card(CardNumber {
            digest: security.pan_digest(pan),
            masked: pan.masked(),
            leading: pan.leading(),
        })
    };
    if !card.is_empty() {
        let pan = Pan::from_ascii(card.as_bytes()).map_err(|error| format!("card: {error}"))?;
        return Ok(vec![of(&pan)]);
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(from) || !digits(to) {
        return Err("from and to: must be digits".to_owned());
    }
    if from.len() <= 8 && to.len() <= 8 {
        let (from, to) = (filled(from, '0'), filled(to, '9'));
        let range = from.zip(to).filter(|(from, to)| from <= to);
        let (from, to) = range.ok_or("from: is above to")?;
        return Ok(vec![StopListed::Range { from, to }]);
    }
    if from.len() != to.len() || !(13..=19).contains(&from.len()) {
        return Err(
            "from and to: are one to eight leading digits each, or whole numbers".to_owned()
        );
    }
    Ok(cards_between(from, to)?.iter().map(of).collect())
}

fn filled(text: &str, fill: char) -> Option<u32> {
    let mut filled = text.to_owned();
    while filled.len() < 8 {
        filled.push(fill);
    }
    filled.parse().ok()
}

/// All card numbers with a right check digit between two, ends included.
fn cards_between(from: &str, to: &str) -> Result<Vec<Pan>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| "from and to: too long".to_owned());
    let (first, last) = (number(from)?, number(to)?);
    if first > last {
        return Err("from: is above to".to_owned());
    }
    if (last - first) / 10 >= CARDS_MOST {
        let hint = "give eight leading digits for more";
        return Err(format!("from and to: hold more than {CARDS_MOST} cards; {hint}"));
    }
    let width = from.len();
    let pans = (first..=last).filter_map(|number| {
        let pan = Pan::from_ascii(format!("{number:0width$}").as_bytes()).ok()?;
        pan.has_valid_check_digit().then_some(pan)
    });
    Ok(pans.collect())
}

/// Puts a file's entries on the list.
///
/// # Errors
/// Code 1 with the lines that are wrong, and nothing was changed.
pub fn stop_list(options: &StopListOptions) -> Result<StopListSummary, Failure> {
    let data = options.data.as_deref().unwrap_or(&options.config.store.path);
    must_exist(data)?;
    let path = &options.file;
    let told = std::fs::metadata(path).map_err(|error| Failure::file(path, "read", &error))?;
    if told.len() > FILE_MOST {
        let most = FILE_MOST >> 20;
        return Err(Failure::usage(format!("{}: is over {most} MiB; split it", path.display())));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::file(path, "read", &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match Offline::open(&options.config, data, options.test_clock) {
        Ok(mut offline) => here(&mut offline, &name, &text),
        Err(OfflineError::Locked(locked)) => {
            let remote = Remote::new(&options.config, options.token.as_deref(), &locked)?;
            remote.post("/stop-list", &[("file", name)], "text/csv", text.as_bytes())
        }
        Err(error) => Err(error.into()),
    }
}

fn here(offline: &mut Offline, name: &str, text: &str) -> Result<StopListSummary, Failure> {
    let entries = read(text, offline.opened.security.as_ref()).map_err(|wrong| {
        let mut lines: Vec<String> =
            wrong.iter().take(SHOWN).map(|line| format!("{name}:{line}")).collect();
        lines.push(format!("{} lines refused; nothing was changed", wrong.len()));
        Failure { code: 1, lines }
    })?;
    let by = OnRequestOf { entered_by: "tamga stop-list".into(), ..OnRequestOf::default() };
    let lines = entries.lines;
    let command = Command::StopList { file: name.into(), actions: entries.actions, by };
    let outcome = offline.execute(command)?;
    offline.commit()?;
    match outcome {
        Outcome::Done(Done::StopListChanged(done)) => Ok(done.into()),
        Outcome::Refused(Refusal::StopList(at)) => {
            Err(Failure::found(format!("{name}:{}", refused(&lines, at))))
        }
        other => Err(Failure::found(format!("refused: {other:?}"))),
    }
}

/// Which line the core refused, and why.
#[must_use]
pub fn refused(lines: &[usize], at: u64) -> String {
    let line = usize::try_from(at).ok().and_then(|at| lines.get(at)).copied().unwrap_or_default();
    format!("{line}: has ended, or overlaps another range; nothing was changed")
}

impl From<authorization::StopListDone> for StopListSummary {
    fn from(done: authorization::StopListDone) -> Self {
        let authorization::StopListDone { added, replaced, removed, missing } = done;
        Self { added, replaced, removed, missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use security::SoftwareModule;

    fn lines(text: &str) -> Result<Entries, Vec<String>> {
        read(text, &SoftwareModule::ephemeral_for_tests())
    }

    #[test]
    fn blk_5_cards_and_ranges_with_an_end() {
        let text = "card,from,to,until,code,action\n\
                    9417000000000016,,,2026-12-31,,\n\
                    ,9417,9418,2026-12-31,07,add\n\n\
                    9417000000000024,,,,,delete\n";
        let entries = lines(text).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        assert_eq!(entries.lines, [2, 3, 5]);
        let until = BusinessDate::parse("2026-12-31").unwrap();
        let range = StopListed::Range { from: 94_170_000, to: 94_189_999 };
        let special = StopListAction::Put(range, StopTerms { until, special: true });
        assert_eq!(entries.actions[1], special);
        assert!(matches!(entries.actions[2], StopListAction::Remove(StopListed::Card(_))));
    }

    #[test]
    fn pii_1_a_file_without_a_header_shows_no_card_number() {
        let Err(wrong) = lines("9417000000000016,2026-12-31\n") else { panic!("no header") };
        assert!(wrong[0].starts_with("1: \"941700******0016\" is no column"), "{wrong:?}");
    }

    #[test]
    fn blk_5_a_range_of_whole_numbers_becomes_its_cards() {
        let text = "from;to;until\n9417000000000000;9417000000000099;2026-12-31\n";
        let entries = lines(text).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        assert_eq!((entries.actions.len(), entries.lines), (10, vec![2; 10]));
    }

    #[test]
    fn what_is_wrong_is_told_by_line() {
        for (line, wrong) in [
            ("9417000000000016,,,,,", "until: is missing"),
            ("9417000000000016,,,tomorrow,,", "until: "),
            ("9417000000000016,9417,9418,2026-12-31,,", "has either"),
            (",,,2026-12-31,,", "has either"),
            (",9418,9417,2026-12-31,,", "from: is above to"),
            (",941700000,941700001,2026-12-31,,", "from and to: are one to eight"),
            (",9417000000000000,9417999999999999,2026-12-31,,", "from and to: hold more"),
            (",94x,95,2026-12-31,,", "from and to: must be digits"),
            ("94x,,,2026-12-31,,", "card: "),
            ("9417000000000016,,,2026-12-31,05,", "code: "),
            ("9417000000000016,,,2026-12-31,,gone", "action: "),
            ("9417000000000016", "has 1 columns"),
        ] {
            let text = format!("card,from,to,until,code,action\n{line}\n");
            let found = lines(&text).err().unwrap_or_else(|| panic!("{line} was taken"));
            assert!(found[0].starts_with(&format!("2: {wrong}")), "{line}: {found:?}");
        }
        assert!(lines("number\n").err().is_some_and(|wrong| wrong[0].contains("no column")));
    }
}
