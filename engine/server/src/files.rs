//! Open files: every connection is one, and so are the journal's segments and the read model. The
//! engine sees to it before it listens that connections can't take what those need: without a file
//! for the next segment it would have to stop.

use crate::config::ListenerConfig;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// For what else the engine has open: journal, snapshots, read model, log, the system's own.
const BESIDES: usize = 192;
/// Connections of the HTTP side where files are plenty.
pub(crate) const HTTP_CONNECTIONS: usize = 512;

/// How many connections there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Of each listener, in the configuration's order.
    pub(crate) listeners: Vec<usize>,
    /// Of the HTTP side.
    pub(crate) http: usize,
}

/// Raises the limit of open files as far as it must and may be, and shares what it allows.
pub(crate) fn share(listeners: &[ListenerConfig]) -> Shares {
    let wanted: Vec<usize> = listeners.iter().map(|listener| listener.connections_max).collect();
    let all = wanted.iter().sum::<usize>().saturating_add(HTTP_CONNECTIONS + BESIDES);
    let allowed = raise(u64::try_from(all).unwrap_or(u64::MAX));
    let shares = shares(&wanted, usize::try_from(allowed).unwrap_or(usize::MAX));
    for (listener, taken) in listeners.iter().zip(&shares.listeners) {
        if *taken < listener.connections_max {
            warn!(
                listener = %listener.name, configured = listener.connections_max, taken = *taken,
                "the system allows {allowed} open files: the listener takes fewer connections than \
                 it is configured for; raise the limit to {all} (LimitNOFILE=, ulimit -n)"
            );
        }
    }
    shares
}

/// What each may take of `allowed` files: all it wants, or its part of what is left.
fn shares(wanted: &[usize], allowed: usize) -> Shares {
    let sum = wanted.iter().sum::<usize>();
    let http = HTTP_CONNECTIONS.min(allowed / 4).max(1);
    let rest = allowed.saturating_sub(BESIDES + http);
    if rest >= sum {
        return Shares { listeners: wanted.to_vec(), http };
    }
    // Both factors are below 2^32 and their product below 2^64.
    let part = |wanted: &usize| (wanted.saturating_mul(rest) / sum).max(1);
    Shares { listeners: wanted.iter().map(part).collect(), http }
}

/// Raises the soft limit towards `wanted`, no further than the hard one, and tells what it is.
fn raise(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(current) = current.filter(|current| *current < wanted) else {
        return current.unwrap_or(u64::MAX);
    };
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }) {
        Ok(()) => most,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_the_files_of_the_journal() {
        for allowed in [256, 1024, 4096, 20_000] {
            for wanted in [vec![4096], vec![4096, 4096, 512], vec![10, 100_000]] {
                let shares = shares(&wanted, allowed);
                let taken = shares.listeners.iter().sum::<usize>() + shares.http;
                // But for the one that each has in any case.
                assert!(taken + BESIDES <= allowed + wanted.len());
                assert!(shares.listeners.iter().zip(&wanted).all(|(took, want)| took <= want));
                assert!(shares.listeners.iter().all(|took| *took > 0) && shares.http > 0);
            }
        }
        let plenty = shares(&[4096, 10], 10_000);
        assert_eq!(plenty, Shares { listeners: vec![4096, 10], http: HTTP_CONNECTIONS });
        assert_eq!(shares(&[4096, 4096], 1024).listeners, [288, 288]);
    }
}
