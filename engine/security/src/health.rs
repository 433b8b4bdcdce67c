//! Whether the module can work.

/// How a module is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Ready,
    /// It answers, but not all is well; why, for people.
    Degraded(String),
    /// It does not answer; why, for people.
    Unavailable(String),
}

/// See the module.
pub trait HealthCheck {
    /// Asks the module. May block as long as the module's own timeout.
    fn health(&self) -> Health;

    /// Whether calls may wait for a network or a device: then they belong off the event loop.
    fn is_remote(&self) -> bool;

    /// What it is, in a few words: `software`, a token's label, a device's firmware.
    fn description(&self) -> String;
}
