//! Connects a desk with the world: with a screen and a keyboard, or, line by line, with a pipe.

use super::draw::theme::Theme;
use super::draw::{draw, svg};
use super::duty::Owes;
use super::errand::{Errand, Report};
use super::host::Host;
use super::key::{Action, Event, Key};
use super::machine::Desk;
use super::script::{Move, Player};
use super::slip::Slip;
use crate::{SimError, show};
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{
    self, Event as TerminalEvent, KeyCode, KeyEventKind, KeyModifiers,
};
use ratatui::crossterm::terminal::is_raw_mode_enabled;
use ratatui::{DefaultTerminal, Terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// Between looks at what a script may do next.
const BEAT: Duration = Duration::from_millis(30);
/// Between keys of a script on a screen, so that one can follow.
const SCRIPT_BEAT: Duration = Duration::from_millis(120);

/// How a desk was left.
#[derive(Debug, Default)]
pub struct Left {
    /// What the host does not know yet, in words.
    pub undone: Vec<String>,
    /// What a script expected and did not get.
    pub failures: Vec<String>,
    /// Whether the last message had no answer.
    pub unanswered: bool,
    /// Whether any transaction was declined.
    pub declined: bool,
}

impl Left {
    fn of(desk: &Desk, player: Option<Player>) -> Self {
        let player = player.unwrap_or_default();
        // What a script expects is what counts; without, every decline does.
        let counts = !player.expects;
        let own = || desk.deals().iter().filter(|deal| !deal.before);
        Self {
            undone: desk.undone(),
            unanswered: counts && own().any(|deal| deal.code.is_empty()),
            declined: counts && own().any(|deal| !deal.approved),
            failures: player.failures,
        }
    }
}

/// Where slips go.
#[derive(Debug, Clone, Default)]
pub struct Printer(Option<PathBuf>);

impl Printer {
    /// To files in a folder, which is made if need be; or nowhere.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn to(folder: Option<PathBuf>) -> Result<Self, SimError> {
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).map_err(SimError::file(folder))?;
        }
        Ok(Self(folder))
    }

    fn print(&self, slip: &Slip) -> Result<(), SimError> {
        let Some(folder) = &self.0 else { return Ok(()) };
        let file = folder.join(&slip.file);
        // Whole or not at all, whenever somebody pulls the plug.
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(SimError::file(folder))?;
        let written = new.write_all(slip.text().as_bytes());
        written.map_err(SimError::file(&file))?;
        new.persist(&file).map_err(|error| SimError::file(&file)(error.error))?;
        Ok(())
    }
}

/// What the host's line is told.
enum Order {
    Carry(Errand),
    /// Of all that was sent, only this is still owed.
    Settle(Vec<(u64, Owes)>),
}

/// The host's line on a thread of its own.
struct Line {
    orders: Sender<Order>,
    reports: Receiver<Report>,
}

impl Line {
    /// `bell` is rung for every report, and by its closing when the line ends.
    fn open(mut host: Host, bell: Bell) -> Self {
        let (orders, work) = channel::<Order>();
        let (done, reports) = channel();
        std::thread::spawn(move || {
            // Ends with the desk: then nobody sends errands or wants reports.
            while let Ok(order) = work.recv() {
                match order {
                    Order::Settle(owed) => host.settle(&owed),
                    Order::Carry(errand) => {
                        if done.send(host.carry(&errand)).is_err() {
                            break;
                        }
                        bell.ring();
                    }
                }
            }
        });
        Self { orders, reports }
    }

    fn tell(&self, order: Order) -> Result<(), SimError> {
        self.orders.send(order).map_err(|_| lost())
    }

