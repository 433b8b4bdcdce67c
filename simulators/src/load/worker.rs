//! A thread that drives its share of the connections: one small runtime, no locks on the way.
//!
//! Writes are coalesced: everything that is due for a connection when the thread gets to it goes
//! out in one call. Reads take what is there and are parsed at once.

use super::lane::{Frame, Order, Talk};
use super::pace::{Alarm, Schedule};
use super::stats::Tally;
use super::template::WireTime;
use super::{Live, Plan};
use crate::SimError;
use bytes::BytesMut;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::LocalSet;

const HOUSEKEEPING: Duration = Duration::from_millis(50);
/// With an oracle, which has things of its own to do in time.
const HOUSEKEEPING_JUDGED: Duration = Duration::from_millis(5);
/// For the buffers of all connections together.
const BUFFERS: usize = 64 << 20;
const READ_SIZE: usize = 1 << 16;
const READ_SIZE_LEAST: usize = 1 << 12;
const RECONNECT_AFTER: Duration = Duration::from_millis(200);
/// Connections that are being opened at a time.
const CONNECTING: usize = 64;
/// Sooner than this is not worth going to sleep for.
const NAP_SHORTEST: Duration = Duration::from_micros(20);

/// A lane with its socket.
struct Cable {
    lane: RefCell<Box<dyn Talk>>,
    writer: RefCell<Option<Rc<OwnedWriteHalf>>>,
    /// Rings when the lane may send again, or has something to write that did not fit.
    wake: Notify,
}

/// What the tasks of a worker share.
struct Bench {
    plan: Arc<Plan>,
    live: Arc<Mutex<Live>>,
    tally: RefCell<Tally>,
    time: Cell<WireTime>,
    /// How many more messages may be sent.
    budget: Cell<u64>,
    cables: Vec<Rc<Cable>>,
    read_size: usize,
    /// Connections left open that nobody looks at any more.
    silent: RefCell<Vec<(OwnedReadHalf, Rc<OwnedWriteHalf>)>>,
}

/// Runs the lanes to the end of the plan, and gives them back; blocks.
///
/// # Errors
/// [`SimError::Connection`] if one cannot connect at the start.
pub(crate) fn run(
    plan: Arc<Plan>,
    live: Arc<Mutex<Live>>,
    lanes: Vec<Box<dyn Talk>>,
    schedule: Option<Schedule>,
    budget: u64,
) -> Result<Vec<Box<dyn Talk>>, SimError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
    let cable = |lane| {
        let (lane, writer) = (RefCell::new(lane), RefCell::new(None));
        Rc::new(Cable { lane, writer, wake: Notify::new() })
    };
    let bench = Rc::new(Bench {
        time: Cell::new(plan.wire_time()),
        live,
        tally: RefCell::new(Tally::new()?),
        budget: Cell::new(budget),
        read_size: (BUFFERS / lanes.len().max(1)).clamp(READ_SIZE_LEAST, READ_SIZE),
        silent: RefCell::default(),
        cables: lanes.into_iter().map(cable).collect(),
        plan,
    });
    let local = LocalSet::new();
    local.block_on(&runtime, drive(bench.clone(), schedule))?;
    // Ends the conversations, so that only the bench holds the lanes.
    drop(local);
    let bench = Rc::into_inner(bench).map(|bench| bench.cables).unwrap_or_default();
    let lane = |cable| Rc::into_inner(cable).map(|cable: Cable| cable.lane.into_inner());
    Ok(bench.into_iter().filter_map(lane).collect())
}

async fn drive(bench: Rc<Bench>, schedule: Option<Schedule>) -> Result<(), SimError> {
    let mut readers = Vec::new();
    for some in bench.cables.chunks(CONNECTING) {
        let connect = |cable: &Rc<Cable>| {
            let (bench, cable) = (bench.clone(), cable.clone());
            tokio::task::spawn_local(async move { bench.connect(&cable).await })
        };
        let connecting: Vec<_> = some.iter().map(connect).collect();
        for connected in connecting {
            let died = |error: tokio::task::JoinError| SimError::Setting(error.to_string());
            readers.push(connected.await.map_err(died)??);
        }
    }
    // All connections of all workers stand before the first message is due.
    if !bench.plan.gate.pass() {
        return Ok(());
    }
    bench.plan.start_clock();
    let mut tasks = Vec::new();
    for (cable, reader) in bench.cables.iter().zip(readers) {
        tasks.push(tokio::task::spawn_local(converse(bench.clone(), cable.clone(), reader)));
    }
    tasks.push(tokio::task::spawn_local(keep_house(bench.clone())));
    if let Some(schedule) = schedule {
        dispatch(&bench, schedule).await;
    } else {
        let alarm = Alarm::new();
        while bench.may_send(bench.plan.now_ns()) {
            alarm.wait(Duration::from_millis(5)).await;
        }
    }
    bench.wind_down().await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    bench.publish();
    Ok(())
}

