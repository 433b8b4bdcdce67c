//! Orders that change something else than the rule set: agreed overdrafts, blocks of cards, users.

use super::rules::{Problems, of_clause, problem};
use super::{OrderChange, OrderKind, OrderProblem};
use crate::{
    AccessCommand, AccessRefusal, Authority, BlockReason, Factor, Role, Roles, State, Users,
};
use compact_str::CompactString;
use ledger::{AccountSlot, OverdraftCause};
use limits::Setting;
use payment_types::{BusinessDate, Currency, Moment, parse_minor};
use std::collections::BTreeMap;

/// SIG-5, 002 §34-3: the most that may be lent on a simple signature, tyiyn.
pub(super) const REMOTE_SIMPLE: u64 = 1_500_000;
/// The most on a strengthened one.
pub(super) const REMOTE_STRENGTHENED: u64 = 15_000_000;
const REMOTE_CLAUSE: &str = "SIG-5, 002 §34-3";

/// An agreed overdraft as an order asks for it.
struct Agreed {
    account: AccountSlot,
    limit: i64,
    from: BusinessDate,
    until: BusinessDate,
    remote: bool,
}

/// Splits `account[A1].overdraft_limit` into `A1` and `overdraft_limit`.
pub(super) fn parts<'p>(path: &'p str, root: &str) -> Result<(&'p str, &'p str), String> {
    let inner = path.strip_prefix(root).and_then(|rest| rest.strip_prefix('['));
    let (id, rest) = inner.and_then(|inner| inner.split_once(']')).unwrap_or_default();
    if id.is_empty() {
        return Err(format!("is no path such as {root}[...]"));
    }
    Ok((id, rest.strip_prefix('.').unwrap_or(rest)))
}

impl State {
    /// What stands at a path now.
    pub(super) fn thing(
        &self,
        kind: OrderKind,
        path: &str,
    ) -> Result<Option<Setting>, OrderProblem> {
        let found = match kind {
            OrderKind::OverdraftLimits => self.overdraft_setting(path),
            OrderKind::CardBlocks => self.block_setting(path),
            OrderKind::Keys => self.key_setting(path),
            _ => self.user_setting(path),
        };
        found.map_err(|message| problem(path, message))
    }

    /// Whether what stands is what a change put there.
    pub(super) fn thing_as_put(
        &self,
        kind: OrderKind,
        change: &OrderChange,
        now: Option<&Setting>,
    ) -> bool {
        match kind {
            OrderKind::OverdraftLimits => self.agreed(change).is_ok_and(|agreed| {
                self.ledger.account(agreed.account).is_some_and(|account| {
                    account.overdraft_limit == agreed.limit
                        && account.overdraft_from == agreed.from
                        && account.overdraft_until == agreed.until
                })
            }),
            OrderKind::CardBlocks => now == change.to.as_ref(),
            OrderKind::Keys => super::keys::as_put(change, now),
            _ => {
                let named = parts(&change.path, "user");
                let user = named.ok().and_then(|(name, _)| self.users.get(name));
                // Who may log in no more keeps the roles that he had.
                let (put, active) = match &change.to {
                    Some(_) => (user_wanted(change), None),
                    None => (user_wanted(&change.inverse()), Some(false)),
                };
                let put = put.ok().flatten();
                user.zip(put).is_some_and(|(user, (roles, wanted))| {
                    user.roles == roles && user.active == active.unwrap_or(wanted)
                })
            }
        }
    }