    fn next(&self) -> Result<Option<Report>, SimError> {
        match self.reports.try_recv() {
            Ok(report) => Ok(Some(report)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(lost()),
        }
    }
}

fn lost() -> SimError {
    SimError::Setting("the line to the host ended".to_owned())
}

/// How long the program may take to give the screen back when the system wants it to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Wakes whoever waits for the keyboard.
struct Bell(UnixStream);

impl Bell {
    fn ring(&self) {
        // It has been rung already if there is no room for another byte.
        (&self.0).write(&[0]).unwrap_or_default();
    }
}

/// Set when the system wants the program to end: the screen must be given back first. A terminal
/// that is gone may keep the keyboard's reader from ever returning; then it ends all the same.
fn told_to_end(bell: Bell) -> Arc<AtomicBool> {
    let told = Arc::new(AtomicBool::new(false));
    let flag = told.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let all = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
            let [Ok(mut end), Ok(mut hangup), Ok(mut interrupt)] = all.map(signal) else { return };
            tokio::select! {
                _ = end.recv() => {}
                _ = hangup.recv() => {}
                _ = interrupt.recv() => {}
            }
            flag.store(true, Ordering::Relaxed);
            bell.ring();
        });
        std::thread::sleep(LAST_WORDS);
        std::process::exit(1);
    });
    told
}

/// What a wait for the keyboard ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// Nothing happened.
    Nothing,
    /// There is something to be looked at.
    Something,
    /// Nobody is at the other end any more.
    Nobody,
}

/// Waits for a key, the bell, or so long.
fn wait(bell: &UnixStream, most: Duration) -> Woken {
    let input = std::io::stdin();
    let mut both = [PollFd::new(&input, PollFlags::IN), PollFd::new(bell, PollFlags::IN)];
    let most = Timespec {
        tv_sec: most.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: most.subsec_nanos().into(),
    };
    let woken = match poll(&mut both, Some(&most)) {
        Ok(0) => return Woken::Nothing,
        // An interruption is a signal, such as a new size of the window: there is something to see.
        Err(_) => return Woken::Something,
        Ok(_) => both.map(|one| one.revents()),
    };
    let [keyboard, rung] = woken;
    if rung.contains(PollFlags::IN) {
        let mut rings = [0; 64];
        // One look is for all of them.
        { bell }.read(&mut rings).unwrap_or_default();
    }
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    if keyboard.intersects(gone) { Woken::Nobody } else { Woken::Something }
}

/// Work at the screen, which is given back whatever becomes of it: also when it panics, on this
/// thread or another.
///
/// # Errors
/// What the terminal refuses; the work's own.
pub fn at_screen<T>(
    work: impl FnOnce(&mut DefaultTerminal) -> Result<T, SimError>,
) -> Result<T, SimError> {
    // Sets a panic hook that restores the screen before the panic is told.
    let mut terminal = ratatui::try_init().map_err(refused)?;
    let done = work(&mut terminal);
    // A panic elsewhere has given it back already; twice would write over what it said.
    if is_raw_mode_enabled().unwrap_or(true) {
        ratatui::try_restore().map_err(refused)?;
    }
    done
}

fn refused(error: std::io::Error) -> SimError {
    SimError::Setting(format!("the terminal: {error}"))
}

/// At a screen, until the person leaves. The screen is given back whatever happens.
///
/// # Errors
/// [`SimError::File`] for a slip that can't be written; what the terminal refuses.
pub fn on_screen(
    (mut desk, first): (Desk, Vec<Action>),
    host: Host,
    printer: &Printer,
    theme: &Theme,
    mut player: Option<Player>,
) -> Result<Left, SimError> {
    let (bell, rung) = UnixStream::pair().map_err(refused)?;
    bell.set_nonblocking(true).and_then(|()| rung.set_nonblocking(true)).map_err(refused)?;
    let told = told_to_end(Bell(bell.try_clone().map_err(refused)?));
    let line = Line::open(host, Bell(bell));
    let mut screen = Screen {
        line: &line,
        printer,
        rung,
        began: Instant::now(),
        script_next: BEAT,
        is_stale: true,
        second: 0,
    };
    at_screen(|terminal| {
        let mut over = screen.act(&first)?;
        while !over && !told.load(Ordering::Relaxed) {
            // Nothing that nobody would see: a screen left open costs nothing.
            if std::mem::take(&mut screen.is_stale) {
                terminal.draw(|frame| draw(frame, &desk.view(), theme)).map_err(refused)?;
            }
            over = screen.turn(&mut desk, &mut player)?;
        }
        Ok(())
    })?;
    Ok(Left::of(&desk, player))
}

