//! `tamga user`: what it takes on the command line, asks for, and prints.

use super::sign::KeyAction;
use super::{config, print};
use crate::args::Place;
use clap::{Args, Subcommand, ValueEnum};
use payment_types::Timestamp;
use tamga::access::one_time::{STEP_SECONDS, Secret, step_at};
use tamga::clock::{Clock, parse_rfc3339};
use tamga::failure::Failure;
use tamga::table::{Align, Table};
use tamga::users::{Begun, UserChange, UserPlace};

#[derive(Debug, Args)]
#[command(after_help = "\
Works on the data directory while no engine runs; a running engine is asked over its API, with a
token of the role security_officer in --token or TAMGA_TOKEN. Passwords are made here and shown
once; their owner must change them at the first login, and enrol a second factor.

Until there are a security officer and a checker, users are made without an order; from then on
rights are given by orders of kind users (SIG-1), and taken away here. Should nobody be left who
can sign an order, two people give rights with the engine stopped: --by NAME --approved-by NAME.

Examples:
  tamga user add aida --roles security_officer,operator
  tamga user list
  tamga user roles bakyt --roles checker
  tamga user disable bakyt
  tamga user reset-totp bakyt --approved-by chynara
  tamga user code --secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
pub(crate) struct User {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Args)]
struct Where {
    #[command(flatten)]
    place: Place,
    /// A token of the API with the role security_officer, for a running engine
    #[arg(long, value_name = "TOKEN", env = "TAMGA_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Who does it, for the journal; a running engine takes the token's name
    #[arg(long, value_name = "NAME", env = "USER", default_value = "tamga user")]
    by: String,
    /// Another time than now; only while no engine runs
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    test_clock: Option<Timestamp>,
}

#[derive(Debug, Args)]
struct Second {
    /// The second person. A running engine takes his own approval over its API instead
    #[arg(long, value_name = "NAME")]
    approved_by: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The users with their roles and how they stand
    List(ListArgs),
    /// Add a user; prints a temporary password
    Add(RolesArgs),
    /// Give a user other roles
    Roles(RolesArgs),
    /// A user may not log in any more
    Disable(NameArgs),
    /// A user may log in again
    Enable(NameArgs),
    /// Give a user a temporary password, with a second person
    ResetPassword(ResetArgs),
    /// Let a user enrol a new second factor, with a second person
    ResetTotp(ResetArgs),
    /// Keys for signing (SIG-2)
    #[command(subcommand)]
    Key(KeyAction),
    /// The one-time code of a secret now, for demos and tests
    Code(CodeArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    at: Where,
    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    format: ListFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ListFormat {
    /// For people
    Table,
    /// As the API gives it
    Json,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The user's name
    user: String,
    #[command(flatten)]
    second: Second,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct RolesArgs {
    /// The user's name
    user: String,
    /// operator, checker, auditor, privacy, key_custodian, security_officer
    #[arg(long, value_name = "ROLE,...", value_delimiter = ',', required = true)]
    roles: Vec<String>,
    #[command(flatten)]
    second: Second,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct ResetArgs {
    /// The user's name
    user: String,
    #[command(flatten)]
    second: Second,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Args)]
struct CodeArgs {
    /// The secret, base32
    #[arg(long, value_name = "SECRET", env = "TAMGA_TOTP_SECRET", hide_env_values = true)]
    secret: String,
    /// At another time than now, for an engine on a test clock
    #[arg(long, value_name = "RFC3339", value_parser = parse_rfc3339)]
    at: Option<Timestamp>,
}

pub(crate) fn user(args: User) -> Result<(), Failure> {
    match args.action {
        Action::List(args) => list(args),
        Action::Add(args) => {
            let roles = tamga::users::roles(&args.roles)?;
            let begun = change((args.at, args.second), &args.user, &UserChange::Add(roles))?;
            told(&begun, "added")
        }
        Action::Roles(args) => {
            let roles = tamga::users::roles(&args.roles)?;
            let begun = change((args.at, args.second), &args.user, &UserChange::SetRoles(roles))?;
            told(&begun, "has the roles now")
        }
        Action::Disable(args) => {
            let begun = change((args.at, args.second), &args.user, &UserChange::SetActive(false))?;
            told(&begun, "may not log in any more")
        }
        Action::Enable(args) => {
            let begun = change((args.at, args.second), &args.user, &UserChange::SetActive(true))?;
            told(&begun, "may log in")
        }
        Action::ResetPassword(args) => reset(args, authorization::Reset::Password),
        Action::ResetTotp(args) => reset(args, authorization::Reset::OneTime),
        Action::Key(action) => super::sign::key(action),
        Action::Code(args) => code(&args),
    }
}

fn place(at: Where, second: Option<String>) -> Result<UserPlace, Failure> {
    let config = config(&at.place)?;
    let (data, token, test_clock) = (at.place.data, at.token, at.test_clock);
    let (by, approved_by) = (at.by, second.unwrap_or_default());
    Ok(UserPlace { config, data, token, test_clock, by, approved_by })
}

fn change(
    (at, second): (Where, Second),
    user: &str,
    change: &UserChange,
) -> Result<Begun, Failure> {
    tamga::users::change(&place(at, second.approved_by)?, user, change)
}

fn reset(args: ResetArgs, what: authorization::Reset) -> Result<(), Failure> {
    let begun = change((args.at, args.second), &args.user, &UserChange::Reset(what))?;
    told(&begun, &format!("{} reset, or asked to be", what.name()))
}

fn told(begun: &Begun, what: &str) -> Result<(), Failure> {
    eprintln!("{}: {what}", begun.user);
    match &begun.temporary_password {
        None => Ok(()),
        Some(password) => {
            eprintln!("temporary password, to be changed at the first login:");
            print(password)
        }
    }
}

fn list(args: ListArgs) -> Result<(), Failure> {
    let found = tamga::users::list(&place(args.at, None)?)?;
    if matches!(args.format, ListFormat::Json) {
        let text = serde_json::to_string_pretty(&found);
        return print(&text.map_err(|error| Failure::found(error.to_string()))?);
    }
    let mut table = Table::new(&[
        ("user", Align::Left),
        ("roles", Align::Left),
        ("standing", Align::Left),
        ("second factor", Align::Left),
        ("keys", Align::Right),
        ("last login", Align::Left),
    ]);
    for user in &found.users {
        let standing = match (user.active, &user.locked_until) {
            (false, _) => "disabled",
            (true, Some(_)) => "locked",
            (true, None) if user.temporary_password => "temporary password",
            (true, None) => "active",
        };
        let good = user.keys.iter().filter(|key| key.standing == "good").count();
        table.row(&[
            &user.user,
            &user.roles.join(", "),
            standing,
            if user.second_factor { "enrolled" } else { "missing" },
            &good.to_string(),
            user.last_login.as_deref().unwrap_or("never"),
        ]);
    }
    print(table.to_string().trim_end())
}

fn code(args: &CodeArgs) -> Result<(), Failure> {
    let secret = Secret::from_base32(&args.secret)
        .ok_or_else(|| Failure::usage("that is no secret in base32"))?;
    let now = match args.at {
        Some(at) => at,
        None => Clock::system("UTC").map_err(|e| Failure::usage(e.to_string()))?.now().at,
    };
    let left = STEP_SECONDS - now.0.div_euclid(1000).rem_euclid(STEP_SECONDS);
    eprintln!("good for {left} seconds more, and once:");
    print(&secret.code(step_at(now)))
}
