//! What a person proves himself with: his password, and a one-time code (SIG-2, SIG-4). Every wrong
//! attempt is journaled and counts, here and nowhere else.
//!
//! Who tries is told the same whether the user exists or not, is locked or not, and it takes the
//! same work: a list of names can't be gathered by asking.

use super::context::{HttpContext, Running};
use super::problem::{Problem, beside};
use crate::access::one_time;
use authorization::{
    AccessCommand, AccessDone, AccessRefusal, AlertKind, CodePurpose, Command, Done, Outcome,
    Refusal, RefusedBecause, User,
};
use payment_types::Timestamp;
use std::time::Instant;
use zeroize::Zeroizing;

/// What whoever gave a wrong name or password is told.
const NOT_RIGHT: &str = "the name and password do not go together, or the user is locked for a \
    while after wrong attempts, or may not log in";
/// What whoever gave a wrong code is told.
const CODE_NOT_RIGHT: &str = "the code is not right, or the user is locked for a while after wrong \
    attempts; is the clock of your telephone right?";

/// A user as he is now.
pub(super) async fn user(running: &Running, name: &str) -> Result<Option<User>, Problem> {
    let name = name.to_owned();
    let find = move |state: &authorization::State, _| state.users().get(&name).cloned();
    Ok(running.shard.query(find).await?)
}

/// Has the core carry out what concerns a user.
pub(super) async fn carry_out(
    running: &Running,
    command: AccessCommand,
) -> Result<Result<AccessDone, AccessRefusal>, Problem> {
    let answered = running.shard.command(Command::Access(Box::new(command)), None).await?;
    match answered.outcome {
        Outcome::Done(Done::Access(done)) => Ok(Ok(done)),
        Outcome::Refused(Refusal::Access(refusal)) => Ok(Err(refusal)),
        _ => Err(Problem::internal("a command about a user was answered with something else")),
    }
}

/// As [`carry_out`], where a refusal is an answer.
pub(super) async fn must(
    running: &Running,
    command: AccessCommand,
    about: &str,
) -> Result<AccessDone, Problem> {
    carry_out(running, command).await?.map_err(|why| super::users::refused(&why, about))
}

/// Puts off whoever tries too often.
pub(super) async fn slow_down(
    context: &HttpContext,
    asked: &str,
    network: &str,
) -> Result<(), Problem> {
    if context.throttle().admits(network, Instant::now()) {
        return Ok(());
    }
    context.denied("", asked, "too_many_attempts", network).await;
    Err(Problem::too_many("too many attempts from your network; wait a minute"))
}

/// The user of this name and password.
pub(super) async fn by_password(
    context: &HttpContext,
    name: &str,
    password: Zeroizing<String>,
    (purpose, network): (CodePurpose, &str),
) -> Result<User, Problem> {
    let running = context.running()?;
    let before = user(running, name).await?;
    let stored = stored_hash(context, name, before.as_ref()).await?;
    let matches = context.hasher().matches(password, Some(stored)).await;
    let matches = matches.map_err(|error| Problem::internal(&error.to_string()))?;
    // Hashing waits for a place: meanwhile others may have locked the user, or he may have changed
    // his password. What counts is how he stands now.
    let user = user(running, name).await?;
    let same = before
        .is_some_and(|before| user.as_ref().is_some_and(|user| user.password == before.password));
    let (matches, now) = (matches && same, running.clock.now().at);
    let (user, because) = match user {
        None => (None, Some(RefusedBecause::Unknown)),
        Some(user) => {
            let because = hindrance(&user, matches, now);
            (Some(user), because)
        }
    };
    match (user, because) {
        (Some(user), None) => Ok(user),
        (user, because) => {
            let known = user.is_some().then_some(name);
            let because = because.unwrap_or(RefusedBecause::Unknown);
            wrong(context, known, (because, purpose), network).await?;
            Err(Problem::session("not-right", NOT_RIGHT))
        }
    }
}

fn hindrance(user: &User, matches: bool, now: Timestamp) -> Option<RefusedBecause> {
    let enrolled = user.one_time.as_ref().is_some_and(|one_time| one_time.confirmed);
    if user.locked_at(now).is_some() {
        Some(RefusedBecause::Locked)
    } else if !matches {
        Some(RefusedBecause::Password)
    } else if !user.active {
        Some(RefusedBecause::Disabled)
    } else if (user.temporary || !enrolled) && now > user.enrol_until {
        Some(RefusedBecause::Lapsed)
    } else {
        None
    }
}

