//! What may follow what (SIG-1): every step of an order, and who may do it.

use super::book::{Told, WHOLE};
use super::effect::Effect;
use super::order::text_length;
use super::rules::{Problems, of_clause, problem, tree};
use super::things::users_of;
use super::undo::not_about;
use super::{
    Guard, GuardStands, Note, Order, OrderChange, OrderCommand, OrderDone, OrderDraft, OrderEnd,
    OrderKind, OrderProblem, OrderRefusal, OrderSignature, OrderStatus, Orders, RegisterAct,
    RegisterEntry, Risk, RolledBackBy, RulesPut, SignedAs,
};
use crate::{Alert, AlertKind, Done, KeyEvent, Refusal, STATEMENT, Signature, State};
use compact_str::CompactString;
use limits::RulePath;
use payment_types::{Moment, Sequence};

pub(super) type Result<T = OrderDone> = std::result::Result<T, OrderRefusal>;

/// The most changes of one order.
const CHANGES_MOST: usize = 5_000;
/// The most steps of a path; no rule set is as deep.
const DEPTH_MOST: usize = 16;
/// The longest text of a change, bytes: a whole rule set.
const TEXT_MOST: usize = 1 << 20;
/// The most minutes a guard watches: a day.
const GUARD_MINUTES_MOST: u32 = 1_440;

impl State {
    /// The orders and their register.
    #[must_use]
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    pub(crate) fn order_command(
        &mut self,
        moment: Moment,
        command: &OrderCommand,
    ) -> std::result::Result<Done, Refusal> {
        use OrderCommand as C;
        let done = match command {
            C::Draft { draft, by } => self.draft(moment, draft, by),
            C::Revise { order, revision, draft, by } => {
                self.revise(moment, (*order, *revision), draft, by)
            }
            C::Sign { order, revision, signature } => {
                self.sign(moment, (*order, *revision), signature)
            }
            C::Approve { order, revision, signature } => {
                self.approve(moment, (*order, *revision), signature)
            }
            C::Reject { order, revision, by, reason } => {
                self.reject(moment, (*order, *revision), by, reason)
            }
            C::Withdraw { order, by, reason } => self.withdraw(moment, *order, by, reason),
            C::Activate { order } => self.activate(moment, *order),
            C::GuardStands { order, reason } => self.guard_stands(moment, *order, reason),
            C::ActivateKey { order, staged } => self.activate_key(moment, *order, staged),
            C::RollBack { order, by, reason } => self.roll_back(moment, *order, (by, reason), None),
            C::RollBackKey { order, by, reason, staged } => {
                self.roll_back(moment, *order, (by, reason), Some(staged))
            }
        };
        done.map(|done| Done::Order(Box::new(done)))
            .map_err(|refusal| Refusal::Order(Box::new(refusal)))
    }

    fn draft(&mut self, moment: Moment, draft: &OrderDraft, by: &CompactString) -> Result {
        let id = self.orders.count().saturating_add(1);
        let mut order = Order {
            id,
            kind: draft.kind,
            title: String::new(),
            reason: String::new(),
            changes: Vec::new(),
            effective_at: None,
            guard: None,
            revision: 1,
            status: OrderStatus::Draft,
            risk: Risk::High,
            maker: by.clone(),
            authors: vec![by.clone()],
            checker: None,
            created_at: moment.at,
            revised_at: moment.at,
            base_version: CompactString::default(),
            version: None,
            digest: [0; 32],
            signatures: Vec::new(),
            activated: None,
            ended: None,
            guard_stands: None,
            superseded_by: None,
            problems: Vec::new(),
        };
        self.write(moment, &mut order, draft)?;
        self.orders.add(order.clone());
        let entry = self.written(moment, RegisterAct::Drafted, &order);
        Ok(done(&order, vec![entry]))
    }