/// Hands out messages as they fall due, to the connections in turn.
async fn dispatch(bench: &Bench, mut schedule: Schedule) {
    let alarm = Alarm::new();
    let mut turn = (0..bench.cables.len()).cycle();
    // Those that got something to send, each once or a few times.
    let mut touched: Vec<usize> = Vec::new();
    loop {
        let now = bench.plan.now_ns();
        if !bench.may_send(now) {
            return;
        }
        while bench.budget.get() > 0
            && let Some(due) = schedule.due(now)
            && due < bench.plan.end_ns()
            && let Some(next) = turn.next()
        {
            bench.spend();
            if let Some(cable) = bench.cables.get(next) {
                let mut lane = cable.lane.borrow_mut();
                lane.submit(due, now, &bench.frame(), &mut bench.tally.borrow_mut());
                touched.push(next);
            }
        }
        // A turn that is longer than the round of all connections comes by some of them again.
        touched.truncate(bench.cables.len());
        for cable in touched.drain(..).filter_map(|at| bench.cables.get(at)) {
            if !cable.flush() {
                cable.wake.notify_one();
            }
        }
        let next = schedule.next_ns().min(bench.plan.end_ns());
        let nap = Duration::from_nanos(next.saturating_sub(bench.plan.now_ns()));
        if nap > NAP_SHORTEST { alarm.wait(nap).await } else { tokio::task::yield_now().await }
    }
}

/// One connection: reads answers, sends what there is to send, connects again when it breaks.
async fn converse(bench: Rc<Bench>, cable: Rc<Cable>, mut reader: OwnedReadHalf) {
    loop {
        let ended = until_broken(&bench, &cable, &mut reader).await;
        let writer = cable.writer.replace(None);
        match (ended, writer) {
            (Some(Order::GoSilent), Some(writer)) => {
                bench.silent.borrow_mut().push((reader, writer));
            }
            _ => drop(reader),
        }
        let (now, warm_up) = (bench.plan.now_ns(), bench.plan.warm_up_ns());
        cable.lane.borrow_mut().lose(now, warm_up, &mut bench.tally.borrow_mut());
        let mut pause = if ended.is_some() { Duration::ZERO } else { RECONNECT_AFTER };
        reader = loop {
            tokio::time::sleep(pause).await;
            match bench.connect(&cable).await {
                Ok(again) => break again,
                Err(_) => pause = RECONNECT_AFTER,
            }
        };
    }
}

/// What ended the connection, where it was the lane.
async fn until_broken(bench: &Bench, cable: &Cable, reader: &mut OwnedReadHalf) -> Option<Order> {
    let writer = cable.writer.borrow().clone()?;
    let mut buffer = BytesMut::with_capacity(bench.read_size);
    let mut deaf_until = 0;
    loop {
        bench.refill(cable);
        let has_more = !cable.flush();
        let order = cable.lane.borrow_mut().order();
        match order {
            Some(Order::StopReading(time)) => deaf_until = bench.plan.now_ns() + time,
            Some(order) => return Some(order),
            None => {}
        }
        if bench.plan.now_ns() < deaf_until {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        }
        buffer.reserve(bench.read_size / 4);
        tokio::select! {
            read = reader.read_buf(&mut buffer) => match read {
                Ok(1..) if bench.take(cable, &mut buffer) => {}
                _ => return None,
            },
            () = cable.wake.notified() => {}
            ready = writer.writable(), if has_more => if ready.is_err() { return None },
        }
    }
}

