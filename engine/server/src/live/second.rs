//! One second of the engine's life, as consoles draw it.

use super::tally::Emptied;
use authorization::ResultCode;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// `event: second`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Second {
    /// When it ended, by the engine's clock.
    pub(crate) at: String,
    /// The same in seconds since 1970 by the machine's clock: also under a test clock, each has its
    /// own.
    pub(crate) tick: u64,
    /// Requests answered in it.
    pub(crate) per_second: u32,
    pub(crate) approved: u32,
    pub(crate) declined: u32,
    /// Approved of all that was answered, 0 to 1; none where nothing was.
    pub(crate) approval_share: Option<f64>,
    /// By DE 39 (the engine's own, before a listener's table).
    pub(crate) codes: BTreeMap<&'static str, u32>,
    /// From a request's last byte to its answer's encoding, microseconds; at most a sixteenth too
    /// high.
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    pub(crate) listeners: Vec<ListenerSecond>,
    /// Devices that sent something in the last ten minutes.
    pub(crate) terminals_online: usize,
    /// Requests and commands that wait for the shard.
    pub(crate) queue: usize,
    pub(crate) journal: JournalSecond,
}

/// A listener's part.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ListenerSecond {
    pub(crate) name: String,
    pub(crate) per_second: u32,
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    /// Open now.
    pub(crate) connections: usize,
    /// Devices online by it.
    pub(crate) terminals: usize,
}

/// The journal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct JournalSecond {
    /// The last sequence on stable storage.
    pub(crate) durable: u64,
    /// How long the last commit took, microseconds.
    pub(crate) commit_us: u64,
}

/// How many of each were approved, declined, and had which DE 39.
pub(crate) fn codes(emptied: &Emptied) -> (u32, u32, BTreeMap<&'static str, u32>) {
    let (mut approved, mut declined, mut codes) = (0u32, 0u32, BTreeMap::<_, u32>::new());
    for (result, count) in ResultCode::ALL.iter().zip(&emptied.results) {
        if *count == 0 {
            continue;
        }
        let side = if result.is_approval() { &mut approved } else { &mut declined };
        *side = side.saturating_add(*count);
        let code = codes.entry(result.code()).or_default();
        *code = code.saturating_add(*count);
    }
    (approved, declined, codes)
}

/// `part` of `all`, 0 to 1, in ten-thousandths.
pub(crate) fn share(part: u32, all: u32) -> Option<f64> {
    (all > 0).then(|| (f64::from(part) / f64::from(all) * 10_000.0).round() / 10_000.0)
}