/// What a turn of the screen needs.
struct Screen<'a> {
    line: &'a Line,
    printer: &'a Printer,
    rung: UnixStream,
    began: Instant,
    script_next: Duration,
    /// Something has happened since it was drawn.
    is_stale: bool,
    /// The second that was last drawn, while somebody waits for something.
    second: u64,
}

impl Screen<'_> {
    /// Keys, reports and the clock; whether it is over.
    fn turn(&mut self, desk: &mut Desk, player: &mut Option<Player>) -> Result<bool, SimError> {
        let failed = |error: std::io::Error| SimError::Setting(format!("the keyboard: {error}"));
        let woken = wait(&self.rung, self.pause(player.is_some()));
        let mut over = woken == Woken::Nobody;
        self.is_stale |= woken != Woken::Nothing;
        // All that is there: a pasted text is many keys.
        while !over && event::poll(Duration::ZERO).map_err(failed)? {
            self.is_stale = true;
            if let Some(key) = key_of(&event::read().map_err(failed)?) {
                over |= self.act(&desk.take(Event::Key(key)))?;
            }
        }
        while let Some(report) = self.line.next()? {
            self.is_stale = true;
            let actions = desk.take(Event::Report(Box::new(report)));
            self.line.tell(Order::Settle(desk.owed()))?;
            over |= self.act(&actions)?;
        }
        let now = self.began.elapsed();
        let actions = desk.take(Event::Clock(now));
        // Only what is waited for is counted in seconds.
        let ticks = desk.is_unsettled() && now.as_secs() != self.second;
        self.second = now.as_secs();
        self.is_stale |= ticks || !actions.is_empty();
        over |= self.act(&actions)?;
        if player.is_some() && now >= self.script_next {
            self.is_stale = true;
            over |= self.play(desk, player, now)?;
        }
        Ok(over)
    }

    /// How long nothing happens by itself: until the next second begins, or the script goes on.
    fn pause(&self, with_script: bool) -> Duration {
        let now = self.began.elapsed();
        let second = Duration::from_secs(now.as_secs() + 1).saturating_sub(now);
        match with_script {
            true => second.min(self.script_next.saturating_sub(now).max(BEAT)),
            false => second,
        }
    }

    fn play(
        &mut self,
        desk: &mut Desk,
        player: &mut Option<Player>,
        now: Duration,
    ) -> Result<bool, SimError> {
        let Some(playing) = player else { return Ok(false) };
        self.script_next = now + SCRIPT_BEAT;
        match playing.next(desk) {
            Move::Press(key) => return self.act(&desk.take(Event::Key(key))),
            Move::Pause(pause) => self.script_next = now + pause,
            Move::Card(name) => hold(desk, &name)?,
            Move::Fault(fault) => desk.set_fault(fault),
            Move::Wait => {}
            Move::End(quits) => {
                // The keyboard is the person's from here on.
                if quits {
                    return Ok(true);
                }
                self.script_next = Duration::MAX;
            }
        }
        Ok(false)
    }

    fn act(&self, actions: &[Action]) -> Result<bool, SimError> {
        for action in actions {
            match action {
                Action::Carry(errand) => self.line.tell(Order::Carry(errand.clone()))?,
                Action::Print(slip) => self.printer.print(slip)?,
                Action::Quit => return Ok(true),
            }
        }
        Ok(false)
    }
}

fn hold(desk: &mut Desk, name: &str) -> Result<(), SimError> {
    let unknown = || SimError::Unknown { kind: "card", name: name.to_owned() };
    desk.hold_card(name).then_some(()).ok_or_else(unknown)
}

