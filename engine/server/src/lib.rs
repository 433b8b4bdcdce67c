//! The engine: listeners, shard, HTTP and commands; the only place that knows sockets, clocks and
//! files.

pub mod clock;
pub mod config;
mod queue;
pub mod register;
pub mod shard;
pub mod storage;
pub mod suggest;
