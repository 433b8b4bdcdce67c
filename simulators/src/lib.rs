//! Terminals, scenarios and load against any ISO 8583 host.
//!
//! What is here plays the other side of the wire: it knows how terminals speak and what their
//! cardholders do, and nothing of how the engine decides. It shares the parsers and the making of
//! PIN blocks with the engine and none of its rules, so that agreement between the two means
//! something.
//!
//! Start reading at [`intent`] (what a terminal asks for), then [`exchange`], then one of the
//! users: [`scenario`], [`traffic`], [`load`],
//! [`terminal`], [`desk`].

pub mod card;
pub mod chaos;
pub mod desk;
pub mod device;
pub mod doctor;
pub mod echo;
pub mod endpoint;
mod error;
pub mod exchange;
pub mod files;
pub mod gear;
pub mod hsm;
pub mod intent;
pub mod keys;
pub mod load;
pub mod moment;
pub mod network;
pub mod oracle;
pub mod pin;
pub mod place;
pub mod portfolio;
pub mod private;
pub mod recording;
pub mod report;
pub mod scenario;
pub mod show;
pub mod tape;
pub mod terminal;
pub mod traffic;

pub use endpoint::{Endpoint, Link};
pub use error::SimError;
pub use portfolio::Portfolio;
