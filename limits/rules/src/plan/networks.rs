//! Payment networks by card number, and whether they are registered (NET-1, NET-2).

use payment_types::{BusinessDate, Moment, Timestamp};

/// How a network stands with the National Bank at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkStanding {
    /// Registered.
    Registered,
    /// Its registration has not begun.
    NotYet,
    /// Its registration was cancelled.
    Cancelled,
    /// It is not in the register.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) network: u32,
    pub(crate) valid_from: BusinessDate,
    pub(crate) cancelled_at: Option<Timestamp>,
}

/// The register.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks {
    /// Lowest and highest eleven digits, network; the longest prefixes first.
    ranges: Vec<(u64, u64, u32)>,
    entries: Vec<Entry>,
}

const DIGITS: usize = 11;

impl Networks {
    /// Adds a network and its prefixes.
    pub(crate) fn add<'a>(&mut self, entry: Entry, prefixes: impl Iterator<Item = &'a str>) {
        for prefix in prefixes {
            let filled = |digit: &str| {
                let zeros = DIGITS.saturating_sub(prefix.len());
                format!("{prefix}{}", digit.repeat(zeros)).parse::<u64>()
            };
            if let (Ok(low), Ok(high)) = (filled("0"), filled("9")) {
                self.ranges.push((low, high, entry.network));
            }
        }
        self.ranges.sort_by_key(|(low, high, _)| (high - low, *low));
        self.entries.push(entry);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn of(&self, first_eleven: u64) -> Option<u32> {
        let holds = |range: &&(u64, u64, u32)| range.0 <= first_eleven && first_eleven <= range.1;
        self.ranges.iter().find(holds).map(|(_, _, network)| *network)
    }

    pub(crate) fn standing(&self, network: u32, at: Moment) -> NetworkStanding {
        let entry = self.entries.iter().find(|entry| entry.network == network);
        match entry {
            None => NetworkStanding::Unknown,
            Some(entry) if entry.cancelled_at.is_some_and(|moment| moment <= at.at) => {
                NetworkStanding::Cancelled
            }
            Some(entry) if at.business_date() < entry.valid_from => NetworkStanding::NotYet,
            Some(_) => NetworkStanding::Registered,
        }
    }
}
