//! Questions about what was: answered by replays on threads of their own, few at a time and not for
//! longer than somebody waits.

use super::context::HttpContext;
use super::problem::Problem;
use crate::effect::{Travel, step_back, travel};
use crate::failure::Failure;
use crate::replay::Run;
use payment_types::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;

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
    let busy = |_| Problem::too_busy("other replays run for questions like this; ask again soon");
    let _place = context.travels().try_acquire().map_err(busy)?;
    let data = context.running()?.data.clone();
    let wanted = Wanted(Arc::default());
    let progress = Arc::clone(&wanted.0);
    let (reply, replay) = oneshot::channel();
    let spawned = std::thread::Builder::new().name("look-back".into()).spawn(move || {
        step_back();
        let answer = travel(&data, most, until, &progress).and_then(|run| look(run, &progress));
        // Whoever asked may have gone.
        let _gone = reply.send(answer.map_err(|failure| failure.lines.join("; ")));
    });
    spawned.map_err(|error| Problem::internal(&format!("no thread for a replay: {error}")))?;
    match tokio::time::timeout(PATIENCE, replay).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => {
            Err(Problem::conflict(format!("cannot be replayed: {error}"), "TXN-8"))
        }
        Ok(Err(_)) => Err(Problem::internal("a replay ended on a fault of the program")),
        Err(_) => {
            let (told, most) = (wanted.0.told(), PATIENCE.as_secs());
            Err(Problem::too_busy(format!("it takes longer than {most} s: {told}")))
        }
    }
}