/// Times out what waits too long, and publishes the counts.
async fn keep_house(bench: Rc<Bench>) {
    let pause = if bench.plan.judged { HOUSEKEEPING_JUDGED } else { HOUSEKEEPING };
    let mut tick = tokio::time::interval(pause);
    let mut published = 0;
    loop {
        tick.tick().await;
        bench.time.set(bench.plan.wire_time());
        bench.expire();
        let now = bench.plan.now_ns();
        if now.saturating_sub(published) >= super::nanoseconds(HOUSEKEEPING) {
            published = now;
            bench.publish();
        }
    }
}

impl Cable {
    /// Writes what there is; false if something is left.
    fn flush(&self) -> bool {
        let Some(writer) = self.writer.borrow().clone() else { return true };
        let mut lane = self.lane.borrow_mut();
        let out = lane.out();
        let mut written = 0;
        while let Some(rest) = out.get(written..).filter(|rest| !rest.is_empty()) {
            match writer.try_write(rest) {
                Ok(count) => written += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // The reader will see it too, and connect again.
                Err(_) => break,
            }
        }
        out.drain(..written);
        out.is_empty()
    }
}

impl Bench {
    async fn connect(&self, cable: &Cable) -> Result<OwnedReadHalf, SimError> {
        let target = self.plan.endpoint.target();
        let failed = |cause| SimError::Connection { target: target.to_owned(), cause };
        let stream = TcpStream::connect(target).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (reader, writer) = stream.into_split();
        cable.writer.replace(Some(Rc::new(writer)));
        Ok(reader)
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            cards: &self.plan.cards,
            picker: &self.plan.picker,
            dialect: self.plan.endpoint.dialect(),
            warm_up_ns: self.plan.warm_up_ns(),
            end_ns: self.plan.end_ns(),
            echo: self.plan.echo,
            time: self.time.get(),
        }
    }

    fn may_send(&self, now_ns: u64) -> bool {
        now_ns < self.plan.end_ns() && self.budget.get() > 0 && !self.plan.stop.is_set()
    }

    fn spend(&self) {
        self.budget.set(self.budget.get().saturating_sub(1));
    }

    /// In a closed loop: sends while there is room. In an open one: sends what had to wait.
    fn refill(&self, cable: &Cable) {
        let now = self.plan.now_ns();
        let mut lane = cable.lane.borrow_mut();
        let mut tally = self.tally.borrow_mut();
        if self.plan.is_open_loop {
            lane.catch_up(now, &self.frame(), &mut tally);
            return;
        }
        while lane.has_room() && self.may_send(now) {
            self.spend();
            lane.submit(now, now, &self.frame(), &mut tally);
        }
    }

    /// Takes the whole frames of the buffer; false if it holds no frames.
    fn take(&self, cable: &Cable, buffer: &mut BytesMut) -> bool {
        let now = self.plan.now_ns();
        let mut lane = cable.lane.borrow_mut();
        let mut tally = self.tally.borrow_mut();
        loop {
            match self.plan.endpoint.framing().next_frame(buffer) {
                Ok(Some(cut)) => lane.take(&cut.body, now, &self.frame(), &mut tally),
                Ok(None) => return true,
                Err(_) => {
                    tally.strange += 1;
                    return false;
                }
            }
        }
    }

    fn expire(&self) {
        let (now, deadline) = (self.plan.now_ns(), self.plan.deadline_ns);
        for cable in &self.cables {
            let mut lane = cable.lane.borrow_mut();
            let mut tally = self.tally.borrow_mut();
            let expired = lane.expire(now, deadline, self.plan.warm_up_ns(), &mut tally);
            if lane.tick(now, &self.frame(), &mut tally) || expired {
                cable.wake.notify_one();
            }
        }
    }

    /// Waits for what is on its way, no longer than the deadline.
    async fn wind_down(&self) {
        // An oracle's terminals repeat what was not answered until it is.
        let times = if self.plan.judged { 3 } else { 1 };
        let latest = self.plan.now_ns().saturating_add(self.plan.deadline_ns * times);
        let idle = || self.cables.iter().all(|cable| cable.lane.borrow().is_idle());
        while !idle() && self.plan.now_ns() < latest {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let now = self.plan.now_ns();
        for cable in &self.cables {
            let mut lane = cable.lane.borrow_mut();
            let mut tally = self.tally.borrow_mut();
            lane.expire(now.saturating_add(1), 0, self.plan.warm_up_ns(), &mut tally);
            lane.abandon(now, self.plan.warm_up_ns(), &mut tally);
        }
    }

    fn publish(&self) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.add(&mut self.tally.borrow_mut());
    }
}