    /// Whether changes could be carried out now.
    pub(super) fn check_things(
        &self,
        kind: OrderKind,
        changes: &[OrderChange],
        moment: Moment,
    ) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for change in changes {
            let checked = match kind {
                OrderKind::OverdraftLimits => self.check_overdraft(change, moment),
                OrderKind::CardBlocks => self.check_block(change),
                OrderKind::Keys => self.check_key(change, moment),
                _ => self.check_user(change),
            };
            problems.extend(checked.err());
        }
        if problems.is_empty() && kind == OrderKind::Users {
            problems.extend(self.users_after(0, changes, moment).err());
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Carries checked changes out, all or none.
    pub(super) fn do_things(
        &mut self,
        order: u64,
        kind: OrderKind,
        changes: &[OrderChange],
        moment: Moment,
    ) -> Result<(), Problems> {
        if kind == OrderKind::Users {
            // Only of users one change can stand against another: the last officer, say.
            self.users = self.users_after(order, changes, moment).map_err(|wrong| vec![wrong])?;
            return Ok(());
        }
        for change in changes {
            let done = match kind {
                OrderKind::OverdraftLimits => self.set_overdraft(change, moment),
                OrderKind::CardBlocks => self.set_block(change, moment),
                // The change was prepared at the edge, and is noted with its event.
                _ => Ok(()),
            };
            done.map_err(|problem| vec![problem])?;
        }
        Ok(())
    }

    fn account_of(&self, path: &str) -> Result<AccountSlot, String> {
        let (id, rest) = parts(path, "account")?;
        if rest != "overdraft_limit" {
            return Err("is no path such as account[A1].overdraft_limit".to_owned());
        }
        let slot = self.directory.account_position(id).map(AccountSlot);
        slot.ok_or_else(|| format!("there is no account \"{id}\""))
    }

    fn overdraft_setting(&self, path: &str) -> Result<Option<Setting>, String> {
        let slot = self.account_of(path)?;
        let Some(account) = self.ledger.account(slot).filter(|a| a.overdraft_limit > 0) else {
            return Ok(None);
        };
        let exponent = account.currency.exponent();
        let limit = payment_types::format_minor(i128::from(account.overdraft_limit), exponent);
        let mut table = BTreeMap::from([("limit".to_owned(), Setting::Text(limit))]);
        let day = |date: BusinessDate, open: i32| {
            Some(Setting::Text(date.to_string())).filter(|_| date.days() != open)
        };
        for (name, day) in [
            ("from", day(account.overdraft_from, i32::MIN)),
            ("until", day(account.overdraft_until, i32::MAX)),
        ] {
            table.extend(day.map(|day| (name.to_owned(), day)));
        }
        Ok(Some(Setting::Table(table)))
    }

    fn agreed(&self, change: &OrderChange) -> Result<Agreed, String> {
        let account = self.account_of(&change.path)?;
        let (mut from, mut until) = (i32::MIN, i32::MAX);
        let Some(to) = &change.to else {
            let (from, until) = (BusinessDate::from_days(from), BusinessDate::from_days(until));
            return Ok(Agreed { account, limit: 0, from, until, remote: false });
        };
        let empty = BTreeMap::new();
        let table = to.as_table().unwrap_or(&empty);
        let known = ["limit", "from", "until", "channel"];
        if let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("\"{unknown}\" is none of {}", known.join(", ")));
        }
        let amount = to.as_text().or_else(|| table.get("limit")?.as_text());
        let amount = amount.ok_or("must be an amount in quotes, or a table with a limit")?;
        let exponent = self.ledger.account(account).map_or(2, |a| a.currency.exponent());
        let limit = parse_minor(amount, exponent).map_err(|error| error.to_string())?;
        let limit = Some(limit).filter(|limit| *limit > 0);
        let limit = limit.ok_or("the limit must be above zero; null takes it away")?;
        if limit.unsigned_abs() > ledger::MOST_AT_ONCE {
            return Err(format!("the limit is above {} minor units", ledger::MOST_AT_ONCE));
        }
        for (name, day) in [("from", &mut from), ("until", &mut until)] {
            if let Some(text) = table.get(name) {
                let date = text.as_text().and_then(|text| BusinessDate::parse(text).ok());
                *day = date.ok_or_else(|| format!("{name} must be a date"))?.days();
            }
        }
        let remote = match table.get("channel").map(Setting::as_text) {
            None | Some(Some("remote")) => true,
            Some(Some("branch")) => false,
            Some(_) => return Err("channel is remote or branch".to_owned()),
        };
        let (from, until) = (BusinessDate::from_days(from), BusinessDate::from_days(until));
        Ok(Agreed { account, limit, from, until, remote })
    }

    /// What a limit granted through a remote channel comes to in tyiyn of KGS (SIG-5).
    fn remote_amount(&self, change: &OrderChange, moment: Moment) -> Result<Option<u64>, String> {
        let agreed = self.agreed(change)?;
        let Some(account) = self.ledger.account(agreed.account).filter(|_| agreed.remote) else {
            return Ok(None);
        };
        let minor = u64::try_from(agreed.limit).unwrap_or(u64::MAX);
        if account.currency == Currency::KGS {
            return Ok(Some(minor));
        }
        let quote = self.quote(account.currency, Currency::KGS, moment);
        let som = quote.and_then(|q| q.ratio.minor(minor, account.currency, Currency::KGS));
        let som = som.and_then(|som| u64::try_from(som.ceil()).ok());
        let currency = account.currency;
        som.map(Some).ok_or_else(|| format!("there is no rate of {currency} to measure it in KGS"))
    }

    fn check_overdraft(&self, change: &OrderChange, moment: Moment) -> Result<(), OrderProblem> {
        let wrong = |message: String| problem(&change.path, message);
        let agreed = self.agreed(change).map_err(wrong)?;
        if self.ledger.account(agreed.account).is_some_and(|account| account.closed) {
            return Err(wrong("the account is closed".to_owned()));
        }
        if agreed.until < agreed.from {
            return Err(wrong("until is before from".to_owned()));
        }
        match self.remote_amount(change, moment).map_err(wrong)? {
            Some(amount) if amount > REMOTE_STRENGTHENED => {
                let message = "above 150000.00 KGS, the most that may be granted through a remote \
                    channel; a higher one is agreed at a branch (channel = branch)";
                Err(of_clause(&change.path, "regulation", REMOTE_CLAUSE, message))
            }
            _ => Ok(()),
        }
    }

    /// SIG-5: the first change that asks for more than may be granted on such a signature.
    pub(super) fn above_remote_ceiling(
        &self,
        changes: &[OrderChange],
        factor: Factor,
        moment: Moment,
    ) -> Option<(CompactString, u64)> {
        let most = match factor {
            Factor::PersonalKey { .. } => REMOTE_STRENGTHENED,
            Factor::OneTimeCode { .. } | Factor::ServiceToken { .. } => REMOTE_SIMPLE,
        };
        let above = |change: &&OrderChange| {
            self.remote_amount(change, moment).is_ok_and(|amount| amount.is_some_and(|a| a > most))
        };
        let change = changes.iter().find(above)?;
        Some((parts(&change.path, "account").ok()?.0.into(), most))
    }

    fn set_overdraft(&mut self, change: &OrderChange, moment: Moment) -> Result<(), OrderProblem> {
        let agreed = self.agreed(change).map_err(|message| problem(&change.path, message))?;
        if let Some(account) = self.ledger.account_mut(agreed.account) {
            account.overdraft_limit = agreed.limit;
            (account.overdraft_from, account.overdraft_until) = (agreed.from, agreed.until);
        }
        // What was spent of a limit that is lower now is a technical overdraft from now on.
        self.note_account(agreed.account, moment, OverdraftCause::OverdraftEnded);
        Ok(())
    }

    fn card_of(&self, path: &str) -> Result<(u32, BlockReason), String> {
        let (id, rest) = parts(path, "card")?;
        let reason = rest.strip_prefix("block.").and_then(BlockReason::from_name);
        let reason = reason.ok_or("is no path such as card[K1].block.suspected_fraud")?;
        let slot = self.directory.card_position(id);
        Ok((slot.ok_or_else(|| format!("there is no card \"{id}\""))?, reason))
    }

    fn block_setting(&self, path: &str) -> Result<Option<Setting>, String> {
        let (slot, reason) = self.card_of(path)?;
        let blocked = self.card(slot).is_some_and(|card| card.blocks.contains(reason));
        Ok(blocked.then_some(Setting::Flag(true)))
    }

    fn check_block(&self, change: &OrderChange) -> Result<(), OrderProblem> {
        let (_, reason) =
            self.card_of(&change.path).map_err(|message| problem(&change.path, message))?;
        match &change.to {
            None if !reason.can_be_lifted() => {
                let message = "nobody lifts that reason: the card is reissued";
                Err(of_clause(&change.path, "bank", "BLK-2", message))
            }
            None | Some(Setting::Flag(true)) => Ok(()),
            Some(_) => Err(problem(&change.path, "must be true, or null to lift it")),
        }
    }

    fn set_block(&mut self, change: &OrderChange, moment: Moment) -> Result<(), OrderProblem> {
        let wrong = |message: String| problem(&change.path, message);
        let (slot, reason) = self.card_of(&change.path).map_err(wrong)?;
        let id = CompactString::from(self.directory.card_id(slot));
        let done = match change.to {
            Some(_) => self.block(moment, &id, reason),
            None => self.unblock(&id, reason),
        };
        // Lifting what was lifted meanwhile leaves it lifted.
        let _there_already = done;
        Ok(())
    }

    fn user_setting(&self, path: &str) -> Result<Option<Setting>, String> {
        let (name, rest) = parts(path, "user")?;
        if !rest.is_empty() {
            return Err("is no path such as user[aida]".to_owned());
        }
        let setting = self.users.get(name).map(|user| {
            let roles = user.roles.names().into_iter().map(Setting::Text).collect();
            Setting::Table(BTreeMap::from([
                ("roles".to_owned(), Setting::List(roles)),
                ("active".to_owned(), Setting::Flag(user.active)),
            ]))
        });
        Ok(setting)
    }

    fn check_user(&self, change: &OrderChange) -> Result<(), OrderProblem> {
        let wrong = |message: String| problem(&change.path, message);
        self.user_setting(&change.path).map_err(wrong)?;
        user_wanted(change).map(|_| ()).map_err(wrong)
    }

    /// The users as an order makes them. Enough people must be left, when all of it is done: who
    /// goes and who comes in his place may stand in one order, in whatever sequence.
    fn users_after(
        &self,
        order: u64,
        changes: &[OrderChange],
        moment: Moment,
    ) -> Result<Users, OrderProblem> {
        let before = self.users.standing();
        let (mut users, mut first) = (self.users.clone(), None);
        for change in changes {
            for command in user_commands(&users, order, change)? {
                let done = users.carry_out(self.sequence.0, moment, &command);
                done.map_err(|why| problem(&change.path, access_words(&why)))?;
            }
            if first.is_none() && users.leaves_enough(before, false).is_err() {
                first = Some(&change.path);
            }
        }
        users.leaves_enough(before, false).map_err(|why| {
            let path = first.map_or("changes", String::as_str);
            let code = match why {
                AccessRefusal::LastOfficer => "last_officer",
                _ => "last_checker",
            };
            of_clause(path, "bank", "SIG-1, SIG-4", access_words(&why)).coded(code)
        })?;
        Ok(users)
    }
}

