//! Seats for connections: so many and no more, and when all are taken the newcomer gets that of
//! whoever has used his least lately.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// All seats.
pub(super) struct Seats {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// Counts uses: the smaller the last use of a seat, the longer ago.
    uses: u64,
    by_use: BTreeSet<(u64, u64)>,
    holders: BTreeMap<u64, (u64, oneshot::Sender<()>)>,
    next: u64,
}

/// One connection's seat. Free again when dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    taken_away: oneshot::Receiver<()>,
    is_gone: bool,
}

impl Seats {
    /// So many.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), taken: Mutex::new(Taken::default()) }
    }

    /// A seat, if need be that of the connection that used its own least lately.
    pub(super) fn take(self: &Arc<Self>) -> Seat {
        let (give_up, taken_away) = oneshot::channel();
        let mut taken = self.lock();
        while taken.holders.len() >= self.most
            && let Some((_, number)) = taken.by_use.pop_first()
        {
            if let Some((_, give_up)) = taken.holders.remove(&number) {
                // One that is ending by itself does not listen any more.
                let _ended = give_up.send(());
            }
        }
        let number = taken.next;
        taken.next += 1;
        let used = taken.count();
        taken.by_use.insert((used, number));
        taken.holders.insert(number, (used, give_up));
        drop(taken);
        Seat { seats: Arc::clone(self), number, taken_away, is_gone: false }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Whoever panicked with it left whole seats behind: nothing here can end in between.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.lock().holders.len()
    }
}

impl Taken {
    fn count(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}

impl Seat {
    /// It was used just now.
    pub(super) fn renew(&self) {
        let mut taken = self.seats.lock();
        let now = taken.count();
        let Some((used, _)) = taken.holders.get_mut(&self.number) else { return };
        let before = std::mem::replace(used, now);
        taken.by_use.remove(&(before, self.number));
        taken.by_use.insert((now, self.number));
    }

    /// Whether somebody else has it now; wakes the task when that comes.
    pub(super) fn is_taken_away(&mut self, context: &mut Context<'_>) -> bool {
        if !self.is_gone {
            self.is_gone = Pin::new(&mut self.taken_away).poll(context).is_ready();
        }
        self.is_gone
    }

    /// Waits until somebody else has it.
    pub(super) async fn taken_away(&mut self) {
        std::future::poll_fn(|context| match self.is_taken_away(context) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some((used, _)) = taken.holders.remove(&self.number) {
            taken.by_use.remove(&(used, self.number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn is_taken_away(seat: &mut Seat) -> bool {
        seat.is_taken_away(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_one_who_used_his_least_lately_gives_up_his_seat() {
        let seats = Arc::new(Seats::new(2));
        let (mut slow, mut busy) = (seats.take(), seats.take());
        slow.renew();
        busy.renew();
        let mut new = seats.take();
        assert!(is_taken_away(&mut slow) && !is_taken_away(&mut busy));
        assert!(!is_taken_away(&mut new));
        // What it says now renews nothing.
        slow.renew();
        let newer = seats.take();
        assert!(is_taken_away(&mut busy) && !is_taken_away(&mut new));
        drop((slow, busy));
        assert_eq!(seats.count(), 2);
        drop((new, newer));
        assert_eq!(seats.count(), 0);
        let mut alone = seats.take();
        assert!(!is_taken_away(&mut alone));
    }
}