    fn revise(
        &mut self,
        moment: Moment,
        which: (u64, u32),
        draft: &OrderDraft,
        by: &CompactString,
    ) -> Result {
        let mut order = self.order_at(which)?;
        standing(&order, &[OrderStatus::Draft, OrderStatus::Signed])?;
        order.revision = order.revision.saturating_add(1);
        order.status = OrderStatus::Draft;
        order.signatures.clear();
        order.maker = by.clone();
        order.revised_at = moment.at;
        if !order.authors.contains(by) {
            order.authors.push(by.clone());
        }
        self.write(moment, &mut order, draft)?;
        self.put(&order);
        let entry = self.written(moment, RegisterAct::Revised, &order);
        Ok(done(&order, vec![entry]))
    }

    /// Writes what is asked for into an order, with what stands there now, if it is possible.
    fn write(&self, moment: Moment, order: &mut Order, draft: &OrderDraft) -> Result<()> {
        let OrderDraft { kind, title, reason, changes, effective_at, guard } = draft.clone();
        let mut problems = shape(&draft.changes, kind);
        if effective_at.is_some_and(|at| at < moment.at) {
            let past = problem("effective_at", "is past; leave it out for at once");
            problems.push(past.coded("past"));
        }
        problems.extend(guard.as_ref().and_then(wrong_guard));
        if kind == OrderKind::Keys {
            problems.extend(super::keys::of_one_change(draft));
        }
        (order.kind, order.title, order.reason) = (kind, title, reason);
        (order.effective_at, order.guard) = (effective_at, guard);
        order.risk = self.risk_of(kind, &draft.changes);
        order.base_version = self.rules_version().into();
        if problems.is_empty() {
            match self.filled(kind, changes) {
                Ok(changes) => order.changes = changes,
                Err(wrong) => problems = wrong,
            }
        }
        if problems.is_empty() {
            problems = self.possible(moment, order).err().unwrap_or_default();
        }
        if !problems.is_empty() {
            return Err(OrderRefusal::Problems(problems));
        }
        order.digest = order.content_digest();
        Ok(())
    }

    /// Changes with what stands there now.
    fn filled(
        &self,
        kind: OrderKind,
        mut changes: Vec<OrderChange>,
    ) -> std::result::Result<Vec<OrderChange>, Problems> {
        let text = tree(self.rules_text())?;
        let mut problems = Vec::new();
        for change in &mut changes {
            let found = if kind.is_of_rules() {
                self.rule_setting(&text, &change.path)
            } else {
                self.thing(kind, &change.path).map(|from| (from, None))
            };
            match found {
                Ok((from, _)) if from == change.to => {
                    problems.push(problem(&change.path, "it is so already").coded("so_already"));
                }
                Ok((from, place)) => (change.from, change.place) = (from, place),
                Err(wrong) => problems.push(wrong),
            }
        }
        if problems.is_empty() { Ok(changes) } else { Err(problems) }
    }

    /// Whether an order could take effect now: what it was written over still stands, and what it
    /// makes of it is right.
    fn possible(&self, moment: Moment, order: &Order) -> std::result::Result<(), Problems> {
        self.still(order)?;
        self.effect(moment, order.kind, &order.changes, &super::rules::version_of(order.id))?;
        Ok(())
    }

