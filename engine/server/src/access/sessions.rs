//! Sessions of people, on the server's side: a browser holds nothing but a random number, of which
//! only the hash is kept here.
//!
//! They are in memory only: a restart ends all of them. Time is the engine's and the machine's own,
//! whichever says that more has gone by, so that a clock that is moved can only end a session early.

use authorization::LogoutReason;
use payment_types::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

/// Sessions that are not open yet; the oldest goes first.
const HALF_OPEN_MOST: usize = 256;
/// How long one may take to give the second factor.
const HALF_OPEN_SECONDS: u64 = 600;
/// Ended ones that are remembered, so that their use is told from a mistyped number.
const ENDED_MOST: usize = 1024;

/// How long sessions last and what they are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTerms {
    /// Without a sign of life so long, a session is locked, seconds.
    pub idle_seconds: u64,
    /// So long after the login it ends, seconds.
    pub life_seconds: u64,
    /// Whether it is good in the network of its login only.
    pub bind_network: bool,
}

/// How far a login has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The password was right but must be changed.
    Password,
    /// There is no second factor yet.
    Enrolment,
    /// The one-time code is missing.
    Code,
    /// In.
    Open,
}

impl Stage {
    /// What is to be done next, in the API's words.
    pub(crate) const fn needs(self) -> Option<&'static str> {
        match self {
            Self::Password => Some("password"),
            Self::Enrolment => Some("enrol"),
            Self::Code => Some("code"),
            Self::Open => None,
        }
    }
}

/// Where a request comes from, as far as a session is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// SHA-256 of what the browser calls itself.
    pub(crate) agent: [u8; 32],
    /// The network.
    pub(crate) network: String,
}

/// An instant by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) engine: Timestamp,
    pub(crate) machine: Instant,
}

impl Now {
    /// Seconds since `before`, by the clock by which it is more. A clock that went back says none.
    fn since(self, before: Self) -> u64 {
        let engine = self.engine.0.saturating_sub(before.engine.0).max(0) / 1000;
        let machine = self.machine.saturating_duration_since(before.machine);
        u64::try_from(engine).unwrap_or_default().max(machine.as_secs())
    }
}

/// What a request learns of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) user: String,
    pub(crate) stage: Stage,
    pub(crate) csrf: String,
    pub(crate) locked: bool,
    /// Seconds until it locks, and until it ends.
    pub(crate) left: (u64, u64),
    pub(crate) id: SessionId,
}

/// The hash of a session's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionId([u8; 32]);

/// Why a cookie is good for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoSession {
    /// There never was such a session, or it was forgotten.
    Unknown,
    /// It ended, and this is told at the first time and whenever it comes again.
    Ended {
        user: String,
        reason: LogoutReason,
        /// Whether it ended just now.
        now: bool,
    },
}

struct Session {
    user: String,
    stage: Stage,
    csrf: String,
    origin: Origin,
    began: Now,
    used: Now,
    locked: bool,
}

#[derive(Default)]
struct All {
    sessions: BTreeMap<SessionId, Session>,
    ended: VecDeque<(SessionId, String, LogoutReason)>,
}

/// All sessions.
pub(crate) struct Sessions {
    terms: SessionTerms,
    all: Mutex<All>,
}

/// A session's number as the cookie holds it: it is kept nowhere.
pub(crate) struct Issued {
    pub(crate) cookie: String,
}

impl Sessions {
    pub(crate) fn new(terms: SessionTerms) -> Self {
        Self { terms, all: Mutex::default() }
    }

    /// Begins one. Nothing of a number that the browser brought along is taken over, so nobody can
    /// be made to log in to a session that another knows.
    pub(crate) fn begin(
        &self,
        user: &str,
        stage: Stage,
        origin: Origin,
        now: Now,
    ) -> Result<Issued, getrandom::Error> {
        let (mut number, mut csrf) = ([0; 32], [0; 16]);
        getrandom::fill(&mut number)?;
        getrandom::fill(&mut csrf)?;
        let (cookie, csrf) = (hex::encode(number), hex::encode(csrf));
        let session = Session {
            user: user.to_owned(),
            stage,
            csrf,
            origin,
            began: now,
            used: now,
            locked: false,
        };
        let mut all = self.all();
        all.sessions.insert(id_of(&cookie), session);
        all.bound_half_open();
        drop(all);
        Ok(Issued { cookie })
    }

