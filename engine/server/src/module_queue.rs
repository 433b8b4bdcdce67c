//! A listener's queue for a security module that may have to be waited for.
//!
//! A module outside the process (a network HSM, a token) can be slow or gone. What asks it runs on
//! threads of its own, never on the event loop; the queue before them is bounded, and what has
//! waited there too long is done without the module: the facts then say that it could not be asked,
//! and the core decides (PIN-1). The software module needs none of this and is called in place.

use crate::telemetry::ListenerMeter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How a listener asks a module outside the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleLimits {
    /// Threads: as many calls go on at a time.
    pub threads: usize,
    /// Messages that may wait.
    pub queue: usize,
    /// How long one may wait; after that it is done without the module.
    pub patience: Duration,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self { threads: 8, queue: 256, patience: Duration::from_secs(2) }
    }
}

/// Something to do; told whether its time has not run out.
pub(crate) type Task = Box<dyn FnOnce(bool) + Send>;

struct Waiting {
    since: Instant,
    task: Task,
}

/// See the module. Dropping it ends its threads once the queue is empty.
pub(crate) struct ModuleQueue {
    sender: SyncSender<Waiting>,
    shared: Arc<Shared>,
}

struct Shared {
    waiting: AtomicUsize,
    patience: Duration,
    meter: Arc<ListenerMeter>,
}

impl ModuleQueue {
    /// Starts the threads.
    pub(crate) fn start(limits: ModuleLimits, meter: Arc<ListenerMeter>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(limits.queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let shared =
            Arc::new(Shared { waiting: AtomicUsize::new(0), patience: limits.patience, meter });
        for _ in 0..limits.threads.max(1) {
            let (receiver, shared) = (Arc::clone(&receiver), Arc::clone(&shared));
            let builder = std::thread::Builder::new().name("security".into());
            builder.spawn(move || work(&receiver, &shared))?;
        }
        Ok(Self { sender, shared })
    }

    /// Puts a task into the queue; false if that is full.
    pub(crate) fn push(&self, task: Task) -> bool {
        let before = self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let taken = self.sender.try_send(Waiting { since: Instant::now(), task }).is_ok();
        if taken {
            self.shared.meter.module_queue(before + 1);
        } else {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        taken
    }
}

fn work(receiver: &Mutex<Receiver<Waiting>>, shared: &Shared) {
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Waiting { since, task }) = next else { return };
        let before = shared.waiting.fetch_sub(1, Ordering::Relaxed);
        shared.meter.module_queue(before.saturating_sub(1));
        task(since.elapsed() <= shared.patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_full_queue_takes_nothing_and_late_tasks_are_told() {
        let limits = ModuleLimits { threads: 1, queue: 2, patience: Duration::from_millis(30) };
        let meter = Arc::new(ListenerMeter::new(Arc::new(crate::live::Tally::new("queue"))));
        let queue = ModuleQueue::start(limits, meter).unwrap();
        let (go, wait) = channel::<()>();
        let (told, tells) = channel();
        let first = told.clone();
        assert!(queue.push(Box::new(move |in_time| {
            first.send(in_time).unwrap();
            wait.recv().unwrap();
        })));
        assert_eq!(tells.recv(), Ok(true));
        for _ in 0..2 {
            let told = told.clone();
            assert!(queue.push(Box::new(move |in_time| told.send(in_time).unwrap())));
        }
        assert!(!queue.push(Box::new(|_| ())), "the queue is full");
        std::thread::sleep(Duration::from_millis(60));
        go.send(()).unwrap();
        assert_eq!((tells.recv(), tells.recv()), (Ok(false), Ok(false)), "too late for them");
        let told = told.clone();
        assert!(queue.push(Box::new(move |in_time| told.send(in_time).unwrap())));
        assert_eq!(tells.recv(), Ok(true), "it recovers by itself");
    }
}
