//! The engine: listeners, shard, HTTP and commands; the only place that knows sockets, clocks and
//! files.

pub mod clock;
pub mod config;
mod connection;
pub mod day;
pub mod decode;
pub mod encode;
pub mod engine;
pub mod failure;
pub mod generate;
pub mod import;
mod listener;
pub mod portfolio;
pub mod progress;
mod queue;
pub mod register;
pub mod serve;
pub mod shard;
mod slots;
pub mod snapshots;
pub mod storage;
pub mod suggest;
pub mod telemetry;
pub mod tls;
pub mod wire;
pub mod worker;