    /// The session of a cookie. `alive` says whether the request is a sign of life.
    pub(crate) fn find(
        &self,
        cookie: &str,
        origin: &Origin,
        now: Now,
        alive: bool,
    ) -> Result<Known, NoSession> {
        let id = id_of(cookie);
        let mut all = self.all();
        let Some(session) = all.sessions.get_mut(&id) else { return Err(all.gone(id)) };
        let (life, age) = (self.life_of(session), now.since(session.began));
        let same_agent = bool::from(session.origin.agent.ct_eq(&origin.agent));
        let same_network = !self.terms.bind_network || session.origin.network == origin.network;
        let over = if !(same_agent && same_network) {
            Some(LogoutReason::Stolen)
        } else {
            (age >= life).then_some(LogoutReason::Expired)
        };
        if let Some(reason) = over {
            let user = session.user.clone();
            all.end(id, reason);
            return Err(NoSession::Ended { user, reason, now: true });
        }
        let idle = self.lock_if_idle(session, now);
        if alive && !session.locked {
            session.used = now;
        }
        let idle = if alive && !session.locked { 0 } else { idle };
        Ok(Known {
            user: session.user.clone(),
            stage: session.stage,
            csrf: session.csrf.clone(),
            locked: session.locked,
            left: (self.terms.idle_seconds.saturating_sub(idle), life.saturating_sub(age)),
            id,
        })
    }

    /// Whether a session that is watched with is locked by now. Watching is no sign of life, and
    /// the browser was looked at when it began.
    pub(crate) fn is_locked(&self, id: SessionId, now: Now) -> Result<bool, NoSession> {
        let mut all = self.all();
        let Some(session) = all.sessions.get_mut(&id) else { return Err(all.gone(id)) };
        if now.since(session.began) >= self.life_of(session) {
            let (user, reason) = (session.user.clone(), LogoutReason::Expired);
            all.end(id, reason);
            return Err(NoSession::Ended { user, reason, now: true });
        }
        self.lock_if_idle(session, now);
        Ok(session.locked)
    }

    fn life_of(&self, session: &Session) -> u64 {
        if session.stage == Stage::Open { self.terms.life_seconds } else { HALF_OPEN_SECONDS }
    }

    /// Locks it after a time without a sign of life; gives how long that is.
    fn lock_if_idle(&self, session: &mut Session, now: Now) -> u64 {
        let idle = now.since(session.used);
        if session.stage == Stage::Open && idle >= self.terms.idle_seconds {
            session.locked = true;
        }
        idle
    }

    /// Unlocks an idle session.
    pub(crate) fn unlock(&self, id: SessionId, now: Now) {
        if let Some(session) = self.all().sessions.get_mut(&id) {
            (session.locked, session.used) = (false, now);
        }
    }

    /// Locks one at once.
    pub(crate) fn lock(&self, id: SessionId) {
        if let Some(session) = self.all().sessions.get_mut(&id) {
            session.locked = true;
        }
    }

    /// Ends one; whether it was there.
    pub(crate) fn end(&self, id: SessionId, reason: LogoutReason) -> bool {
        self.all().end(id, reason)
    }

    /// Ends all of a user's but one; how many open ones there were.
    pub(crate) fn end_all_of(
        &self,
        user: &str,
        but: Option<SessionId>,
        reason: LogoutReason,
    ) -> usize {
        let mut all = self.all();
        let of_user = |(id, session): (&SessionId, &Session)| {
            (session.user == user && Some(*id) != but).then_some((*id, session.stage))
        };
        let found: Vec<(SessionId, Stage)> = all.sessions.iter().filter_map(of_user).collect();
        found.iter().for_each(|(id, _)| {
            all.end(*id, reason);
        });
        found.iter().filter(|(_, stage)| *stage == Stage::Open).count()
    }

