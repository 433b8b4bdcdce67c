//! New customers' keys, many at a time: an import has a million of them.

use crate::store::SLOT_BYTES;
use crate::{CustomerKey, CustomerKeys, PersonalError};

/// Slots gathered before they are written.
const BATCH: usize = 8192;

/// Writes the keys of customers to come, in the order in which the directory will have them.
/// Nothing is promised before [`KeyWriter::finish`]: it is to be called before anything that the
/// keys seal is journaled.
pub struct KeyWriter<'k> {
    keys: &'k CustomerKeys,
    /// The position of the first slot in `buffer`.
    at: u32,
    buffer: Vec<u8>,
}

impl<'k> KeyWriter<'k> {
    /// For customers behind the `customers` there are. What an earlier attempt left there goes.
    ///
    /// # Errors
    /// [`PersonalError::Io`].
    pub fn behind(keys: &'k CustomerKeys, customers: u32) -> Result<Self, PersonalError> {
        keys.forget_above(customers)?;
        Ok(Self { keys, at: customers, buffer: Vec::with_capacity(BATCH * SLOT_BYTES) })
    }

    /// The next customer's key.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn add(&mut self, customer: &str, key: &CustomerKey) -> Result<(), PersonalError> {
        self.buffer.extend_from_slice(&self.keys.wrapped(customer, key)?);
        if self.buffer.len() >= BATCH * SLOT_BYTES { self.write() } else { Ok(()) }
    }

    /// Puts all of them on stable storage.
    ///
    /// # Errors
    /// [`PersonalError::Io`].
    pub fn finish(mut self) -> Result<(), PersonalError> {
        self.write()?;
        self.keys.sync()
    }

    fn write(&mut self) -> Result<(), PersonalError> {
        self.keys.write(self.at, &self.buffer)?;
        let count = u32::try_from(self.buffer.len() / SLOT_BYTES).unwrap_or(u32::MAX);
        self.at = self.at.saturating_add(count);
        self.buffer.clear();
        Ok(())
    }
}