/// What a change of an order comes to. A new user has no password: security officers give him one
/// by a reset.
fn user_commands(
    users: &Users,
    order: u64,
    change: &OrderChange,
) -> Result<Vec<AccessCommand>, OrderProblem> {
    let wrong = |message: String| problem(&change.path, message);
    let (name, _) = parts(&change.path, "user").map_err(wrong)?;
    let wanted = user_wanted(change).map_err(wrong)?;
    let (user, authority) = (CompactString::from(name), Authority::Order(order));
    let by = CompactString::from(format!("order {order}"));
    let mut commands = Vec::new();
    if let Some((roles, _)) = wanted {
        let (user, by, authority) = (user.clone(), by.clone(), authority.clone());
        commands.push(match users.get(name) {
            Some(_) => AccessCommand::SetRoles { user, roles, authority, by },
            None => {
                let (password, temporary) = (Vec::new(), true);
                AccessCommand::AddUser { user, roles, password, temporary, authority, by }
            }
        });
    }
    let active = wanted.is_some_and(|(_, active)| active);
    commands.push(AccessCommand::SetActive { user, active, authority, by });
    Ok(commands)
}

/// Whom an order is about, where it is about users.
pub(super) fn users_of(kind: OrderKind, changes: &[OrderChange]) -> Vec<CompactString> {
    let changes = changes.iter().filter(|_| kind == OrderKind::Users);
    changes.filter_map(|change| Some(parts(&change.path, "user").ok()?.0.into())).collect()
}