/// The user's hash, or one that nothing matches; unsealing it is the same work.
async fn stored_hash(
    context: &HttpContext,
    name: &str,
    user: Option<&User>,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    const NOBODY: &str = "?";
    let running = context.running()?;
    let (secrets, decoy) = (running.secrets(), context.decoy().cloned());
    let (name, sealed) = (name.to_owned(), user.map(|user| user.password.clone()));
    let sealed = sealed.filter(|sealed| !sealed.is_empty());
    let opened = tokio::task::spawn_blocking(move || {
        let decoy = match decoy {
            Some(decoy) => decoy,
            None => secrets.seal_password(NOBODY, &[0; 49])?,
        };
        let hash = match sealed {
            Some(sealed) => secrets.open_password(&name, &sealed)?,
            // Also of a user whom an order made: he has no password before a reset.
            None => secrets.open_password(NOBODY, &decoy)?,
        };
        Ok::<_, personal::PersonalError>((hash, decoy))
    });
    match opened.await {
        Ok(Ok((hash, decoy))) => {
            context.set_decoy(decoy);
            Ok(hash)
        }
        Ok(Err(error)) => Err(Problem::internal(&error.to_string())),
        Err(_) => Err(Problem::internal("unsealing a password ended on a fault of the program")),
    }
}

/// Uses a one-time code of the user's: it is good no more when this returns. Gives its step.
pub(super) async fn use_code(
    context: &HttpContext,
    name: &str,
    code: &str,
    purpose: CodePurpose,
    network: &str,
) -> Result<u64, Problem> {
    slow_down(context, "one-time code", network).await?;
    let running = context.running()?;
    let step = right_step(running, name, code).await?;
    let Some(step) = step else {
        wrong(context, Some(name), (RefusedBecause::Code, purpose.clone()), network).await?;
        return Err(told(&purpose, "not-right", CODE_NOT_RIGHT));
    };
    let used = purpose.clone();
    let command = AccessCommand::UseCode { user: name.into(), step, purpose: used };
    let because = match carry_out(running, command).await? {
        Ok(_) => return Ok(step),
        Err(AccessRefusal::CodeUsed) => RefusedBecause::CodeUsed,
        Err(AccessRefusal::Locked(_)) => RefusedBecause::Locked,
        Err(AccessRefusal::Disabled) => RefusedBecause::Disabled,
        Err(refusal) => return Err(super::users::refused(&refusal, name)),
    };
    wrong(context, Some(name), (because, purpose.clone()), network).await?;
    match because {
        RefusedBecause::CodeUsed => {
            Err(told(&purpose, "code-used", "that code was used; wait for the next one"))
        }
        _ => Err(told(&purpose, "not-right", CODE_NOT_RIGHT)),
    }
}

/// Whoever is in stays in when a code is wrong: it is a field of what he signs.
fn told(purpose: &CodePurpose, kind: &'static str, detail: &str) -> Problem {
    let code = if kind == "code-used" { "code_used" } else { "wrong_code" };
    let problem = match purpose {
        CodePurpose::Signature { .. } | CodePurpose::PersonalKey => {
            Problem::field("code", detail).with_rule("SIG-2")
        }
        CodePurpose::Login
        | CodePurpose::Unlock
        | CodePurpose::Password
        | CodePurpose::Enrolment => Problem::session(kind, detail),
        CodePurpose::Approval { .. } => Problem::field("Approved-By", detail).with_rule("SIG-1"),
    };
    problem.coded(code, [])
}

/// The step whose code this is, by the engine's clock; confirmed or not.
pub(super) async fn right_step(
    running: &Running,
    name: &str,
    code: &str,
) -> Result<Option<u64>, Problem> {
    let sealed = user(running, name).await?.and_then(|user| user.one_time);
    let (Some(sealed), Some(code)) = (sealed, one_time::typed(code)) else { return Ok(None) };
    let (secrets, name) = (running.secrets(), name.to_owned());
    let secret = beside(move || secrets.open_one_time(&name, &sealed.secret)).await?;
    Ok(secret.step_of(&code, running.clock.now().at))
}

/// A wrong attempt: journaled, counted, told if it locked the user or goes on.
pub(super) async fn wrong(
    context: &HttpContext,
    name: Option<&str>,
    (because, purpose): (RefusedBecause, CodePurpose),
    network: &str,
) -> Result<(), Problem> {
    let running = context.running()?;
    metrics::counter!("tamga_login_refused_total", "because" => because.name()).increment(1);
    // Of somebody unknown nothing changes but the journal; so many of them, and the rest counted.
    if name.is_none() && !context.looks().nobody_may(Instant::now()) {
        context.refused_once_more("", network).await;
        return Ok(());
    }
    let command = AccessCommand::LoginRefused {
        user: name.map(Into::into),
        because,
        purpose,
        network: network.into(),
        terms: context.access().lock,
    };
    let done = carry_out(running, command).await?;
    let name = name.unwrap_or_default();
    if let Ok(AccessDone::Refused { locked_until: Some(until), now_locked: true }) = done {
        let until = running.clock.moment_at(until).rfc3339();
        let detail = format!("locked until {until} after wrong attempts, the last from {network}");
        context.alert(name, AlertKind::Locked, &detail).await;
    }
    context.refused_once_more(name, network).await;
    Ok(())
}
