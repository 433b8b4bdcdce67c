//! Questions about what was: answered by replays on threads of their own, few at a time and not for
//! longer than somebody waits.

use super::context::HttpContext;
use super::problem::Problem;
use crate::effect::{Travel, step_back, travel};
use crate::failure::Failure;
use crate::fault::alone;
use crate::replay::Run;
use payment_types::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// How long a replay for a question may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Cancels a replay when nobody waits for it any more.
struct Wanted(Arc<Travel>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}

/// Looks at the state after record `most` or, with `until`, after the last record up to then.
pub(super) async fn look_back<R: Send + 'static>(
    context: &HttpContext,
    most: u64,
    until: Option<Timestamp>,
    look: impl FnOnce(Run, &Travel) -> Result<R, Failure> + Send + 'static,
) -> Result<R, Problem> {
    let data = context.running()?.data.clone();
    on_a_thread(context.travels(), PATIENCE, move |progress| {
        travel(&data, most, until, progress).and_then(|run| look(run, progress))
    })
    .await
}

/// Runs a replay on a thread of its own, which keeps its place until it has ended: whoever hangs up
/// sets nothing free that still runs.
async fn on_a_thread<R: Send + 'static>(
    places: &Arc<Semaphore>,
    patience: Duration,
    replay: impl FnOnce(&Travel) -> Result<R, Failure> + Send + 'static,
) -> Result<R, Problem> {
    let busy = |_| Problem::too_busy("other replays run for questions like this; ask again soon");
    let place = Arc::clone(places).try_acquire_owned().map_err(busy)?;
    let wanted = Wanted(Arc::default());
    let progress = Arc::clone(&wanted.0);
    let (reply, answer) = oneshot::channel();
    let spawned = std::thread::Builder::new().name("look-back".into()).spawn(move || {
        step_back();
        let ended = alone(|| replay(&progress).map_err(|failure| failure.lines.join("; ")));
        drop(place);
        // Whoever asked may have gone.
        let _gone = reply.send(ended);
    });
    spawned.map_err(|error| Problem::internal(&format!("no thread for a replay: {error}")))?;
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(Ok(Ok(answer)))) => Ok(answer),
        Ok(Ok(Ok(Err(error)))) => {
            Err(Problem::conflict(format!("cannot be replayed: {error}"), "TXN-8"))
        }
        Ok(Ok(Err(fault))) => Err(Problem::internal(fault)),
        Ok(Err(_)) => Err(Problem::internal("a replay ended without an answer")),
        Err(_) => {
            let (told, most) = (wanted.0.told(), patience.as_secs());
            Err(Problem::too_busy(format!("it takes longer than {most} s: {told}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    /// A replay that goes on until it is told to end, whether wanted or not.
    fn slow() -> (Sender<()>, impl FnOnce(&Travel) -> Result<bool, Failure> + Send + 'static) {
        let (end, ended) = channel::<()>();
        let replay = move |travel: &Travel| {
            let _ended = ended.recv();
            Ok(travel.cancelled.load(Ordering::Relaxed))
        };
        (end, replay)
    }

    #[tokio::test]
    async fn whoever_hangs_up_sets_no_place_free_that_is_still_taken() {
        let places = Arc::new(Semaphore::new(2));
        let short = Duration::from_millis(1);
        let ((first, one), (second, two)) = (slow(), slow());
        for replay in
            [Box::pin(on_a_thread(&places, short, one)), Box::pin(on_a_thread(&places, short, two))]
        {
            assert!(replay.await.unwrap_err().detail().contains("takes longer"));
        }
        let long = Duration::from_secs(20);
        let refused = on_a_thread(&places, long, |_| Ok(())).await.unwrap_err();
        assert!(refused.detail().contains("other replays run"), "both threads still run");
        first.send(()).unwrap();
        let _free = places.acquire().await.unwrap();
        second.send(()).unwrap();
        let _free = places.acquire().await.unwrap();
    }

    #[tokio::test]
    async fn a_replay_is_told_that_nobody_waits_and_a_fault_of_it_is_its_own() {
        let places = Arc::new(Semaphore::new(1));
        let (end, replay) = slow();
        let (told, cancelled) = channel();
        let replay = move |travel: &Travel| {
            told.send(replay(travel)?).map_err(|_| Failure::found("nobody".to_owned()))
        };
        let asked = on_a_thread(&places, Duration::from_millis(1), replay).await;
        assert!(asked.is_err());
        end.send(()).unwrap();
        assert_eq!(cancelled.recv(), Ok(true));
        drop(places.acquire().await.unwrap());
        let fault = |_: &Travel| -> Result<(), Failure> { panic!("a fault of the replay") };
        let failed = on_a_thread(&places, Duration::from_secs(20), fault).await.unwrap_err();
        assert!(failed.detail().contains("fault of the program"), "{failed:?}");
        drop(places.acquire().await.unwrap());
    }
}
