//! The engine: listeners, shard, HTTP and commands; the only place that knows sockets, clocks and
//! files.

pub mod check_config;
pub mod clock;
pub mod config;
mod connection;
pub mod day;
pub mod decode;
pub mod demo;
mod doors;
pub mod encode;
pub mod engine;
pub mod eod;
pub mod failure;
pub mod generate;
pub mod http;
pub mod import;
mod listener;
pub mod offline;
mod pace;
pub mod portfolio;
pub mod progress;
mod queue;
pub mod reason;
pub mod register;
pub mod replay;
pub mod serve;
pub mod shard;
mod slots;
pub mod snapshots;
pub mod storage;
pub mod suggest;
pub mod table;
pub mod telemetry;
pub mod tls;
pub mod verify;
pub mod wire;
pub mod worker;
