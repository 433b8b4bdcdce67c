//! Sealing what is personal in a portfolio, each under its customer's own key (PII-1, PII-3).

use crate::failure::Failure;
use crate::portfolio::{Clear, FieldError, Line};
use authorization::{PortfolioItem, State};
use personal::{CustomerKey, CustomerKeys, KeyWriter, PersonalError, Standing};

/// The keys of one import: new ones for its customers, and those of customers there are.
pub(super) struct Sealer<'k> {
    keys: &'k CustomerKeys,
    writer: KeyWriter<'k>,
    /// How many customers there were before.
    first: u32,
    /// Of each new customer, in the order of the file.
    new: Vec<CustomerKey>,
    /// Of the customer that is being taken in.
    pending: Option<CustomerKey>,
}

impl<'k> Sealer<'k> {
    pub(super) fn new(keys: &'k CustomerKeys, state: &State) -> Result<Self, Failure> {
        let customers = state.directory().customers();
        let first = u32::try_from(customers).map_err(|_| Failure::usage("too many customers"))?;
        let writer = KeyWriter::behind(keys, first).map_err(failed)?;
        Ok(Self { keys, writer, first, new: Vec::new(), pending: None })
    }

    /// The line's record with what is personal sealed in it.
    pub(super) fn seal(&mut self, line: Line, state: &State) -> Result<PortfolioItem, FieldError> {
        let Line { mut item, clear, .. } = line;
        match (&mut item, clear) {
            (PortfolioItem::Customer { id, details: sealed, .. }, Clear::Customer(details)) => {
                let key = CustomerKey::random().map_err(|error| wrong("id", &error))?;
                let done = key.seal_details(id, &details);
                *sealed = done.map_err(|error| wrong("name", &error))?;
                self.pending = Some(key);
            }
            (PortfolioItem::Card(card), Clear::Card(pan)) => {
                // A holder that is not there is told by the register.
                if let Some(position) = state.directory().customer_position(&card.holder) {
                    let found;
                    let new = position.checked_sub(self.first).map(|at| self.new_key(at));
                    let key = match new {
                        Some(key) => key?,
                        None => {
                            found = self.key_of(position, &card.holder)?;
                            &found
                        }
                    };
                    let sealed = key.seal_pan(&card.id, &pan);
                    card.sealed_pan = sealed.map_err(|error| wrong("pan", &error))?;
                }
            }
            _ => {}
        }
        Ok(item)
    }

    /// The record was taken in: the key of a new customer is kept.
    pub(super) fn taken(&mut self, item: &PortfolioItem) -> Result<(), FieldError> {
        let PortfolioItem::Customer { id, .. } = item else { return Ok(()) };
        let Some(key) = self.pending.take() else { return Ok(()) };
        self.writer.add(id, &key).map_err(|error| wrong("id", &error))?;
        self.new.push(key);
        Ok(())
    }

    /// Puts the new keys on stable storage.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.writer.finish().map_err(failed)
    }

    fn new_key(&self, at: u32) -> Result<&CustomerKey, FieldError> {
        let key = usize::try_from(at).ok().and_then(|at| self.new.get(at));
        key.ok_or_else(|| told("holder", "has no key".to_owned()))
    }

    fn key_of(&self, position: u32, id: &str) -> Result<CustomerKey, FieldError> {
        match self.keys.key(position, id) {
            Ok(Standing::Held(key)) => Ok(key),
            Ok(Standing::Destroyed) => Err(told("holder", format!("{id} was erased (PII-3)"))),
            Ok(Standing::None) => Err(told("holder", format!("{id} has no key"))),
            Err(error) => Err(wrong("holder", &error)),
        }
    }
}

fn wrong(field: &str, error: &PersonalError) -> FieldError {
    told(field, error.to_string())
}

fn told(field: &str, message: String) -> FieldError {
    FieldError { field: field.to_owned(), message }
}

fn failed(error: PersonalError) -> Failure {
    Failure::data(error.to_string())
}