    /// What an order was written over must stand unchanged.
    pub(super) fn still(&self, order: &Order) -> std::result::Result<(), Problems> {
        let now = self.filled(order.kind, order.changes.clone())?;
        let mut problems = Vec::new();
        for (was, is) in order.changes.iter().zip(&now) {
            if was.from != is.from {
                let message = match self.orders.last_change(&was.path, Sequence(0)) {
                    Some(by) => format!("order {by} changed it since this one was written"),
                    None => "it was changed since the order was written".to_owned(),
                };
                let changed = of_clause(&was.path, "bank", "SIG-1", message);
                problems.push(changed.coded("changed_since"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether a signature would be taken now: asked before a one-time code, which is good once, is
    /// used for it. What only the signature itself shows is not looked at.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn would_take(&self, moment: Moment, command: &OrderCommand) -> Result<()> {
        use OrderCommand as C;
        match command {
            C::Sign { order, revision, signature } => {
                self.may_sign(moment, (*order, *revision), signature).map(|_| ())
            }
            C::Approve { order, revision, signature } => {
                self.may_approve(moment, (*order, *revision), signature).map(|_| ())
            }
            C::RollBack { order, by, .. } | C::RollBackKey { order, by, .. } => {
                self.may_roll_back(moment, *order, by).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    fn may_sign(&self, at: Moment, which: (u64, u32), signature: &Signature) -> Result<Order> {
        let order = self.order_at(which)?;
        standing(&order, &[OrderStatus::Draft])?;
        if signature.signer != order.maker {
            return Err(OrderRefusal::NotTheMaker { maker: order.maker });
        }
        self.good(at, &order, signature, order.kind.maker_role())?;
        Ok(order)
    }

    fn sign(&mut self, moment: Moment, which: (u64, u32), signature: &Signature) -> Result {
        let mut order = self.may_sign(moment, which, signature)?;
        order.status = OrderStatus::Signed;
        self.signed(moment, order, SignedAs::Maker, signature)
    }

    fn may_approve(&self, at: Moment, which: (u64, u32), signature: &Signature) -> Result<Order> {
        let order = self.order_at(which)?;
        standing(&order, &[OrderStatus::Signed])?;
        another(&order, &signature.signer)?;
        self.good(at, &order, signature, "checker")?;
        Ok(order)
    }

    fn approve(&mut self, moment: Moment, which: (u64, u32), signature: &Signature) -> Result {
        let mut order = self.may_approve(moment, which, signature)?;
        let due = order.effective_at.unwrap_or(moment.at).max(moment.at);
        order.status = if due > moment.at { OrderStatus::Scheduled } else { OrderStatus::Approved };
        order.checker = Some(signature.signer.clone());
        match order.kind {
            OrderKind::Keys => self.orders.waiting_keys.insert((due, order.id)),
            _ => self.orders.waiting.insert((due, order.id)),
        };
        self.signed(moment, order, SignedAs::Checker, signature)
    }

    /// Whether a signature of an order counts.
    fn good(&self, moment: Moment, order: &Order, signature: &Signature, role: &str) -> Result<()> {
        counts(signature, &[role], self.order_risk(order), &order.digest)?;
        if order.kind == OrderKind::OverdraftLimits
            && let Some((account, most)) =
                self.above_remote_ceiling(&order.changes, signature.factor, moment)
        {
            return Err(OrderRefusal::AboveRemoteCeiling { account, most });
        }
        self.possible(moment, order).map_err(OrderRefusal::Problems)
    }

    fn signed(
        &mut self,
        moment: Moment,
        mut order: Order,
        role: SignedAs,
        signature: &Signature,
    ) -> Result {
        let at = moment.at;
        order.signatures.push(OrderSignature { role, signature: signature.clone(), at });
        let act = if role == SignedAs::Maker { RegisterAct::Signed } else { RegisterAct::Approved };
        self.put(&order);
        let note = Note {
            by: signature.signer.clone(),
            signature: Some(signature.clone()),
            detail: if order.status == OrderStatus::Scheduled { "scheduled" } else { "" }.into(),
            ..about(&order)
        };
        let entry = self.note(moment, act, note);
        Ok(done(&order, vec![entry]))
    }

    fn reject(
        &mut self,
        moment: Moment,
        which: (u64, u32),
        by: &CompactString,
        reason: &CompactString,
    ) -> Result {
        let mut order = self.order_at(which)?;
        standing(&order, &[OrderStatus::Signed])?;
        another(&order, by)?;
        order.checker = Some(by.clone());
        self.end(moment, order, (OrderStatus::Rejected, RegisterAct::Rejected), by, reason)
    }

    fn withdraw(
        &mut self,
        moment: Moment,
        order: u64,
        by: &CompactString,
        reason: &CompactString,
    ) -> Result {
        use OrderStatus as S;
        let order = self.order(order)?;
        standing(&order, &[S::Draft, S::Signed, S::Approved, S::Scheduled])?;
        if !order.authors.contains(by) {
            not_about(&order, by)?;
        }
        self.orders.waits_no_more(order.id);
        self.end(moment, order, (S::Withdrawn, RegisterAct::Withdrawn), by, reason)
    }

    fn end(
        &mut self,
        moment: Moment,
        mut order: Order,
        (status, act): (OrderStatus, RegisterAct),
        by: &CompactString,
        reason: &CompactString,
    ) -> Result {
        let (by, reason) = (by.clone(), reason.clone());
        order.status = status;
        order.ended = Some(OrderEnd { at: moment.at, by: by.clone(), reason: reason.clone() });
        self.put(&order);
        let entry = self.note(moment, act, Note { by, detail: reason, ..about(&order) });
        Ok(done(&order, vec![entry]))
    }

    /// Puts an order that is due into effect, or says why it can't be any more.
    fn activate(&mut self, moment: Moment, order: u64) -> Result {
        let order = self.order(order)?;
        standing(&order, &[OrderStatus::Approved, OrderStatus::Scheduled])?;
        let due = self.orders.waiting.iter().find(|(_, id)| *id == order.id).copied();
        if due.is_none_or(|(at, _)| at > moment.at) {
            return Err(OrderRefusal::NotDue);
        }
        let version = super::rules::version_of(order.id);
        let effect = self
            .still(&order)
            .and_then(|()| self.effect(moment, order.kind, &order.changes, &version));
        let put = effect.and_then(|effect| self.carry_out(moment, &order, effect));
        self.took_effect(moment, order, put)
    }

    /// What became of an order that was due: in force, or failed with everything as it was.
    pub(super) fn took_effect(
        &mut self,
        moment: Moment,
        mut order: Order,
        put: std::result::Result<Option<RulesPut>, Problems>,
    ) -> Result {
        self.orders.waits_no_more(order.id);
        match put {
            Ok(rules) => {
                order.status = OrderStatus::Active;
                order.activated = Some((moment.at, self.sequence));
                order.version = Some(self.rules_version().into());
                self.put(&order);
                let detail = order.version.clone().unwrap_or_default();
                let note = Note { by: "engine".into(), detail, ..about(&order) };
                let mut entries = vec![self.note(moment, RegisterAct::Activated, note)];
                entries.extend(self.supersede(moment, &order));
                Ok(OrderDone { rules, ..done(&order, entries) })
            }
            Err(problems) => {
                order.problems.clone_from(&problems);
                let first = problems.first().map_or("", |problem| problem.message.as_str());
                let how = (OrderStatus::Failed, RegisterAct::Failed);
                let failed = self.end(moment, order, how, &"engine".into(), &first.into())?;
                Ok(OrderDone { problems, ..failed })
            }
        }
    }

    /// Orders of which a newer one changed something: superseded if nothing is left of them.
    fn supersede(&mut self, moment: Moment, newer: &Order) -> Vec<RegisterEntry> {
        let mut entries = Vec::new();
        for order in self.orders.touched_by(newer) {
            let Some(mut order) = self.orders.get(order).cloned() else { continue };
            let Some((_, activated)) = order.activated else { continue };
            if order.id == newer.id || order.status != OrderStatus::Active {
                continue;
            }
            order.superseded_by = Some(newer.id);
            let gone = |change: &OrderChange| {
                self.orders.last_change(&change.path, activated).is_some_and(|by| by != order.id)
            };
            if order.changes.iter().all(gone) {
                order.status = OrderStatus::Superseded;
                let detail = format!("by order {}", newer.id).into();
                let note = Note { by: "engine".into(), detail, ..about(&order) };
                entries.push(self.note(moment, RegisterAct::Superseded, note));
            }
            self.put(&order);
        }
        entries
    }

    /// The order, and what undoing it comes to, if it may be undone.
    fn may_roll_back(
        &self,
        moment: Moment,
        order: u64,
        by: &RolledBackBy,
    ) -> Result<(Order, Vec<OrderChange>, Effect)> {
        let order = self.order(order)?;
        let activated = match (order.status, order.activated) {
            (OrderStatus::Active | OrderStatus::Superseded, Some((_, record))) => record,
            (status, _) => return Err(OrderRefusal::Standing { status }),
        };
        for change in &order.changes {
            if let Some(later) = self.orders.last_change(&change.path, activated) {
                let path = change.path.as_str().into();
                return Err(OrderRefusal::ChangedSince { path, order: later });
            }
        }
        match by {
            RolledBackBy::Person(signature) => {
                let (roles, risk) = (self.may_undo(&order, signature)?, self.order_risk(&order));
                counts(signature, &roles, risk, &order.rollback_digest())?;
            }
            RolledBackBy::Guard if order.guard.is_none() => {
                return Err(OrderRefusal::Standing { status: order.status });
            }
            RolledBackBy::Guard => {}
        }
        self.stands_as_put(&order)?;
        let inverse: Vec<OrderChange> =
            order.changes.iter().rev().map(OrderChange::inverse).collect();
        let version = format!("order-{}-rolled-back", order.id);
        let effect = self
            .inverse_effect(moment, order.kind, &inverse, &version)
            .map_err(OrderRefusal::Problems)?;
        Ok((order, inverse, effect))
    }

    fn roll_back(
        &mut self,
        moment: Moment,
        order: u64,
        (by, reason): (&RolledBackBy, &CompactString),
        staged: Option<&KeyEvent>,
    ) -> Result {
        let (mut order, inverse, effect) = self.may_roll_back(moment, order, by)?;
        let signature = match by {
            RolledBackBy::Person(signature) => Some(signature.clone()),
            RolledBackBy::Guard => None,
        };
        let rules = self
            .take_key(order.kind, &inverse, staged)
            .and_then(|()| self.carry_out(moment, &order, effect))
            .map_err(OrderRefusal::Problems)?;
        let who = signature.as_ref().map_or("guard".into(), |signature| signature.signer.clone());
        order.status = OrderStatus::RolledBack;
        let (at, reason) = (moment.at, reason.clone());
        order.ended = Some(OrderEnd { at, by: who.clone(), reason: reason.clone() });
        if let Some(signature) = &signature {
            let (role, signature) = (SignedAs::Rollback, signature.clone());
            order.signatures.push(OrderSignature { role, signature, at });
        }
        self.put(&order);
        let content = signature.is_some().then(|| order.rollback_content());
        let note = Note { by: who, signature, content, detail: reason, ..about(&order) };
        let entry = self.note(moment, RegisterAct::RolledBack, note);
        self.back_in_force(&order);
        Ok(OrderDone { rules, ..done(&order, vec![entry]) })
    }

    /// An order stands against its guard: told to whoever sees alerts, and noted once. One that was
    /// undone meanwhile does not stand.
    fn guard_stands(&mut self, moment: Moment, order: u64, reason: &CompactString) -> Result {
        let mut order = self.order(order)?;
        standing(&order, &[OrderStatus::Active, OrderStatus::Superseded])?;
        if order.guard.is_none() || order.guard_stands.is_some() {
            return Err(OrderRefusal::Standing { status: order.status });
        }
        let (at, reason) = (moment.at, reason.clone());
        order.guard_stands = Some(GuardStands { at, reason: reason.clone() });
        self.put(&order);
        self.users.note(Alert {
            sequence: self.sequence.0,
            at: moment,
            kind: AlertKind::GuardStands,
            user: CompactString::default(),
            order: Some(order.id),
            detail: reason.clone(),
        });
        let note = Note { by: "guard".into(), detail: reason, ..about(&order) };
        let entry = self.note(moment, RegisterAct::GuardStands, note);
        Ok(done(&order, vec![entry]))
    }

    /// Orders that had been superseded by one that was undone are in force again.
    fn back_in_force(&mut self, undone: &Order) {
        for order in self.orders.touched_by(undone) {
            let Some(mut order) = self.orders.get(order).cloned() else { continue };
            let Some((_, activated)) = order.activated else { continue };
            let later = |change: &OrderChange| self.orders.last_change(&change.path, activated);
            let changed: Vec<Option<u64>> = order.changes.iter().map(later).collect();
            order.superseded_by = changed.iter().flatten().max().copied();
            if changed.iter().any(Option::is_none) {
                order.status = OrderStatus::Active;
            }
            self.put(&order);
        }
    }

    /// What changes come to, checked as a whole.
    fn effect(
        &self,
        moment: Moment,
        kind: OrderKind,
        changes: &[OrderChange],
        version: &str,
    ) -> std::result::Result<Effect, Problems> {
        if kind.is_of_rules() {
            let text = self.with_changes(changes, version)?;
            return self.compile_candidate(&text).map(|rules| Effect::Rules(Box::new(rules)));
        }
        self.check_things(kind, changes, moment)?;
        Ok(Effect::Things(changes.to_vec()))
    }

    /// The same for what was so before: an agreed overdraft comes back as it was agreed.
    fn inverse_effect(
        &self,
        moment: Moment,
        kind: OrderKind,
        inverse: &[OrderChange],
        version: &str,
    ) -> std::result::Result<Effect, Problems> {
        if kind == OrderKind::OverdraftLimits {
            return Ok(Effect::Things(inverse.to_vec()));
        }
        self.effect(moment, kind, inverse, version)
    }

    fn carry_out(
        &mut self,
        moment: Moment,
        order: &Order,
        effect: Effect,
    ) -> std::result::Result<Option<RulesPut>, Problems> {
        match effect {
            Effect::Rules(rules) => {
                let version = self.put_rules(*rules);
                Ok(Some(RulesPut { version, text: self.rules_text().to_owned() }))
            }
            Effect::Things(changes) => {
                self.do_things(order.id, order.kind, &changes, moment).map(|()| None)
            }
        }
    }

    /// How risky an order is (SIG-2): as it was when it was written, or as the rules in force say
    /// now, whichever is more.
    #[must_use]
    pub fn order_risk(&self, order: &Order) -> Risk {
        order.risk.max(self.risk_of(order.kind, &order.changes))
    }

    /// How risky changes are: as their kind, and as every other kind that could change the same, so
    /// that nobody chooses the kind that asks for less.
    fn risk_of(&self, kind: OrderKind, changes: &[OrderChange]) -> Risk {
        let paths: Vec<RulePath> =
            changes.iter().filter_map(|change| RulePath::parse(&change.path).ok()).collect();
        let owns = |other: &OrderKind| {
            *other == kind
                || !other.roots().is_empty()
                    && paths.iter().any(|path| not_of_kind(path, *other).is_none())
        };
        let risks = OrderKind::ALL.into_iter().filter(owns).map(|kind| self.risk_of_kind(kind));
        risks.max().unwrap_or(Risk::High)
    }

    /// How risky a kind is: its least, or what the bank set above it.
    fn risk_of_kind(&self, kind: OrderKind) -> Risk {
        let set = self.rules().order_risks.iter().find(|(name, _)| name == kind.name());
        let set = set.and_then(|(_, risk)| Risk::ALL.into_iter().find(|r| r.name() == risk));
        set.map_or(kind.least_risk(), |risk| risk.max(kind.least_risk()))
    }

    pub(super) fn order(&self, id: u64) -> Result<Order> {
        self.orders.get(id).cloned().ok_or(OrderRefusal::Unknown)
    }

    /// The order, if its revision is the one that was looked at.
    fn order_at(&self, (id, revision): (u64, u32)) -> Result<Order> {
        let order = self.order(id)?;
        if order.revision != revision {
            let Order { revision, maker: by, revised_at: at, .. } = order;
            return Err(OrderRefusal::Revised { revision, by, at });
        }
        Ok(order)
    }

    fn put(&mut self, order: &Order) {
        self.orders.put(order);
    }

    /// An entry of the register that holds what is to be signed.
    fn written(&mut self, moment: Moment, act: RegisterAct, order: &Order) -> RegisterEntry {
        let content = Some(order.content());
        self.note(moment, act, Note { by: order.maker.clone(), content, ..about(order) })
    }

    /// Writes into the register (SIG-3).
    pub(crate) fn note(&mut self, moment: Moment, act: RegisterAct, note: Note) -> RegisterEntry {
        self.orders.register.add((self.sequence, moment), act, note)
    }
}

fn done(order: &Order, entries: Vec<RegisterEntry>) -> OrderDone {
    OrderDone {
        order: order.id,
        status: order.status,
        revision: order.revision,
        users: users_of(order.kind, &order.changes),
        entries,
        rules: None,
        problems: Vec::new(),
    }
}

/// SIG-1: who decides about an order wrote none of it, and is not whom it is about.
fn another(order: &Order, name: &CompactString) -> Result<()> {
    if order.authors.contains(name) {
        return Err(OrderRefusal::SamePerson { name: name.clone() });
    }
    not_about(order, name)
}

fn about(order: &Order) -> Note {
    Note { order: Some((order.id, order.revision)), ..Note::default() }
}

pub(super) fn standing(order: &Order, wanted: &[OrderStatus]) -> Result<()> {
    let status = order.status;
    if wanted.contains(&status) { Ok(()) } else { Err(OrderRefusal::Standing { status }) }
}

/// SIG-2: what every signature must be.
fn counts(signature: &Signature, roles: &[&str], risk: Risk, digest: &[u8; 32]) -> Result<()> {
    if !roles.iter().any(|role| signature.has_role(role)) {
        let role = roles.first().copied().unwrap_or_default().into();
        return Err(OrderRefusal::MissingRole { role });
    }
    if signature.statement != STATEMENT {
        return Err(OrderRefusal::StatementNotConfirmed);
    }
    if signature.digest != *digest {
        return Err(OrderRefusal::DigestDiffers);
    }
    if !signature.factor.suffices(risk) {
        return Err(OrderRefusal::TooWeak { needs: risk.needs() });
    }
    Ok(())
}

/// What is wrong with the paths of an order, whatever stands there.
fn shape(changes: &[OrderChange], kind: OrderKind) -> Problems {
    if changes.is_empty() || changes.len() > CHANGES_MOST {
        return vec![problem("changes", format!("must be 1 to {CHANGES_MOST}"))];
    }
    let (mut problems, mut told) = (Vec::new(), Told::default());
    for change in changes {
        let path = change.path.as_str();
        let parsed = RulePath::parse(path).and_then(|parsed| {
            let leads = parsed.depth() <= DEPTH_MOST;
            leads.then_some(parsed).ok_or_else(|| "leads nowhere: it is too deep".to_owned())
        });
        let twice = told.is_again(path, parsed.as_ref().ok());
        let other = parsed.as_ref().ok().and_then(|parsed| not_of_kind(parsed, kind));
        let code = if other.is_some() { "not_of_kind" } else { "not_possible" };
        let wrong = parsed.as_ref().err().cloned().or(other);
        let long = || change.to.as_ref().is_some_and(|to| text_length(to) > TEXT_MOST);
        let wrong = wrong
            .or_else(|| twice.then(|| "another change of the order is about the same".to_owned()))
            .or_else(|| long().then(|| format!("is longer than {TEXT_MOST} bytes")));
        problems.extend(wrong.map(|message| problem(path, message).coded(code)));
    }
    problems
}

fn not_of_kind(path: &RulePath, kind: OrderKind) -> Option<String> {
    let (root, plain) = (path.root(), path.plain());
    if root == "version" {
        return Some("the version is named by the order".to_owned());
    }
    let of_block = plain.contains(".block");
    let other = match kind {
        OrderKind::OverdraftPolicy => of_block,
        OrderKind::BlockPolicy => root == "technical_overdraft" && !of_block,
        OrderKind::Rules => false,
        _ => plain == WHOLE,
    };
    if other || !kind.roots().is_empty() && !kind.roots().contains(&root) {
        let roots = kind.roots().join(", ");
        return Some(format!("is not of the kind {}, which changes {roots}", kind.name()));
    }
    None
}

fn wrong_guard(guard: &Guard) -> Option<OrderProblem> {
    let percent = |percent: Option<u8>| percent.is_none_or(|percent| (1..=100).contains(&percent));
    let message = if guard.minutes == 0 || guard.minutes > GUARD_MINUTES_MOST {
        format!("watches 1 to {GUARD_MINUTES_MOST} minutes")
    } else if !percent(guard.decline_percent) || !percent(guard.code_percent) {
        "a percentage is 1 to 100".to_owned()
    } else if guard.code.is_some() != guard.code_percent.is_some() {
        "a code needs its percentage, and the other way round".to_owned()
    } else if guard.decline_percent.is_none() && guard.code.is_none() {
        "needs decline_percent, or code and code_percent".to_owned()
    } else {
        return None;
    };
    Some(problem("guard", message))
}