fn key_of(event: &TerminalEvent) -> Option<Key> {
    let TerminalEvent::Key(key) = event else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if control => Key::Interrupt,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char(sign) => Key::Char(sign.to_ascii_lowercase()),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Backspace | KeyCode::Delete => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    })
}

/// A desk without a screen: a script plays, and everything is printed line by line.
pub struct Quiet<'a> {
    /// The desk.
    pub desk: Desk,
    /// Its host.
    pub host: Host,
    /// Where slips go besides.
    pub printer: &'a Printer,
    /// Whether messages and slips are printed.
    pub aloud: bool,
    began: Instant,
}

impl<'a> Quiet<'a> {
    /// Opens it and does what it wants done first.
    ///
    /// # Errors
    /// As [`Quiet::play`].
    pub fn open(
        (desk, first): (Desk, Vec<Action>),
        host: Host,
        printer: &'a Printer,
        aloud: bool,
    ) -> Result<Self, SimError> {
        let mut quiet = Self { desk, host, printer, aloud, began: Instant::now() };
        quiet.act(first)?;
        Ok(quiet)
    }

    /// Plays until the player has nothing more to do; whether it said so itself.
    ///
    /// # Errors
    /// [`SimError::Unknown`] for a card nobody has, [`SimError::File`] for a slip.
    pub fn play(&mut self, player: &mut Player) -> Result<bool, SimError> {
        loop {
            let actions = self.desk.take(Event::Clock(self.began.elapsed()));
            self.act(actions)?;
            match player.next(&self.desk) {
                Move::Press(key) => {
                    let actions = self.desk.take(Event::Key(key));
                    if actions.iter().any(|action| matches!(action, Action::Quit)) {
                        return Ok(true);
                    }
                    self.act(actions)?;
                }
                Move::Card(name) => hold(&mut self.desk, &name)?,
                Move::Fault(fault) => self.desk.set_fault(fault),
                Move::Pause(pause) => std::thread::sleep(pause),
                Move::Wait => std::thread::sleep(BEAT),
                Move::End(quits) => return Ok(quits),
            }
        }
    }

    /// Does what the desk wants, and what it wants because of that.
    fn act(&mut self, actions: Vec<Action>) -> Result<(), SimError> {
        let mut left: std::collections::VecDeque<Action> = actions.into();
        while let Some(action) = left.pop_front() {
            match action {
                Action::Carry(errand) => {
                    let report = self.host.carry(&errand);
                    if self.aloud {
                        println!("{}", in_lines(&report));
                    }
                    let more = self.desk.take(Event::Report(Box::new(report)));
                    self.host.settle(&self.desk.owed());
                    left.extend(more);
                }
                Action::Print(slip) => {
                    self.printer.print(&slip)?;
                    if self.aloud {
                        println!("{}", slip.text());
                    }
                }
                Action::Quit => {}
            }
        }
        Ok(())
    }

    /// How it was left.
    #[must_use]
    pub fn leave(self, player: Player) -> Left {
        Left::of(&self.desk, Some(player))
    }

    /// A picture of its screen.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn picture(&self, size: (u16, u16), theme: &Theme, file: &Path) -> Result<(), SimError> {
        let Ok(mut terminal) = Terminal::new(TestBackend::new(size.0, size.1));
        let Ok(_) = terminal.draw(|frame| draw(frame, &self.desk.view(), theme));
        let picture = svg::picture(terminal.backend().buffer());
        std::fs::write(file, picture).map_err(SimError::file(file))
    }
}

/// A message and its answer as lines.
fn in_lines(report: &Report) -> String {
    let Some(sent) = &report.sent else { return report.title.to_owned() };
    let answer = report.reply().map(|reply| (reply.answer.mti, &reply.answer.fields));
    show::side_by_side((sent.mti, &sent.fields), answer)
}
