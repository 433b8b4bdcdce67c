//! Dense arrays for the state a shard owns.
//!
//! [`Chunked`] is an array in chunks that can be cloned in a moment and then shares its chunks with
//! the clone until one side writes: so a snapshot is streamed out while the shard goes on deciding.
//! [`Index`] finds a position by hash. Neither is ever walked in hash order, so the same history
//! leaves the same state whatever the machine.

mod chunked;
mod index;

pub use chunked::Chunked;
pub use index::Index;