    /// Open sessions, for the metric.
    pub(crate) fn open(&self) -> usize {
        self.all().sessions.values().filter(|session| session.stage == Stage::Open).count()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Why there is no such session.
    fn gone(&self, id: SessionId) -> NoSession {
        let ended = self.ended.iter().find(|(ended, ..)| *ended == id);
        let told = |(_, user, reason): &(_, String, _)| NoSession::Ended {
            user: user.clone(),
            reason: *reason,
            now: false,
        };
        ended.map_or(NoSession::Unknown, told)
    }

    fn end(&mut self, id: SessionId, reason: LogoutReason) -> bool {
        let Some(session) = self.sessions.remove(&id) else { return false };
        self.ended.push_back((id, session.user, reason));
        if self.ended.len() > ENDED_MOST {
            self.ended.pop_front();
        }
        true
    }

    /// Passwords that were right are few, but somebody may ask for codes without end.
    fn bound_half_open(&mut self) {
        let half_open = |(id, session): (&SessionId, &Session)| {
            (session.stage != Stage::Open).then_some((session.began.machine, *id))
        };
        let mut found: Vec<(Instant, SessionId)> =
            self.sessions.iter().filter_map(half_open).collect();
        if found.len() > HALF_OPEN_MOST {
            found.sort();
            if let Some((_, oldest)) = found.first() {
                self.sessions.remove(oldest);
            }
        }
        let now = Instant::now();
        let limit = Duration::from_secs(HALF_OPEN_SECONDS);
        self.sessions.retain(|_, session| {
            session.stage == Stage::Open
                || now.saturating_duration_since(session.began.machine) < limit
        });
    }
}

fn id_of(cookie: &str) -> SessionId {
    SessionId(Sha256::digest(cookie.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: SessionTerms =
        SessionTerms { idle_seconds: 900, life_seconds: 36_000, bind_network: false };

    fn from(agent: u8) -> Origin {
        Origin { agent: [agent; 32], network: format!("10.0.{agent}.0/24") }
    }

    fn at(seconds: i64) -> Now {
        Now { engine: Timestamp(seconds * 1000), machine: Instant::now() }
    }

    fn open(sessions: &Sessions, user: &str) -> String {
        sessions.begin(user, Stage::Open, from(1), at(1000)).unwrap().cookie
    }

    #[test]
    fn a_cookie_is_good_for_its_browser_only_and_then_for_nobody() {
        let sessions = Sessions::new(TERMS);
        let cookie = open(&sessions, "aida");
        assert_eq!(sessions.find(&cookie, &from(1), at(1001), true).unwrap().user, "aida");
        let stolen =
            |now| NoSession::Ended { user: "aida".into(), reason: LogoutReason::Stolen, now };
        assert_eq!(sessions.find(&cookie, &from(2), at(1002), true), Err(stolen(true)));
        assert_eq!(sessions.find(&cookie, &from(1), at(1003), true), Err(stolen(false)));
        assert_eq!(sessions.find("guess", &from(1), at(1003), true), Err(NoSession::Unknown));
    }

    #[test]
    fn without_a_sign_of_life_it_locks_and_after_its_life_it_ends() {
        let sessions = Sessions::new(TERMS);
        let cookie = open(&sessions, "aida");
        let look = |seconds, alive| sessions.find(&cookie, &from(1), at(seconds), alive);
        assert!(!look(1899, true).unwrap().locked);
        assert!(!look(2700, false).unwrap().locked, "looked at without a sign of life");
        assert!(look(2799, false).unwrap().locked);
        assert!(look(2800, true).unwrap().locked, "locked stays locked");
        let id = look(2800, false).unwrap().id;
        sessions.unlock(id, at(2801));
        assert!(!look(2802, true).unwrap().locked);
        let over =
            NoSession::Ended { user: "aida".into(), reason: LogoutReason::Expired, now: true };
        assert_eq!(look(37_000, true), Err(over));
    }

    #[test]
    fn watching_with_it_is_no_sign_of_life_and_ends_with_it() {
        let sessions = Sessions::new(TERMS);
        let cookie = open(&sessions, "aida");
        let id = sessions.find(&cookie, &from(1), at(1000), true).unwrap().id;
        assert_eq!(sessions.is_locked(id, at(1899)), Ok(false));
        assert_eq!(sessions.is_locked(id, at(1900)), Ok(true));
        assert!(sessions.find(&cookie, &from(1), at(1900), true).unwrap().locked);
        let over =
            |now| NoSession::Ended { user: "aida".into(), reason: LogoutReason::Expired, now };
        assert_eq!(sessions.is_locked(id, at(37_000)), Err(over(true)));
        assert_eq!(sessions.is_locked(id, at(37_001)), Err(over(false)));
    }

    #[test]
    fn a_clock_that_is_moved_back_lengthens_nothing_and_forward_locks() {
        let sessions = Sessions::new(TERMS);
        let cookie = open(&sessions, "aida");
        let look = |seconds| sessions.find(&cookie, &from(1), at(seconds), true);
        assert_eq!(look(10).unwrap().left, (900, 36_000));
        assert!(look(20_000).unwrap().locked);
    }

    #[test]
    fn a_new_login_ends_the_old_one() {
        let sessions = Sessions::new(TERMS);
        let (old, new) = (open(&sessions, "aida"), open(&sessions, "aida"));
        let other = open(&sessions, "bakyt");
        let id = sessions.find(&new, &from(1), at(1001), true).unwrap().id;
        assert_eq!(sessions.end_all_of("aida", Some(id), LogoutReason::Replaced), 1);
        assert!(matches!(
            sessions.find(&old, &from(1), at(1002), true),
            Err(NoSession::Ended { reason: LogoutReason::Replaced, now: false, .. })
        ));
        assert!(sessions.find(&new, &from(1), at(1002), true).is_ok());
        assert!(sessions.find(&other, &from(1), at(1002), true).is_ok());
        assert_eq!(sessions.open(), 2);
    }

    #[test]
    fn half_open_ones_are_bounded() {
        let sessions = Sessions::new(TERMS);
        let open = open(&sessions, "aida");
        for _ in 0..HALF_OPEN_MOST + 50 {
            sessions.begin("bakyt", Stage::Code, from(1), at(1000)).unwrap();
        }
        assert!(sessions.all().sessions.len() <= HALF_OPEN_MOST + 1);
        assert!(sessions.find(&open, &from(1), at(1001), true).is_ok());
    }
}
