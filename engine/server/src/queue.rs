//! The bounded queue in front of the shard: many producers, one consumer that takes batches.
//!
//! A plain lock around a ring: producers hold it for one copy, the consumer for one copy of the
//! whole batch, so that a busy shard pays for the lock once a batch and not once a request. A full
//! queue gives the item back at once; nobody waits for room (back-pressure is the caller's answer).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Why an item was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No room.
    Full,
    /// The consumer has stopped.
    Closed,
}

/// What [`Queue::take`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// At least one item.
    Items,
    /// Nothing in time.
    TimedOut,
    /// Closed, and everything that was in it has been taken.
    Closed,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<T> {
    items: VecDeque<T>,
    closed: bool,
    /// Whether the consumer sleeps, so that a push to a busy consumer costs no system call.
    asleep: bool,
}

impl<T> Queue<T> {
    /// A queue with room for `capacity` items.
    pub(crate) fn new(capacity: usize) -> Self {
        let items = VecDeque::with_capacity(capacity);
        let inner = Mutex::new(Inner { items, closed: false, asleep: false });
        Self { inner, filled: Condvar::new(), capacity }
    }

    /// A panic of another thread while it held the lock leaves the ring whole: every change of it
    /// is one call.
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item, if fewer than the capacity and `beyond` are waiting. `beyond` lets the few
    /// commands of operators in when requests have filled the queue.
    pub(crate) fn push(&self, item: T, beyond: usize) -> Result<(), (T, Refused)> {
        let mut inner = self.lock();
        if inner.closed {
            return Err((item, Refused::Closed));
        }
        if inner.items.len() >= self.capacity + beyond {
            return Err((item, Refused::Full));
        }
        inner.items.push_back(item);
        self.wake(inner);
        Ok(())
    }

    /// Adds items from the front of `items` as far as there is room; those left over stay.
    pub(crate) fn push_all(&self, items: &mut Vec<T>) -> Result<(), Refused> {
        if items.is_empty() {
            return Ok(());
        }
        let mut inner = self.lock();
        if inner.closed {
            return Err(Refused::Closed);
        }
        let room = self.capacity.saturating_sub(inner.items.len());
        let fitting = room.min(items.len());
        inner.items.extend(items.drain(..fitting));
        self.wake(inner);
        if items.is_empty() { Ok(()) } else { Err(Refused::Full) }
    }

    fn wake(&self, mut inner: MutexGuard<'_, Inner<T>>) {
        let asleep = std::mem::take(&mut inner.asleep);
        drop(inner);
        if asleep {
            self.filled.notify_one();
        }
    }

    /// Moves up to `most` items into `batch`, waiting for the first one at most `patience`.
    pub(crate) fn take(&self, batch: &mut Vec<T>, most: usize, patience: Duration) -> Taken {
        let mut inner = self.lock();
        if inner.items.is_empty() && !inner.closed {
            inner.asleep = true;
            inner = self
                .filled
                .wait_timeout_while(inner, patience, |inner| {
                    inner.items.is_empty() && !inner.closed
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            inner.asleep = false;
        }
        if inner.items.is_empty() {
            return if inner.closed { Taken::Closed } else { Taken::TimedOut };
        }
        let count = most.min(inner.items.len());
        batch.extend(inner.items.drain(..count));
        Taken::Items
    }

    /// Refuses everything from now on; what is in the queue can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    #[test]
    fn gives_back_what_does_not_fit() {
        let queue = Queue::new(2);
        let mut items = vec![1, 2, 3];
        assert_eq!(queue.push_all(&mut items), Err(Refused::Full));
        assert_eq!(items, [3]);
        assert_eq!(queue.push(4, 0), Err((4, Refused::Full)));
        assert_eq!(queue.push(4, 1), Ok(()), "the few beyond the capacity");
        let mut batch = Vec::new();
        assert_eq!(queue.take(&mut batch, 2, SOON), Taken::Items);
        assert_eq!(queue.take(&mut batch, 2, SOON), Taken::Items);
        assert_eq!(batch, [1, 2, 4]);
        assert_eq!(queue.take(&mut batch, 2, SOON), Taken::TimedOut);
    }

    #[test]
    fn a_closed_queue_is_emptied_and_takes_nothing_more() {
        let queue = Queue::new(4);
        queue.push(1, 0).unwrap();
        queue.close();
        assert_eq!(queue.push(2, 0), Err((2, Refused::Closed)));
        assert_eq!(queue.push_all(&mut vec![2]), Err(Refused::Closed));
        let mut batch = Vec::new();
        assert_eq!(queue.take(&mut batch, 9, SOON), Taken::Items);
        assert_eq!(queue.take(&mut batch, 9, SOON), Taken::Closed);
        assert_eq!((batch, queue.len()), (vec![1], 0));
    }

    #[test]
    fn a_sleeping_consumer_is_woken() {
        let queue = std::sync::Arc::new(Queue::new(1));
        let producer = std::sync::Arc::clone(&queue);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(SOON);
            producer.push(7, 0).unwrap();
        });
        let mut batch = Vec::new();
        assert_eq!(queue.take(&mut batch, 1, Duration::from_secs(10)), Taken::Items);
        assert_eq!(batch, [7]);
        thread.join().unwrap();
    }
}