/// The roles, and whether the user may log in; nothing for a user who may no more.
fn user_wanted(change: &OrderChange) -> Result<Option<(Roles, bool)>, String> {
    let Some(to) = &change.to else { return Ok(None) };
    let table = to.as_table().ok_or("must be a table with roles and active")?;
    if let Some(unknown) = table.keys().find(|key| !["roles", "active"].contains(&key.as_str())) {
        return Err(format!("\"{unknown}\" is neither roles nor active"));
    }
    let Some(Setting::List(names)) = table.get("roles") else {
        return Err("roles must be a list".to_owned());
    };
    let role = |name: &Setting| {
        let role = name.as_text().and_then(Role::from_name);
        role.ok_or_else(|| format!("{} is no role", name.json()))
    };
    let roles = names.iter().map(role).collect::<Result<Roles, String>>()?;
    if roles.is_empty() {
        return Err("a user needs a role".to_owned());
    }
    match table.get("active") {
        None => Ok(Some((roles, true))),
        Some(Setting::Flag(active)) => Ok(Some((roles, *active))),
        Some(_) => Err("active must be true or false".to_owned()),
    }
}

const fn access_words(refusal: &AccessRefusal) -> &'static str {
    match refusal {
        AccessRefusal::BadName => "a name is 2 to 32 of a-z 0-9 . _ -, a letter first",
        AccessRefusal::UnknownUser => "there is no such user",
        AccessRefusal::LastOfficer => "nobody could manage users afterwards",
        AccessRefusal::LastChecker => {
            "nobody could approve orders about users afterwards: give another person the role \
             checker first"
        }
        _ => "the user can't be set so",
    }
}
